"""Errors of the core as this door tells them."""

from typing import Final

from kkt_adapter.api.doors.kkmserver.refusal import CommandRefused, Status
from kkt_adapter.api.error_codes import INTERNAL_DETAIL, ROWS
from kkt_adapter.api.problems import WHOLE_BODY, RequestInvalid, code_of
from kkt_adapter.kernel.discretion import discreet
from kkt_adapter.kernel.errors import AdapterError, InvalidInput, ReceiptInvalid, Text, Violation

MOST_FINDINGS: Final = 3

_OWN_TEXTS: Final = {
    "SHIFT_EXPIRED": Text(
        "The shift is older than 24 hours. Close it: CloseShift, then press again.",
        "Прошло больше 24 часов: закройте смену командой CloseShift и пробейте чек снова.",
    ),
}


def refusal_of(error: Exception) -> CommandRefused:
    """What an error is answered with. An error that has no words of its own says nothing of itself."""
    code = code_of(error)
    if not isinstance(error, AdapterError) or code == "INTERNAL":
        return CommandRefused(INTERNAL_DETAIL, code="internal")
    if isinstance(error, ReceiptInvalid | RequestInvalid):
        return CommandRefused(_findings(error.violations), code=error.violations[0].code)
    text = _OWN_TEXTS.get(code) or (error.detail if error.detail.en else ROWS[code].title)
    if not isinstance(error, InvalidInput):
        text = discreet(error, text)
    status = Status.NOT_FOUND if code == "NOT_FOUND" else Status.ERROR
    return CommandRefused(text, code=code.lower(), status=status)


def _findings(violations: tuple[Violation, ...]) -> Text:
    """The first ones, each with its place and what to do."""
    told = [_finding(one) for one in violations[:MOST_FINDINGS]]
    more = len(violations) - len(told)
    return Text(
        " ".join(one.en for one in told) + (f" And {more} more." if more else ""),
        " ".join(one.ru for one in told) + (f" И ещё {more}." if more else ""),
    )


def _finding(violation: Violation) -> Text:
    place = "" if violation.field == WHOLE_BODY else f"{violation.field}: "
    en, ru = (f"{place}{said.rstrip('.')}." for said in violation.message)
    if violation.remedy is not None:
        en, ru = f"{en} {violation.remedy.en}", f"{ru} {violation.remedy.ru}"
    return Text(en, ru)

"""What a command is refused with: the Status its clients know, and a text that says what to do.

Clients look for some letter runs in ``Error`` and act on them: one sends CloseShift when it reads the
nominative of the word for shift, and repeats at once on the first letters of the word for licence
(andreysam/kkmserver:src). ``harmless`` keeps them out of every text, also of one that a register wrote.
"""

import re
from enum import IntEnum
from typing import Final

from kkt_adapter.api.error_codes import INTERNAL_DETAIL, ROWS
from kkt_adapter.api.problems import WHOLE_BODY, RequestInvalid, code_of
from kkt_adapter.kernel.discretion import discreet
from kkt_adapter.kernel.errors import (
    AdapterError,
    InvalidInput,
    ReceiptInvalid,
    StorageError,
    Text,
    Violation,
)


class Status(IntEnum):
    """``Status`` of an answer. The original's 4, 5 and 6 are never given: clients take 4 for final."""

    OK = 0
    RUNNING = 1
    ERROR = 2
    NOT_FOUND = 3  # command, device or asked IdCommand


PARSED_BY_CLIENTS: Final = ("смена", "лиценз")
"""Letter runs that may not stand in any text, in any letter case."""

_RUNS = re.compile("|".join(PARSED_BY_CLIENTS), re.IGNORECASE)
_INSTEAD = {"смена": "сессия", "лиценз": "разреш"}
"""KkmServer's own word for a shift (SessionNumber, SessionState), of the same gender: the sentence around it
stays right."""
LONGEST = 1000
MOST_FINDINGS: Final = 3

_OWN_TEXTS: Final = {
    "SHIFT_EXPIRED": Text(
        "The shift is older than 24 hours. Close it: CloseShift, then press again.",
        "Прошло больше 24 часов: закройте смену командой CloseShift и пробейте чек снова.",
    ),
}


class CommandRefused(Exception):
    """Nothing was done. ``code`` is a stable word in brackets at the end of the text."""

    def __init__(self, text: Text, *, code: str, status: Status = Status.ERROR) -> None:
        super().__init__(text.en)
        self.text = text
        self.code = code
        self.status = status


def harmless(text: str) -> str:
    """The text without the letter runs that clients act on, and at most ``LONGEST`` characters."""
    return _RUNS.sub(_instead, text)[:LONGEST]


def _instead(found: re.Match[str]) -> str:
    word = _INSTEAD[found[0].lower()]
    return word.capitalize() if found[0][0].isupper() else word


def refused(code: str, en: str, ru: str, *, status: Status = Status.ERROR) -> CommandRefused:
    return CommandRefused(Text(en, ru), code=code, status=status)


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


def leaves_unknown(error: Exception) -> bool:
    """Whether what was asked for may have been done all the same. Whoever reads "refused" sells again."""
    return isinstance(error, StorageError) or not isinstance(error, AdapterError | CommandRefused)


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

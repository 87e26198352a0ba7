"""What a device's error or silence means to our callers, in the errors of ``KktDriver``."""

from collections.abc import Iterator
from contextlib import contextmanager

from kkt_adapter.fiscal.kkt.driver import KktState
from kkt_adapter.fiscal.kkt.shtrih.device_errors import (
    NOT_SUPPORTED,
    STILL_PRINTING,
    WRONG_PASSWORD,
    ShtrihReaction,
    error_of,
    shown,
)
from kkt_adapter.fiscal.kkt.shtrih.session import DeviceRefusal
from kkt_adapter.fiscal.kkt.shtrih.values import BadShtrihAnswer
from kkt_adapter.fiscal.kkt.shtrih.wire.link import LinkDown
from kkt_adapter.kernel.errors import (
    AdapterError,
    KktBlocked,
    KktOutcomeUnknown,
    KktRefused,
    KktUnavailable,
    ShiftExpired,
    Text,
)

SHIFT_TOO_OLD = frozenset({0x16, 0x4E})
_OURS = frozenset({0x01, NOT_SUPPORTED})  # a command this firmware does not know: no other try can help


class WrongPassword(KktBlocked):
    """Never asked twice: some models lock for a while after a few wrong ones."""


@contextmanager
def nothing_made() -> Iterator[None]:
    """Around commands that make no document, or that come before the one that does.

    Raises:
        KktUnavailable, KktRefused, KktBlocked, ShiftExpired: nothing was fiscalised.
    """
    try:
        yield
    except DeviceRefusal as refusal:
        raise refused(refusal) from refusal
    except (LinkDown, BadShtrihAnswer) as error:
        raise silent(str(error)) from error


@contextmanager
def may_be_made() -> Iterator[None]:
    """Around the one command that makes a document, and nothing else.

    Raises:
        KktOutcomeUnknown: it may have been executed. Else as ``nothing_made``.
    """
    try:
        yield
    except DeviceRefusal as refusal:
        if error_of(refusal.code).reaction is ShtrihReaction.UNKNOWN:
            raise lost(shown(refusal.code, refusal.sub_code)) from refusal
        raise refused(refusal) from refusal
    except LinkDown as error:
        if not error.sent:
            raise silent(error.why) from error
        raise lost(Text(error.why, error.why)) from error
    except BadShtrihAnswer as error:
        raise lost(Text(str(error), str(error))) from error


@contextmanager
def surely_given() -> Iterator[None]:
    """Around what is read once the command that makes a document was answered. Whatever goes wrong there (no
    connection comes about, the device refuses to tell) says nothing of the document.

    Raises:
        KktOutcomeUnknown.
    """
    try:
        yield
    except KktOutcomeUnknown:
        raise
    except AdapterError as error:
        raise lost(error.detail) from error
    except DeviceRefusal as refusal:
        raise lost(shown(refusal.code, refusal.sub_code)) from refusal
    except (LinkDown, BadShtrihAnswer) as error:
        raise lost(Text(str(error), str(error))) from error


def refused(refusal: DeviceRefusal) -> AdapterError:
    """The error of a command that was not executed."""
    error, what = error_of(refusal.code), shown(refusal.code, refusal.sub_code)
    en = f"The register refuses: {what.en}. What to do: {error.remedy.en}."
    ru = f"ККТ отказала: {what.ru}. Что делать: {error.remedy.ru}."
    if refusal.code == WRONG_PASSWORD:
        return WrongPassword(en, ru, reason="CONFIGURATION")
    if refusal.code in SHIFT_TOO_OLD:
        return ShiftExpired(en, ru)
    match error.reaction:
        case ShtrihReaction.REFUSE:
            return KktRefused(en, ru, device_code=refusal.code)
        case ShtrihReaction.BLOCKED:
            return KktBlocked(en, ru, reason=error.reason or "CONFIGURATION")
        case ShtrihReaction.PAPER:
            return KktUnavailable(en, ru, state=KktState.PAPER_OUT.value)
        case ShtrihReaction.WAIT:
            return KktUnavailable(en, ru, state=KktState.BUSY.value)
        case _ if refusal.code in _OURS:
            return KktRefused(en, ru, device_code=refusal.code)
        case _:
            return KktUnavailable(en, ru, state=KktState.FAULT.value, device_code=refusal.code)


def silent(why: str) -> KktUnavailable:
    return KktUnavailable(
        f"The register does not answer: {why}. Check power, cable and address.",
        f"ККТ не отвечает: {why}. Проверьте питание, кабель и адрес.",
        state=KktState.UNREACHABLE.value,
    )


def lost(why: Text) -> KktOutcomeUnknown:
    return KktOutcomeUnknown(
        f"No clear answer of the register ({why.en}); the document may exist.",
        f"Нет ясного ответа ККТ ({why.ru}); документ мог быть сформирован.",
    )


def too_old(blocked: str | None) -> AdapterError:
    """A shift of more than 24 hours; ``blocked`` is a worse reason that a Z report will not end."""
    if blocked is not None:
        return KktBlocked(
            f"The FN makes no receipts: {blocked}.", f"ФН не оформляет чеки: {blocked}.", reason=blocked
        )
    return ShiftExpired(
        "The shift is older than 24 hours: close it with a Z report.",
        "Смена открыта более 24 часов: закройте её Z-отчётом.",
    )


def no_paper(*, cover_open: bool) -> KktUnavailable:
    state = KktState.COVER_OPEN if cover_open else KktState.PAPER_OUT
    return KktUnavailable(
        "The cover of the register is open." if cover_open else "The register has no paper.",
        "Крышка ККТ открыта." if cover_open else "В ККТ нет бумаги.",
        state=state.value,
    )


def still_at_work() -> KktUnavailable:
    return KktUnavailable(
        f"The register is still printing ({STILL_PRINTING:02X}h).",
        f"ККТ ещё печатает ({STILL_PRINTING:02X}h).",
        state=KktState.BUSY.value,
    )

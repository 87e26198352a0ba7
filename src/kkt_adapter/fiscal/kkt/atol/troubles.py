"""What codes, silence and refusals mean to our callers, in the errors of ``KktDriver``."""

from kkt_adapter.fiscal.kkt.atol.codes import AtolReaction, code_of
from kkt_adapter.fiscal.kkt.atol.web import WebRefused
from kkt_adapter.fiscal.kkt.driver import KktState
from kkt_adapter.kernel.errors import (
    AdapterError,
    KktBlocked,
    KktOutcomeUnknown,
    KktRefused,
    KktUnavailable,
    ShiftExpired,
    Text,
)

_QUEUE = {
    "paperError": KktState.PAPER_OUT,
    "connectionError": KktState.UNREACHABLE,
    "fnError": KktState.FAULT,
}


def refused(code: int, description: str) -> AdapterError:
    """The error of a task that has certainly made no document."""
    known = code_of(code)
    said = f" ({description})" if description else ""
    en = f"The register refuses: {code}, {known.meaning.en}{said}. What to do: {known.remedy.en}."
    ru = f"ККТ отказала: {code}, {known.meaning.ru}{said}. Что делать: {known.remedy.ru}."
    match known.reaction:
        case AtolReaction.SHIFT:
            return ShiftExpired(en, ru)
        case AtolReaction.BLOCKED:
            return KktBlocked(en, ru, reason=known.reason)
        case AtolReaction.PAPER:
            cover = code == 45
            state = KktState.COVER_OPEN if cover else KktState.PAPER_OUT
            return KktUnavailable(en, ru, state=state.value, device_code=code)
        case AtolReaction.REFUSE | AtolReaction.MARK:
            return KktRefused(en, ru, device_code=code)
        case _:
            return KktUnavailable(en, ru, state=KktState.FAULT.value, device_code=code)


def not_answered(code: int, description: str) -> KktUnavailable:
    """The error of a question: nothing was made, whatever the code."""
    known = code_of(code)
    said = f" ({description})" if description else ""
    return KktUnavailable(
        f"The register does not answer: {code}, {known.meaning.en}{said}. What to do: {known.remedy.en}.",
        f"ККТ не отвечает: {code}, {known.meaning.ru}{said}. Что делать: {known.remedy.ru}.",
        state=KktState.UNREACHABLE.value,
        device_code=code,
    )


def silent(why: str) -> KktUnavailable:
    return KktUnavailable(
        f"ATOL's web server does not answer: {why}. Check its address, and that the service runs.",
        f"Веб-сервер АТОЛ не отвечает: {why}. Проверьте адрес и что служба запущена.",
        state=KktState.UNREACHABLE.value,
    )


def busy(why: Text) -> KktUnavailable:
    return KktUnavailable(
        f"The register cannot be asked: {why.en}.",
        f"ККТ нельзя опросить: {why.ru}.",
        state=KktState.UNREACHABLE.value,
    )


def queue_blocked(reason: str, uuid: str) -> KktUnavailable:
    """Nothing is done until the server has settled the job that blocks; it asks the register by itself."""
    return KktUnavailable(
        f"The queue of the web server stands still ({reason or 'no reason told'}, job {uuid or '?'}).",
        f"Очередь веб-сервера остановлена ({reason or 'причина не названа'}, задание {uuid or '?'}).",
        state=_QUEUE.get(reason, KktState.UNREACHABLE).value,
        reason=reason or "blocked",
    )


def no_rights(error: WebRefused) -> KktBlocked:
    return KktBlocked(
        "ATOL's web server refuses login and password: set login and password of the register in "
        "kkt-adapter.toml.",
        "Веб-сервер АТОЛ не принимает логин и пароль: укажите login и password ККТ в kkt-adapter.toml.",
        reason="CONFIGURATION",
        status=error.status,
    )


def web_refused(error: WebRefused) -> AdapterError:
    """A call that the web server refuses: nothing was queued."""
    said = error.description or f"HTTP {error.status}"
    if error.status == 404:
        return KktBlocked(
            f"The web server does not know this device ({said}): set device_id to one that "
            "kkt-adapter registers scan shows.",
            f"Веб-сервер не знает этого устройства ({said}): укажите device_id из тех, что показывает "
            "kkt-adapter registers scan.",
            reason="CONFIGURATION",
        )
    return KktRefused(
        f"The web server refuses the task: {said}.",
        f"Веб-сервер не принял задание: {said}.",
        device_code=error.code or error.status,
    )


def lost(why: Text) -> KktOutcomeUnknown:
    return KktOutcomeUnknown(
        f"No clear answer of the register ({why.en}); the document may exist.",
        f"Нет ясного ответа ККТ ({why.ru}); документ мог быть сформирован.",
    )

"""Pure: what an answer of a back office means, and when to call again.

Only a 2xx with a JSON object is a hit. Everything else is a miss, told apart by what a person should do:

| answer | class | next call |
|---|---|---|
| 2xx with a JSON object | taken | by interval; at once while events are left |
| 400 | refused_body: kept for support | by interval |
| 401, 403 | refused_token: alarm | after 5 minutes |
| 404 | wrong_address | by interval |
| 409 | other_instance: somebody else uses this adapter_id | by interval |
| 413 | too_large: half as many events, at once | |
| 429, 503 | busy | after Retry-After, at most 5 minutes |
| any other answer, a web page whatever its status | not_ours, server_error | by interval |
| none in time, no connection, TLS | timeout, connection, tls | by interval |

A ``webhook`` target acknowledges with the status alone: its 2xx may have any body that is no web page.

Source: docs/reference/heartbeat.md.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kkt_adapter.fiscal.heartbeat.settings import Profile
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.foreign_text import told_by_others
from kkt_adapter.runtime.http import HttpAnswer, HttpFault, HttpFaultKind, asked_wait_s

MAX_RETRY_AFTER_S = 300.0  # a back office that asks for more is called after five minutes
LEAST_WAIT_S = 1.0  # "again at once" would be a loop
TOKEN_REFUSED_S = 300.0  # between two calls with a token that was refused
LEAST_INTERVAL_S, MOST_INTERVAL_S = 10.0, 300.0  # what a back office may ask for
EXCERPT_CHARACTERS = 500  # of a refusal, kept for support


class AnswerClass(StrEnum):
    TAKEN = "taken"
    REFUSED_BODY = "refused_body"
    REFUSED_TOKEN = "refused_token"  # noqa: S105
    WRONG_ADDRESS = "wrong_address"
    OTHER_INSTANCE = "other_instance"
    TOO_LARGE = "too_large"
    BUSY = "busy"
    NOT_OURS = "not_ours"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    TLS = "tls"
    NOT_SENT = "not_sent"  # the body could not be made, or the credentials could not be read


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerOutcome:
    """``acked`` is what the receiver says it has; None: it did not say. Durations in seconds."""

    kind: AnswerClass
    error: Text | None = None  # None: a hit
    acked: int | None = None
    all_acked: bool = False  # the status alone acknowledges what was sent
    interval_s: float | None = None  # asked for, already within its limits
    wait_s: float | None = None  # before the next call, when the answer says so
    excerpt: str | None = None  # of a refused body's answer

    @property
    def hit(self) -> bool:
        return self.kind is AnswerClass.TAKEN


def read_answer(answer: HttpAnswer, *, profile: Profile, now: datetime) -> AnswerOutcome:
    """``now`` (aware UTC) is for a Retry-After that is a date."""
    status = answer.status
    if 200 <= status < 300:
        return _taken(answer, profile)
    said = Text(f"HTTP {status}", f"HTTP {status}")
    match status:
        case 400:
            text = Text(
                "the back office could not use the body (400)", "учётная система не приняла тело (400)"
            )
            return AnswerOutcome(kind=AnswerClass.REFUSED_BODY, error=text, excerpt=excerpt(answer))
        case 401 | 403:
            text = Text(f"token refused ({status})", f"токен отклонён ({status})")
            return AnswerOutcome(kind=AnswerClass.REFUSED_TOKEN, error=text, wait_s=TOKEN_REFUSED_S)
        case 404:
            return AnswerOutcome(kind=AnswerClass.WRONG_ADDRESS, error=_WRONG_ADDRESS[profile])
        case 409:
            text = Text(
                "another instance uses this adapter_id (409)",
                "этим adapter_id пользуется другой экземпляр (409)",
            )
            return AnswerOutcome(kind=AnswerClass.OTHER_INSTANCE, error=text)
        case 413:
            text = Text("the body is too large (413)", "тело слишком велико (413)")
            return AnswerOutcome(kind=AnswerClass.TOO_LARGE, error=text)
        case 429 | 503:
            return AnswerOutcome(kind=AnswerClass.BUSY, error=said, wait_s=retry_after_s(answer, now=now))
    kind = AnswerClass.SERVER_ERROR if status >= 500 else AnswerClass.NOT_OURS
    return AnswerOutcome(kind=kind, error=said)


def read_fault(fault: HttpFault) -> AnswerOutcome:
    """No whole answer came. The receiver may have taken the events all the same; they are sent again."""
    match fault.kind:
        case HttpFaultKind.TIMEOUT:
            text = Text("no answer in time", "нет ответа вовремя")
            return AnswerOutcome(kind=AnswerClass.TIMEOUT, error=text)
        case HttpFaultKind.TLS:
            text = Text(f"TLS: {fault.detail}", f"TLS: {fault.detail}")
            return AnswerOutcome(kind=AnswerClass.TLS, error=text)
        case HttpFaultKind.TOO_LARGE | HttpFaultKind.BAD_HTTP:
            text = Text(f"not an answer of ours: {fault.detail}", f"чужой ответ: {fault.detail}")
            return AnswerOutcome(kind=AnswerClass.NOT_OURS, error=text)
        case _:
            text = Text(f"no connection: {fault.detail}", f"нет соединения: {fault.detail}")
            return AnswerOutcome(kind=AnswerClass.CONNECTION, error=text)


def not_sent(error: Exception) -> AnswerOutcome:
    """A failure on our side counts as a miss, so that it shows."""
    said = f"{type(error).__name__}: {error}"[:EXCERPT_CHARACTERS]
    return AnswerOutcome(kind=AnswerClass.NOT_SENT, error=Text(f"not sent: {said}", f"не отправлено: {said}"))


def retry_after_s(answer: HttpAnswer, *, now: datetime) -> float | None:
    """Within 1..MAX_RETRY_AFTER_S; None: not said."""
    seconds = asked_wait_s(answer.headers, now=now)
    return None if seconds is None else min(max(seconds, LEAST_WAIT_S), MAX_RETRY_AFTER_S)


def excerpt(answer: HttpAnswer) -> str:
    """The beginning of an answer's body, on one line, without contacts and credentials."""
    text = answer.body[: 4 * EXCERPT_CHARACTERS].decode("utf-8", errors="replace")
    return told_by_others(text, limit=EXCERPT_CHARACTERS)


_WRONG_ADDRESS = {
    Profile.ODOO: Text(
        "wrong address, or the server has several databases: set a db filter (404)",
        "неверный адрес, или на сервере несколько баз: настройте dbfilter (404)",
    ),
    Profile.ONEC: Text(
        "no HTTP service at this address: look at its publication and the path below /hs/ (404)",
        "по этому адресу нет HTTP-сервиса: проверьте публикацию и путь после /hs/ (404)",
    ),
    Profile.WEBHOOK: Text("wrong address (404)", "неверный адрес (404)"),
}


def _taken(answer: HttpAnswer, profile: Profile) -> AnswerOutcome:
    page = answer.is_page()
    content = None if page else answer.json_object()
    if content is None:
        if profile is Profile.WEBHOOK and not page:
            return AnswerOutcome(kind=AnswerClass.TAKEN, all_acked=True)
        text = Text(
            f"HTTP {answer.status} without a JSON object: not the back office answers there",
            f"HTTP {answer.status} без объекта JSON: отвечает не учётная система",
        )
        return AnswerOutcome(kind=AnswerClass.NOT_OURS, error=text)
    acked = _whole(content.get("ack_event_id"))
    return AnswerOutcome(
        kind=AnswerClass.TAKEN,
        acked=acked,
        all_acked=profile is Profile.WEBHOOK and acked is None,
        interval_s=_interval(content.get("interval_s")),
    )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _interval(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # NaN is no interval
        return None
    return min(max(float(value), LEAST_INTERVAL_S), MOST_INTERVAL_S)

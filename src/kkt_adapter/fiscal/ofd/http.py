"""The HTTP profile of an operator or a cloud fiscalisation service: one receipt in a POST, one answer back.

What an answer means is decided in ``read_answer``, without I/O:

    200 with {"status": "accepted"}                     accepted
    409 that names the receipt, or its document         accepted before, the same success
    401, 403, 408, 425, 429, 5xx, 1xx-3xx, other 2xx    channel failure
    a web page whatever its status; 200 without JSON    channel failure: a proxy spoke, not the operator
    any other 4xx, any body                             rejection of this receipt

Source: docs/reference/ofd-http.md.
"""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from kkt_adapter.fiscal.ofd.gateway import HttpReply
from kkt_adapter.kernel.clock import Clock, SystemClock
from kkt_adapter.kernel.errors import OfdProtocolError, OfdRejected, OfdUnavailable
from kkt_adapter.kernel.foreign_text import tidy, told_by_others
from kkt_adapter.kernel.jsontext import JsonObject
from kkt_adapter.runtime.http import HttpAnswer, HttpClient, HttpFault, HttpFaultKind, asked_wait_s

RECEIPT_PATH = "/ofd/v1/receipt"
HEALTH_PATH = "/ofd/v1/health"
DOCUMENT = ("fn_number", "fiscal_doc_number", "fiscal_sign")  # members that name a fiscal document
MAX_RETRY_AFTER_S = 300.0  # a server that asks for more is asked again after five minutes
MAX_ANSWER_BYTES = 64 * 1024
MAX_OFD_ID_CHARACTERS = 128
MAX_CONNECTIONS = 64  # as many documents as delivery has in flight
_MAX_TIMESTAMP = 253_402_300_799  # 9999-12-31, Unix seconds
_CHANNEL_STATUSES = frozenset({401, 403, 408, 425, 429})
_EXCERPT_CHARACTERS = 200  # of the operator's own words, kept with the error


class HttpOfd:
    """``HttpOfdGateway`` over one base address. The receipt id is the Idempotency-Key of every attempt."""

    def __init__(
        self,
        base_url: str,
        *,
        timeout_s: float = 10.0,
        token: str | None = None,
        proxy: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._client = HttpClient(
            base_url,
            timeout_s=timeout_s,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            max_connections=MAX_CONNECTIONS,
            max_answer_bytes=MAX_ANSWER_BYTES,
            proxy=proxy,
        )

    async def deliver(self, receipt_id: str, body: JsonObject) -> HttpReply:
        """Send one receipt; money in ``body`` is ``Decimal``, see ``json_bytes``.

        Safe to call again after any failure or cancel: the operator tells a repetition by the key.
        """
        headers = {"Idempotency-Key": receipt_id, "Content-Type": "application/json"}
        try:
            answer = await self._client.post(RECEIPT_PATH, json_bytes(body), headers=headers)
        except HttpFault as fault:
            raise _unavailable(fault) from fault
        document = [str(body[name]) for name in DOCUMENT if body.get(name)]
        return read_answer(receipt_id, answer, document=document, now=self._clock.now())

    async def probe(self) -> None:
        """Raises OfdUnavailable unless the health address answers 200 with something that is no page."""
        try:
            answer = await self._client.get(HEALTH_PATH)
        except HttpFault as fault:
            raise _unavailable(fault) from fault
        if answer.status != 200 or answer.is_page():
            raise _channel_failure(answer, now=self._clock.now())

    async def close(self) -> None:
        await self._client.close()


def read_answer(
    receipt_id: str, answer: HttpAnswer, *, now: datetime, document: Sequence[str] = ()
) -> HttpReply:
    """What one answer says; ``now`` (aware) is for a Retry-After that is a date. ``document``: the three
    values of ``DOCUMENT``.

    Raises:
        OfdUnavailable, OfdProtocolError: channel failure; ``error_code`` is ``http_<status>``, ``not_json``
            or ``not_accepted``.
        OfdRejected: the operator is alive and refuses this receipt; ``error_code`` is ``http_<status>``.
    """
    status = answer.status
    if status in _CHANNEL_STATUSES or not (status == 200 or 400 <= status < 500) or answer.is_page():
        raise _channel_failure(answer, now=now)
    if status == 200:
        return _accepted(answer)
    if status == 409 and (_names(receipt_id, answer) or _names_all(document, answer)):
        content = answer.json_object() or {}
        return HttpReply(ofd_id=_ofd_id(content), timestamp=_timestamp(content), duplicate=True)
    raise OfdRejected(
        f"the operator refused the receipt with HTTP {status}: {_excerpt(answer)}",
        f"оператор отказал в приёме чека, HTTP {status}: {_excerpt(answer)}",
        error_code=f"http_{status}",
        answer=_excerpt(answer),
    )


def json_bytes(value: Any) -> bytes:
    """JSON with exact numbers: a ``Decimal`` is written with two decimals, or with all it has if it has more.

    Raises:
        TypeError: a float, or a type that JSON does not have.
        ValueError: a Decimal that is not a finite number.
    """
    return _encode(value).encode()


def _encode(value: Any) -> str:
    match value:
        case Decimal():
            return _number(value)
        case dict():
            return "{" + ",".join([f"{_key(k)}:{_encode(v)}" for k, v in value.items()]) + "}"
        case list() | tuple():
            return "[" + ",".join([_encode(v) for v in value]) + "]"
        case None | str() | int():  # bool is an int and is written as true or false
            return json.dumps(value, ensure_ascii=False)
        case _:
            raise TypeError(f"{type(value).__name__} does not go into a receipt")


def _key(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"a member's name is {type(name).__name__}")
    return json.dumps(name, ensure_ascii=False)


def _number(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"{value} is not a number")
    whole, _, decimals = f"{value:f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def _accepted(answer: HttpAnswer) -> HttpReply:
    content = answer.json_object()
    if content is None:
        raise OfdProtocolError(
            f"the operator's answer is not JSON: {_excerpt(answer)}",
            f"ответ оператора не является JSON: {_excerpt(answer)}",
            error_code="not_json",
        )
    if content.get("status") != "accepted":
        raise OfdProtocolError(
            f"the operator's answer does not say accepted: {_excerpt(answer)}",
            f"в ответе оператора нет отметки о приёме: {_excerpt(answer)}",
            error_code="not_accepted",
        )
    return HttpReply(ofd_id=_ofd_id(content), timestamp=_timestamp(content))


def _unavailable(fault: HttpFault) -> OfdUnavailable:
    kind = OfdUnavailable
    if fault.kind in (HttpFaultKind.TOO_LARGE, HttpFaultKind.BAD_HTTP, HttpFaultKind.CLOSED):
        kind = OfdProtocolError
    return kind(
        f"no answer from the operator: {fault.detail}",
        f"нет ответа оператора: {fault.detail}",
        error_code=fault.kind.value,
    )


def _channel_failure(answer: HttpAnswer, *, now: datetime) -> OfdUnavailable:
    if answer.is_page():
        return OfdProtocolError(
            f"a web page instead of the operator's answer, HTTP {answer.status}",
            f"вместо ответа оператора пришла веб-страница, HTTP {answer.status}",
            error_code="not_json",
            status=answer.status,
        )
    return OfdUnavailable(
        f"the operator answers HTTP {answer.status}: {_excerpt(answer)}",
        f"оператор отвечает HTTP {answer.status}: {_excerpt(answer)}",
        error_code=f"http_{answer.status}",
        retry_after_s=_retry_after_s(answer, now=now),
        status=answer.status,
    )


def _retry_after_s(answer: HttpAnswer, *, now: datetime) -> float | None:
    """What 429 asks for, within 0..MAX_RETRY_AFTER_S."""
    seconds = asked_wait_s(answer.headers, now=now) if answer.status == 429 else None
    return None if seconds is None else min(seconds, MAX_RETRY_AFTER_S)


def _names(receipt_id: str, answer: HttpAnswer) -> bool:
    """Whether the id stands in the body as a word of its own, in a member or in a sentence."""
    word = rf"(?<![\w-]){re.escape(receipt_id)}(?![\w-])"
    return re.search(word, _text(answer), re.IGNORECASE) is not None


def _names_all(document: Sequence[str], answer: HttpAnswer) -> bool:
    """The very document, whatever receipt the operator knows it by: after a restore it may be another."""
    return len(document) == len(DOCUMENT) and all(_names(word, answer) for word in document)


def _ofd_id(content: JsonObject) -> str | None:
    value = content.get("ofd_id")
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return tidy(str(value), limit=MAX_OFD_ID_CHARACTERS) or None


def _timestamp(content: JsonObject) -> int | None:
    value = content.get("timestamp")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 < value <= _MAX_TIMESTAMP else None


def _text(answer: HttpAnswer) -> str:
    return answer.body.decode("utf-8", errors="replace")


def _excerpt(answer: HttpAnswer) -> str:
    return told_by_others(_text(answer), limit=_EXCERPT_CHARACTERS)

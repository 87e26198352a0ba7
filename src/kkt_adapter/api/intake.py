"""How a body comes in: only JSON, at most so many bytes, and within a deadline."""

import asyncio
from collections.abc import Mapping

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

from kkt_adapter.api.problems import RefusedByStatus
from kkt_adapter.api.wire.protocol import CONNECTION

_UTF8 = frozenset({"utf-8", "utf8", "us-ascii"})


def announces_body(headers: Mapping[bytes, bytes]) -> bool:
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


def too_large(headers: Mapping[bytes, bytes], *, most: int) -> bool:
    """Whether the request says itself that its body is over ``most`` bytes."""
    length = headers.get(b"content-length", b"")
    return length.isdigit() and (len(length) > 18 or int(length) > most)


def is_json(content_type: bytes | None) -> bool:
    """``application/json`` or ``.../...+json`` in UTF-8. No header is fine: simple programs send none."""
    if content_type is None:
        return True
    name, _, parameters = content_type.decode("latin-1").lower().partition(";")
    name = name.strip()
    if name != "application/json" and not (name.startswith("application/") and name.endswith("+json")):
        return False
    for parameter in parameters.split(";"):
        key, _, value = parameter.partition("=")
        if key.strip() == "charset" and value.strip().strip('"') not in _UTF8:
            return False
    return True


def is_encoded(content_encoding: bytes | None) -> bool:
    """Whether the body is compressed: nothing here unpacks it (RFC 9110, section 8.4)."""
    return (content_encoding or b"identity").strip().lower() not in (b"", b"identity")


def not_plain() -> RefusedByStatus:
    refusal = RefusedByStatus(
        "UNSUPPORTED_MEDIA_TYPE",
        "The body must not be compressed: send it without Content-Encoding.",
        "Тело запроса не должно быть сжато: передайте его без Content-Encoding.",
    )
    refusal.headers = [(b"accept-encoding", b"identity")]  # RFC 9110, section 15.5.16
    return refusal


def not_json() -> RefusedByStatus:
    return RefusedByStatus(
        "UNSUPPORTED_MEDIA_TYPE",
        "The body must be JSON in UTF-8: send header Content-Type: application/json.",
        "Тело запроса должно быть JSON в UTF-8: передайте заголовок Content-Type: application/json.",
    )


def body_too_large(most: int) -> RefusedByStatus:
    return RefusedByStatus(
        "BODY_TOO_LARGE",
        f"The body is over {most} bytes. Split the request.",
        f"Тело запроса больше {most} байт. Разделите запрос.",
        limit_bytes=most,
    )


def is_here(scope: Scope) -> bool:
    """Whether the whole body has come already: nobody waits for it, and no clock is needed."""
    connection = scope.get(CONNECTION)
    return connection is not None and not connection.in_body


async def read_at_most(receive: Receive, *, most: int) -> bytes:
    """A body that is here. Raises as ``read_within``, but for the deadline."""
    body = await read_body(receive)
    if len(body) > most:
        raise body_too_large(most)
    return body


async def read_within(receive: Receive, *, most: int, deadline_s: float) -> bytes:
    """The whole body.

    Raises:
        RefusedByStatus: it grows over ``most`` bytes (413), or is not complete in ``deadline_s`` (408).
        ClientDisconnect: the client left before its end.
    """
    arrived = 0

    async def receive_counted() -> Message:
        nonlocal arrived
        message = await receive()
        if message["type"] == "http.request":
            arrived += len(message.get("body", b""))
            if arrived > most:
                raise body_too_large(most)
        return message

    try:
        async with asyncio.timeout(deadline_s):
            return await read_body(receive_counted)
    except TimeoutError:
        raise RefusedByStatus(
            "REQUEST_TIMEOUT",
            "The body did not arrive in time; nothing was stored. Send it again.",
            "Тело запроса не пришло вовремя, ничего не сохранено. Отправьте ещё раз.",
        ) from None


def read_already(body: bytes, receive: Receive) -> Receive:
    """``receive`` for a body that was read: gives it once, then waits for the client to leave."""
    given = False

    async def receive_read() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_read


async def read_body(receive: Receive) -> bytes:
    """The whole body; nearly always one message. Raises ClientDisconnect."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        return body
    parts = []
    while True:
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
        message = await receive()

"""Request bodies: only JSON, at most so many bytes, within a deadline; then from bytes to plain values, once,
exactly, and without a way to hurt the process.

Numbers with a point become Decimal and never pass through a binary float. A name twice in one object is
refused: two programs may read it differently, and here it is money. NaN and Infinity are no JSON, but become
a Decimal of that name, so that the refusal can say which field has it.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from decimal import Decimal
from json import JSONDecodeError, JSONDecoder
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope

from kkt_adapter.api.problems import WHOLE_BODY, RefusedByStatus, RequestInvalid
from kkt_adapter.api.schemas.findings import violations_of
from kkt_adapter.api.wire.protocol import CONNECTION
from kkt_adapter.kernel.errors import Text, Violation

M = TypeVar("M", bound=BaseModel)

BODY = "kkt.body"  # key in the ASGI scope: the bytes that were read already, for the route of receipts

_UTF8 = frozenset({"utf-8", "utf8", "us-ascii"})
_BOM = b"\xef\xbb\xbf"  # some Windows programs begin every text with it


class _NameTwice(ValueError):
    pass


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _NameTwice(name)
            seen.add(name)
    return members


_decode = JSONDecoder(object_pairs_hook=_members, parse_float=Decimal, parse_constant=Decimal).decode


def json_object(raw: bytes) -> dict[str, Any]:
    """The one JSON object a body holds.

    Raises:
        RequestInvalid: not UTF-8, not JSON, not an object, a name twice, nested too deep, a number too long.
    """
    try:
        document = _decode((raw[3:] if raw.startswith(_BOM) else raw).decode())
    except UnicodeDecodeError as error:
        raise _malformed(
            "not_utf8",
            f"The body is not UTF-8 (byte {error.start}).",
            f"Тело запроса не в UTF-8 (байт {error.start}).",
        ) from error
    except JSONDecodeError as error:
        where = f"{error.lineno}:{error.colno}"
        if error.msg.startswith("Invalid control character"):
            raise _raw_control(error.doc[error.pos], where) from error
        raise _malformed(
            "malformed_json",
            f"The body is not JSON (line:column {where}).",
            f"Тело запроса не JSON (строка:позиция {where}).",
        ) from error
    except _NameTwice as error:
        name = shown(str(error))
        raise _malformed(
            "duplicate_field",
            f"The field {name} is written twice in one object.",
            f"Поле {name} указано дважды в одном объекте.",
            field=name,
        ) from error
    except (ValueError, ArithmeticError) as error:  # over 4300 digits, or an exponent nothing can hold
        raise _malformed(
            "malformed_json",
            "The body has a number that is too long.",
            "В теле запроса слишком длинное число.",
        ) from error
    except RecursionError as error:
        raise _malformed(
            "too_deep", "The body is nested too deep.", "Слишком глубокая вложенность тела запроса."
        ) from error
    if type(document) is not dict:
        raise _malformed(
            "wrong_type", "The body must be a JSON object.", "Тело запроса должно быть объектом JSON."
        )
    return document


async def read_model(request: Request, model: type[M], *, may_be_empty: bool = False) -> M:
    """A body by its model. ``may_be_empty``: no body at all counts as ``{}``.

    Raises:
        RequestInvalid: every finding at once.
    """
    raw = await request.body()
    return model_of({} if may_be_empty and not raw.strip() else json_object(raw), model)


def model_of(document: dict[str, Any], model: type[M]) -> M:
    """Plain values by their model. Raises RequestInvalid: every finding at once."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise RequestInvalid(violations_of(error.errors(include_url=False, include_input=False))) from error


def shown(name: str) -> str:
    """A client's field name as it may stand in a log or an answer: short and printable."""
    return "".join(c if c.isprintable() else "?" for c in name[:40])


def _raw_control(character: str, where: str) -> RequestInvalid:
    """The usual one is GS, which a scanner sends and a program puts into JSON as it is."""
    escaped = f"\\u{ord(character):04x}"
    return _malformed(
        "malformed_json",
        f"A text in the body has the raw character {ord(character):02X} hex (line:column {where}).",
        f"В тексте внутри тела запроса стоит символ {ord(character):02X} hex (строка:позиция {where}).",
        remedy=Text(
            f"JSON has no raw control characters: write it as {escaped}; GS in a marking code is \\u001d.",
            f"В JSON не бывает управляющих символов как есть: запишите как {escaped}; GS в коде "
            "маркировки — \\u001d.",
        ),
    )


_WELL_FORMED = Text(
    "Send one JSON object in UTF-8, made by a JSON library.",
    "Передайте один объект JSON в UTF-8, собранный библиотекой JSON.",
)


def _malformed(
    code: str, en: str, ru: str, *, field: str = WHOLE_BODY, remedy: Text = _WELL_FORMED
) -> RequestInvalid:
    return RequestInvalid((Violation(field=field, code=code, message=Text(en, ru), remedy=remedy),))


def announces_body(headers: Mapping[bytes, bytes]) -> bool:
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


def too_large(headers: Mapping[bytes, bytes], *, most: int) -> bool:
    """Whether the request says itself that its body is over ``most`` bytes."""
    length = headers.get(b"content-length", b"")
    return length.isdigit() and (len(length) > 18 or int(length) > most)


def is_json(content_type: bytes | None) -> bool:
    """``application/json`` or ``.../...+json`` in UTF-8. No header is fine: simple programs send none."""
    if content_type is None or content_type == b"application/json":
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
    return content_encoding is not None and content_encoding.strip().lower() not in (b"", b"identity")


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


def body_at_hand(scope: Scope) -> bytes | None:
    """The whole body where it has come already: it needs no clock and no message."""
    connection = scope.get(CONNECTION)
    found: bytes | None = None if connection is None else connection.take_body(scope)
    return found


async def read_of(scope: Scope, receive: Receive, *, most: int, deadline_s: float) -> bytes:
    """The whole body, as ``body_at_hand`` or read now. Raises as ``read_within``."""
    body = body_at_hand(scope)
    if body is None:
        return await read_within(receive, most=most, deadline_s=deadline_s)
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

    return await in_time(read_body(receive_counted), deadline_s=deadline_s)


async def in_time(body: Awaitable[bytes], *, deadline_s: float) -> bytes:
    """Raises RefusedByStatus: it is not complete in ``deadline_s`` seconds (408)."""
    try:
        async with asyncio.timeout(deadline_s):
            return await body
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

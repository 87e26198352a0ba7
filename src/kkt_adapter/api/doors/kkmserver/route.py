"""``/Execute`` as the edge calls it: signs in, holds the answer, and notices a client that leaves.

A held answer has no place among ``max_in_flight``: it lasts up to a minute, and nothing is at work meanwhile.
Everything is answered in the door's form and, but for 401, a foreign page and a preflight, with 200: its
clients take anything else for a server that is not there.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, Protocol

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from kkt_adapter.api.body import BODY, body_too_large, in_time, is_encoded, json_object, not_plain
from kkt_adapter.api.doors.door import DoorAnswer, release_place, send_answer
from kkt_adapter.api.doors.execute_path import PATH
from kkt_adapter.api.doors.kkmserver import answers
from kkt_adapter.api.doors.kkmserver.answers import Answer, Head, failed, running
from kkt_adapter.api.doors.kkmserver.body import (
    KEPT_LIMIT_BYTES,
    RECEIVED_LIMIT_BYTES,
    PictureFilter,
    has_pictures,
)
from kkt_adapter.api.doors.kkmserver.commands import Commands
from kkt_adapter.api.doors.kkmserver.hold import Hold
from kkt_adapter.api.doors.kkmserver.refusal import CommandRefused, leaves_unknown, refusal_of
from kkt_adapter.api.doors.kkmserver.sign_in import CHALLENGE, anonymous_shop, credentials
from kkt_adapter.api.doors.sender import check_origin, is_foreign_page, readable, send_preflight
from kkt_adapter.api.entry.heads import HEADERS, headers_in
from kkt_adapter.api.negotiation import ranks_english_first
from kkt_adapter.api.problems import RefusedByStatus
from kkt_adapter.api.wire.protocol import CONNECTION
from kkt_adapter.fiscal.intake.press_guard import Caller, Callers
from kkt_adapter.kernel.errors import AdapterError, NotAllowed, NotAuthenticated, RateLimited
from kkt_adapter.runtime.auth.shop_values import DoorName, Shop
from kkt_adapter.runtime.log import get_logger

log = get_logger("kkmserver")

SLOWED_S: Final = 1.0  # an answer to a client that guesses secrets
SENDER: Final = "kkt.shop"  # key in the ASGI scope: the Shop, or the error that it was refused with


class ShopsOfDoor(Protocol):
    async def sign_in(self, login: str, secret: str, *, address: str) -> Shop:
        """Raises NotAuthenticated, RateLimited, StorageError."""
        ...

    async def all(self) -> tuple[Shop, ...]: ...


class ExecuteDoor:
    """A ``Door`` of the edge."""

    max_body_bytes = RECEIVED_LIMIT_BYTES

    def __init__(self, commands: Commands, shops: ShopsOfDoor, callers: Callers) -> None:
        self._commands = commands
        self._shops = shops
        self._callers = callers

    def stop(self) -> None:
        """End every held answer with Status 1."""
        self._commands.holds.stop()

    async def known(self, scope: Scope) -> str | None:
        try:
            shop = await self._sign_in(scope, headers_in(scope))
        except AdapterError as error:
            scope[SENDER] = error
            return None
        scope[SENDER] = shop
        return shop.id

    def check_head(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        """The media type is never looked at: clients send text/plain, and none at all."""
        sender = scope.get(SENDER)
        if isinstance(sender, Shop):
            check_origin(sender, headers)
        if is_encoded(headers.get(b"content-encoding")):
            raise not_plain()

    async def read_body(self, receive: Receive, *, deadline_s: float | None) -> bytes:
        """Without its pictures."""
        if deadline_s is None:
            return await _read(receive)
        return await in_time(_read(receive), deadline_s=deadline_s)

    def refusal(self, error: Exception, scope: Scope) -> DoorAnswer:
        """A page that the shop lists may read it, refusals of the edge included."""
        status = 401 if isinstance(error, NotAuthenticated) else 403 if is_foreign_page(error) else 200
        return _encoded(_refused(error, english=_english(scope)), status, _of_page(scope))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_in(scope)
        if scope["method"] == "OPTIONS":
            await self._preflight(scope, headers, send)
            return
        sender = scope.get(SENDER)
        if isinstance(sender, NotAuthenticated):
            shops = await self._shops.all() if b"origin" in headers else ()
            for_page = readable(shops, headers, door=DoorName.KKMSERVER)
            await send_answer(send, self.refusal(sender, scope), headers=[CHALLENGE, *for_page])
            return
        if not isinstance(sender, Shop):
            raise sender or NotAuthenticated()
        check_origin(sender, headers)
        caller = Caller(self._callers)
        try:
            await self._answer(scope, send, sender, caller)
        except (AdapterError, CommandRefused) as error:
            await send_answer(send, self.refusal(error, scope))
        finally:
            caller.end()

    async def _answer(self, scope: Scope, send: Send, shop: Shop, caller: Caller) -> None:
        """Raises AdapterError for what is no command. A client that left is told nothing."""
        if scope["method"] != "POST":
            raise RefusedByStatus(
                "METHOD_NOT_ALLOWED",
                "Send commands as POST with a JSON body.",
                "Команды передают методом POST с телом JSON.",
            )
        way = PATH.match(scope["path"])
        if way is None:
            raise RefusedByStatus(
                "NOT_FOUND",
                "There is no such path: Execute, sync or async below it.",
                "Такого адреса нет: есть Execute, под ним sync и async.",
            )
        document = json_object(scope[BODY])
        release_place(scope)
        held: list[Hold] = []
        connection: Any = scope.get(CONNECTION)
        if connection is not None:
            connection.when_gone(partial(_leave, held, caller))
        try:
            answer, told = await self._commands.execute(
                shop,
                document,
                english=_english(scope),
                at_once=(way["way"] or "").lower() == "async",
                caller=caller,
                watch=held.append,
            )
        finally:
            if connection is not None:
                connection.when_gone(None)
        if any(hold.gone for hold in held) or (connection is not None and await connection.has_left()):
            log.debug("client_gone")
            return
        await send_answer(send, _encoded(answer, 200, _of_page(scope)))
        for subject in told:
            self._callers.tell(subject)

    async def _preflight(self, scope: Scope, headers: Mapping[bytes, bytes], send: Send) -> None:
        """Without sign-in, because browsers ask without credentials."""
        shops = await self._shops.all()
        await send_preflight(send, shops, headers, door=DoorName.KKMSERVER, asks=_PREFLIGHT)

    async def _sign_in(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Shop:
        """Raises NotAuthenticated, NotAllowed, StorageError."""
        client = scope.get("client")
        address = client[0] if client else None
        given = credentials(headers.get(b"authorization"))
        if given is None:
            return anonymous_shop(await self._shops.all(), address=address, headers=headers)
        try:
            shop = await self._shops.sign_in(*given, address=address or "")
        except RateLimited:
            await asyncio.sleep(SLOWED_S)
            raise NotAuthenticated(
                "Too many wrong secrets. Wait a minute.", "Слишком много неверных секретов. Подождите минуту."
            ) from None
        if not shop.may_use(DoorName.KKMSERVER):
            raise NotAllowed(
                f"Shop {shop.id} may not use this door: add kkmserver to its doors.",
                f"Магазину {shop.id} этот вход не разрешён: добавьте kkmserver в его doors.",
            )
        connection: Any = scope.get(CONNECTION)
        if connection is not None:
            connection.prove()
        return shop


_PREFLIGHT: Final = (
    (b"access-control-allow-methods", b"POST, OPTIONS"),
    (b"access-control-allow-headers", b"authorization, content-type"),  # a star does not cover Authorization
)
_NO_STORE = (b"cache-control", b"no-store, no-cache, must-revalidate")
_PLAIN = (_NO_STORE,)


def _of_page(scope: Scope) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of an answer; a page that the shop lists may read it."""
    sender, headers = scope.get(SENDER), scope.get(HEADERS)
    if headers is None or b"origin" not in headers or not isinstance(sender, Shop):
        return _PLAIN
    return (_NO_STORE, *readable((sender,), headers, door=DoorName.KKMSERVER))


async def _read(receive: Receive) -> bytes:
    """Raises RefusedByStatus (413), ClientDisconnect."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        whole: bytes = message.get("body", b"")
        if not has_pictures(whole):
            if len(whole) > KEPT_LIMIT_BYTES:
                raise body_too_large(KEPT_LIMIT_BYTES)
            return whole
    pictures, kept, received = PictureFilter(), bytearray(), 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece: bytes = message.get("body", b"")
        received += len(piece)
        kept += pictures.feed(piece)
        if received > RECEIVED_LIMIT_BYTES:
            raise body_too_large(RECEIVED_LIMIT_BYTES)
        if len(kept) > KEPT_LIMIT_BYTES:
            raise body_too_large(KEPT_LIMIT_BYTES)
        if not message.get("more_body", False):
            return bytes(kept)
        message = await receive()


def _leave(held: list[Hold], caller: Caller) -> None:
    """The client has closed its connection: end what is held; from now on it waits for nothing."""
    caller.end()
    for hold in held:
        hold.leave()


def _refused(error: Exception, *, english: bool) -> Answer:
    refusal = error if isinstance(error, CommandRefused) else refusal_of(error)
    head = Head(command="", id="", english=english)
    if leaves_unknown(error):  # as at a stop that could not wait for the receipt
        return running(head, refusal.text, NumDevice=0)
    return failed(head, refusal, NumDevice=0)


def _encoded(answer: Answer, status: int, headers: tuple[tuple[bytes, bytes], ...]) -> DoorAnswer:
    return DoorAnswer(status=status, body=answers.encoded(answer), more=headers)


def _english(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if name == b"accept-language":
            return ranks_english_first(value.decode("latin-1"))
    return False

"""What every request passes before a route sees it, and every answer on its way out: plain ASGI, one layer.

In: request id, headers, Host, page, sender, rate, media type, body, overload. A place among those at work is
taken when the body is there, so a slow client holds none. Out: request id, CORS, and the error body for
whatever was not caught further in. Health checks pass the first four only, so that a busy adapter still says
that it lives. Pages and metrics have no media type to check, and keep their own sign-in.
"""

import asyncio
import re
from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kkt_adapter.api.body import (
    BODY,
    announces_body,
    body_at_hand,
    body_too_large,
    is_encoded,
    is_json,
    not_json,
    not_plain,
    read_already,
    read_of,
    read_within,
    too_large,
)
from kkt_adapter.api.doors.door import RELEASE_PLACE, Doorway, ReleasePlace, send_answer
from kkt_adapter.api.entry import accept as receipts
from kkt_adapter.api.entry.busy import overloaded, stopping
from kkt_adapter.api.entry.heads import (
    Headers,
    check_page,
    foreign_host,
    forwarded_while_open,
    headers_in,
    is_forwarded,
)
from kkt_adapter.api.entry.only_head import as_get
from kkt_adapter.api.entry.senders import Senders
from kkt_adapter.api.errors import REQUEST_ID, answer_to, send_problem
from kkt_adapter.api.origins import HostRule, OriginRule, RequestOrigin, cors_headers, preflight_headers
from kkt_adapter.api.rate import RateLimit
from kkt_adapter.api.settings import ANONYMOUS_SHARE, ApiSettings
from kkt_adapter.api.wire.protocol import CONNECTION
from kkt_adapter.fiscal.slip.links import PATH
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.ids import random_id
from kkt_adapter.runtime.auth.gate import Gate
from kkt_adapter.runtime.log import about, forget, get_logger

log = get_logger("api")

_API = ("/v1/", "/api/v1/")
_TAGGED = "/api/v1/products"  # its reads carry an ETag: kept by whoever asked, used only after asking again
_ALWAYS_ANSWERED = frozenset({"/v1/health"})
_METRICS = "/metrics"
_SANDBOX = "/sandbox/"  # of a demonstration: it moves the clock and breaks registers
_PAGES = ("/ui/", f"{PATH}/")
_LIGHT_PAGES = ("/ui/static/", "/ui/live")  # files in memory; a stream lasts as long as its page is open
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_STREAM = re.compile(r"/api/v1/scheduler/runs/[^/]+/events\Z")
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_API_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]
_TAGGED_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"private, no-cache")]
_OTHER_HEADERS = [(b"x-content-type-options", b"nosniff")]

DOOR_WAIT_S = 4.0  # a client of a door that asks too often waits so long at most; django-atol gives up at 5

Header = tuple[bytes, bytes]


class Edge:
    """Stands around everything. Holds the counts of requests and body bytes at work.

    ``accept``: the route of receipts; ``app`` answers all the other paths.
    """

    def __init__(
        self,
        accept: ASGIApp,
        app: ASGIApp,
        *,
        settings: ApiSettings,
        gate: Gate,
        clock: Clock,
        doors: Sequence[Doorway] = (),
    ) -> None:
        self._accept = accept
        self._app = app
        self._doors = doors
        self._door_rate = RateLimit(clock, per_s=settings.rate_limit_per_s)
        self._door_queue = 0
        self._settings = settings
        self._clock = clock
        self._hosts = HostRule(settings.allowed_hosts)
        self._host: bytes | None = None  # the header as it was allowed last
        self._origins = OriginRule(settings.allowed_origins)
        self._senders = Senders(gate, settings, clock)
        self._in_flight = 0
        self._anonymous = 0
        self._body_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope["headers"])
        scope[REQUEST_ID] = request_id
        added = [(b"x-request-id", request_id.encode()), *_fixed_headers(scope["path"], scope["method"])]
        about(request_id=request_id)
        started_at = self._clock.monotonic()
        status = 0

        async def send_out(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        try:
            await self._pass(scope, receive, send_out, added)
        except asyncio.CancelledError:  # nothing else than the end of the service ends a request
            if status:
                log.warning("answer_broken_off", path=scope["path"])  # the server closes the connection
            else:
                await self._refuse(stopping(), scope, send_out)
        except ClientDisconnect:  # while its body was read: nobody to answer, and nothing was stored
            log.debug("client_gone", path=scope["path"])
        except Exception as error:
            if status:
                log.exception("answer_broken_off", path=scope["path"])
                raise
            await self._refuse(error, scope, send_out)
        finally:
            if self._settings.access_log:
                took_ms = round((self._clock.monotonic() - started_at) * 1000, 1)
                log.debug(
                    "request", method=scope["method"], path=_logged(scope), status=status, took_ms=took_ms
                )
            forget()

    async def _refuse(self, error: Exception, scope: Scope, send: Send) -> None:
        problem, way = answer_to(error, scope), self._way_of(scope["path"])
        if way is None:
            await send_problem(send, problem)
        elif (door := await way.opened(scope, send)) is not None:
            await send_answer(send, door.refusal(error, scope))

    async def _pass(self, scope: Scope, receive: Receive, send: Send, added: list[Header]) -> None:
        headers, path = headers_in(scope), scope["path"]
        self._check_host(headers.get(b"host"), scope)
        if (way := self._way_of(path)) is not None:
            await self._enter(way, scope, receive, send, headers)
            return
        if check_page(scope["method"], headers, origins=self._origins) is RequestOrigin.LISTED:
            if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
                await _answer_preflight(send, headers[b"origin"], headers)
                return
            added.extend(cors_headers(headers[b"origin"]))
        if scope["method"] == "HEAD":
            scope, send = as_get(scope, send)
        if not path.startswith(_API) or path in _ALWAYS_ANSWERED:
            await self._outside(scope, receive, send, headers)
            return
        known = await self._admit(scope, headers)
        if scope["method"] == "GET" and known and _STREAM.match(path):
            await self._app(scope, receive, send)  # may last as long as a run; it holds no place
            return
        if scope["method"] not in _WITH_BODY or not (known or path != receipts.PATH):
            await self._work(scope, receive, send, known=known)  # a route refuses before it reads a body
            return
        held = self._take_body(scope, headers)
        try:
            body = await read_of(
                scope, receive, most=self._most(scope), deadline_s=self._settings.body_deadline_s
            )
            if path == receipts.PATH and scope["method"] == "POST":
                scope[BODY] = body
                await self._work(scope, receive, send, known=known, app=self._accept)
            else:
                await self._work(scope, read_already(body, receive), send, known=known, app=self._app)
        finally:
            self._body_bytes -= held

    def _check_host(self, host: bytes | None, scope: Scope) -> None:
        """Raises NotAllowed. The name that was allowed last is nearly always the next one's, too."""
        if host is not None and host == self._host:
            return
        if self._hosts.allows(host):
            self._host = host
        elif not self._hosts.allows(host, reached=_reached(scope)):
            raise foreign_host()

    async def _admit(self, scope: Scope, headers: Headers) -> bool:
        """Whether the sender is verified. Raises RateLimited, NotAllowed, StorageError, Overloaded."""
        if self._settings.auth_open:
            if is_forwarded(headers):
                raise forwarded_while_open()
            return True
        return await self._senders.admit(scope, headers.get(b"authorization")) is not None

    async def _outside(self, scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
        """Pages, metrics, health and all that is not of the API: the same limits of body, rate, places.

        A page's visitor is known by its connection once the session was seen on it.
        """
        if scope["method"] in _WITH_BODY:
            most = self._settings.max_body_bytes
            if too_large(headers, most=most):
                raise body_too_large(most)
            body = await read_within(receive, most=most, deadline_s=self._settings.body_deadline_s)
            receive = read_already(body, receive)
        path = scope["path"]
        if path == _METRICS or path.startswith(_SANDBOX):
            await self._admit(scope, headers)
        if not path.startswith(_PAGES) or path.startswith(_LIGHT_PAGES):
            await self._app(scope, receive, send)
            return
        connection = scope.get(CONNECTION)
        known = self._settings.auth_open or (connection is not None and connection.proven)
        if not known:
            self._senders.pace(scope)
        await self._work(scope, receive, send, known=known)

    def _way_of(self, path: str) -> Doorway | None:
        if path.startswith(_API):
            return None
        for way in self._doors:
            if way.serves(path):
                return way
        return None

    async def _enter(
        self, way: Doorway, scope: Scope, receive: Receive, send: Send, headers: Headers
    ) -> None:
        """A door's request: its own form of refusals, its own limit of bodies, and a wait instead of 429."""
        door = await way.opened(scope, send)
        if door is None:
            return
        if scope["method"] == "OPTIONS":
            await door(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            scope, send = as_get(scope, send)
        shop_id = await door.known(scope)
        await self._wait_turn(scope, shop_id)
        known, held = shop_id is not None, 0
        if scope["method"] in _WITH_BODY and announces_body(headers):
            if too_large(headers, most=door.max_body_bytes):
                raise body_too_large(door.max_body_bytes)
            door.check_head(scope, headers)
            held = self._hold_bytes(headers, most=door.max_body_bytes)
        try:
            if scope["method"] in _WITH_BODY:
                here = body_at_hand(scope)
                if here is None:
                    body = await door.read_body(receive, deadline_s=self._settings.body_deadline_s)
                else:
                    body = await door.read_body(read_already(here, receive), deadline_s=None)
                scope[BODY] = body
            await self._work(scope, receive, send, known=known, app=door)
        finally:
            self._body_bytes -= held

    async def _wait_turn(self, scope: Scope, shop_id: str | None) -> None:
        """Clients of doors do not know 429: whoever asks too often waits. Raises Overloaded."""
        client = scope.get("client")
        caller = f"shop:{shop_id}" if shop_id else f"address:{client[0] if client else ''}"
        wait_s = self._door_rate.wait_s(caller)
        if not wait_s:
            return
        if self._door_queue >= self._settings.max_in_flight:
            raise overloaded()
        self._door_queue += 1
        until = self._clock.monotonic() + DOOR_WAIT_S
        try:
            while wait_s:
                if self._clock.monotonic() + wait_s > until:
                    raise overloaded()
                await self._clock.sleep(wait_s)
                wait_s = self._door_rate.wait_s(caller)
        finally:
            self._door_queue -= 1

    def _most(self, scope: Scope) -> int:
        if scope["path"] == receipts.PATH:
            return self._settings.max_receipt_bytes
        return self._settings.max_body_bytes

    def _take_body(self, scope: Scope, headers: Headers) -> int:
        """Check what a body says of itself. Gives the bytes held for it; small ones are not counted.

        Raises RefusedByStatus (413, 415), Overloaded.
        """
        if not announces_body(headers):
            return 0
        most = self._most(scope)
        if too_large(headers, most=most):
            raise body_too_large(most)
        if is_encoded(headers.get(b"content-encoding")):
            raise not_plain()
        if not is_json(headers.get(b"content-type")):
            raise not_json()
        return self._hold_bytes(headers, most=most)

    def _hold_bytes(self, headers: Headers, *, most: int) -> int:
        """Count a body that is not small; gives what is to be given back. Raises Overloaded."""
        length = headers.get(b"content-length")
        held = int(length) if length is not None and length.isdigit() else most
        if held <= self._settings.max_body_bytes:
            return 0
        if self._body_bytes + held > self._settings.bodies_bytes:
            raise overloaded()
        self._body_bytes += held
        return held

    async def _work(
        self, scope: Scope, receive: Receive, send: Send, *, known: bool, app: ASGIApp | None = None
    ) -> None:
        """Call ``app`` or the framework with a place held. Raises Overloaded."""
        most = self._settings.max_in_flight
        if self._in_flight >= most or (not known and self._anonymous >= max(1, int(most * ANONYMOUS_SHARE))):
            raise overloaded()
        place = self._take_place(anonymous=0 if known else 1)
        if app is not None:
            scope[RELEASE_PLACE] = place
        try:
            await (app or self._app)(scope, receive, send)
        finally:
            place()

    def _take_place(self, *, anonymous: int) -> ReleasePlace:
        self._in_flight += 1
        self._anonymous += anonymous
        held = True

        def release() -> None:
            nonlocal held
            if held:
                held = False
                self._in_flight -= 1
                self._anonymous -= anonymous

        return release


def _logged(scope: Scope) -> str:
    """The path without what opens a buyer's page."""
    path: str = scope["path"]
    return f"{PATH}/..." if path.startswith(f"{PATH}/") else path


def _reached(scope: Scope) -> str | None:
    """The address that the connection came to, where it is an address."""
    server = scope.get("server")
    try:
        return str(ip_address(server[0])) if server else None
    except ValueError:
        return None


def _request_id(headers: Iterable[Header]) -> str:
    """The client's own, where it is a UUID, so that both logs have the same; else a new one."""
    for name, given in headers:
        if name == b"x-request-id" and _UUID.match(given):
            return given.decode("ascii")
    return random_id()


def _fixed_headers(path: str, method: str) -> list[tuple[bytes, bytes]]:
    if method in ("GET", "HEAD") and path.startswith(_TAGGED):
        return _TAGGED_HEADERS
    return _API_HEADERS if path.startswith(_API) else _OTHER_HEADERS


async def _answer_preflight(send: Send, origin: bytes, headers: Headers) -> None:
    private = headers.get(b"access-control-request-private-network") == b"true"
    await send(
        {
            "type": "http.response.start",
            "status": 204,
            "headers": preflight_headers(origin, private_network=private),
        }
    )
    await send({"type": "http.response.body", "body": b""})

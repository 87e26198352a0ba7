"""What every request passes before a route sees it, and every answer on its way out: plain ASGI, one layer.

In: request id, Host, Origin, overload, rate, media type, size. Out: request id, CORS, and the error body for
whatever was not caught further in. Health checks pass the first three only, so that a busy adapter still
says that it lives.
"""

import re
from collections.abc import Mapping
from ipaddress import ip_address

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kkt_adapter.api.errors import REQUEST_ID, answer_to, send_problem
from kkt_adapter.api.intake import announces_body, body_too_large, guarded, is_json, not_json, too_large
from kkt_adapter.api.origins import HostRule, OriginRule, RequestOrigin, cors_headers, preflight_headers
from kkt_adapter.api.rate import RateLimit, caller_of
from kkt_adapter.api.settings import ApiSettings
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError, NotAllowed, Overloaded, RateLimited
from kkt_adapter.kernel.ids import random_id
from kkt_adapter.runtime.log import forget, get_logger

log = get_logger("api")

_API = ("/v1/", "/api/v1/")
_TAGGED = "/api/v1/products"  # its reads carry an ETag: kept by whoever asked, used only after asking again
_ALWAYS_ANSWERED = frozenset({"/v1/health"})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_API_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]
_TAGGED_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"private, no-cache")]
_OTHER_HEADERS = [(b"x-content-type-options", b"nosniff")]

Headers = Mapping[bytes, bytes]


class Edge:
    """The one middleware. Holds the count of requests at work and the buckets of the rate limit."""

    def __init__(self, app: ASGIApp, *, settings: ApiSettings, clock: Clock) -> None:
        self._app = app
        self._settings = settings
        self._clock = clock
        self._hosts = HostRule(settings.allowed_hosts)
        self._origins = OriginRule(settings.allowed_origins)
        self._rate = RateLimit(clock, per_s=0 if settings.auth_open else settings.rate_limit_per_s)
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: Headers = dict(scope["headers"])
        request_id = _request_id(headers)
        scope[REQUEST_ID] = request_id
        added = [(b"x-request-id", request_id.encode()), *_fixed_headers(scope["path"], scope["method"])]
        tokens = structlog.contextvars.bind_contextvars(request_id=request_id)
        started_at = self._clock.monotonic()
        status = 0

        async def send_out(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        try:
            await self._pass(scope, receive, send_out, headers, added)
        except ClientDisconnect:  # while its body was read: nobody to answer, and nothing was stored
            log.debug("client_gone", path=scope["path"])
        except Exception as error:
            if status:
                log.exception("answer_broken_off", path=scope["path"])
                raise
            await send_problem(send_out, answer_to(error, scope))
        finally:
            if self._settings.access_log:
                took_ms = round((self._clock.monotonic() - started_at) * 1000, 1)
                log.debug(
                    "request", method=scope["method"], path=scope["path"], status=status, took_ms=took_ms
                )
            structlog.contextvars.reset_contextvars(**tokens)
            forget()

    async def _pass(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        headers: Headers,
        added: list[tuple[bytes, bytes]],
    ) -> None:
        host, origin = headers.get(b"host"), headers.get(b"origin")
        if not (self._hosts.allows(host) or self._hosts.allows(host, reached=_reached(scope))):
            raise _foreign_host()
        if origin is not None:
            sender = self._origins.sender(origin, host)
            if sender is RequestOrigin.FOREIGN:
                raise _foreign_origin()
            if sender is RequestOrigin.LISTED:
                if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
                    await _answer_preflight(send, origin, headers)
                    return
                added.extend(cors_headers(origin))
        path: str = scope["path"]
        if not path.startswith(_API) or path in _ALWAYS_ANSWERED:
            await self._app(scope, self._guarded(scope, receive), send)
            return
        self._check_rate(scope, headers)
        if scope["method"] in _WITH_BODY and announces_body(headers):
            if too_large(headers, most=self._settings.max_body_bytes):
                raise body_too_large(self._settings.max_body_bytes)
            if not is_json(headers.get(b"content-type")):
                raise not_json()
        if scope["method"] == "GET" and b"text/event-stream" in headers.get(b"accept", b""):
            await self._app(scope, receive, send)  # a stream may last a day; it holds no place
            return
        if self._in_flight >= self._settings.max_in_flight:
            raise _overloaded()
        self._in_flight += 1
        try:
            await self._app(scope, self._guarded(scope, receive), send)
        finally:
            self._in_flight -= 1

    def _guarded(self, scope: Scope, receive: Receive) -> Receive:
        if scope["method"] not in _WITH_BODY:
            return receive
        return guarded(receive, most=self._settings.max_body_bytes, deadline_s=self._settings.body_deadline_s)

    def _check_rate(self, scope: Scope, headers: Headers) -> None:
        """Raises RateLimited."""
        if self._settings.auth_open or not self._settings.rate_limit_per_s:
            return
        client = scope.get("client")
        caller = caller_of(headers.get(b"authorization"), client[0] if client else "")
        wait_s = self._rate.wait_s(caller)
        if wait_s:
            raise RateLimited(
                f"More than {self._settings.rate_limit_per_s} requests a second. Slow down.",
                f"Более {self._settings.rate_limit_per_s} запросов в секунду. Делайте паузы.",
                retry_after=wait_s,
            )


def _reached(scope: Scope) -> str | None:
    """The address that the connection came to, where it is an address."""
    server = scope.get("server")
    try:
        return str(ip_address(server[0])) if server else None
    except ValueError:
        return None


def _request_id(headers: Headers) -> str:
    """The client's own, where it is a UUID, so that both logs have the same; else a new one."""
    given = headers.get(b"x-request-id")
    if given is not None and _UUID.match(given):
        return given.decode("ascii")
    return random_id()


def _fixed_headers(path: str, method: str) -> list[tuple[bytes, bytes]]:
    if method == "GET" and path.startswith(_TAGGED):
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


def _foreign_host() -> AdapterError:
    return NotAllowed(
        "The adapter does not answer to this name (header Host). Call it by a loopback name or by its "
        "address, or add the name to allowed_hosts (KKT_ALLOWED_HOSTS).",
        "Адаптер не отвечает на это имя (заголовок Host). Обращайтесь по имени localhost, по его адресу или "
        "добавьте имя в allowed_hosts (KKT_ALLOWED_HOSTS).",
        reason="HOST",
    )


def _foreign_origin() -> AdapterError:
    return NotAllowed(
        "A page of another site may not call the adapter (header Origin). If it is yours, add its origin "
        "to allowed_origins (KKT_ALLOWED_ORIGINS).",
        "Странице другого сайта нельзя обращаться к адаптеру (заголовок Origin). Если сайт ваш, добавьте его "
        "в allowed_origins (KKT_ALLOWED_ORIGINS).",
        reason="ORIGIN",
    )


def _overloaded() -> Overloaded:
    return Overloaded(
        "More requests wait than the adapter takes. Repeat with the same Idempotency-Key in a second.",
        "Запросов больше, чем адаптер принимает сразу. Повторите с тем же Idempotency-Key через секунду.",
    )

"""One connection: uvicorn's, with limits around its parser and the product's error body."""

import asyncio
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, cast
from urllib.parse import unquote

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from kkt_adapter.api.negotiation import preferred
from kkt_adapter.api.problems import problem
from kkt_adapter.api.wire.answers_written import Answers
from kkt_adapter.api.wire.connections import Connections, Refusal
from kkt_adapter.api.wire.cycle import RequestCycle
from kkt_adapter.api.wire.hang_up import asked_of
from kkt_adapter.api.wire.limits import SLICE_BYTES
from kkt_adapter.api.wire.refusals import refused
from kkt_adapter.kernel.ids import random_id
from kkt_adapter.runtime.log import get_logger

CONNECTION = "kkt.connection"  # key in the ASGI scope: the `LimitedProtocol` a request came on
SHORT_TARGET_BYTES = 64  # of targets that are remembered
MOST_PIPELINED = 16  # requests that wait on one connection for the answer of the one before
TURNS_TO_HEAR = 3  # of a closed connection: one looks at the sockets, one reads their ends, one is to spare

log = get_logger("api")


class _HeadTooLarge(Exception):
    pass


class _Malformed(Exception):
    pass


class LimitedProtocol(HttpToolsProtocol):
    """Measures the head before the parser keeps it, and ends what takes too long.

    A refusal is answered where nothing was answered yet, and always closes the connection.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        connections: Connections,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.connected = connections
        self.limits = connections.limits
        self.address = ""
        self.proven = False
        self.quiet_since = self.loop.time()
        self._began_at: float | None = None  # first byte of the request that is arriving
        self._in_head = self.in_body = False
        self._head_bytes = 0
        self._unparsed_bytes = 0  # of the header line or chunk that is not complete yet
        self._write_paused_at: float | None = None
        self._stopped = False  # nothing more is read as a request
        self._lingering = False  # our side is ended
        self._thrown_away = 0  # bytes since then
        self._when_gone: Callable[[], None] | None = None  # of the request that is being answered
        self._has_closed: Callable[[], bool] | None = None
        self._answers: Answers = None  # type: ignore[assignment]  # set with the transport
        self.cycle: RequestCycle = None  # type: ignore[assignment]  # set with the first request

    @property
    def at_work(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body

    def prove(self) -> None:
        """A valid credential came on this connection."""
        if not self.proven:
            self.connected.prove(self)
            self.proven = True

    @property
    def is_gone(self) -> bool:
        """Whether nobody is there any more to whom an answer could go."""
        return self.transport is None or self.transport.is_closing()

    def when_gone(self, tell: Callable[[], None] | None) -> None:
        """``tell`` once the client has closed the connection, while one request of it is answered; None: that
        is over."""
        self._when_gone = tell
        if tell is None:
            return
        self.flow.resume_reading()  # an end is read like bytes
        if self.is_gone:
            self.loop.call_soon(tell)

    async def has_left(self) -> bool:
        """Whether the client has closed the connection by now, also while this process stood still."""
        if self.is_gone:
            return True
        if self._has_closed is not None:
            return self._has_closed()
        for _ in range(TURNS_TO_HEAR):
            await asyncio.sleep(0)
        return self.is_gone

    def evict(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._answers = Answers(self, transport, call_soon=self.loop.call_soon)
        self._has_closed = asked_of(transport)
        self.address = self.client[0] if self.client else ""
        refusal = self.connected.enter(self)
        if refusal is not None:
            self._stopped = True
            self._answer(refusal)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.connected.leave(self)
        for cycle, _ in self.pipeline:
            cycle.disconnected = True
            cycle.message_event.set()
        super().connection_lost(exc)
        if self._when_gone is not None:
            self._when_gone()

    def data_received(self, data: bytes) -> None:
        if self._stopped:
            self._throw_away(len(data))
            return
        if self._began_at is None:
            self._began_at = self.loop.time()
        try:
            if len(data) <= SLICE_BYTES:
                self._feed(data)
            else:
                view = memoryview(data)
                for start in range(0, len(data), SLICE_BYTES):
                    self._feed(bytes(view[start : start + SLICE_BYTES]))
        except _HeadTooLarge:
            self._refuse(Refusal.HEAD_TOO_LARGE)
        except (_Malformed, httptools.HttpParserError):
            self._refuse(Refusal.MALFORMED)

    def _feed(self, data: bytes) -> None:
        self._unparsed_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:  # nothing is upgraded to: what follows are requests
            rest = data[upgrade.args[0] :]
            if self.scope["method"] == "CONNECT":
                raise _Malformed from None
            if rest:
                self._feed(rest)
        except httptools.HttpParserCallbackError as error:
            if isinstance(error.__context__, _HeadTooLarge):
                raise _HeadTooLarge from None
            raise _Malformed from None
        if self._head_bytes + self._unparsed_bytes > self.limits.head_bytes:
            raise _HeadTooLarge

    def on_message_begin(self) -> None:
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self._in_head = True
        self._head_bytes = self._unparsed_bytes = 0
        if self._began_at is None:
            self._began_at = self.loop.time()
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": "",
            "headers": self.headers,
            "state": self.app_state.copy(),
            CONNECTION: self,
        }
        self.scope = cast(Any, scope)

    def on_url(self, url: bytes) -> None:
        self._unparsed_bytes = 0
        self.url += url
        self._head_bytes = len(self.url)
        if len(self.url) > self.limits.target_bytes:
            raise _HeadTooLarge

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:  # a trailer; nobody may add headers after the checks of the head
            raise _Malformed
        self._head_bytes += len(name) + len(value) + 4
        self._unparsed_bytes = 0
        if self._head_bytes > self.limits.head_bytes or len(self.headers) >= self.limits.headers:
            raise _HeadTooLarge
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._head_bytes = self._unparsed_bytes = 0
        if not self.url.startswith(b"/"):
            self._check_target()
        if len(self.pipeline) >= MOST_PIPELINED:
            raise _Malformed
        version, method = self.parser.get_http_version(), self.parser.get_method()
        scope = cast("dict[str, Any]", self.scope)
        scope["method"], scope["http_version"] = method.decode("ascii"), version
        scope["path"], scope["raw_path"], scope["query_string"] = _target(self.url)
        self._begin_cycle(keep_alive=version != "1.0" and self.parser.should_keep_alive())
        self._in_head, self.in_body = False, True

    def _begin_cycle(self, *, keep_alive: bool) -> None:
        """The request's task, now or after those of the requests before it."""
        before = self.cycle
        self.cycle = RequestCycle(
            scope=self.scope,
            transport=cast("asyncio.Transport", self._answers),
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=keep_alive,
            on_response=self.on_response_complete,
        )
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def take_body(self, scope: Any) -> bytes | None:
        """The whole body of the request with this ``scope``, where it is the newest one of the connection and
        its body has come; as `RequestCycle.whole_body`."""
        if self.in_body or self.cycle is None or self.cycle.scope is not scope:
            return None
        return self.cycle.whole_body()

    def _check_target(self) -> None:
        """An absolute target must name the host of ``Host`` (RFC 9112, 3.2.2); other forms are not served."""
        target = httptools.parse_url(self.url)
        place = target.host if target.port is None else b"%s:%d" % (target.host, target.port)
        hosts = [value.strip().lower() for name, value in self.headers if name == b"host"]
        if target.schema not in (b"http", b"https") or hosts != [place.lower()]:
            raise _Malformed
        if not target.path:
            self.url = b"/" + (b"?" + target.query if target.query else b"")

    def on_body(self, body: bytes) -> None:
        self._unparsed_bytes = 0
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.more_body = False
            cycle.message_event.set()
        self.in_body = False
        self._unparsed_bytes = 0
        self._began_at = None
        self.quiet_since = self.loop.time()

    def on_response_complete(self) -> None:
        """As uvicorn does it, without its clock for connections that rest: ``look`` ends those."""
        self._answers.flush()
        self.quiet_since = self.loop.time()
        self.server_state.total_requests += 1
        if self._lingering or self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)

    def pause_writing(self) -> None:
        self._write_paused_at = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._write_paused_at = None
        super().resume_writing()

    def look(self, now: float) -> None:
        limits = self.limits
        if self._lingering:
            if now - self.quiet_since > limits.linger_s:
                self.transport.abort()
        elif self._write_paused_at is not None and now - self._write_paused_at > limits.write_deadline_s:
            self.connected.count(Refusal.NOT_READING, self.address)
            self.transport.abort()
        elif self.at_work or self.pipeline:  # it waits for us
            return
        elif self._began_at is None:
            if now - self.quiet_since > limits.idle_s:
                self.connected.count(Refusal.IDLE, self.address)
                self.transport.close()
        elif self._in_head and now - self._began_at > limits.head_deadline_s:
            self._refuse(Refusal.HEAD_LATE)
        elif now - self._began_at > limits.request_deadline_s:
            self._refuse(Refusal.BODY_LATE)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer once, read nothing more, close."""
        if self._stopped or self.transport.is_closing():
            return
        self._stopped = True
        self.connected.count(refusal, self.address)
        log.debug("connection_refused", reason=refusal.value, address=self.address)
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            if not self.in_body:  # else the answer was given already
                self._answer(refusal)
            self.linger()
        elif not cycle.more_body:  # whole requests are answered, the last of them closes
            cycle.keep_alive = False
        elif self.pipeline or cycle.response_started:  # in the middle of an answer nothing can be said
            self.transport.abort()
        else:
            self._answer(refusal)
            cycle.disconnected = True
            cycle.message_event.set()
            self.linger()

    def _answer(self, refusal: Refusal) -> None:
        given = [value for name, value in self.headers or () if name == b"accept-language"]
        language = preferred(given[0].decode("latin-1") if given else None)
        said = problem(refused(refusal, self.limits), language=language, request_id=random_id())
        lines = [STATUS_LINE[said.status]]
        lines += [b"%s: %s\r\n" % header for header in said.headers if header[0] != b"connection"]
        self.transport.write(b"".join([*lines, b"connection: close\r\n\r\n", said.body]))

    def linger(self) -> None:
        """End our side, and throw away for a while what still comes: else a reset may eat the answer."""
        self._stopped = self._lingering = True
        self.quiet_since = self.loop.time()
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()

    def _throw_away(self, length: int) -> None:
        self._thrown_away += length
        if self._lingering and self._thrown_away > self.limits.linger_bytes:
            self.transport.abort()


def _target(url: bytes) -> tuple[str, bytes, bytes]:
    """Path, path as it was written, query. Raises HttpParserError: no target."""
    return _known_target(url) if len(url) <= SHORT_TARGET_BYTES else _read_target(url)


def _read_target(url: bytes) -> tuple[str, bytes, bytes]:
    parsed = httptools.parse_url(url)
    path = parsed.path.decode("ascii")
    return unquote(path) if "%" in path else path, parsed.path, parsed.query or b""


_known_target = lru_cache(maxsize=64)(_read_target)  # tills ask for few paths, each of them often


def limited(connections: Connections) -> type[asyncio.Protocol]:
    """What ``uvicorn.Config(http=...)`` takes; it calls it for each connection."""
    return cast("type[asyncio.Protocol]", partial(LimitedProtocol, connections=connections))

"""The binary side: one message per connection, one confirmation, close.

A message that does not hold, or that a fault eats, gets no answer: the connection is closed, as real servers
do. There is no error packet in this protocol.
"""

import asyncio
from functools import partial
from typing import cast

from kkt_adapter.emulators.listening import bind_again, stop_accepting, turns
from kkt_adapter.emulators.ofd.book import OfdBook, OperatorChannel
from kkt_adapter.emulators.ofd.faults import FaultDecision, OfdFaultMode, OfdFaultPlan
from kkt_adapter.emulators.ofd.ledger import Arrival
from kkt_adapter.emulators.ofd.message import Received, read_strictly
from kkt_adapter.emulators.ofd.reply import ReplyShape, reply_bytes
from kkt_adapter.fiscal.ofd.frame import HEADER_BYTES, FrameError, parse_header
from kkt_adapter.kernel.clock import Clock

IDLE_S = 30.0  # a connection whose message is not complete by then is closed
HANG_LIMIT_S = 600.0  # a client left without an answer on purpose is let go after that
MAX_CONNECTIONS = 1000
BACKLOG = 512


class OfdTcpServer:
    """Listens, reads, enters into the book, answers. ``port`` is known after the first ``listen``."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        book: OfdBook,
        plan: OfdFaultPlan,
        shape: ReplyShape,
        clock: Clock,
        idle_s: float = IDLE_S,
    ) -> None:
        self.host = host
        self.port = port
        self.book = book
        self.plan = plan
        self.shape = shape
        self.clock = clock
        self.idle_s = idle_s
        self.connections: set[asyncio.Transport] = set()
        self._server: asyncio.Server | None = None
        self._has_listened = False

    async def listen(self) -> None:
        """Accept connections; on the same port as before if it has listened already."""
        loop = asyncio.get_running_loop()
        make = partial(_Connection, self, loop)
        self._server = await bind_again(
            lambda: loop.create_server(make, self.host, self.port, backlog=BACKLOG),
            had_it_before=self._has_listened,
        )
        self._has_listened = True
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Stop listening and cut what is open; connecting is refused from now on."""
        server, self._server = self._server, None
        if server is None:
            return
        await stop_accepting(server)
        for transport in list(self.connections):
            transport.abort()
        await server.wait_closed()
        await turns()


class _Connection(asyncio.Protocol):
    """One client: collects the message, then answers once. Bytes after the message are not looked at."""

    def __init__(self, server: OfdTcpServer, loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._loop = loop
        self._received = bytearray()
        self._size: int | None = None  # of the whole message, once its header is there
        self._complete = False
        self._answer_due = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's do not inherit from it
        self._timer = self._loop.call_later(self._server.idle_s, self._transport.abort)
        self._server.connections.add(self._transport)
        if len(self._server.connections) > MAX_CONNECTIONS:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._server.connections.discard(self._transport)

    def eof_received(self) -> bool:
        """A client may close its half and still wait for the answer."""
        if not self._complete and self._received:
            self._refuse("incomplete")
        return self._answer_due

    def data_received(self, data: bytes) -> None:
        if self._complete:
            return
        self._received += data
        try:
            if self._size is None and len(self._received) >= HEADER_BYTES:
                self._size = HEADER_BYTES + parse_header(bytes(self._received[:HEADER_BYTES])).body_size
            if self._size is not None and len(self._received) >= self._size:
                self._complete = True
                self._take(read_strictly(bytes(self._received[: self._size])))
        except FrameError as error:
            self._complete = True
            self._refuse(error.reason.value)

    def _take(self, received: Received) -> None:
        server = self._server
        decision = server.plan.judge(OperatorChannel.TCP, fn=received.fn_number, document=received.fd_number)
        if decision.mode is OfdFaultMode.HANG:
            server.book.answers["hang"] += 1
            self._timer.cancel()
            self._timer = self._loop.call_later(HANG_LIMIT_S, self._transport.abort)
            return
        if decision.mode is not OfdFaultMode.REFUSE:
            arrival = server.book.receive(
                OperatorChannel.TCP,
                fn_number=received.fn_number,
                fd_number=received.fd_number,
                code=received.code,
                raw=bytes(self._received[: self._size]),
                now=server.clock.now(),
            )
            if arrival not in (Arrival.NEW, Arrival.REPEATED):
                self._refuse(arrival.value)
                return
        if decision.delay_s:
            self._answer_due = True
            self._timer.cancel()
            self._timer = self._loop.call_later(decision.delay_s, self._answer, received, decision)
        else:
            self._answer(received, decision)

    def _answer(self, received: Received, decision: FaultDecision) -> None:
        server = self._server
        if decision.mode is OfdFaultMode.REFUSE:
            self._refuse("fault")
            return
        if decision.mode is OfdFaultMode.CLOSE:
            server.book.answers["close"] += 1
            self._transport.close()
            return
        self._transport.write(reply_bytes(received, decision, shape=server.shape, now=server.clock.now()))
        if decision.mode in (OfdFaultMode.NONE, OfdFaultMode.CODE):
            server.book.confirm(received.fn_number, received.fd_number)
            code = decision.code or received.response_code
            server.book.answers[f"code_{code}" if code else "accepted"] += 1
        else:
            server.book.answers[decision.mode.value] += 1
        self._transport.close()

    def _refuse(self, reason: str) -> None:
        self._server.book.refusals[reason] += 1
        self._transport.close()

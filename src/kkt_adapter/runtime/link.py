"""Byte streams with a deadline on every read: what binary protocols stand on.

``StreamLink`` is what a protocol needs, over any asyncio transport; ``TcpEndpoint`` opens one over TCP.
Deadlines are points on ``asyncio``'s own clock (``loop.time()``), so that one deadline covers a whole
exchange of several reads.

The only error is ``LinkFault``. What it means for a receipt is the caller's business.
"""

import asyncio
import ipaddress
import socket
from enum import StrEnum
from functools import partial
from typing import cast

READ_AHEAD_BYTES = 128 * 1024  # unread bytes at which the peer is made to wait
REMEMBER_NAME_S = 60.0  # how long a resolved host name is used without asking again
MAX_ADDRESSES = 8  # of one host name


class LinkFaultKind(StrEnum):
    TIMEOUT = "timeout"  # the deadline passed
    CONNECTION = "connection"  # refused, unreachable, reset, no such host
    CLOSED = "closed"  # the peer ended the stream before all bytes were there


class LinkFault(Exception):
    """The link cannot do what was asked; it is of no further use and must be closed."""

    def __init__(self, kind: LinkFaultKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


class StreamLink(asyncio.Protocol):
    """One open stream of bytes, used by one task at a time; over TCP here, or whatever asyncio has."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self._fault: LinkFault | None = None
        self._paused = False

    def send(self, data: bytes) -> None:
        """Queue the bytes for sending; the caller keeps what is under way small. Raises LinkFault."""
        if self._fault is not None:
            raise self._fault
        assert self._transport is not None
        self._transport.write(data)

    async def receive_exactly(self, count: int, *, deadline: float) -> bytes:
        """The next ``count`` bytes, never more or fewer. On cancel nothing is consumed.

        Raises:
            LinkFault: deadline passed (what has arrived stays readable), or the stream ended or broke.
        """
        if len(self._received) < count:
            await self._wait_for(count, deadline)
        data = bytes(self._received[:count])
        del self._received[:count]
        if self._paused and len(self._received) < READ_AHEAD_BYTES:
            self._resume()
        return data

    def close(self) -> None:
        """Give the stream up at once; may be called twice. What is still unsent is dropped."""
        if self._fault is None:
            self._fault = LinkFault(LinkFaultKind.CLOSED, "the link was closed on this side")
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's do not inherit from it

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) >= self._wanted:
            self._wake()
        if len(self._received) > max(READ_AHEAD_BYTES, self._wanted) and not self._paused:
            assert self._transport is not None
            self._transport.pause_reading()
            self._paused = True

    def eof_received(self) -> None:
        self._fail(LinkFaultKind.CLOSED, "the peer closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None:
            self._fail(LinkFaultKind.CLOSED, "the connection was closed")
        else:
            self._fail(LinkFaultKind.CONNECTION, str(exc) or type(exc).__name__)

    async def _wait_for(self, count: int, deadline: float) -> None:
        if self._fault is not None:
            raise self._fault
        self._wanted = count
        if self._paused:
            self._resume()
        self._waiter = self._loop.create_future()
        timer = self._loop.call_at(deadline, self._wake)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None
            self._wanted = 0
        if len(self._received) < count:
            raise self._fault or LinkFault(LinkFaultKind.TIMEOUT, "no answer in time")

    def _fail(self, kind: LinkFaultKind, detail: str) -> None:
        if self._fault is None:
            self._fault = LinkFault(kind, detail)
        self._wake()

    def _wake(self) -> None:
        """Enough has come, nothing more will come, or the deadline has passed: the reader sees which."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _resume(self) -> None:
        self._paused = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()


class TcpEndpoint:
    """One host and port that connections are opened to.

    A host name is resolved in a thread, by one look-up at a time however many tasks wait for it, so that
    a dead name server cannot use up the threads; the last good addresses serve while it is away.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self._is_name = not _is_address(host)
        self._known: tuple[str, ...] = () if self._is_name else (host,)
        self._fresh_until = 0.0
        self._lookup: asyncio.Future[tuple[str, ...] | str] | None = None

    async def connect(self, *, deadline: float) -> StreamLink:
        """A new connection. Each address of the name gets its share of the time; cancel leaves no socket.

        Raises:
            LinkFault: no address answered before ``deadline``.
        """
        loop = asyncio.get_running_loop()
        addresses = await self._addresses(loop, deadline)
        fault = LinkFault(LinkFaultKind.TIMEOUT, f"no connection to {self.host}:{self.port} in time")
        for position, address in enumerate(addresses):
            share = (deadline - loop.time()) / (len(addresses) - position)
            try:
                async with asyncio.timeout(share):
                    _, link = await loop.create_connection(partial(StreamLink, loop), address, self.port)
                if position:  # the next connection begins with the address that answers
                    self._known = (address, *[other for other in addresses if other != address])
                return link
            except TimeoutError:
                fault = LinkFault(LinkFaultKind.TIMEOUT, f"no connection to {self.host}:{self.port} in time")
            except OSError as error:
                fault = LinkFault(LinkFaultKind.CONNECTION, f"{self.host}:{self.port}: {error}")
        self._fresh_until = 0.0  # the name may have moved
        raise fault

    async def _addresses(self, loop: asyncio.AbstractEventLoop, deadline: float) -> tuple[str, ...]:
        if not self._is_name or loop.time() < self._fresh_until:
            return self._known
        if self._lookup is None:
            self._lookup = loop.run_in_executor(None, _resolve, self.host, self.port)
        lookup = self._lookup
        await asyncio.wait({lookup}, timeout=max(deadline - loop.time(), 0))
        if not lookup.done():
            found: tuple[str, ...] | str = "the name server does not answer"
        else:
            found = lookup.result()
            self._lookup = None
        if not isinstance(found, str):
            self._known = found
            self._fresh_until = loop.time() + REMEMBER_NAME_S
        elif not self._known:
            kind = LinkFaultKind.CONNECTION if lookup.done() else LinkFaultKind.TIMEOUT
            raise LinkFault(kind, f"{self.host}: {found}")
        return self._known


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _resolve(host: str, port: int) -> tuple[str, ...] | str:
    """The addresses of a name, or the reason why there are none; runs in a thread."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return str(error)
    addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
    return tuple(addresses)[:MAX_ADDRESSES] or "the name has no address"

"""Bytes to and from a device: a TCP connection, or a serial line (extra ``serial``)."""

import asyncio
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

DEFAULT_BAUDRATE = 115200
INBOX_LIMIT = 1 << 20  # bytes that nobody has read; more than that is no register at the other end


class WireError(Exception):
    """The line is gone, or was never there. Says nothing of what had been sent over it."""


class Wire(Protocol):
    """One line. Bytes are read by one task at a time; ``open`` may be called again after ``close``."""

    address: str
    begins_empty: bool  # what was sent before ``open`` cannot be answered after it

    async def open(self, *, within_s: float) -> None:
        """Raises WireError."""
        ...

    def write(self, data: bytes) -> None:
        """Raises WireError when the line is known to be gone; never waits."""
        ...

    async def read(self, size: int, *, within_s: float) -> bytes | None:
        """Exactly ``size`` bytes; None when they have not come in time (what has come stays).

        Raises:
            WireError: the line ended.
        """
        ...

    def drop_input(self) -> None:
        """Forget what has come and was not read."""
        ...

    async def close(self) -> None:
        """May be called twice."""
        ...


def wire_for(address: str) -> Wire:
    """``tcp://HOST:PORT`` or ``serial:///dev/ttyUSB0?baudrate=115200``.

    Raises:
        ValueError: another kind of address.
    """
    parts = urlsplit(address)
    if parts.scheme == "tcp" and parts.hostname and parts.port is not None:
        return TcpWire(parts.hostname, parts.port)
    if parts.scheme == "serial" and len(parts.path) > 1:
        baudrate = parse_qs(parts.query).get("baudrate", [str(DEFAULT_BAUDRATE)])[0]
        return SerialWire(parts.path, int(baudrate))
    raise ValueError(f"no address of a Shtrih-M register: {address}")


class Inbox:
    """Bytes that have come, and the one task that waits for more."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ended: str | None = None
        self._waiter: asyncio.Future[None] | None = None

    def put(self, data: bytes) -> None:
        self._bytes += data
        if len(self._bytes) > INBOX_LIMIT:
            self.end("far more bytes than any answer has")
        self._wake()

    def end(self, why: str) -> None:
        self._ended = self._ended or why
        self._wake()

    def drop(self) -> None:
        self._bytes.clear()

    @property
    def ended(self) -> str | None:
        return self._ended

    async def read(self, size: int, *, within_s: float) -> bytes | None:
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        while len(self._bytes) < size:
            if self._ended is not None:
                raise WireError(self._ended)
            left_s = until - loop.time()
            if left_s <= 0:
                return None
            self._waiter = loop.create_future()
            timer = loop.call_later(left_s, self._wake)
            try:
                await self._waiter
            finally:
                timer.cancel()
                self._waiter = None
        found = bytes(self._bytes[:size])
        del self._bytes[:size]
        return found

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class _Receiver(asyncio.Protocol):
    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def data_received(self, data: bytes) -> None:
        self._inbox.put(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._inbox.end("the connection ended" if exc is None else f"the connection broke: {exc}")


class TcpWire:
    """The device is the server; port 7778 from the factory."""

    def __init__(self, host: str, port: int) -> None:
        self.address = f"tcp://{host}:{port}"
        self.begins_empty = True
        self._host, self._port = host, port
        self._transport: asyncio.Transport | None = None
        self._inbox = Inbox()

    async def open(self, *, within_s: float) -> None:
        await self.close()
        inbox = Inbox()
        try:
            async with asyncio.timeout(within_s):
                transport, _ = await asyncio.get_running_loop().create_connection(
                    lambda: _Receiver(inbox), self._host, self._port
                )
        except TimeoutError as error:
            raise WireError(f"no connection within {within_s:g} s") from error
        except OSError as error:
            raise WireError(error.strerror or str(error)) from error
        self._transport, self._inbox = transport, inbox

    def write(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            raise WireError(self._inbox.ended or "not connected")
        self._transport.write(data)

    async def read(self, size: int, *, within_s: float) -> bytes | None:
        if self._transport is None:
            raise WireError("not connected")
        return await self._inbox.read(size, within_s=within_s)

    def drop_input(self) -> None:
        self._inbox.drop()

    async def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()
            self._transport = None


class SerialWire:
    """RS-232, USB-CDC or a pseudo terminal: 8N1, no flow control."""

    def __init__(self, path: str, baudrate: int = DEFAULT_BAUDRATE) -> None:
        self.address = f"serial://{path}?baudrate={baudrate}"
        self.begins_empty = False
        self._path, self._baudrate = path, baudrate
        self._port: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._inbox = Inbox()

    async def open(self, *, within_s: float) -> None:
        await self.close()
        serial = _pyserial()
        try:
            port = await asyncio.to_thread(
                serial.Serial, self._path, self._baudrate, timeout=0, write_timeout=0, exclusive=True
            )
        except (OSError, ValueError) as error:  # pyserial's own error is an OSError
            raise WireError(str(error)) from error
        self._port, self._inbox, self._loop = port, Inbox(), asyncio.get_running_loop()
        self._loop.add_reader(port.fileno(), self._arrived)

    def write(self, data: bytes) -> None:
        if self._port is None or self._inbox.ended is not None:
            raise WireError(self._inbox.ended or "the port is not open")
        try:
            self._port.write(data)
        except OSError as error:
            self._inbox.end(str(error))
            raise WireError(str(error)) from error

    async def read(self, size: int, *, within_s: float) -> bytes | None:
        if self._port is None:
            raise WireError("the port is not open")
        return await self._inbox.read(size, within_s=within_s)

    def drop_input(self) -> None:
        self._inbox.drop()

    async def close(self) -> None:
        if self._port is not None:
            self._stop_reading()
            port, self._port = self._port, None
            port.close()

    def _arrived(self) -> None:
        try:
            data = self._port.read(max(self._port.in_waiting, 1))
        except OSError as error:
            self._stop_reading()
            self._inbox.end(f"the port is gone: {error}")
            return
        if data:
            self._inbox.put(data)

    def _stop_reading(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._port.fileno())
            self._loop = None


def _pyserial() -> Any:
    try:
        import serial
    except ImportError as error:
        raise WireError(
            "pyserial is not installed: pip install --require-hashes -r locks/service.txt "
            "(pyserial не установлен: pip install --require-hashes -r locks/service.txt)"
        ) from error
    return serial

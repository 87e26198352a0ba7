"""Where hosts reach an emulated register: a TCP port, and a pseudo terminal that stands for a serial line."""

import asyncio
import os
import tty
from pathlib import Path
from typing import cast

from kkt_adapter.emulators.listening import bind_again, stop_accepting, turns
from kkt_adapter.emulators.shtrih.line import Cut, EmulatedShtrihDevice, PortLine

BACKLOG = 16


class TcpPort:
    """One host at a time: a new connection ends the old one, as on most devices."""

    def __init__(self, device: EmulatedShtrihDevice, *, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self._device = device
        self._server: asyncio.Server | None = None
        self._current: _Connection | None = None
        self._has_listened = False

    async def listen(self) -> None:
        """Raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await bind_again(
            lambda: loop.create_server(
                lambda: _Connection(self, self._device), self.host, self.port, backlog=BACKLOG
            ),
            had_it_before=self._has_listened,
        )
        self._has_listened = True
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Stop listening and end the connection. May be called twice."""
        if self._server is not None:
            server, self._server = self._server, None
            await stop_accepting(server)
        self.drop()
        await turns()

    def drop(self) -> None:
        """End the connection; the next one is accepted."""
        if self._current is not None:
            self._current.end()

    def began(self, connection: "_Connection") -> None:
        if self._server is None:  # accepted a moment before the port was closed
            connection.end()
            return
        if self._current is not None:
            self._current.end()
        self._current = connection

    def ended(self, connection: "_Connection") -> None:
        if self._current is connection:
            self._current = None
            self._device.machine.session_ended()


class _Connection(asyncio.Protocol):
    def __init__(self, port: TcpPort, device: EmulatedShtrihDevice) -> None:
        self._port = port
        self._device = device
        self._transport: asyncio.Transport | None = None
        self._inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class
        self._port.began(self)
        self._task = asyncio.get_running_loop().create_task(self._serve())

    def data_received(self, data: bytes) -> None:
        self._inbox.put_nowait(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._port.ended(self)
        self._inbox.put_nowait(b"")

    def end(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    async def _serve(self) -> None:
        line = PortLine(self._device, self._write)
        try:
            while data := await self._inbox.get():
                await line.feed(data)
        except Cut:
            self._close_after_writing()

    def _write(self, data: bytes) -> None:
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _close_after_writing(self) -> None:
        """What was written goes out first: a cut after n bytes means n bytes."""
        if self._transport is not None:
            self._transport.close()


class PtyPort:
    """A pseudo terminal; ``path`` is a link to it that a host opens like a serial port."""

    def __init__(self, device: EmulatedShtrihDevice, path: Path) -> None:
        self.path = path
        self._device = device
        self._master = -1
        self._slave = -1
        self._inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Raises OSError: no pseudo terminals here, or the link cannot be made."""
        self._master, self._slave = os.openpty()  # the slave stays open: hosts come and go
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        if self.path.is_symlink():
            self.path.unlink()
        self.path.symlink_to(os.ttyname(self._slave))
        loop = asyncio.get_running_loop()
        loop.add_reader(self._master, self._arrived)
        self._task = loop.create_task(self._serve())

    async def close(self) -> None:
        """May be called twice."""
        if self._master < 0:
            return
        asyncio.get_running_loop().remove_reader(self._master)
        self._inbox.put_nowait(b"")
        if self._task is not None:
            await self._task
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = -1
        if self.path.is_symlink():
            self.path.unlink()

    def _arrived(self) -> None:
        try:
            data = os.read(self._master, 4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._inbox.put_nowait(data)

    async def _serve(self) -> None:
        line = PortLine(self._device, self._write)
        while data := await self._inbox.get():
            try:
                await line.feed(data)
            except Cut:  # a serial line does not end: what was on its way is gone
                line = PortLine(self._device, self._write)

    def _write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._master, data) :]
            except BlockingIOError:
                return

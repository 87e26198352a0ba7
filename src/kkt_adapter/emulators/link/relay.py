"""The relay: bytes in, bytes out, and a fault for an exchange now and then.

It knows no protocol. A fault is taken when the first bytes of a connection arrive; that connection is then
played, request and answer, and ended. Without a fault bytes pass as they come, in both directions.
"""

import asyncio
from contextlib import suppress

from kkt_adapter.emulators.link.faults import LinkMode, LinkPlan, RelayFault
from kkt_adapter.emulators.listening import stop_accepting

READ_BYTES = 64 * 1024
ANSWER_LIMIT_BYTES = 256 * 1024  # of the last answer, kept for ``stale``
CONNECT_S = 5.0
ANSWER_S = 30.0  # an exchange nobody answers is given up
QUIET_S = 0.05  # a request is whole when nothing more has come for this long


class FlakyLink:
    """Listens on loopback and relays every connection to ``host:port``; ``plan`` says what goes wrong."""

    def __init__(self, host: str, port: int) -> None:
        self.plan = LinkPlan()
        self.port = 0
        self.in_vain = 0  # times the other end could not be reached
        self._host = host
        self._target = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_answer = b""

    async def start(self) -> None:
        """Listen on a free port. Raises OSError."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Cut everything; may be called twice."""
        if self._server is not None:
            server, self._server = self._server, None
            await stop_accepting(server)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Break every open connection at once."""
        for task in list(self._tasks):
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self._server is None:  # accepted a moment before the link was closed
            writer.transport.abort()
            return
        self._tasks.add(task)
        whole = False
        try:
            whole = await _Connection(self, reader, writer).serve()
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass  # a broken line is what this is for
        finally:
            self._tasks.discard(task)
            if whole:
                writer.close()
            else:
                writer.transport.abort()

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the other end."""
        try:
            async with asyncio.timeout(CONNECT_S):
                return await asyncio.open_connection(self._host, self._target)
        except (OSError, TimeoutError):
            self.in_vain += 1
            raise

    def remember(self, answer: bytes) -> None:
        self._last_answer = answer[:ANSWER_LIMIT_BYTES]

    @property
    def last_answer(self) -> bytes:
        return self._last_answer

    def send_later(self, request: bytes, delay_s: float) -> None:
        """Deliver a request after its sender may have gone."""
        task = asyncio.create_task(self._send_later(request, delay_s))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_later(self, request: bytes, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        with suppress(OSError, TimeoutError):
            await self.ask(request)

    async def ask(self, request: bytes) -> bytes:
        """One exchange of its own: the whole answer, until the other end closes or falls silent."""
        reader, writer = await self.open()
        try:
            writer.write(request)
            await writer.drain()
            async with asyncio.timeout(ANSWER_S):
                return await _until_quiet(reader)
        finally:
            writer.close()


class _Connection:
    def __init__(self, link: FlakyLink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._link = link
        self._reader = reader
        self._writer = writer

    async def serve(self) -> bool:
        """One fault when the connection begins, or whatever passes. False: it ends with a reset."""
        first = await self._reader.read(READ_BYTES)
        if not first:
            return True
        fault = self._link.plan.take()
        if fault is None:
            await self._relay(first)
            return True
        if fault.mode is LinkMode.CUT:
            return False
        return await self._play(fault, first + await _until_quiet(self._reader, wait=False))

    async def _play(self, fault: RelayFault, request: bytes) -> bool:
        link = self._link
        match fault.mode:
            case LinkMode.CUT_ANSWER:
                await link.ask(request)
                return False
            case LinkMode.LATE:
                link.send_later(request, fault.delay_s)
                await asyncio.sleep(fault.delay_s)
                return False
            case LinkMode.STALE:
                answer = link.last_answer
            case LinkMode.DUPLICATE:
                await link.ask(request)
                answer = await link.ask(request)
            case LinkMode.DUPLICATE_ANSWER:
                answer = 2 * await link.ask(request)
            case LinkMode.DELAY:
                answer = await link.ask(request)
                await asyncio.sleep(fault.delay_s)
            case _:
                answer = await link.ask(request)
                answer = answer[: len(answer) // 2]
        self._writer.write(answer)
        await self._writer.drain()
        return True

    async def _relay(self, first: bytes) -> None:
        reader, writer = await self._link.open()
        try:
            writer.write(first)
            await writer.drain()
            back = asyncio.create_task(self._back(reader))
            forth = asyncio.create_task(_pump(self._reader, writer))
            try:
                await asyncio.wait((back, forth), return_when=asyncio.FIRST_COMPLETED)
                if forth.done() and not back.done():  # the client may have closed its half only
                    await asyncio.wait((back,), timeout=ANSWER_S)
            finally:
                for task in (back, forth):
                    task.cancel()
                await asyncio.gather(back, forth, return_exceptions=True)
        finally:
            writer.close()

    async def _back(self, reader: asyncio.StreamReader) -> None:
        answer = b""
        while data := await reader.read(READ_BYTES):
            if len(answer) < ANSWER_LIMIT_BYTES:
                answer += data
                self._link.remember(answer)
            self._writer.write(data)
            await self._writer.drain()
        if self._writer.can_write_eof():
            self._writer.write_eof()
        await asyncio.sleep(0)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(READ_BYTES):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def _until_quiet(reader: asyncio.StreamReader, *, wait: bool = True) -> bytes:
    """Bytes until the stream ends or is quiet; with ``wait`` the first ones are waited for."""
    collected = b""
    while True:
        try:
            async with asyncio.timeout(None if wait and not collected else QUIET_S):
                data = await reader.read(READ_BYTES)
        except TimeoutError:
            return collected
        if not data:
            return collected
        collected += data

"""Listening, going away and listening again on the same port."""

import asyncio
import errno
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiohttp import web

T = TypeVar("T")

TRIES = 50
STOP_WITHIN_S = 0.1  # requests under way get this long when the listener is cut
BACKLOG = 512
TURNS = 4  # of the loop: accepted, made, told, served
PAUSE_S = 0.1  # between two tries: a passing client may hold the port as its own for a moment


async def bind_again(bind: Callable[[], Awaitable[T]], *, had_it_before: bool) -> T:
    """The result of ``bind``; a port that was ours is tried for five seconds while it is in use.

    Raises:
        OSError: the address stayed in use, or binding failed otherwise.
    """
    for _ in range(TRIES - 1 if had_it_before else 0):
        try:
            return await bind()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        await asyncio.sleep(PAUSE_S)
    return await bind()


async def stop_accepting(server: asyncio.Server) -> None:
    """Close a listener; whoever then ends all connections ends every one that it has accepted.

    What the kernel has handed over becomes a connection only some turns of the loop later, and would be lost
    on its way to a server that is closed by then.
    """
    loop = asyncio.get_running_loop()
    for listening in server.sockets:
        loop.remove_reader(listening.fileno())
    await turns()
    server.close()


async def turns() -> None:
    """What was begun with connections, being made or ended, is done."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


class HttpListener:
    """An application on a port, cut and come back; ``port`` is known after the first ``listen``."""

    def __init__(self, *, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None
        self._has_listened = False

    async def listen(self, app: web.Application) -> None:
        """Accept connections; on the same port as before if it has listened already.

        Raises:
            OSError: the port is taken.
        """
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_WITHIN_S)
        await runner.setup()

        async def start() -> asyncio.Server:
            loop = asyncio.get_running_loop()
            assert runner.server is not None
            return await loop.create_server(runner.server, self.host, self.port, backlog=BACKLOG)

        self._runner = runner
        self._server = await bind_again(start, had_it_before=self._has_listened)
        self._has_listened = True
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Stop listening and cut what is open; connecting is refused from now on. May be called twice."""
        if self._runner is not None:
            if self._server is not None:
                await stop_accepting(self._server)
                self._server = None
            await self._runner.cleanup()
            self._runner = None

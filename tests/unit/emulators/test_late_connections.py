"""No connection outlives its server: not even one that was accepted in the moment when the server stopped."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from kkt_adapter.emulators.link import FlakyLink
from kkt_adapter.emulators.listening import HttpListener
from kkt_adapter.emulators.ofd import OfdEmulator

Stop = Callable[[], Awaitable[None]]


async def operator() -> tuple[int, Stop]:
    emulator = OfdEmulator(control_port=None)
    await emulator.start()
    return emulator.port, emulator.stop


async def operator_http() -> tuple[int, Stop]:
    emulator = OfdEmulator(control_port=None)
    await emulator.start()
    return emulator.http_port, emulator.stop


async def line() -> tuple[int, Stop]:
    link = FlakyLink("127.0.0.1", 1)
    await link.start()
    return link.port, link.stop


async def any_http() -> tuple[int, Stop]:
    listener = HttpListener(host="127.0.0.1", port=0)
    await listener.listen(web.Application())
    return listener.port, listener.cut


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("start", [operator, operator_http, line, any_http])
async def test_a_connection_that_comes_as_a_server_stops_is_ended(
    start: Callable[[], Awaitable[tuple[int, Stop]]], turns: int
):
    port, stop = await start()
    with socket.create_connection(("127.0.0.1", port)) as client:  # the kernel accepts; the loop stands
        client.setblocking(False)
        for _ in range(turns):
            await asyncio.sleep(0)
        await stop()

        try:
            async with asyncio.timeout(60):
                received = await asyncio.get_running_loop().sock_recv(client, 1)
        except ConnectionResetError:
            received = b""
    assert received == b""

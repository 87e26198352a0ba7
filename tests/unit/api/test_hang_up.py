"""Whether a client has closed its connection, asked of the system before the event loop has heard of it."""

import asyncio
import socket
import struct
import sys
from collections.abc import Callable

import pytest
import uvloop

from kkt_adapter.api.wire.hang_up import asked_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems are not asked")

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset


def _close(client: socket.socket) -> None:
    client.close()


def _end_sending(client: socket.socket) -> None:
    client.sendall(b"unread")
    client.shutdown(socket.SHUT_WR)


def _reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.close()


@pytest.mark.parametrize("loop_factory", [uvloop.new_event_loop, asyncio.new_event_loop])
@pytest.mark.parametrize("leave", [_close, _end_sending, _reset])
def test_the_system_knows_that_a_client_has_left(
    leave: Callable[[socket.socket], None], loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def ask() -> None:
        loop = asyncio.get_running_loop()
        came: asyncio.Future[asyncio.BaseTransport] = loop.create_future()

        class Server(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                came.set_result(transport)

        server = await loop.create_server(Server, "127.0.0.1", 0)
        with socket.create_connection(server.sockets[0].getsockname()) as client:
            transport = await came
            has_closed = asked_of(transport)
            assert has_closed is not None
            assert not has_closed()
            leave(client)
            while not has_closed():  # the loop stands still, so it hears of nothing
                pass
            assert not transport.is_closing()
        transport.close()
        server.close()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(ask())


def test_a_socket_that_is_no_tcp_cannot_be_asked() -> None:
    async def ask() -> None:
        ours, theirs = socket.socketpair()
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
        assert asked_of(transport) is None
        transport.close()
        theirs.close()

    asyncio.run(ask())

"""A reserved port is ours: nobody is given it, and a server of ours can listen there again and again."""

import asyncio
import errno
import socket

import pytest

from kkt_adapter.lab.ports import ReservedPort


def test_no_other_socket_can_take_it():
    port = ReservedPort()

    with socket.socket() as other, pytest.raises(OSError) as refused:
        other.bind(("127.0.0.1", port.number))

    assert refused.value.errno == errno.EADDRINUSE


async def test_a_server_listens_there_again_and_again():
    port = ReservedPort()
    for _ in range(3):
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port.number)
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
        assert await reader.read() == b""
        writer.close()
        server.close()
        await server.wait_closed()


async def test_while_nobody_listens_a_connection_is_refused():
    port = ReservedPort()

    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port.number)

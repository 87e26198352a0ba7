"""The byte stream under the binary protocols."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.support.ofd import raw_server

from kkt_adapter.runtime.link import READ_AHEAD_BYTES, LinkFault, LinkFaultKind, TcpEndpoint

LOOPBACK = "127.0.0.1"


def soon(seconds: float = 2.0) -> float:
    return asyncio.get_running_loop().time() + seconds


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with raw_server(echo) as port:
        yield port


async def test_bytes_are_read_in_the_portions_asked_for(port: int):
    link = await TcpEndpoint(LOOPBACK, port).connect(deadline=soon())
    link.send(b"abcdefghij")
    portions = [await link.receive_exactly(count, deadline=soon()) for count in (1, 0, 4, 5)]
    assert portions == [b"a", b"", b"bcde", b"fghij"]
    link.close()


async def test_bytes_that_came_before_a_timeout_stay_readable(port: int):
    link = await TcpEndpoint(LOOPBACK, port).connect(deadline=soon())
    link.send(b"abc")
    with pytest.raises(LinkFault) as caught:
        await link.receive_exactly(4, deadline=soon(0.05))
    assert caught.value.kind is LinkFaultKind.TIMEOUT
    link.send(b"d")
    assert await link.receive_exactly(4, deadline=soon()) == b"abcd"
    link.close()


async def test_a_cancelled_read_consumes_nothing(port: int):
    link = await TcpEndpoint(LOOPBACK, port).connect(deadline=soon())
    link.send(b"abc")
    reading = asyncio.ensure_future(link.receive_exactly(4, deadline=soon()))
    await asyncio.sleep(0.05)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await link.receive_exactly(3, deadline=soon()) == b"abc"
    link.close()


async def test_the_end_of_the_stream_is_told_after_the_last_byte():
    async def respond(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"abc")

    async with raw_server(respond) as port:
        link = await TcpEndpoint(LOOPBACK, port).connect(deadline=soon())
        await asyncio.sleep(0.05)
        assert await link.receive_exactly(2, deadline=soon()) == b"ab"
        with pytest.raises(LinkFault) as caught:
            await link.receive_exactly(2, deadline=soon())
        assert caught.value.kind is LinkFaultKind.CLOSED
        with pytest.raises(LinkFault):
            link.send(b"x")
        link.close()


async def test_a_closed_link_is_of_no_use(port: int):
    link = await TcpEndpoint(LOOPBACK, port).connect(deadline=soon())
    link.close()
    link.close()
    with pytest.raises(LinkFault):
        link.send(b"x")
    with pytest.raises(LinkFault):
        await link.receive_exactly(1, deadline=soon())


async def test_a_talkative_peer_is_made_to_wait():
    sent = 0

    async def respond(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        while sent < 64 * 1024 * 1024:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    async with raw_server(respond) as port:
        link = await TcpEndpoint(LOOPBACK, port).connect(deadline=soon())
        stalled = -1
        while sent != stalled:
            stalled = sent
            await asyncio.sleep(0.1)
        assert sent < 64 * 1024 * 1024
        more = READ_AHEAD_BYTES * 3
        assert await link.receive_exactly(more, deadline=soon()) == b"x" * more
        link.close()


async def test_nobody_listening_is_a_connection_fault():
    async with raw_server(echo) as port:
        pass
    with pytest.raises(LinkFault) as caught:
        await TcpEndpoint(LOOPBACK, port).connect(deadline=soon())
    assert caught.value.kind is LinkFaultKind.CONNECTION


async def test_a_name_is_resolved_once_for_many_connections(port: int):
    endpoint = TcpEndpoint("localhost", port)
    links = await asyncio.gather(*[endpoint.connect(deadline=soon()) for _ in range(10)])
    for link in links:
        link.close()


async def test_a_name_that_cannot_exist_is_a_connection_fault():
    with pytest.raises(LinkFault) as caught:
        await TcpEndpoint("x" * 64 + ".example", 1).connect(deadline=soon())
    assert caught.value.kind is LinkFaultKind.CONNECTION


async def test_a_deadline_in_the_past_is_a_timeout_at_once(port: int):
    with pytest.raises(LinkFault) as caught:  # somebody listens: to wait would connect
        await TcpEndpoint(LOOPBACK, port).connect(deadline=soon(-1))
    assert caught.value.kind is LinkFaultKind.TIMEOUT

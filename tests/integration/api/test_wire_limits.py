"""What one connection may send, how long it may take and how many there may be: over raw sockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.support.api import SALE, Edge, a_key, server_of

from kkt_adapter.api.wire.connections import Refusal
from kkt_adapter.api.wire.limits import WireLimits
from kkt_adapter.api.wire.protocol import LimitedProtocol
from kkt_adapter.api.wire.server import HttpServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEAD = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n"
QUICK = WireLimits(
    head_deadline_s=0.0, request_deadline_s=0.0, idle_s=1000.0, linger_s=5.0
)  # over at the first look


class Wire:
    """One connection to the server under test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def rest(self) -> bytes:
        """Everything until the server ends the connection; a reset counts as an end."""
        try:
            async with asyncio.timeout(60):
                return await self.reader.read()
        except ConnectionError:
            return b""

    async def answer(self) -> bytes:
        async with asyncio.timeout(60):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = [int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length")]
            return head + await self.reader.readexactly(length[0])


def port_of(server: HttpServer) -> int:
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port


@asynccontextmanager
async def wire(server: HttpServer) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


async def until(server: HttpServer, connections: int) -> None:
    async with asyncio.timeout(60):
        while len(server.connected) != connections:  # noqa: ASYNC110 -- connections come and go by themselves
            await asyncio.sleep(0.005)


def problem_in(answer: bytes) -> dict[str, object]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    read: dict[str, object] = json.loads(body)
    return read


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        (HEAD + b"X: 1\r\n" * 100_000, 431, "HEADERS_TOO_LARGE"),
        (HEAD + b"X: " + b"a" * 3_000_000, 431, "HEADERS_TOO_LARGE"),
        (b"GET /" + b"a" * 3_000_000, 431, "HEADERS_TOO_LARGE"),
        (HEAD + b"N" * 3_000_000, 431, "HEADERS_TOO_LARGE"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 40, 400, "BAD_REQUEST"),
        (b"HELLO\r\n\r\n", 400, "BAD_REQUEST"),
        (b"CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400, "BAD_REQUEST"),
        (b"GET /h\xc3\xa9 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400, "BAD_REQUEST"),
        (b"GET http://evil.example/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400, "BAD_REQUEST"),
        (b"GET ftp://127.0.0.1/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400, "BAD_REQUEST"),
        (HEAD + b"Host: localhost\r\n\r\n", 400, "BAD_REQUEST"),
        (HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "BAD_REQUEST"),
    ],
)
async def test_a_head_that_cannot_be_taken_is_refused_in_the_one_error_body(
    edge: Edge, head: bytes, status: int, code: str
) -> None:
    async with server_of(edge.app()) as server, wire(server) as one:
        one.writer.write(head)  # the server may end the connection before it has read all of it
        answer = await one.rest() if status == 431 or b"localhost" not in head else await one.answer()
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == code


async def test_a_refusal_speaks_the_language_that_was_asked_for(edge: Edge) -> None:
    async with server_of(edge.app()) as server, wire(server) as one:
        await one.send(HEAD + b"Accept-Language: ru\r\n" + b"X: " + b"a" * 40_000 + b"\r\n\r\n")
        assert problem_in(await one.rest())["title"] == "Заголовки запроса слишком велики"


@pytest.mark.parametrize("part", [1, 7, 4096])
async def test_a_head_at_the_limit_is_taken_however_it_is_cut(edge: Edge, part: int) -> None:
    value = b"a" * (WireLimits().head_bytes - 200 if part > 1 else 600)
    head = HEAD + b"X: " + value + b"\r\n\r\n"
    async with server_of(edge.app()) as server, wire(server) as one:
        for start in range(0, len(head), part):
            one.writer.write(head[start : start + part])
        assert (await one.answer()).startswith(b"HTTP/1.1 200")


async def test_what_the_parser_keeps_of_a_refused_head_is_bounded(edge: Edge) -> None:
    async with server_of(edge.app()) as server, wire(server) as one:
        await one.send(HEAD)
        await until(server, 1)
        [connection] = server.connected.opened()
        assert isinstance(connection, LimitedProtocol)
        one.writer.write(b"X: 1\r\n" * 500_000)
        await one.rest()
        assert len(connection.headers) <= WireLimits().headers
        assert server.connected.refused[Refusal.HEAD_TOO_LARGE] == 1


@pytest.mark.parametrize(
    "target", [b"http://127.0.0.1/health", b"http://127.0.0.1", b"/health?x=1", b"http://127.0.0.1?x=1"]
)
async def test_a_target_with_the_right_host_is_answered(edge: Edge, target: bytes) -> None:
    async with server_of(edge.app()) as server, wire(server) as one:
        await one.send(b"GET " + target + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert (await one.answer()).startswith(b"HTTP/1.1 200")


async def test_an_offer_to_upgrade_is_passed_over_and_the_connection_lives_on(edge: Edge) -> None:
    upgrade = HEAD + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n\r\n"
    async with server_of(edge.app()) as server, wire(server) as one:
        await one.send(upgrade + HEAD + b"\r\n")
        for _ in range(2):
            assert (await one.answer()).startswith(b"HTTP/1.1 200")
        await one.send(HEAD + b"\r\n")
        assert (await one.answer()).startswith(b"HTTP/1.1 200")


async def test_trailers_are_refused(edge: Edge) -> None:
    before = await edge.stored()
    body = json.dumps(SALE).encode()
    async with server_of(edge.app()) as server, wire(server) as one:
        await one.send(
            b"POST /v1/kkt/receipt HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Idempotency-Key: " + a_key().encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"%x\r\n%s\r\n0\r\nAuthorization: Bearer x\r\n\r\n" % (len(body), body)
        )
        assert (await one.rest()).startswith(b"HTTP/1.1 400")
    assert await edge.stored() == before


async def test_a_sale_at_work_is_answered_though_rubbish_follows(edge: Edge) -> None:
    before = await edge.stored()
    async with server_of(edge.app()) as server, wire(server) as one:
        with edge.printing_held():
            await one.send(sale() + b"\x00\x00rubbish\r\n\r\n")
            await edge.until_stored(before + 1)
        answer = await one.rest()
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.count(b"HTTP/1.1") == 1


async def test_one_connection_queues_a_bounded_number_of_requests(edge: Edge) -> None:
    async with server_of(edge.app()) as server, wire(server) as one:
        one.writer.write((HEAD + b"\r\n") * 5_000)
        answers = await one.rest()
        assert 1 <= answers.count(b"HTTP/1.1 200") <= 20


@pytest.mark.parametrize(
    ("sent", "refusal"),
    [
        (HEAD, Refusal.HEAD_LATE),
        (b"G", Refusal.HEAD_LATE),
        (b"POST /health HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n1", Refusal.BODY_LATE),
    ],
)
async def test_a_request_that_does_not_end_is_ended(edge: Edge, sent: bytes, refusal: Refusal) -> None:
    async with server_of(edge.app(), limits=QUICK) as server, wire(server) as one:
        await one.send(sent)
        answer = await one.rest()
        assert server.connected.refused[refusal] == 1
        if refusal is Refusal.HEAD_LATE:
            assert problem_in(answer)["code"] == "REQUEST_TIMEOUT"
        else:
            assert answer.count(b"HTTP/1.1") == 1, "the route has answered without the body"
        one.writer.close()
        await until(server, 0)


async def test_a_connection_that_asks_nothing_is_ended(edge: Edge) -> None:
    async with server_of(edge.app(), limits=WireLimits(idle_s=0.0)) as server, wire(server) as one:
        assert await one.rest() == b""
        assert server.connected.refused[Refusal.IDLE] == 1
        await until(server, 0)


async def test_a_client_that_does_not_read_is_ended(edge: Edge) -> None:
    limits = WireLimits(write_deadline_s=0.0)
    async with server_of(edge.app(), limits=limits) as server, wire(server) as one:
        one.reader._transport.pause_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(60):
            while not server.connected.refused[Refusal.NOT_READING]:
                one.writer.write(b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                await asyncio.sleep(0.005)


async def test_a_sale_at_work_has_all_the_time_it_needs(edge: Edge) -> None:
    before = await edge.stored()
    async with server_of(edge.app(), limits=WireLimits(idle_s=0.0)) as server, wire(server) as one:
        with edge.printing_held():
            one.writer.write(sale())
            await edge.until_stored(before + 1)
            server.connected.look(asyncio.get_running_loop().time() + 1000)
        assert (await one.answer()).startswith(b"HTTP/1.1 200")


def sale(token: str | None = None) -> bytes:
    body = json.dumps(SALE).encode()
    who = b"" if token is None else f"Authorization: Bearer {token}\r\n".encode()
    return (
        b"POST /v1/kkt/receipt HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Idempotency-Key: "
        + a_key().encode()
        + b"\r\n"
        + who
        + b"Content-Length: %d\r\n\r\n" % len(body)
        + body
    )


async def test_connections_that_hold_a_place_lose_it_to_a_till(edge: Edge) -> None:
    limits = WireLimits(connections=16)
    async with server_of(edge.app(auth_open=False), limits=limits) as server:
        holding = [await asyncio.open_connection("127.0.0.1", port_of(server)) for _ in range(60)]
        try:
            for _, writer in holding:
                writer.write(b"GET /v1")
            async with wire(server) as till:
                await till.send(sale(edge.tokens["till-1"]))
                assert (await till.answer()).startswith(b"HTTP/1.1 200")
            assert len(server.connected) <= 12, "the reserve is not theirs"
            assert server.connected.refused[Refusal.EVICTED] >= 48
        finally:
            for _, writer in holding:
                writer.transport.abort()


async def test_a_till_that_has_shown_its_token_keeps_its_connection(edge: Edge) -> None:
    limits = WireLimits(connections=16)
    async with server_of(edge.app(auth_open=False), limits=limits) as server, wire(server) as till:
        await till.send(sale(edge.tokens["till-1"]))
        assert (await till.answer()).startswith(b"HTTP/1.1 200")
        holding = [await asyncio.open_connection("127.0.0.1", port_of(server)) for _ in range(40)]
        try:
            await till.send(sale(edge.tokens["till-1"]))
            assert (await till.answer()).startswith(b"HTTP/1.1 200")
        finally:
            for _, writer in holding:
                writer.transport.abort()


async def test_a_wrong_token_gives_no_right_to_a_place(edge: Edge) -> None:
    async with server_of(edge.app(auth_open=False)) as server, wire(server) as one:
        await one.send(sale("wrong"))
        assert (await one.answer()).startswith(b"HTTP/1.1 401")
        assert [connection.proven for connection in server.connected.opened()] == [False]


async def test_a_slow_body_holds_no_place_among_those_at_work(edge: Edge) -> None:
    async with server_of(edge.app(max_in_flight=1)) as server, wire(server) as slow, wire(server) as till:
        await slow.send(sale()[:-5])
        await until(server, 2)
        await till.send(sale())
        assert (await till.answer()).startswith(b"HTTP/1.1 200")

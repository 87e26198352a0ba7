"""The HTTP profile over real sockets: against the emulator, and against servers that misbehave."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.ofd import RECEIPT_ID, a_receipt_body, raw_server

from kkt_adapter.emulators.ofd import Duplicates, OfdEmulator, OfdFault, OfdFaultMode
from kkt_adapter.fiscal.ofd.gateway import HttpReply
from kkt_adapter.fiscal.ofd.http import HttpOfd
from kkt_adapter.kernel.errors import OfdError, OfdProtocolError, OfdRejected, OfdUnavailable

TIMEOUT_S = 60.0  # where an answer comes
SHORT_S = 0.5  # where none comes in time


@pytest.fixture(params=[Duplicates.ACCEPT, Duplicates.CONFLICT])
def duplicates(request: pytest.FixtureRequest) -> Duplicates:
    return Duplicates(request.param)


@pytest.fixture
async def operator(duplicates: Duplicates) -> AsyncIterator[OfdEmulator]:
    emulator = OfdEmulator(port=None, control_port=None, duplicates=duplicates)
    await emulator.start()
    yield emulator
    await emulator.stop()


@pytest.fixture
async def gateway(operator: OfdEmulator) -> AsyncIterator[HttpOfd]:
    client = HttpOfd(f"http://127.0.0.1:{operator.http_port}/", timeout_s=TIMEOUT_S)
    yield client
    await client.close()


async def test_a_receipt_is_accepted(operator: OfdEmulator, gateway: HttpOfd):
    reply = await gateway.deliver(RECEIPT_ID, a_receipt_body())
    assert reply.ofd_id
    assert reply.timestamp
    assert not reply.duplicate
    assert operator.state()["unique"] == 1


async def test_the_same_receipt_again_is_success_with_the_same_id(
    operator: OfdEmulator, gateway: HttpOfd, duplicates: Duplicates
):
    first = await gateway.deliver(RECEIPT_ID, a_receipt_body())
    again = await gateway.deliver(RECEIPT_ID, a_receipt_body())
    assert (again.ofd_id, again.timestamp) == (first.ofd_id, first.timestamp)
    assert again.duplicate is (duplicates is Duplicates.CONFLICT)
    state = operator.state()
    assert (state["unique"], state["repeated"]) == (1, 1)


async def test_a_receipt_the_operator_cannot_take_is_rejected(operator: OfdEmulator, gateway: HttpOfd):
    with pytest.raises(OfdRejected) as caught:
        await gateway.deliver(RECEIPT_ID, a_receipt_body(type="gift"))
    assert caught.value.error_code == "http_422"
    assert operator.state()["refused"] == 1


@pytest.mark.parametrize(
    ("fault", "error", "error_code"),
    [
        (OfdFault(mode=OfdFaultMode.DOWN), OfdUnavailable, "connection"),
        (OfdFault(mode=OfdFaultMode.HANG), OfdUnavailable, "timeout"),
        (OfdFault(mode=OfdFaultMode.SLOW, delay_s=SHORT_S * 4), OfdUnavailable, "timeout"),
        (OfdFault(mode=OfdFaultMode.REFUSE), OfdRejected, "http_422"),
        (OfdFault(mode=OfdFaultMode.BAD_CRC), OfdProtocolError, "not_json"),
        (OfdFault(mode=OfdFaultMode.HALF_ANSWER), OfdProtocolError, "closed"),
        (OfdFault(mode=OfdFaultMode.CLOSE), OfdProtocolError, "closed"),
        (OfdFault(mode=OfdFaultMode.CODE, code=503), OfdUnavailable, "http_503"),
        (OfdFault(mode=OfdFaultMode.CODE, code=401), OfdUnavailable, "http_401"),
        (OfdFault(mode=OfdFaultMode.CODE, code=400), OfdRejected, "http_400"),
        (OfdFault(mode=OfdFaultMode.CODE, code=200), OfdProtocolError, "not_accepted"),
        (OfdFault(mode=OfdFaultMode.CODE, code=503, receipt_id=RECEIPT_ID), OfdUnavailable, "http_503"),
    ],
    ids=lambda value: f"{value.mode}-{value.code}" if isinstance(value, OfdFault) else None,
)
async def test_a_fault_raises_its_error_and_the_next_try_succeeds(
    operator: OfdEmulator,
    gateway: HttpOfd,
    fault: OfdFault,
    error: type[OfdUnavailable | OfdRejected],
    error_code: str,
):
    await operator.set_faults(fault)
    hasty = HttpOfd(f"http://127.0.0.1:{operator.http_port}/", timeout_s=SHORT_S)
    with pytest.raises((OfdUnavailable, OfdRejected)) as caught:
        await (hasty if error_code == "timeout" else gateway).deliver(RECEIPT_ID, a_receipt_body())
    await hasty.close()
    assert type(caught.value) is error
    assert caught.value.error_code == error_code
    await operator.set_faults()
    await gateway.deliver(RECEIPT_ID, a_receipt_body())
    assert operator.state()["unique"] == 1


async def test_a_throttled_receipt_knows_when_to_come_back(operator: OfdEmulator, gateway: HttpOfd):
    await operator.set_faults(OfdFault(mode=OfdFaultMode.CODE, code=429, retry_after="7"))
    with pytest.raises(OfdUnavailable) as caught:
        await gateway.deliver(RECEIPT_ID, a_receipt_body())
    assert caught.value.retry_after_s == 7.0


async def test_one_receipt_can_be_refused_while_others_pass(operator: OfdEmulator, gateway: HttpOfd):
    await operator.set_faults(OfdFault(mode=OfdFaultMode.REFUSE, receipt_id="r-2"))
    await gateway.deliver("r-1", a_receipt_body(fd_number=1, receipt_id="r-1"))
    with pytest.raises(OfdRejected):
        await gateway.deliver("r-2", a_receipt_body(fd_number=2, receipt_id="r-2"))
    await gateway.deliver("r-3", a_receipt_body(fd_number=3, receipt_id="r-3"))
    state = operator.state()
    assert (state["unique"], state["order_faults"]) == (2, 0)


async def test_many_receipts_go_at_once(operator: OfdEmulator, gateway: HttpOfd):
    async def deliver(number: int) -> HttpReply:
        return await gateway.deliver(
            f"r-{number}", a_receipt_body(fd_number=number, receipt_id=f"r-{number}")
        )

    replies = await asyncio.gather(*[deliver(number) for number in range(1, 101)])
    assert len({reply.ofd_id for reply in replies}) == 100


async def test_the_probe_asks_for_health(operator: OfdEmulator, gateway: HttpOfd):
    await gateway.probe()
    await operator.set_faults(OfdFault(mode=OfdFaultMode.DOWN))
    with pytest.raises(OfdUnavailable):
        await gateway.probe()


async def test_a_cancelled_delivery_can_be_made_again(operator: OfdEmulator, gateway: HttpOfd):
    await operator.set_faults(OfdFault(mode=OfdFaultMode.HANG, count=1))
    delivery = asyncio.ensure_future(gateway.deliver(RECEIPT_ID, a_receipt_body()))
    await asyncio.sleep(0.1)
    delivery.cancel()
    with pytest.raises(asyncio.CancelledError):
        await delivery
    assert (await gateway.deliver(RECEIPT_ID, a_receipt_body())).ofd_id


@contextlib.asynccontextmanager
async def server_sending(answer: bytes) -> AsyncIterator[HttpOfd]:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    async with raw_server(respond) as port:
        gateway = HttpOfd(f"http://127.0.0.1:{port}", timeout_s=TIMEOUT_S)
        try:
            yield gateway
        finally:
            await gateway.close()


def http(status: int, body: bytes, *headers: str, length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.mark.parametrize(
    ("answer", "error_code"),
    [
        (http(200, b'{"status":"accepted"}', length=500), "closed"),  # cut in the middle
        (http(200, b"<html>portal</html>", "Content-Type: text/html"), "not_json"),
        (http(302, b"", "Location: http://127.0.0.1:1/login"), "http_302"),
        (http(200, b" " * 70_000), "too_large"),
        (http(200, b"not compressed", "Content-Encoding: gzip"), "closed"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "bad_http"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "bad_http"),
        (b"", "closed"),
    ],
)
async def test_what_is_not_an_answer_is_a_channel_failure(answer: bytes, error_code: str):
    async with server_sending(answer) as gateway:
        with pytest.raises(OfdUnavailable) as caught:
            await gateway.deliver(RECEIPT_ID, a_receipt_body())
    assert caught.value.error_code == error_code


async def test_a_page_at_the_health_address_is_not_alive():
    async with server_sending(http(200, b"<html>portal</html>")) as gateway:
        with pytest.raises(OfdUnavailable):
            await gateway.probe()


async def test_any_other_text_at_the_health_address_is_alive():
    async with server_sending(http(200, b"OK")) as gateway:
        await gateway.probe()


async def test_key_token_and_path_are_sent_and_money_is_exact():
    seen: list[bytes] = []

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(v) for k, _, v in _headers(head) if k == b"content-length")
        seen.extend([head, await reader.readexactly(length)])
        writer.write(http(200, b'{"status":"accepted"}'))
        await writer.drain()

    async with raw_server(respond) as port:
        gateway = HttpOfd(f"http://127.0.0.1:{port}/cloud/", timeout_s=TIMEOUT_S, token="secret")
        await gateway.deliver(RECEIPT_ID, a_receipt_body())
        await gateway.close()
    head, body = seen
    assert head.startswith(b"POST /cloud/ofd/v1/receipt HTTP/1.1\r\n")
    headers = {name: value.strip() for name, _, value in _headers(head)}
    assert headers[b"idempotency-key"] == RECEIPT_ID.encode()
    assert headers[b"authorization"] == b"Bearer secret"
    assert headers[b"content-type"] == b"application/json"
    assert b'"total":100.00' in body
    assert b'"amount":100.00' in body


def _headers(head: bytes) -> list[tuple[bytes, bytes, bytes]]:
    return [
        (name.lower(), sep, value)
        for name, sep, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
    ]


GOOD = http(
    200, b'{"status":"accepted","ofd_id":"A-1","timestamp":1772442000}', "Content-Type: application/json"
)

spoilt_answers: st.SearchStrategy[bytes] = st.one_of(
    st.binary(max_size=200),
    st.integers(0, len(GOOD)).map(lambda size: GOOD[:size]),
    st.tuples(st.integers(0, len(GOOD) - 1), st.integers(1, 255)).map(
        lambda change: GOOD[: change[0]] + bytes((GOOD[change[0]] ^ change[1],)) + GOOD[change[0] + 1 :]
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spoilt_answers)
def test_no_answer_raises_anything_but_an_operator_error(answer: bytes):
    async def scenario() -> None:
        async with server_sending(answer) as gateway:
            with contextlib.suppress(OfdError):
                await gateway.deliver(RECEIPT_ID, a_receipt_body())

    asyncio.run(scenario())


def test_gateway_and_emulator_work_under_uvloop():
    async def scenario() -> dict[str, Any]:
        emulator = OfdEmulator(port=None)
        await emulator.start()
        gateway = HttpOfd(f"http://127.0.0.1:{emulator.http_port}", timeout_s=5)
        await gateway.deliver(RECEIPT_ID, a_receipt_body())
        await gateway.close()
        await emulator.stop()
        return emulator.state()

    assert uvloop.run(scenario())["unique"] == 1

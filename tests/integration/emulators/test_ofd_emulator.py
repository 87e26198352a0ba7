"""The operator's emulator as other programs see it: sockets, faults, and whatever fuzz sends."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.ofd import FN, LOOPBACK, RECEIPT_ID, a_message, a_receipt_body
from tests.support.worked_messages import WORKED, golden

from kkt_adapter.emulators.ofd import OfdBook, OfdEmulator, OfdFault, OfdFaultMode, ReplyShape, serve_ofd
from kkt_adapter.emulators.ofd.faults import OfdFaultPlan
from kkt_adapter.emulators.ofd.tcp import OfdTcpServer
from kkt_adapter.fiscal.ofd.frame import FrameError, read_confirmation
from kkt_adapter.fiscal.ofd.http import HttpOfd
from kkt_adapter.fiscal.ofd.tcp import TcpOfdGateway
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.kernel.errors import OfdUnavailable


async def exchange(port: int, data: bytes, *, half_close: bool = True) -> bytes:
    """Everything the server answers until it closes."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        writer.write(data)
        if half_close:
            writer.write_eof()
        return await asyncio.wait_for(reader.read(), 60)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_the_worked_messages_get_their_confirmations_as_plain_bytes(emulator: OfdEmulator):
    for name, worked in WORKED.items():
        answer = await exchange(emulator.port, golden(name))
        confirmation = read_confirmation(answer, fn_number=worked.fn_number, fd_number=worked.fd_number)
        assert confirmation.response_code == 0
    assert emulator.state()["refused"] == 0


async def test_the_answer_has_the_size_and_frame_of_the_captured_ones(emulator: OfdEmulator):
    answer = await exchange(emulator.port, golden("open_shift"))
    captured = golden("answer_operator_0")
    assert len(answer) == 30 + len(captured) == 149
    assert answer[26:30] == b"\x14\x00\x00\x00"
    assert answer[34] == 0x5A
    assert answer[-10:-8] == b"\x82\x06"
    assert answer[-2:] == b"\0\0"


async def test_the_looser_answer_has_the_size_and_frame_of_the_known_one():
    emulator = OfdEmulator(shape=ReplyShape.LOOSE, http_port=None, control_port=None)
    await emulator.start()
    answer = await exchange(emulator.port, golden("open_shift"))
    await emulator.stop()
    known = golden("answer_loose")
    assert len(answer) == len(known) == 125
    assert answer[34] == known[34] == 0xA5
    assert answer[47:60] == known[47:60] == b"2\0\0" + b" " * 10


async def test_a_client_that_does_not_close_its_half_is_answered_and_closed(emulator: OfdEmulator):
    assert await exchange(emulator.port, golden("receipt"), half_close=False)


async def test_a_second_message_on_a_connection_is_not_looked_at(emulator: OfdEmulator):
    answer = await exchange(emulator.port, a_message(1).raw + a_message(2).raw)
    read_confirmation(answer, fn_number=FN, fd_number=1)
    assert emulator.state()["unique"] == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (a_message().raw[:-1], "incomplete"),
        (a_message().raw[:20], "incomplete"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "bad_signature"),
        (a_message().raw[:24] + b"\0\0\x10\0\0\0", "empty"),
        (a_message(tags={1077: None}).raw, "bad_document"),
    ],
)
async def test_what_is_no_message_is_closed_without_an_answer_and_counted(
    emulator: OfdEmulator, data: bytes, reason: str
):
    assert await exchange(emulator.port, data) == b""
    assert emulator.state()["refusals"] == {reason: 1}


async def test_two_documents_under_one_number_are_refused(emulator: OfdEmulator, gateway: TcpOfdGateway):
    await gateway.deliver(a_message(1))
    with pytest.raises(OfdUnavailable):
        await gateway.deliver(a_message(1, tags={1038: 2}))
    assert emulator.state()["conflicts"] == 1


async def test_documents_out_of_order_are_counted(emulator: OfdEmulator, gateway: TcpOfdGateway):
    for number in (1, 3, 2, 4):
        await gateway.deliver(a_message(number))
    drive = emulator.state()["per_fn"][FN]
    assert (drive["gaps"], drive["late"], drive["order_faults"], drive["missing"]) == (1, 1, 2, 0)


async def test_going_on_without_a_confirmation_is_counted(emulator: OfdEmulator, gateway: TcpOfdGateway):
    await emulator.set_faults(OfdFault(mode=OfdFaultMode.CLOSE, document=1))
    with pytest.raises(OfdUnavailable):
        await gateway.deliver(a_message(1))
    await gateway.deliver(a_message(2))
    assert emulator.state()["order_faults"] == 1


async def test_a_client_that_sends_nothing_is_let_go():
    server = OfdTcpServer(
        host=LOOPBACK,
        port=0,
        book=OfdBook(),
        plan=OfdFaultPlan(),
        shape=ReplyShape.OPERATOR,
        clock=SystemClock(),
        idle_s=0.05,
    )
    await server.listen()
    assert await exchange(server.port, b"", half_close=False) == b""
    await server.cut()


async def test_a_client_that_gives_up_waiting_leaves_nothing_behind():
    plan = OfdFaultPlan()
    plan.set([OfdFault(mode=OfdFaultMode.HANG)])
    server = OfdTcpServer(
        host=LOOPBACK, port=0, book=OfdBook(), plan=plan, shape=ReplyShape.OPERATOR, clock=SystemClock()
    )
    await server.listen()
    with pytest.raises(OfdUnavailable):
        await TcpOfdGateway(LOOPBACK, server.port, timeout_s=0.05).deliver(a_message())
    async with asyncio.timeout(20):
        while server.connections:  # noqa: ASYNC110 - the server has no signal for it
            await asyncio.sleep(0.01)
    await server.cut()


async def test_a_client_may_close_its_half_and_wait_for_a_slow_answer(emulator: OfdEmulator):
    await emulator.set_faults(OfdFault(mode=OfdFaultMode.SLOW, delay_s=0.05))
    assert await exchange(emulator.port, golden("receipt"), half_close=True)


async def test_down_refuses_cuts_and_comes_back_on_the_same_ports(
    emulator: OfdEmulator, gateway: TcpOfdGateway
):
    http = HttpOfd(f"http://{LOOPBACK}:{emulator.http_port}", timeout_s=60)
    ports = (emulator.port, emulator.http_port)
    await http.deliver(RECEIPT_ID, a_receipt_body())
    reader, writer = await asyncio.open_connection(LOOPBACK, emulator.port)
    await emulator.set_faults(OfdFault(mode=OfdFaultMode.DOWN))
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(_read_all(reader), 60)
    writer.close()
    for probe in (gateway.probe, http.probe):
        with pytest.raises(OfdUnavailable):
            await probe()
    await emulator.set_faults()
    assert (emulator.port, emulator.http_port) == ports
    await gateway.probe()
    await http.probe()
    await http.close()


async def _read_all(reader: asyncio.StreamReader) -> None:
    """A cut connection ends with a reset, or where the kernel is kind, with an end of stream."""
    if await reader.read() == b"":
        raise ConnectionError


async def test_a_port_that_is_taken_stops_the_start_and_leaves_nothing_open(emulator: OfdEmulator):
    taken = emulator.port
    for another in (OfdEmulator(port=taken), OfdEmulator(http_port=taken), OfdEmulator(control_port=taken)):
        with pytest.raises(OSError, match="address"):
            await another.start()


async def test_stop_may_be_called_twice(emulator: OfdEmulator):
    await emulator.stop()
    await emulator.stop()


async def test_serve_runs_until_it_is_told_to_stop():
    stop, ready = asyncio.Event(), asyncio.Event()
    started: list[OfdEmulator] = []

    def on_ready(emulator: OfdEmulator) -> None:
        started.append(emulator)
        ready.set()

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(
            serve_ofd(mode="tcp", host=LOOPBACK, port=0, control_port=None, stop=stop, on_ready=on_ready)
        )
        await ready.wait()
        await TcpOfdGateway(LOOPBACK, started[0].port).deliver(a_message())
        with pytest.raises(KeyError):
            _ = started[0].http_port
        stop.set()


RAW = a_message(1).raw


def _mutations() -> Iterator[st.SearchStrategy[bytes]]:
    position = st.integers(0, len(RAW) - 1)
    yield st.binary(max_size=300)
    yield position.map(lambda size: RAW[:size])
    yield st.tuples(position, st.integers(1, 255)).map(
        lambda change: RAW[: change[0]] + bytes((RAW[change[0]] ^ change[1],)) + RAW[change[0] + 1 :]
    )
    yield st.tuples(position, position).map(lambda cut: RAW[: cut[0]] + RAW[cut[1] :])
    yield st.binary(max_size=300).map(
        lambda body: RAW[:24] + len(body).to_bytes(2, "little") + RAW[26:30] + body
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(*_mutations()), min_size=1, max_size=10))
def test_no_message_takes_the_emulator_down(messages: list[bytes]):
    async def scenario() -> None:
        errors: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: errors.append(context))
        emulator = OfdEmulator(http_port=None, control_port=None)
        await emulator.start()
        for message in messages:
            answer = await exchange(emulator.port, message)
            if answer:
                _whole(answer)
        reply = await TcpOfdGateway(LOOPBACK, emulator.port).deliver(a_message(1, fn_number="9" * 16))
        assert reply.response_code == 0
        await emulator.stop()
        assert errors == []

    asyncio.run(scenario())


def _whole(answer: bytes) -> None:
    number = int.from_bytes(answer[47:50], "big")
    try:
        read_confirmation(answer, fn_number=answer[8:24].decode().rstrip(), fd_number=number)
    except FrameError as error:
        raise AssertionError("the emulator gave a broken answer") from error

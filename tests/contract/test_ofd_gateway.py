"""What every OfdGateway promises, over the binary protocol against the emulator and in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
from tests.support.ofd import InMemoryOfd, a_message, worked_message

from kkt_adapter.emulators.ofd import OfdBook, OfdEmulator, OfdFault, OfdFaultMode, ReplyShape
from kkt_adapter.fiscal.ofd.frame import read_confirmation
from kkt_adapter.fiscal.ofd.gateway import OfdGateway
from kkt_adapter.fiscal.ofd.tcp import TcpOfdGateway
from kkt_adapter.kernel.errors import OfdProtocolError, OfdUnavailable

TIMEOUT_S = 60.0  # where an answer comes
SHORT_S = 0.5  # where none comes in time


@dataclass
class Line:
    """A gateway and the operator at its other end."""

    gateway: OfdGateway
    impatient: OfdGateway
    book: OfdBook
    set_faults: Callable[..., Awaitable[None]]


@pytest.fixture(params=["tcp", "tcp, loose answers", "in memory"])
async def line(request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    if request.param == "in memory":
        gateway = InMemoryOfd(timeout_s=TIMEOUT_S)
        impatient = InMemoryOfd(timeout_s=SHORT_S, other_end=gateway)
        yield Line(gateway, impatient, gateway.book, gateway.set_faults)
        return
    shape = ReplyShape.LOOSE if "loose" in request.param else ReplyShape.OPERATOR
    emulator = OfdEmulator(shape=shape, http_port=None, control_port=None)
    await emulator.start()
    tcp = TcpOfdGateway("127.0.0.1", emulator.port, timeout_s=TIMEOUT_S)
    hasty = TcpOfdGateway("127.0.0.1", emulator.port, timeout_s=SHORT_S)
    yield Line(tcp, hasty, emulator.book, emulator.set_faults)
    await tcp.close()
    await hasty.close()
    await emulator.stop()


async def test_a_confirmed_document_comes_back_with_what_the_fn_needs(line: Line):
    message = worked_message("receipt")
    reply = await line.gateway.deliver(message)
    assert reply.response_code == 0
    assert reply.ofd_inn == "9999000013"
    assert reply.replied_at is not None
    confirmation = read_confirmation(reply.raw, fn_number=message.fn_number, fd_number=message.fd_number)
    assert confirmation.operator_sign == reply.operator_sign


async def test_the_worked_messages_are_taken_in_their_order(line: Line):
    for name in ("open_shift", "receipt", "correction", "close_shift", "receipt_ffd12"):
        assert (await line.gateway.deliver(worked_message(name))).response_code == 0
    state = line.book.state()
    assert (state["unique"], state["order_faults"], state["refused"]) == (5, 0, 0)
    assert state["by_code"] == {"2": 1, "3": 2, "5": 1, "31": 1}


async def test_the_same_document_again_is_confirmed_again_and_counted(line: Line):
    message = a_message()
    for _ in range(3):
        assert (await line.gateway.deliver(message)).response_code == 0
    state = line.book.state()
    assert (state["unique"], state["repeated"], state["order_faults"]) == (1, 2, 0)


async def test_two_hundred_documents_arrive_in_order(line: Line):
    for number in range(1, 201):
        await line.gateway.deliver(a_message(number))
    state = line.book.state()
    assert (state["unique"], state["repeated"], state["order_faults"]) == (200, 0, 0)


async def test_many_drives_deliver_at_once(line: Line):
    async def lane(fn_number: str) -> None:
        for number in range(1, 6):
            await line.gateway.deliver(a_message(number, fn_number=fn_number))

    await asyncio.gather(*[lane(f"99990789{drive:08d}") for drive in range(20)])
    state = line.book.state()
    assert (state["unique"], state["order_faults"], len(state["per_fn"])) == (100, 0, 20)


@pytest.mark.parametrize("code", [11, 14, 77])
async def test_a_response_code_other_than_zero_is_still_a_confirmation(line: Line, code: int):
    await line.set_faults(OfdFault(mode=OfdFaultMode.CODE, code=code))
    assert (await line.gateway.deliver(a_message())).response_code == code


@pytest.mark.parametrize(
    ("mode", "error", "error_code"),
    [
        (OfdFaultMode.DOWN, OfdUnavailable, "connection"),
        (OfdFaultMode.HANG, OfdUnavailable, "timeout"),
        (OfdFaultMode.REFUSE, OfdUnavailable, "closed"),
        (OfdFaultMode.CLOSE, OfdUnavailable, "closed"),
        (OfdFaultMode.HALF_ANSWER, OfdUnavailable, "closed"),
        (OfdFaultMode.BAD_CRC, OfdProtocolError, "bad_crc"),
        (OfdFaultMode.WRONG_FN, OfdProtocolError, "wrong_fn"),
        (OfdFaultMode.WRONG_NUMBER, OfdProtocolError, "wrong_number"),
    ],
)
async def test_a_fault_raises_its_error_and_the_next_try_succeeds(
    line: Line, mode: OfdFaultMode, error: type[OfdUnavailable], error_code: str
):
    await line.set_faults(OfdFault(mode=mode))
    gateway = line.impatient if mode is OfdFaultMode.HANG else line.gateway
    with pytest.raises(OfdUnavailable) as caught:
        await gateway.deliver(a_message())
    assert type(caught.value) is error
    assert caught.value.error_code == error_code
    await line.set_faults()
    assert (await line.gateway.deliver(a_message())).response_code == 0
    assert line.book.unique == 1


async def test_a_slow_answer_within_the_deadline_is_good(line: Line):
    await line.set_faults(OfdFault(mode=OfdFaultMode.SLOW, delay_s=0.2))
    assert (await line.gateway.deliver(a_message())).response_code == 0


async def test_an_answer_behind_the_deadline_is_a_timeout(line: Line):
    await line.set_faults(OfdFault(mode=OfdFaultMode.SLOW, delay_s=SHORT_S * 4))
    with pytest.raises(OfdUnavailable) as caught:
        await line.impatient.deliver(a_message())
    assert caught.value.error_code == "timeout"


async def test_a_message_the_operator_cannot_read_gets_no_answer(line: Line):
    broken = a_message(tags={1037: None})
    with pytest.raises(OfdUnavailable) as caught:
        await line.gateway.deliver(broken)
    assert caught.value.error_code == "closed"
    assert line.book.refusals == {"bad_document": 1}
    assert line.book.unique == 0


async def test_a_cancelled_delivery_can_be_made_again(line: Line):
    await line.set_faults(OfdFault(mode=OfdFaultMode.HANG))
    delivery = asyncio.ensure_future(line.gateway.deliver(a_message()))
    await asyncio.sleep(0.1)
    delivery.cancel()
    with pytest.raises(asyncio.CancelledError):
        await delivery
    await line.set_faults()
    assert (await line.gateway.deliver(a_message())).response_code == 0


async def test_the_probe_tells_whether_somebody_is_there(line: Line):
    await line.gateway.probe()
    await line.set_faults(OfdFault(mode=OfdFaultMode.DOWN))
    with pytest.raises(OfdUnavailable):
        await line.gateway.probe()
    await line.set_faults()
    await line.gateway.probe()


async def test_close_may_be_called_twice(line: Line):
    await line.gateway.deliver(a_message())
    await line.gateway.close()
    await line.gateway.close()

"""The gateway against peers that behave in every other way than well, over real sockets."""

import asyncio
import contextlib

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.ofd import FN, a_message, raw_server
from tests.support.worked_messages import FN_FFD12, golden, in_session

from kkt_adapter.emulators.ofd import OfdEmulator
from kkt_adapter.emulators.ofd.faults import FaultDecision
from kkt_adapter.emulators.ofd.message import read_strictly
from kkt_adapter.emulators.ofd.reply import ReplyShape, reply_bytes
from kkt_adapter.fiscal.model import OfdMessage
from kkt_adapter.fiscal.ofd.container import container_crc
from kkt_adapter.fiscal.ofd.gateway import OfdReply
from kkt_adapter.fiscal.ofd.session import HEADER_BYTES
from kkt_adapter.fiscal.ofd.tcp import TcpOfdGateway
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.kernel.errors import OfdError, OfdProtocolError, OfdUnavailable
from kkt_adapter.kernel.ids import FnNumber

TIMEOUT_S = 60.0  # where an answer comes
SHORT_S = 0.5  # where none comes in time
LOOPBACK = "127.0.0.1"


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(HEADER_BYTES)
    return head + await reader.readexactly(int.from_bytes(head[24:26], "little"))


def good_answer(message: OfdMessage) -> bytes:
    now = SystemClock().now()
    return reply_bytes(read_strictly(message.raw), FaultDecision(), shape=ReplyShape.OPERATOR, now=now)


async def answered_with(answer: bytes, message: OfdMessage) -> OfdReply:
    """What the gateway makes of these bytes, sent by a server that closes after them."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await writer.drain()

    async with raw_server(respond) as port:
        return await TcpOfdGateway(LOOPBACK, port, timeout_s=TIMEOUT_S).deliver(message)


async def refused_with(answer: bytes, message: OfdMessage | None = None) -> OfdUnavailable:
    with pytest.raises(OfdUnavailable) as caught:
        await answered_with(answer, message or a_message())
    return caught.value


@pytest.mark.parametrize(
    ("name", "fd_number", "code"), [("answer_operator_14", 1, 14), ("answer_operator_0", 2, 0)]
)
async def test_captured_answers_of_a_real_operator_are_accepted(name: str, fd_number: int, code: int):
    answer = in_session(golden(name), fn_number=FN_FFD12)
    reply = await answered_with(answer, a_message(fd_number, fn_number=FN_FFD12))
    assert reply.response_code == code
    assert reply.ofd_inn == "7704211201"
    assert reply.raw == answer


async def test_the_looser_answer_of_a_test_operator_is_accepted():
    answer = golden("answer_loose")
    message = a_message(2, fn_number=answer[8:24].decode())
    assert (await answered_with(answer, message)).response_code == 0


async def test_an_answer_in_single_bytes_is_read_to_its_end_and_not_beyond():
    message = a_message()
    answer = good_answer(message)

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await read_request(reader) == message.raw
        for byte in answer + b"and more":
            writer.write(bytes((byte,)))
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read()  # until the gateway closes: it does not wait for our end of the stream

    async with raw_server(respond) as port:
        reply = await TcpOfdGateway(LOOPBACK, port, timeout_s=TIMEOUT_S).deliver(message)
    assert reply.raw == answer


async def test_an_empty_answer_is_no_confirmation():
    good = good_answer(a_message())
    nothing_for_you = good[:24] + b"\0\0\x10\0\0\0"
    assert (await refused_with(nothing_for_you)).error_code == "empty"


@pytest.mark.parametrize(
    ("offset", "changed", "error_code"),
    [
        (0, b"\xdd\x80\xca\xa1", "bad_signature"),  # the marking exchange's
        (4, b"\x00\x00", "bad_version"),
        (24, b"\xff\xff", "too_large"),
        (26, b"\x17\x00", "bad_flags"),
        (26, b"\x15\x00", "bad_check_code"),
        (30, b"\x00\x01", "bad_size"),
        (34, b"\x00", "bad_crc"),
    ],
)
async def test_a_damaged_answer_is_a_protocol_error(offset: int, changed: bytes, error_code: str):
    good = good_answer(a_message())
    error = await refused_with(good[:offset] + changed + good[offset + len(changed) :])
    assert type(error) is OfdProtocolError
    assert error.error_code == error_code


async def test_our_own_message_sent_back_is_no_confirmation():
    message = a_message()
    assert (await refused_with(message.raw, message)).error_code == "bad_type"


async def test_a_readable_answer_is_asked_of_a_register_that_writes_readable_documents():
    """Only an encrypting register may be answered with what we cannot read."""
    message = a_message()
    answer = good_answer(message)
    opaque = bytearray(answer[HEADER_BYTES:])
    opaque[32:-10] = bytes(byte ^ 0x5A for byte in opaque[32:-10])
    opaque[2:4] = container_crc(bytes(opaque)).to_bytes(2, "little")
    encrypted = answer[:HEADER_BYTES] + bytes(opaque)
    assert (await refused_with(encrypted, message)).error_code == "bad_document"

    body = bytearray(message.raw)
    body[62:] = bytes(byte ^ 0x5A for byte in body[62:])
    secretive = OfdMessage(
        fn_number=FnNumber(FN), fd_number=message.fd_number, code=message.code, raw=bytes(body)
    )
    assert (await answered_with(encrypted, secretive)).response_code is None


async def test_the_deadline_is_for_the_whole_answer_not_for_each_byte():
    answer, given = good_answer(a_message()), 0

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal given
        await read_request(reader)
        for byte in answer:
            writer.write(bytes((byte,)))
            given += 1
            await asyncio.sleep(SHORT_S / 2)

    async with raw_server(respond) as port:
        with pytest.raises(OfdUnavailable) as caught:
            await TcpOfdGateway(LOOPBACK, port, timeout_s=SHORT_S).deliver(a_message())
    assert caught.value.error_code == "timeout"
    assert given < len(answer)


async def test_a_peer_that_reads_nothing_is_a_timeout():
    async def respond(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(SHORT_S * 3)

    async with raw_server(respond) as port:
        with pytest.raises(OfdUnavailable) as caught:
            await TcpOfdGateway(LOOPBACK, port, timeout_s=SHORT_S).deliver(a_message())
    assert caught.value.error_code == "timeout"


async def test_a_reset_connection_is_unavailable():
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        writer.transport.abort()  # with our bytes unread: the kernel sends a reset

    async with raw_server(respond) as port:
        with pytest.raises(OfdUnavailable) as caught:
            await TcpOfdGateway(LOOPBACK, port, timeout_s=TIMEOUT_S).deliver(a_message())
    assert caught.value.error_code in ("connection", "closed")


async def test_cancel_closes_the_socket():
    arrived, left = asyncio.Event(), asyncio.Event()

    async def respond(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        arrived.set()
        with contextlib.suppress(ConnectionError):
            await reader.read()
        left.set()

    async with raw_server(respond) as port:
        gateway = TcpOfdGateway(LOOPBACK, port, timeout_s=60)
        delivery = asyncio.ensure_future(gateway.deliver(a_message()))
        await asyncio.wait_for(arrived.wait(), 60)
        delivery.cancel()
        with pytest.raises(asyncio.CancelledError):
            await delivery
        await asyncio.wait_for(left.wait(), 60)


async def test_a_name_that_cannot_exist_is_unavailable():
    with pytest.raises(OfdUnavailable) as caught:
        await TcpOfdGateway("x" * 64 + ".example", 7777, timeout_s=5).deliver(a_message())
    assert caught.value.error_code == "connection"


GOOD = good_answer(a_message())

spoilt_answers = st.one_of(
    st.binary(max_size=300),
    st.integers(0, len(GOOD)).map(lambda size: GOOD[:size]),
    st.tuples(st.integers(0, len(GOOD) - 1), st.integers(1, 255)).map(
        lambda change: GOOD[: change[0]] + bytes((GOOD[change[0]] ^ change[1],)) + GOOD[change[0] + 1 :]
    ),
    st.binary(max_size=300).map(lambda tail: GOOD[:HEADER_BYTES] + tail),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spoilt_answers)
def test_no_answer_raises_anything_but_an_operator_error(answer: bytes):
    async def scenario() -> None:
        with contextlib.suppress(OfdError):
            reply = await answered_with(answer, a_message())
            assert reply.raw == GOOD or reply.raw[HEADER_BYTES:] == GOOD[HEADER_BYTES:]

    asyncio.run(scenario())


def test_gateway_and_emulator_work_under_uvloop():
    async def scenario() -> None:
        emulator = OfdEmulator()
        await emulator.start()
        gateway = TcpOfdGateway("localhost", emulator.port, timeout_s=60)
        for number in range(1, 6):
            assert (await gateway.deliver(a_message(number))).response_code == 0
        await emulator.stop()
        with pytest.raises(OfdUnavailable):
            await gateway.deliver(a_message(6))

    uvloop.run(scenario())

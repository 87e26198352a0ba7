"""The session header: check codes, versions, and what is refused."""

from dataclasses import replace

import pytest
from tests.support.messages.frames import built, each_worked
from tests.support.worked_messages import WORKED, Worked, golden

from kkt_adapter.fiscal.model import FfdVersion
from kkt_adapter.fiscal.ofd.frame import (
    CheckMode,
    FrameError,
    Message,
    Reason,
    message_bytes,
    parse_header,
    parse_message,
    repair_version,
)


def reason_of(data: bytes) -> Reason:
    with pytest.raises(FrameError) as caught:
        parse_message(data)
    return caught.value.reason


def test_the_check_code_covers_header_and_body_in_mode_2():
    message = built(WORKED["receipt"], check=CheckMode.HEADER_AND_BODY)
    assert message[:30].hex() == "2a08410a81a2010539393939303738393030303035343838a80116001579"
    header = parse_message(message).header
    assert (header.check_mode, header.check_code) == (CheckMode.HEADER_AND_BODY, 0x7915)


def test_the_check_code_covers_the_header_alone_in_mode_1():
    message = built(WORKED["open_shift"], check=CheckMode.HEADER)
    header = parse_header(message[:30])
    assert (header.flags, header.check_mode, header.check_code) == (0x0015, CheckMode.HEADER, 0xB156)


def test_a_wrong_check_code_is_noticed_in_both_modes():
    for mode in (CheckMode.HEADER, CheckMode.HEADER_AND_BODY):
        message = bytearray(built(WORKED["receipt"], check=mode))
        message[28] ^= 1
        assert reason_of(bytes(message)) is Reason.BAD_CHECK_CODE


def test_a_check_code_that_the_flags_do_not_announce_is_not_looked_at():
    message = bytearray(golden("receipt"))
    message[28:30] = b"\x12\x34"
    assert parse_message(bytes(message)).header.check_code == 0x3412


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (0, b"\x2b", Reason.BAD_SIGNATURE),
        (0, b"\xdd\x80\xca\xa1", Reason.BAD_SIGNATURE),  # the marking exchange, to another server
        (4, b"\x82\xa2", Reason.BAD_VERSION),
        (26, b"\x17", Reason.BAD_FLAGS),  # check mode 3
        (26, b"\x24", Reason.BAD_FLAGS),  # answer bits 2
        (26, b"\x34", Reason.BAD_FLAGS),  # answer bits 3
        (8, b"\xff", Reason.BAD_FN),
        (24, b"\x2b\x80", Reason.TOO_LARGE),
        (24, b"\xa7\x01", Reason.BAD_SIZE),
        (24, b"\xa9\x01", Reason.BAD_SIZE),
        (24, b"\x00\x00", Reason.BAD_SIZE),
    ],
)
def test_a_broken_session_header_is_refused(at: int, value: bytes, reason: Reason):
    message = golden("receipt")
    assert reason_of(message[:at] + value + message[at + len(value) :]) is reason


@pytest.mark.parametrize("size", [0, 1, 29])
def test_a_cut_session_header_is_refused(size: int):
    assert reason_of(golden("receipt")[:size]) is Reason.BAD_SIZE
    with pytest.raises(FrameError):
        parse_header(golden("receipt")[:31])


def test_the_test_version_of_the_session_level_is_accepted():
    message = bytearray(golden("receipt"))
    message[4:6] = b"\x82\xfb"
    assert parse_message(bytes(message)).header.s_version == b"\x82\xfb"


@pytest.mark.parametrize(
    ("version", "ffd"),
    [
        (b"\x01\x05", FfdVersion.V1_05),
        (b"\x01\x10", FfdVersion.V1_1),
        (b"\x01\x20", FfdVersion.V1_2),
        (b"\x01\x01", FfdVersion.V1_1),  # Shtrih
        (b"\x01\x02", FfdVersion.V1_2),  # Shtrih
        (b"\x01\x00", None),
        (b"\x00\x01", None),
        (b"\x00\x02", None),
        (b"\x01\x30", None),  # a format to come must not stop a pump
    ],
)
def test_every_format_version_passes(version: bytes, ffd: FfdVersion | None):
    message = bytearray(golden("receipt"))
    message[6:8] = version
    header = parse_message(bytes(message)).header
    assert (header.p_version, header.ffd_version) == (version, ffd)


def test_a_message_without_a_body_has_no_container():
    header = replace(parse_message(golden("receipt")).header, flags=0x0010)
    data = message_bytes(header, None)
    assert len(data) == 30
    assert parse_message(data) == Message(header=replace(header, body_size=0), container=None)


def test_the_shtrih_version_is_put_right_before_sending():
    message = golden("receipt_ffd12")
    assert repair_version(message[:6] + b"\x01\x02" + message[8:]) == message
    older = built(WORKED["receipt"], ffd_version=FfdVersion.V1_1)
    assert repair_version(older[:6] + b"\x01\x01" + older[8:]) == older


def test_the_shtrih_version_stays_when_a_check_code_protects_it():
    message = built(WORKED["receipt_ffd12"], check=CheckMode.HEADER)
    message = message[:6] + b"\x01\x02" + message[8:]
    assert repair_version(message) == message


@each_worked
def test_a_right_version_stays_as_it_is(name: str, worked: Worked):
    assert repair_version(golden(name)) == golden(name)

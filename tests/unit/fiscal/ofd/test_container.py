"""The container: check sum, numbers, sizes, and documents that are encrypted."""

from dataclasses import replace

import pytest
from tests.support.messages.frames import built, with_crc
from tests.support.worked_messages import SIGN, WORKED, golden

from kkt_adapter.fiscal.ofd.container import bcd, from_bcd
from kkt_adapter.fiscal.ofd.frame import FrameError, Reason, container_bytes, parse_container, parse_message


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (0, Reason.BAD_SIZE),  # length
        (2, Reason.BAD_CRC),  # the check sum itself
        (5, Reason.BAD_CRC),  # document code
        (40, Reason.BAD_CRC),  # document
        (-1, Reason.BAD_CRC),  # trailer
    ],
)
def test_a_flipped_bit_of_a_container_is_noticed(at: int, reason: Reason):
    data = bytearray(golden("receipt")[30:])
    data[at] ^= 1
    with pytest.raises(FrameError) as caught:
        parse_container(bytes(data))
    assert caught.value.reason is reason


def test_a_container_type_that_is_none_of_the_two_is_refused():
    data = golden("receipt")[30:]
    with pytest.raises(FrameError) as caught:
        parse_container(with_crc(data[:4] + b"\xa6" + data[5:]))
    assert caught.value.reason is Reason.BAD_TYPE


def test_an_fn_number_that_is_not_bcd_is_refused():
    data = golden("receipt")[30:]
    with pytest.raises(FrameError) as caught:
        parse_container(with_crc(data[:9] + b"\x9a" + data[10:]))
    assert caught.value.reason is Reason.BAD_FN


@pytest.mark.parametrize("size", [0, 4, 31])
def test_a_container_shorter_than_its_header_is_refused(size: int):
    with pytest.raises(FrameError) as caught:
        parse_container(golden("receipt")[30 : 30 + size])
    assert caught.value.reason is Reason.BAD_SIZE


def test_a_document_over_32_kib_is_refused_both_ways():
    with pytest.raises(FrameError) as caught:
        built(WORKED["receipt"], document=bytes(32 * 1024 + 1))
    assert caught.value.reason is Reason.TOO_LARGE
    with pytest.raises(FrameError) as caught:
        parse_container(bytes(32 * 1024 + 43))
    assert caught.value.reason is Reason.TOO_LARGE


def test_a_document_of_exactly_32_kib_passes():
    message = built(WORKED["receipt"], document=bytes(32 * 1024))
    container = parse_message(message).container
    assert container is not None
    assert len(container.document) == 32 * 1024


@pytest.mark.parametrize("number", [1, 2**24 - 1])
def test_document_numbers_of_24_bits_pass(number: int):
    container = parse_message(built(WORKED["receipt"], fd_number=number)).container
    assert container is not None
    assert container.header_number == number


@pytest.mark.parametrize("number", [-1, 0, 2**24])
def test_document_numbers_beyond_24_bits_are_refused(number: int):
    with pytest.raises(FrameError) as caught:
        built(WORKED["receipt"], fd_number=number, service_data_2=bytes(10))
    assert caught.value.reason is Reason.BAD_NUMBER


@pytest.mark.parametrize("fn_number", ["99990789000054880", "99990789000054x8", "９９９９"])
def test_an_fn_number_that_is_none_is_refused(fn_number: str):
    with pytest.raises(FrameError) as caught:
        built(WORKED["receipt"], fn_number=fn_number)
    assert caught.value.reason is Reason.BAD_FN


def test_parts_of_the_wrong_size_are_refused():
    for changes in ({"sign": b"12345"}, {"service_data_2": bytes(9)}):
        with pytest.raises(FrameError) as caught:
            built(WORKED["receipt"], **changes)
        assert caught.value.reason is Reason.BAD_SIZE


def test_short_fn_numbers_are_filled_with_nibbles():
    assert bcd("99990789").hex() == "99990789ffffffff"
    assert from_bcd(bcd("99990789")) == "99990789"
    assert bcd("123").hex() == "123fffffffffffff"
    assert from_bcd(bcd("123")) == "123"


def test_an_encrypted_document_is_opaque_and_keeps_its_trailer():
    noise = bytes(range(200, 250))
    container = parse_message(built(WORKED["receipt"], document=noise)).container
    assert container is not None
    assert not container.is_clear
    assert container.document == noise
    assert container.trailer == b"\x81\x06" + SIGN + b"\0\0"


def test_a_clear_length_that_cannot_be_true_is_replaced_by_the_document_itself():
    container = parse_message(golden("receipt")).container
    assert container is not None
    wrong = replace(container, clear_length=0xFFFF)
    assert parse_container(container_bytes(wrong)) == wrong


def test_noise_with_an_impossible_clear_length_still_gives_up_its_trailer():
    container = parse_message(golden("receipt")).container
    assert container is not None
    noise = replace(container, clear_length=0xFFFF, document=b"\xff" * 50)
    assert parse_container(container_bytes(noise)) == noise

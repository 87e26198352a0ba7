from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.worked_messages import FN, FN_FFD12, NONCE, SIGN, WORKED, Worked, at, golden, in_session

from kkt_adapter.fiscal.ffd.tlv import Field, decode, encode
from kkt_adapter.fiscal.model import FfdVersion
from kkt_adapter.fiscal.ofd.confirmation import usual_confirmation
from kkt_adapter.fiscal.ofd.container import bcd, container_crc, from_bcd
from kkt_adapter.fiscal.ofd.frame import (
    CheckMode,
    Confirmation,
    Container,
    ContainerType,
    FrameError,
    Message,
    Reason,
    build_loose_reply,
    build_message,
    build_reply,
    container_bytes,
    crc,
    message_bytes,
    parse_container,
    parse_header,
    parse_message,
    read_any_confirmation,
    read_confirmation,
    repair_version,
    service_data,
)

each_worked = pytest.mark.parametrize(("name", "worked"), WORKED.items(), ids=WORKED)


def built(worked: Worked, **changes: Any) -> bytes:
    parts: dict[str, Any] = {
        "fn_number": worked.fn_number,
        "fd_number": worked.fd_number,
        "code": worked.code,
        "document": encode([(worked.code, worked.fields)]),
        "ffd_version": worked.ffd_version,
        "service_data_2": service_data(NONCE, worked.fd_number),
        "sign": SIGN,
    }
    return build_message(**(parts | changes))


def reason_of(data: bytes) -> Reason:
    with pytest.raises(FrameError) as caught:
        parse_message(data)
    return caught.value.reason


# --- the check sum ---------------------------------------------------------------------------------------


def test_the_check_sum_is_ccitt_false():
    assert crc(b"123456789") == 0x29B1


@pytest.mark.parametrize(
    ("name", "expected"),
    [("answer_operator_14", 0xEF45), ("answer_operator_0", 0xACD5)],
)
def test_captured_containers_have_the_check_sum_they_carry(name: str, expected: int):
    data = golden(name)
    assert container_crc(data) == expected == int.from_bytes(data[2:4], "little")


@each_worked
def test_worked_containers_have_the_check_sum_they_carry(name: str, worked: Worked):
    data = golden(name)[30:]
    assert container_crc(data) == worked.container_crc == int.from_bytes(data[2:4], "little")


# --- worked messages -------------------------------------------------------------------------------------


@each_worked
def test_a_worked_message_is_read_to_its_fields(name: str, worked: Worked):
    data = golden(name)
    message = parse_message(data)
    header, container = message.header, message.container
    assert len(data) == worked.size == 30 + header.body_size
    assert header.fn_number == worked.fn_number
    assert header.ffd_version is worked.ffd_version
    assert (header.check_mode, header.has_container, header.wants_answer, header.priority) == (
        CheckMode.NONE,
        True,
        True,
        0,
    )
    assert container is not None
    assert container.type is ContainerType.TO_OPERATOR
    assert (container.code, container.header_number) == (worked.code, worked.fd_number)
    assert container.fn_number == worked.fn_number
    assert container.clear_length == len(container.document)
    assert container.is_clear
    assert container.trailer == b"\x81\x06" + SIGN + b"\0\0"
    assert container.service_data_2 == service_data(NONCE, worked.fd_number)
    assert fields(decode(container.document)) == [(worked.code, worked.fields)]


@each_worked
def test_a_worked_message_is_written_byte_for_byte(name: str, worked: Worked):
    assert built(worked) == golden(name)


@each_worked
def test_what_is_read_is_written_the_same(name: str, worked: Worked):
    data = golden(name)
    message = parse_message(data)
    assert message_bytes(message.header, message.container) == data


def fields(elements: Any) -> list[Field]:
    return [(e.tag, e.value if e.value is not None else fields(e.children)) for e in elements]


def test_the_worked_message_of_the_reference_page_is_the_golden_one():
    page = Path(__file__).parents[4] / "docs" / "reference" / "ofd-protocol.md"
    block = page.read_text(encoding="utf-8").partition("## 12.")[2].split("```")[1]
    hex_column = "".join(line[:69] for line in block.splitlines())
    assert bytes.fromhex(hex_column) == golden("open_shift")


# --- session header --------------------------------------------------------------------------------------


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


# --- container -------------------------------------------------------------------------------------------


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


def with_crc(data: bytes) -> bytes:
    return data[:2] + container_crc(data).to_bytes(2, "little") + data[4:]


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


# --- confirmations ---------------------------------------------------------------------------------------


def test_a_captured_refusal_of_a_real_operator_is_a_confirmation():
    reply = in_session(golden("answer_operator_14"), fn_number=FN_FFD12)
    assert read_confirmation(reply, fn_number=FN_FFD12, fd_number=1) == Confirmation(
        fn_number=FN_FFD12,
        fd_number=1,
        response_code=14,
        ofd_inn="7704211201",
        operator_sign="880686ce88300003",
        replied_at=at("2024-09-15T11:46:56"),
    )


def test_a_captured_acceptance_of_a_real_operator_is_a_confirmation():
    reply = in_session(golden("answer_operator_0"), fn_number=FN_FFD12)
    confirmation = read_confirmation(reply, fn_number=FN_FFD12, fd_number=2)
    assert (confirmation.response_code, confirmation.operator_sign) == (0, "88068196dc3c0003")
    assert confirmation.replied_at == at("2024-09-15T12:25:03")


def test_the_loose_answer_of_a_test_operator_is_a_confirmation():
    reply = golden("answer_loose")
    assert len(reply) == 125
    assert read_confirmation(reply, fn_number=FN, fd_number=2) == Confirmation(
        fn_number=FN,
        fd_number=2,
        response_code=0,
        ofd_inn="7704358518",
        operator_sign=None,
        replied_at=at("2026-11-22T03:52:53"),
    )


REQUEST = parse_message(golden("receipt"))
REPLIED_AT = at("2025-01-15T09:05:07")
OPERATOR_SIGN = bytes.fromhex("880686ce88300003")


def real_reply(**changes: Any) -> bytes:
    parts: dict[str, Any] = {
        "fd_number": 3,
        "ofd_inn": "7704211201",
        "replied_at": REPLIED_AT,
        "operator_sign": OPERATOR_SIGN,
        "service_data_2": bytes(10),
        "sign": SIGN,
    }
    return build_reply(REQUEST, **(parts | changes))


def confirmation_of(*fields: Field, **changes: Any) -> bytes:
    """An answer of our own making: these fields in document 7, header fields as given."""
    document = encode([(7, list(fields))])
    container = Container(
        type=ContainerType.TO_REGISTER,
        code=7,
        fn_number=FN,
        number_field=b"\0\0\x03",
        service_data_2=bytes(10),
        clear_length=len(document),
        document=document,
    )
    return message_bytes(REQUEST.header, replace(container, **changes))


def refusal(reply: bytes) -> Reason:
    with pytest.raises(FrameError) as caught:
        read_confirmation(reply, fn_number=FN, fd_number=3)
    return caught.value.reason


def test_a_built_answer_is_the_captured_one_when_it_says_the_same():
    captured = golden("answer_operator_14")
    header = replace(REQUEST.header, fn_number=FN_FFD12, p_version=b"\x01\x20")
    reply = build_reply(
        Message(header=header, container=None),
        fd_number=1,
        ofd_inn="7704211201",
        replied_at=at("2024-09-15T11:46:56"),
        operator_sign=OPERATOR_SIGN,
        service_data_2=captured[20:30],
        sign=captured[-8:-2],
        response_code=14,
    )
    assert reply == in_session(captured, fn_number=FN_FFD12)


def test_a_built_loose_answer_is_the_one_of_the_test_operator():
    reply = build_loose_reply(
        parse_message(golden("open_shift")),
        fd_number=2,
        ofd_inn="7704358518",
        replied_at=at("2026-11-22T03:52:53"),
    )
    assert reply == golden("answer_loose")


@pytest.mark.parametrize("code", [0, 11, 14, 255, None])
def test_any_response_code_confirms(code: int | None):
    for reply in (
        real_reply(response_code=code),
        build_loose_reply(
            REQUEST, fd_number=3, ofd_inn="7704211201", replied_at=REPLIED_AT, response_code=code
        ),
    ):
        assert read_confirmation(reply, fn_number=FN, fd_number=3).response_code == code


@pytest.mark.parametrize("mode", CheckMode)
def test_answers_with_a_check_code_are_confirmations_too(mode: CheckMode):
    message = parse_message(real_reply())
    reply = message_bytes(replace(message.header, flags=0x14 | mode), message.container)
    assert read_confirmation(reply, fn_number=FN, fd_number=3).response_code == 0


@given(
    st.permutations(
        [(1041, FN), (1040, 3), (1022, 14), (1012, REPLIED_AT), (1017, "7704211201"), (5555, b"x")]
    )
)
def test_tags_may_stand_in_any_order_with_1022_at_the_top_and_strangers_among_them(fields: list[Field]):
    confirmation = read_confirmation(confirmation_of(*fields), fn_number=FN, fd_number=3)
    assert (confirmation.response_code, confirmation.replied_at) == (14, REPLIED_AT)


def test_a_long_operator_sign_is_kept():
    reply = confirmation_of((1041, FN), (1040, 3), (1078, bytes(18)))
    assert read_confirmation(reply, fn_number=FN, fd_number=3).operator_sign == "00" * 18


def test_only_fn_and_number_are_indispensable():
    assert read_confirmation(
        confirmation_of((1041, FN), (1040, 3)), fn_number=FN, fd_number=3
    ) == Confirmation(
        fn_number=FN, fd_number=3, response_code=None, ofd_inn=None, operator_sign=None, replied_at=None
    )


def test_the_number_in_the_container_header_is_not_looked_at():
    reply = confirmation_of((1041, FN), (1040, 3), number_field=b"99\0")
    assert read_confirmation(reply, fn_number=FN, fd_number=3).fd_number == 3


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (real_reply(fd_number=4), Reason.WRONG_NUMBER),
        (real_reply(fd_number=2), Reason.WRONG_NUMBER),
        (confirmation_of((1041, FN_FFD12), (1040, 3)), Reason.WRONG_FN),
        (confirmation_of((1041, FN), (1040, 3), fn_number=FN_FFD12), Reason.WRONG_FN),
        (confirmation_of((1040, 3)), Reason.BAD_DOCUMENT),
        (confirmation_of((1041, FN)), Reason.BAD_DOCUMENT),
        (confirmation_of((1041, FN), (1040, 3), code=3), Reason.BAD_TYPE),
        (confirmation_of(document=encode([(3, [(1041, FN)])])), Reason.BAD_DOCUMENT),
        (confirmation_of(document=b"\x07\0\xff\xff"), Reason.BAD_DOCUMENT),
        (
            confirmation_of((1041, FN), (1040, 3), document=b"\x07\0\x08\0\xfe\x03\x04\0\0\0\0\0"),
            Reason.BAD_DOCUMENT,
        ),
        (confirmation_of(document=b""), Reason.BAD_DOCUMENT),
        (golden("receipt"), Reason.BAD_TYPE),  # our own message come back
        (message_bytes(replace(REQUEST.header, flags=0x10), None), Reason.EMPTY),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n" + bytes(10), Reason.BAD_SIGNATURE),
        (b"", Reason.BAD_SIZE),
        (real_reply()[:-1], Reason.BAD_SIZE),
        (real_reply() + b"\0", Reason.BAD_SIZE),
        (real_reply()[:-1] + b"\1", Reason.BAD_CRC),
    ],
)
def test_anything_else_is_not_a_confirmation_of_this_document(reply: bytes, reason: Reason):
    assert refusal(reply) is reason


def test_a_response_code_that_cannot_be_read_is_no_confirmation():
    document = encode([(7, [(1041, FN), (1040, 3)])])
    document = b"\x07\0" + (len(document) + 2).to_bytes(2, "little") + document[4:] + b"\xfe\x03\x02\0\0\0"
    assert refusal(confirmation_of(document=document, clear_length=len(document))) is Reason.BAD_DOCUMENT


def test_an_encrypted_answer_is_judged_by_the_container_header_when_the_register_encrypts():
    noise = bytes(range(100, 177))
    reply = confirmation_of(document=noise, clear_length=len(noise))
    assert refusal(reply) is Reason.BAD_DOCUMENT
    confirmation = read_confirmation(reply, fn_number=FN, fd_number=3, encrypted=True)
    assert (confirmation.fd_number, confirmation.response_code) == (3, None)
    with pytest.raises(FrameError) as caught:
        read_confirmation(reply, fn_number=FN, fd_number=4, encrypted=True)
    assert caught.value.reason is Reason.WRONG_NUMBER


def test_a_clear_answer_is_read_although_the_register_encrypts():
    confirmation = read_confirmation(real_reply(), fn_number=FN, fd_number=3, encrypted=True)
    assert confirmation.response_code == 0


# --- any bytes -------------------------------------------------------------------------------------------


def survives(data: bytes) -> None:
    for attempt in (parse_message, parse_container, repair_version):
        try:
            attempt(data)
        except FrameError:
            pass
    for encrypted in (True, False):
        assert read(read_confirmation, data, encrypted) == read(read_any_confirmation, data, encrypted)


def read(reader: Callable[..., Confirmation], data: bytes, encrypted: bool) -> Confirmation | Reason:
    try:
        return reader(data, fn_number=FN, fd_number=3, encrypted=encrypted)
    except FrameError as error:
        return error.reason


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes):
    survives(data)


@given(st.binary(max_size=120))
def test_any_body_behind_a_good_header_is_read_or_refused(body: bytes):
    survives(in_session(body, fn_number=FN))


@given(
    st.sampled_from(["receipt", "answer_loose"]),
    st.lists(st.tuples(st.integers(0, 124), st.integers(0, 255)), min_size=1, max_size=4),
    st.booleans(),
)
def test_any_change_of_a_good_message_is_read_or_refused(
    name: str, changes: list[tuple[int, int]], right_crc: bool
):
    data = bytearray(golden(name))
    for index, value in changes:
        data[index] = value
    survives(bytes(data[:30]) + with_crc(bytes(data[30:])) if right_crc else bytes(data))


@given(
    st.lists(st.tuples(st.integers(30, len(real_reply()) - 1), st.integers(0, 255)), max_size=3),
    st.sampled_from([0, 14, None]),
)
def test_the_quick_way_through_a_usual_answer_says_what_the_long_one_says(
    changes: list[tuple[int, int]], code: int | None
):
    data = bytearray(real_reply(response_code=code))
    for index, value in changes:
        data[min(index, len(data) - 1)] = value
    survives(bytes(data[:30]) + with_crc(bytes(data[30:])))


def test_a_usual_answer_goes_the_quick_way_and_an_unusual_one_does_not():
    usual = real_reply()
    assert usual_confirmation(usual, fn_number=FN, fd_number=3) == read_any_confirmation(
        usual, fn_number=FN, fd_number=3
    )
    for unusual in (usual[:-1], real_reply(fd_number=4), confirmation_of((1041, FN), (1040, 3), (1018, "1"))):
        assert usual_confirmation(unusual, fn_number=FN, fd_number=3) is None


@given(st.binary(max_size=90))
def test_any_document_in_a_good_answer_is_read_or_refused(content: bytes):
    document = b"\x07\0" + len(content).to_bytes(2, "little") + content
    survives(confirmation_of(document=document, clear_length=len(document)))


@given(
    fd_number=st.integers(1, 2**24 - 1),
    code=st.sampled_from([1, 2, 3, 4, 5, 6, 11, 21, 31, 41]),
    document=st.binary(max_size=300),
    ffd_version=st.sampled_from(FfdVersion),
    service_data_2=st.binary(min_size=10, max_size=10),
    sign=st.binary(min_size=6, max_size=6),
    check=st.sampled_from(CheckMode),
)
def test_what_is_built_is_read_back(
    fd_number: int,
    code: int,
    document: bytes,
    ffd_version: FfdVersion,
    service_data_2: bytes,
    sign: bytes,
    check: CheckMode,
):
    data = build_message(
        fn_number=FN,
        fd_number=fd_number,
        code=code,
        document=document,
        ffd_version=ffd_version,
        service_data_2=service_data_2,
        sign=sign,
        check=check,
    )
    message = parse_message(data)
    assert message.container is not None
    assert (message.container.header_number, message.container.code) == (fd_number, code)
    assert message.container.document == document
    assert message.header.ffd_version is ffd_version
    assert message_bytes(message.header, message.container) == data

"""Any bytes are read or refused, and what is built is read back."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from tests.support.messages.frames import confirmation_of, real_reply, with_crc
from tests.support.worked_messages import FN, golden, in_session

from kkt_adapter.fiscal.model import FfdVersion
from kkt_adapter.fiscal.ofd.confirmation import usual_confirmation
from kkt_adapter.fiscal.ofd.frame import (
    CheckMode,
    Confirmation,
    FrameError,
    Reason,
    build_message,
    message_bytes,
    parse_container,
    parse_message,
    read_any_confirmation,
    read_confirmation,
    repair_version,
)


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

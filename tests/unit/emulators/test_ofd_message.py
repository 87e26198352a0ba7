from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.ofd import a_message
from tests.support.worked_messages import WORKED, golden

from kkt_adapter.emulators.ofd.message import read_strictly
from kkt_adapter.fiscal.ffd.tlv import element, encode
from kkt_adapter.fiscal.model import DocumentCode, FfdVersion
from kkt_adapter.fiscal.ofd.frame import (
    CheckMode,
    Container,
    ContainerType,
    FrameError,
    SessionHeader,
    message_bytes,
    parse_message,
)
from kkt_adapter.fiscal.ofd.session import P_VERSIONS


def reason(data: bytes) -> str:
    with pytest.raises(FrameError) as caught:
        read_strictly(data)
    return caught.value.reason


def rebuilt(*, header: dict[str, object] | None = None, container: dict[str, object] | None = None) -> bytes:
    """The small message with fields of its two headers replaced, sizes and check codes right."""
    message = parse_message(a_message().raw)
    assert message.container is not None
    changed: Container = replace(message.container, **(container or {}))  # type: ignore[arg-type]
    return message_bytes(replace(message.header, **(header or {})), changed)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", WORKED)
def test_the_worked_messages_hold(name: str):
    received = read_strictly(golden(name))
    assert (received.fn_number, received.fd_number, received.code, received.response_code) == (
        WORKED[name].fn_number,
        WORKED[name].fd_number,
        WORKED[name].code,
        0,
    )


@pytest.mark.parametrize("check", CheckMode)
def test_every_mode_of_the_check_code_is_read(check: CheckMode):
    assert read_strictly(a_message(check=check).raw).fd_number == 1


@pytest.mark.parametrize("check", [CheckMode.HEADER, CheckMode.HEADER_AND_BODY])
def test_a_wrong_check_code_is_refused(check: CheckMode):
    raw = a_message(check=check).raw
    assert reason(raw[:28] + bytes((raw[28] ^ 1,)) + raw[29:]) == "bad_check_code"


def test_a_check_code_that_the_flags_do_not_announce_is_refused():
    raw = a_message().raw
    assert reason(raw[:28] + b"\x01\x00" + raw[30:]) == "bad_check_code"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"s_version": b"\x82\xfb"}, "bad_version"),
        ({"p_version": b"\x01\x00"}, "bad_version"),  # FFD 1.0
        ({"p_version": b"\x01\x02"}, "bad_version"),  # the register's driver repairs this one
        ({"p_version": P_VERSIONS[FfdVersion.V1_05]}, "bad_version"),  # 1209 says otherwise
        ({"flags": 0x001C}, "bad_flags"),  # bit 3
        ({"flags": 0x0114}, "bad_flags"),  # bit 8
        ({"flags": 0x0004}, "bad_flags"),  # wants no answer
        ({"flags": 0x0010}, "bad_flags"),  # says it has no container
        ({"fn_number": "9999078900000002"}, "wrong_fn"),
    ],
)
def test_a_session_header_that_does_not_fit_is_refused(header: dict[str, object], expected: str):
    assert reason(rebuilt(header=header)) == expected


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({"type": ContainerType.TO_REGISTER}, "bad_type"),
        ({"code": DocumentCode.CONFIRMATION}, "bad_type"),
        ({"code": 81}, "bad_type"),  # marking requests go to another server
        ({"format_version": 2}, "bad_version"),
        ({"fn_number": "9999078900000002"}, "wrong_fn"),
        ({"number_field": b"\0\0\x02"}, "wrong_number"),
        ({"code": DocumentCode.RECEIPT}, "bad_document"),  # the element inside says 2
        ({"document": element(2, b"\xf9\x03\x0c"), "clear_length": 7}, "bad_document"),  # cut TLV
        ({"trailer": b"\x81\x06" + bytes(7)}, "bad_size"),
    ],
)
def test_a_container_that_does_not_fit_is_refused(container: dict[str, object], expected: str):
    assert reason(rebuilt(container=container)) == expected


def test_a_container_without_a_trailer_is_taken():
    assert read_strictly(rebuilt(container={"trailer": b""})).fd_number == 1


def test_a_broken_container_is_refused():
    raw = a_message().raw
    assert reason(raw[:70] + bytes((raw[70] ^ 1,)) + raw[71:]) == "bad_crc"
    assert reason(raw[:-1]) == "bad_size"


def test_a_message_without_a_container_is_refused():
    header = SessionHeader(
        fn_number="9999078900000001", body_size=0, p_version=P_VERSIONS[FfdVersion.V1_2], flags=0x0010
    )
    assert reason(message_bytes(header, None)) == "empty"


@pytest.mark.parametrize("tag", [1209, 1037, 1040, 1041, 1012, 1077, 1018])
def test_each_tag_of_the_head_is_mandatory(tag: int):
    assert reason(a_message(tags={tag: None}).raw) == "bad_document"


def test_a_receipt_may_leave_the_inn_to_the_registration():
    assert read_strictly(a_message(code=DocumentCode.RECEIPT, tags={1018: None}).raw).code == 3


@pytest.mark.parametrize(
    ("tags", "expected"),
    [({1041: "9999078900000002"}, "wrong_fn"), ({1040: 2}, "wrong_number"), ({1209: 2}, "bad_version")],
)
def test_the_head_agrees_with_the_headers(tags: dict[int, object], expected: str):
    assert reason(a_message(tags=tags).raw) == expected


def test_a_total_that_its_payments_do_not_make_fails_the_format_control():
    paid = {1031: 30, 1081: 70, 1215: 0, 1216: 0, 1217: 0}
    receipt = DocumentCode.RECEIPT
    assert read_strictly(a_message(code=receipt, tags={1020: 100, **paid}).raw).response_code == 0
    assert read_strictly(a_message(code=receipt, tags={1020: 101, **paid}).raw).response_code == 14


def test_two_elements_instead_of_one_document_are_refused():
    inner = encode([(1038, 1)])
    document = element(2, inner) + element(2, inner)
    assert reason(rebuilt(container={"document": document, "clear_length": len(document)})) == "bad_document"


@given(st.binary(max_size=400))
def test_random_bytes_are_refused_with_a_reason(data: bytes):
    assert reason(data)


@given(st.binary(min_size=1, max_size=200))
def test_any_document_in_a_right_frame_is_read_or_refused_with_a_reason(body: bytes):
    document = element(2, body)
    try:
        received = read_strictly(rebuilt(container={"document": document, "clear_length": len(document)}))
    except FrameError as error:
        assert error.reason
    else:
        assert received.fd_number == 1

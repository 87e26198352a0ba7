"""Which answers of an operator confirm a document, and which do not."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.messages.frames import OPERATOR_SIGN, REPLIED_AT, REQUEST, confirmation_of, real_reply
from tests.support.worked_messages import FN, FN_FFD12, at, golden, in_session

from kkt_adapter.fiscal.ffd.tlv import Field, encode
from kkt_adapter.fiscal.ofd.frame import (
    CheckMode,
    Confirmation,
    FrameError,
    Message,
    Reason,
    build_loose_reply,
    build_reply,
    message_bytes,
    parse_message,
    read_confirmation,
)


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

"""Frames of both low-level protocols and the contents of commands, byte for byte.

The frames are those of the vendor's documents and of users' logs from real devices
(docs/reference/shtrih-m.md).
"""

from datetime import date
from datetime import datetime as clock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.fiscal.ffd.tlv import cp866, element
from kkt_adapter.fiscal.kkt.shtrih import answers, requests
from kkt_adapter.fiscal.kkt.shtrih.answers import Answer, read_answer
from kkt_adapter.fiscal.kkt.shtrih.requests import LineOperation, with_password
from kkt_adapter.fiscal.kkt.shtrih.values import BadShtrihAnswer, u1, u4
from kkt_adapter.fiscal.kkt.shtrih.wire import frame1, frame2

ADMIN = 30
NOON = clock.fromisoformat("2026-01-15T12:34")


def raw(text: str) -> bytes:
    """``75*00`` is 75 zero bytes."""
    parts = text.split()
    return b"".join(
        bytes.fromhex(p.partition("*")[2]) * int(p.partition("*")[0]) if "*" in p else bytes.fromhex(p)
        for p in parts
    )


def admin(command: bytes, parameters: bytes = b"") -> bytes:
    return with_password(command, ADMIN, parameters)


MILK = LineOperation(
    operation=1,
    quantity=2_000_000,
    price_kop=6000,
    amount_kop=12_000,
    rate=1,
    method=4,
    subject=1,
    name="Молоко",
)

REQUESTS = [
    (requests.METRICS, "02 01 FC FD"),
    (admin(requests.SHORT_STATUS), "02 05 10 1E 00 00 00 0B"),
    (with_password(requests.SHORT_STATUS, 1), "02 05 10 01 00 00 00 14"),
    (admin(requests.FULL_STATUS), "02 05 11 1E 00 00 00 0A"),
    (admin(requests.FN_STATUS), "02 06 FF 01 1E 00 00 00 E6"),
    (admin(requests.FN_SHIFT), "02 06 FF 40 1E 00 00 00 A7"),
    (admin(requests.OPEN_SHIFT), "02 05 E0 1E 00 00 00 FB"),
    (requests.open_receipt(ADMIN, 0), "02 06 8D 1E 00 00 00 00 95"),
    (requests.open_receipt(ADMIN, 2), "02 06 8D 1E 00 00 00 02 97"),
    (requests.open_receipt(ADMIN, 0x80), "02 06 8D 1E 00 00 00 80 15"),
    (
        requests.tag(ADMIN, element(1021, cp866("Кассир Иванов"))),
        "02 17 FF 0C 1E 00 00 00 FD 03 0D 00 8A A0 E1 E1 A8 E0 20 88 A2 A0 AD AE A2 60",
    ),
    (
        requests.tag(ADMIN, element(1008, b"buyer@example.com")),
        "02 1B FF 0C 1E 00 00 00 F0 03 11 00 62 75 79 65 72 40 65 78 61 6D 70 6C 65 2E 63 6F 6D 0A",
    ),
    (
        MILK.body(ADMIN),
        "02 26 FF 46 1E 00 00 00 01 80 84 1E 00 00 00 70 17 00 00 00 E0 2E 00 00 00 FF FF FF FF FF 01 01 04 "
        "01 CC EE EB EE EA EE EA",
    ),
    (requests.item_tag(ADMIN, element(2108, b"\0")), "02 0B FF 4D 1E 00 00 00 3C 08 01 00 00 92"),
    (admin(requests.SUBTOTAL), "02 05 89 1E 00 00 00 92"),
    (
        requests.close_receipt(ADMIN, {requests.CASH: 20_000}, rounding_kop=0, taxation=1),
        "02 76 FF 45 1E 00 00 00 20 4E 00 00 00 75*00 00 30*00 01 BD",
    ),
    (admin(requests.CANCEL_RECEIPT), "02 05 88 1E 00 00 00 93"),
    (requests.find_document(ADMIN, 12), "02 0A FF 0A 1E 00 00 00 0C 00 00 00 ED"),
    (admin(requests.FN_EXCHANGE), "02 06 FF 39 1E 00 00 00 DE"),
    (admin(requests.FN_UNCONFIRMED), "02 06 FF 3F 1E 00 00 00 D8"),
    (admin(requests.FN_MESSAGE_SIZE), "02 06 FF 30 1E 00 00 00 D7"),
    (requests.read_block(ADMIN, 0, 60), "02 09 FF 31 1E 00 00 00 00 00 3C E5"),
    (requests.begin_write(ADMIN, 40), "02 08 FF 32 1E 00 00 00 28 00 F3"),
    (
        requests.correction(
            ADMIN,
            by_order=False,
            operation=1,
            total_kop=10_000,
            payments={requests.CASH: 10_000},
            taxes_kop=(1667, 0, 0, 0, 0, 0),
            taxation=1,
        ),
        "02 45 FF 4A 1E 00 00 00 00 01 10 27 00 00 00 10 27 00 00 00 20*00 83 06 00 00 00 25*00 01 6B",
    ),
    (requests.cash(ADMIN, 100_000), "02 0A 50 1E 00 00 00 A0 86 01 00 00 63"),
    (requests.cash(ADMIN, -50_000), "02 0A 51 1E 00 00 00 50 C3 00 00 00 D6"),
    (admin(requests.X_REPORT), "02 05 40 1E 00 00 00 5B"),
    (admin(requests.Z_REPORT), "02 05 41 1E 00 00 00 5A"),
    (admin(requests.CONTINUE_PRINT), "02 05 B0 1E 00 00 00 AB"),
    (admin(requests.COPY), "02 05 8C 1E 00 00 00 97"),
    (requests.set_time(ADMIN, NOON), "02 08 21 1E 00 00 00 0C 22 00 19"),
    (requests.set_date(ADMIN, NOON.date()), "02 08 22 1E 00 00 00 0F 01 1A 20"),
    (requests.confirm_date(ADMIN, NOON.date()), "02 08 23 1E 00 00 00 0F 01 1A 21"),
    (admin(requests.FN_BEGIN_OPEN_SHIFT), "02 06 FF 41 1E 00 00 00 A6"),
    (admin(requests.FN_BEGIN_CLOSE_SHIFT), "02 06 FF 42 1E 00 00 00 A5"),
    (admin(requests.FN_CLOSE_SHIFT), "02 06 FF 43 1E 00 00 00 A4"),
    (admin(requests.FN_OPEN_SHIFT), "02 06 FF 0B 1E 00 00 00 EC"),
    (admin(requests.BEGIN_CORRECTION), "02 06 FF 35 1E 00 00 00 D2"),
    (admin(requests.FN_CANCEL), "02 06 FF 08 1E 00 00 00 EF"),
    (requests.read_table(ADMIN, 18, 1, 3), "02 09 1F 1E 00 00 00 12 01 00 03 18"),
    (
        requests.check_mark(ADMIN, status=1, mark=b"04606203103348a3=EfODAB=UpGbL"),
        "02 27 FF 61 1E 00 00 00 01 00 1D 00 30 34 36 30 36 32 30 33 31 30 33 33 34 38 61 33 3D 45 66 4F 44 "
        "41 42 3D 55 70 47 62 4C 86",
    ),
]


@pytest.mark.parametrize(("body", "whole"), REQUESTS)
def test_requests_are_the_documented_frames(body: bytes, whole: str) -> None:
    assert frame1.frame(body) == raw(whole)
    assert frame1.body_of(raw(whole)) == body


ANSWERS = {  # whole frames of answers
    "status": "02 11 10 00 1E BE 0A 04 00 00 AA D8 00 00 00 00 00 00 00 DD",
    "full": "02 30 11 00 1E 43 31 CB C3 01 0B 19 01 4D 00 BE 0A 04 00 80 31 30 00 00 01 0B 19 0F 01 1A 0C 22 "
    "38 23 4E 61 BC 00 05 00 B8 0B 01 0B 87 83 07 CB 01 00 FF",
    "fn": "02 21 FF 01 00 03 00 00 00 00 1A 01 0F 0C 22 39 39 39 39 30 37 38 39 30 30 30 31 32 33 34 35 0A "
    "00 00 00 EB",
    "shift": "02 08 FF 40 00 01 06 00 01 00 B1",
    "opened": "02 03 E0 00 1E FD",
    "closed": "02 15 FF 45 00 40 1F 00 00 00 0C 00 00 00 84 56 34 12 1A 01 0F 0C 22 32",
    "busy": "02 03 FF 45 50 E9",
    "found": "02 18 FF 0A 00 03 00 1A 01 0F 0C 22 0C 00 00 00 84 56 34 12 01 E0 2E 00 00 00 E3",
    "not found": "02 03 FF 0A 08 FE",
    "exchange": "02 10 FF 39 00 02 00 03 00 08 00 00 00 1A 01 0F 0C 22 E5",
    "unconfirmed": "02 05 FF 3F 00 03 00 C6",
    "size": "02 06 FF 30 00 2C 01 C8 2C",
    "waits": "02 02 8D 58 D7",
    # from users' logs of real devices
    "retail": "02 12 FC 00 00 00 01 0E 16 00 D0 C8 D2 C5 C9 CB 2D 30 31 D4 02",
    "parameters": "02 27 F7 00 5A A0 40 03 20 EC 01 00 0C 18 01 0C 10 00 00 00 00 00 00 1E 00 00 00 00 06 FF "
    "00 48 40 B6 03 12 13 18 11 11 19 F7",
    "closed, no date": "02 10 FF 45 00 00 00 00 00 00 DC 45 00 00 B5 BC 48 11 63",
    "status of a till": "02 10 10 00 1C 90 02 02 00 00 9D D7 D3 01 00 A0 02 00 B6",
    "mark": "02 1B FF 61 00 00 01 01 14 00 05 42 08 04 00 80 07 15 61 39 08 01 00 00 D5 07 01 00 05 CF",
}


def answer(name: str) -> Answer:
    body = frame1.body_of(raw(ANSWERS[name]))
    assert body is not None, "the check byte of the frame itself"
    return read_answer(requests.command_of(body), body)


@pytest.mark.parametrize("name", ANSWERS)
def test_frames_of_answers_are_whole(name: str) -> None:
    body = frame1.body_of(raw(ANSWERS[name]))
    assert body is not None
    assert frame1.frame(body) == raw(ANSWERS[name])


def test_statuses() -> None:
    status = answers.ShortStatus.read(answer("status").data)
    assert (status.operator, status.mode, status.sub_mode, status.flags) == (30, 4, 0, 0x0ABE)

    full = answers.FullStatus.read(answer("full").data)
    assert (full.firmware, full.document_number, full.last_closed_shift) == ("C.1", 77, 5)
    assert full.clock == clock.fromisoformat("2026-01-15T12:34:56")

    till = answers.ShortStatus.read(answer("status of a till").data)
    assert (till.mode, till.sub_mode) == (2, 0)


def test_fn_answers() -> None:
    fn = answers.FnStatus.read(answer("fn").data)
    assert (fn.fn_number, fn.fd_number, fn.document, fn.phase) == ("9999078900012345", 10, 0, 3)
    assert fn.last_at == NOON

    shift = answers.FnShift.read(answer("shift").data)
    assert (shift.open, shift.number, shift.receipt_number) == (True, 6, 1)

    exchange = answers.Exchange.read(answer("exchange").data)
    assert (exchange.queue, exchange.first_fd, exchange.first_at) == (3, 8, NOON)

    assert answers.message_size(answer("size").data) == (300, 200)
    assert answer("opened").data == u1(30)
    assert answer("unconfirmed").data == b"\3\0"


def test_documents() -> None:
    closed = answers.MadeDocument.closed_receipt(answer("closed").data)
    assert (closed.fd_number, closed.fiscal_sign) == (12, 305419908)
    assert answers.MadeDocument.closed_receipt(answer("closed, no date").data).fd_number == 17884

    found = answers.ArchivedDocument.read(answer("found").data)
    assert (found.code, found.confirmed, found.operation, found.total_kop) == (3, False, 1, 12_000)
    assert (found.fd_number, found.fiscal_sign, found.made_at) == (12, 305419908, NOON)


def test_old_firmware_that_answers_the_change_alone_is_noticed() -> None:
    with pytest.raises(BadShtrihAnswer):
        answers.MadeDocument.closed_receipt(bytes(5))


@pytest.mark.parametrize(("name", "error"), [("busy", 0x50), ("not found", 0x08), ("waits", 0x58)])
def test_errors_have_no_data(name: str, error: int) -> None:
    assert (answer(name).error, answer(name).data) == (error, b"")


def test_an_unknown_ff_command_may_come_back_without_its_echo() -> None:
    assert read_answer(b"\xff\x45", b"\xff\x37").error == 0x37


def test_four_more_bytes_of_an_error_say_why() -> None:
    found = read_answer(b"\xff\x46", raw("FF 46 33 42 00 33 00"))
    assert (found.error, found.sub_code) == (0x33, 0x42)


def test_the_answer_to_another_command_is_not_taken() -> None:
    with pytest.raises(BadShtrihAnswer):
        read_answer(requests.FN_STATUS, frame1.body_of(raw(ANSWERS["shift"])) or b"")


def test_the_answer_about_a_mark_is_read_by_its_first_byte() -> None:
    asked = answers.MarkCheck.read(answer("mark").data)
    assert (asked.fn_result, asked.fn_reason, asked.kind) == (0, 1, 1)
    assert (asked.server, asked.checked, asked.reason) == (0, 5, None)
    assert len(asked.tlv) == 18

    offline = answers.MarkCheck.read(raw("00 00 05 00"))  # nothing asked: no server's part at all
    assert (offline.server, offline.checked) == (None, None)

    refused = answers.MarkCheck.read(raw("00 00 02 02 20 01"))
    assert (refused.server, refused.reason, refused.checked) == (0x20, 1, None)

    silent = answers.MarkCheck.read(raw("00 00 02 01 FF"))
    assert (silent.server, silent.reason, silent.checked) == (0xFF, None, None)


def test_five_bytes_of_date_at_the_end_change_nothing() -> None:
    numbered = u1(9) + b"\0" + u4(77) + u4(4711)
    for tail in (b"", raw("1A 01 0F 0C 22")):
        made = answers.MadeDocument.numbered(numbered + tail)
        assert (made.fd_number, made.fiscal_sign) == (77, 4711)


def test_both_forms_of_the_registration() -> None:
    head = raw("1A 01 0F 0C 22") + b"7701234567  " + b"0000000001012345    " + b"\x01\x00"
    old = answers.FnRegistration.read(head + u4(1) + u4(2))
    new = answers.FnRegistration.read(head + b"\x10" + b"7704358518  " + u4(0) + u4(1) + u4(2))

    assert (old.user_inn, old.registration_number, old.ofd_inn) == ("7701234567", "0000000001012345", None)
    assert (new.extra_mode, new.ofd_inn) == (0x10, "7704358518")


def test_the_life_of_an_fn() -> None:
    assert answers.valid_until(raw("1B 03 1F 05 01")) == date(2027, 3, 31)


def test_frames_of_protocol_2_are_the_documented_ones() -> None:
    assert frame2.sync() == raw("8F 00 00 0F 1D")
    assert frame2.frame(1, b"\xfc") == raw("8F 03 00 01 00 FC 7D E6")
    assert frame2.frame(0x8F, admin(requests.SHORT_STATUS)) == raw("8F 07 00 9F 81 00 10 1E 00 00 00 6E 35")


def test_an_answer_of_protocol_2_is_read() -> None:
    whole = raw("8F 23 00 03 00 FF 01 00 03 00 00 01 00 13 05 05 0B 37") + b"9999078900005" + raw("39 39 39")
    body = whole[5:] + raw("12 00 00 00")
    found = frame2.Decoder().feed(frame2.frame(3, body))

    assert [f.number for f in found] == [3]
    assert answers.FnStatus.read(read_answer(requests.FN_STATUS, found[0].data).data).fd_number == 18


@given(number=st.integers(0, 0xFFFF), data=st.binary(min_size=1, max_size=300), cut=st.integers(0, 10_000))
def test_frames_of_protocol_2_come_through_noise_and_in_pieces(number: int, data: bytes, cut: int) -> None:
    stream = b"\x00\xff\x15" + frame2.frame(number, data) + b"\x8f\x05" + frame2.frame(number, data)
    at = cut % len(stream)
    decoder = frame2.Decoder()

    found = decoder.feed(stream[:at]) + decoder.feed(stream[at:])

    assert found == [frame2.Frame2(number=number, data=data)] * 2


@given(data=st.binary(min_size=1, max_size=300), at=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_damaged_frame_is_never_taken_for_a_whole_one(data: bytes, at: int, flip: int) -> None:
    stream = bytearray(frame2.frame(7, data))
    stream[at % len(stream)] ^= flip

    assert frame2.Frame2(number=7, data=data) not in frame2.Decoder().feed(bytes(stream))


@given(body=st.binary(min_size=1, max_size=255))
def test_frames_of_protocol_1_round_trip(body: bytes) -> None:
    whole = frame1.frame(body)
    assert frame1.body_of(whole) == body
    assert frame1.body_of(whole[:-1]) is None
    assert frame1.body_of(whole[:-1] + u1(whole[-1] ^ 1)) is None


def test_limits_of_protocol_1() -> None:
    longest = element(1084, bytes(requests.MAX_TLV - 4))
    assert len(requests.tag(ADMIN, longest)) == frame1.MAX_BODY
    marked = requests.check_mark(ADMIN, status=1, mark=bytes(127), tlv=bytes(requests.MAX_MARK_AND_TLV - 127))
    assert len(marked) <= frame1.MAX_BODY
    assert len(requests.write_block(ADMIN, 0, bytes(requests.MAX_WRITE_BLOCK))) == frame1.MAX_BODY
    assert 3 + requests.MAX_READ_BLOCK == frame1.MAX_BODY
    with pytest.raises(ValueError, match="does not fit"):
        frame1.frame(bytes(256))

"""Commands of the FN: its state, its documents, shifts with tags, the exchange with the operator."""

from collections.abc import Callable, Mapping

from kkt_adapter.emulators.shtrih.machine import CLOSING, NOTHING, OPENING, STATE, Dump, Fail, ShtrihMachine
from kkt_adapter.fiscal.ffd.tlv import decode
from kkt_adapter.fiscal.kkt.driver import ShiftState
from kkt_adapter.fiscal.kkt.shtrih import modes, requests
from kkt_adapter.fiscal.kkt.shtrih.device_errors import NO_DATA
from kkt_adapter.fiscal.kkt.shtrih.values import Cursor, u1, u2, u4, u5, ymd_hm
from kkt_adapter.fiscal.model import DocumentCode, FfdVersion, FiscalDocument
from kkt_adapter.fiscal.ofd.frame import parse_message
from kkt_adapter.kernel.errors import KktRefused

BLOCK = 200  # bytes of one FF31 or FF33 that the device offers
FISCAL_MODE = 3


def fn_status(machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    status = machine.status()
    last = machine.fn.document(status.fd_number)
    shift_open = status.shift_state is not ShiftState.CLOSED
    moment = bytes(5) if last is None else ymd_hm(last.fiscalized_at)
    return (
        bytes((FISCAL_MODE, machine.document, 0, int(shift_open), 0))
        + moment
        + status.fn_number.encode("ascii")
        + u4(status.fd_number)
    )


def fn_number(machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    return machine.registration.fn_number.encode("ascii")


def fn_valid_until(machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    until = machine.status().fn_valid_until
    return bytes((until.year % 100, until.month, until.day)) + b"\x0b\x01"


def fn_version(_machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    return b"fn emulator     " + b"\0"


def cancel_document(machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    machine.receipt = None
    machine.begun = NOTHING
    machine.report_tags = []
    return b""


def registration(machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    facts, first = machine.registration, machine.fn.document(1)
    assert first is not None, "every FN begins with its registration"
    mode = (2 if facts.offline_mode else 0) | (4 if facts.auto_mode else 0)
    mode |= 32 if facts.internet_only else 0
    extra = (1 if facts.excise_goods else 0) | (16 if facts.marked_goods else 0)
    head = (
        ymd_hm(first.fiscalized_at)
        + facts.user_inn.ljust(12).encode("ascii")
        + facts.registration_number.ljust(20).encode("ascii")
        + bytes((facts.taxation_mask, mode))
    )
    if facts.ffd_version is not FfdVersion.V1_05:
        head += u1(extra) + facts.ofd_inn.ljust(12).encode("ascii") + u4(0)
    return head + u4(1) + u4(first.fiscal_sign) + machine.tail()


ALL_TAGS = 0xFFFF


def registration_tag(machine: ShtrihMachine, data: bytes, _operator: int) -> bytes:
    """FF0E: one tag of a registration report, or (FFFFh) all of them by FF3B [JP FSReadFiscalizationTag]."""
    cursor = Cursor(data)
    report, tag = cursor.number(1), cursor.number(2)
    message = machine.fn.message(1)
    if report > 1 or message is None:  # this FN is registered once
        raise Fail(NO_DATA)
    container = parse_message(message).container
    assert container is not None
    contents = container.document[4:]
    if tag == ALL_TAGS:
        machine.dump = Dump(pieces=_pieces(machine, contents))
        return b""
    found = [u2(e.tag) + u2(len(e.raw)) + e.raw for e in decode(contents) if e.tag == tag]
    if not found:
        raise Fail(NO_DATA)
    return found[0]


def memory_left(machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    """FF63: documents of the five-year store, KiB of the 30-day store [JP FSReadMemorySize]. Made up: 1 KiB
    for each document."""
    left = machine.status().documents_left
    return u4(left) + u4(left)


def find(machine: ShtrihMachine, data: bytes, _operator: int) -> bytes:
    document = machine.fn.document(Cursor(data).number(4))
    if document is None:
        raise Fail(NO_DATA)
    head = (
        bytes((int(document.code), int(document.confirmed)))
        + ymd_hm(document.fiscalized_at)
        + u4(document.fd_number)
        + u4(document.fiscal_sign)
    )
    return head + _rest_of(machine, document)


def _rest_of(machine: ShtrihMachine, document: FiscalDocument) -> bytes:
    if document.operation is not None and document.total_kop is not None:
        return u1(int(document.operation)) + u5(document.total_kop)
    if document.code in (DocumentCode.OPEN_SHIFT, DocumentCode.CLOSE_SHIFT):
        return u2(document.shift_number)
    facts = machine.registration
    return (
        facts.user_inn.ljust(12).encode("ascii")
        + facts.registration_number.ljust(20).encode("ascii")
        + bytes((facts.taxation_mask, 0))
    )


def begin_dump(machine: ShtrihMachine, data: bytes, _operator: int) -> bytes:
    """FF3A: from the beginning, also while another document is being read."""
    message = machine.fn.message(Cursor(data).number(4))
    machine.dump = None
    if message is None:
        raise Fail(NO_DATA)
    if modes.mode_of(machine.mode) == modes.DOCUMENT_OPEN:
        raise Fail(0x73)
    container = parse_message(message).container
    assert container is not None
    document = container.document  # one element: the document itself
    contents = document[4:]
    machine.dump = Dump(pieces=_pieces(machine, contents))
    return document[:2] + u2(len(contents))


def _pieces(machine: ShtrihMachine, contents: bytes) -> list[bytes]:
    step = machine.model.piece
    if not machine.model.one_tlv_per_piece:
        return [contents[at : at + step] for at in range(0, len(contents), step)]
    elements = [u2(e.tag) + u2(len(e.raw)) + e.raw for e in decode(contents)]
    return [tlv[at : at + step] for tlv in elements for at in range(0, len(tlv), step)]


def next_piece(machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    """FF3B: the cursor goes on whether the answer arrives or not."""
    dump = machine.dump
    if dump is None or dump.at >= len(dump.pieces):
        machine.dump = None
        raise Fail(NO_DATA)
    dump.at += 1
    return dump.pieces[dump.at - 1]


def ticket(machine: ShtrihMachine, data: bytes, _operator: int) -> bytes:
    number = Cursor(data).number(4)
    confirmation = machine.fn.confirmation(number)
    if confirmation is None or confirmation.replied_at is None:
        raise Fail(NO_DATA)
    sign = bytes.fromhex(confirmation.operator_sign or "")
    return ymd_hm(confirmation.replied_at) + sign[:18].ljust(18, b"\0") + u4(number)


def unconfirmed(machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    return u2(min(machine.fn.exchange_status().unsent_count, 0xFFFF))


def exchange(machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    status = machine.fn.exchange_status()
    moment = bytes(5) if status.first_unsent_at is None else ymd_hm(status.first_unsent_at)
    return (
        bytes((2 if status.unsent_count else 0, 0))
        + u2(min(status.unsent_count, 0xFFFF))
        + u4(status.first_unsent_number or 0)
        + moment
    )


def shift(machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    status = machine.status()
    is_open = status.shift_state is not ShiftState.CLOSED
    return u1(int(is_open)) + u2(status.shift_number) + u2(status.receipts_in_shift)


def begin_open_shift(machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    machine.need_mode(modes.SHIFT_CLOSED)
    return _begin(machine, OPENING)


def begin_close_shift(machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    machine.need_mode(modes.SHIFT_OPEN, modes.SHIFT_EXPIRED)
    return _begin(machine, CLOSING)


def begin_state_report(machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    machine.need_mode(modes.SHIFT_CLOSED, modes.SHIFT_OPEN, modes.SHIFT_EXPIRED)
    return _begin(machine, STATE)


def state_report(machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    """FF38: document 21 and what waits for the operator."""
    machine.need_paper()
    if machine.begun != STATE:
        raise Fail(0x02)
    document = machine.report_state()
    waits = machine.fn.exchange_status()
    first = waits.first_unsent_at
    date = bytes(3) if first is None else ymd_hm(first)[:3]
    return u4(document.fd_number) + u4(document.fiscal_sign) + u4(waits.unsent_count) + date + machine.tail()


def _begin(machine: ShtrihMachine, what: int) -> bytes:
    if machine.begun != NOTHING:
        raise Fail(0x02)
    machine.begun = what
    machine.report_tags = []
    return b""


def open_shift(machine: ShtrihMachine, _data: bytes, operator: int) -> bytes:
    machine.need_paper()
    document = machine.open_shift(operator)
    return u2(document.shift_number) + u4(document.fd_number) + u4(document.fiscal_sign) + machine.tail()


def close_shift(machine: ShtrihMachine, _data: bytes, operator: int) -> bytes:
    machine.need_paper()
    machine.need_mode(modes.SHIFT_OPEN, modes.SHIFT_EXPIRED)
    document = machine.close_shift(operator).document
    return u2(document.shift_number) + u4(document.fd_number) + u4(document.fiscal_sign) + machine.tail()


def message_size(machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    message = _waiting(machine)
    return u2(len(message)) + u1(BLOCK)


def read_block(machine: ShtrihMachine, data: bytes, _operator: int) -> bytes:
    cursor = Cursor(data)
    offset, size = cursor.number(2), cursor.number(1)
    found = _waiting(machine)[offset : offset + size]
    if not found or size > requests.MAX_READ_BLOCK:
        raise Fail(0x33)
    return found


def begin_write(machine: ShtrihMachine, data: bytes, _operator: int) -> bytes:
    machine.reply.clear()
    machine.reply_size = Cursor(data).number(2)
    return u1(BLOCK)


def write_block(machine: ShtrihMachine, data: bytes, _operator: int) -> bytes:
    """The last block makes the FN read the whole answer."""
    cursor = Cursor(data)
    offset, size = cursor.number(2), cursor.number(1)
    block = cursor.take(size)
    if offset != len(machine.reply):
        raise Fail(0x33)
    machine.reply += block
    if len(machine.reply) >= machine.reply_size:
        whole = bytes(machine.reply)
        machine.reply.clear()
        try:
            machine.fn.accept_reply(whole)
        except KktRefused as error:
            raise Fail(error.device_code) from error
    return b""


def _waiting(machine: ShtrihMachine) -> bytes:
    if not machine.model.has(44):
        raise Fail(0x37)
    message = machine.fn.read_message()
    return b"" if message is None else message.raw


def nothing(_machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    return b""


HANDLERS: Mapping[bytes, Callable[[ShtrihMachine, bytes, int], bytes]] = {
    b"\xff\x01": fn_status,
    b"\xff\x02": fn_number,
    b"\xff\x03": fn_valid_until,
    b"\xff\x04": fn_version,
    b"\xff\x08": cancel_document,
    b"\xff\x09": registration,
    b"\xff\x0a": find,
    b"\xff\x0e": registration_tag,
    b"\xff\x0b": open_shift,
    b"\xff\x30": message_size,
    b"\xff\x31": read_block,
    b"\xff\x32": begin_write,
    b"\xff\x33": write_block,
    b"\xff\x37": begin_state_report,
    b"\xff\x38": state_report,
    b"\xff\x39": exchange,
    b"\xff\x3a": begin_dump,
    b"\xff\x3b": next_piece,
    b"\xff\x3c": ticket,
    b"\xff\x3f": unconfirmed,
    b"\xff\x40": shift,
    b"\xff\x41": begin_open_shift,
    b"\xff\x42": begin_close_shift,
    b"\xff\x43": close_shift,
    b"\xff\x62": nothing,
    b"\xff\x63": memory_left,
}

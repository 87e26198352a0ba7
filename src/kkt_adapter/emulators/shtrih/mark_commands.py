"""Commands that check marking codes and bind them to lines."""

from collections.abc import Callable, Mapping

from kkt_adapter.emulators.shtrih.machine import Fail, ShtrihMachine
from kkt_adapter.emulators.shtrih.receipt_commands import open_receipt_of
from kkt_adapter.fiscal.kkt.shtrih.device_errors import NO_DATA
from kkt_adapter.fiscal.kkt.shtrih.values import Cursor, u1, u2, u4


def check_mark(machine: ShtrihMachine, data: bytes, _operator: int) -> bytes:
    """FF61. The server is the emulator itself: ``mark_answer`` says what it thinks of every code."""
    if not machine.registration.marked_goods:
        raise Fail(0xA0)
    if machine.receipt is not None and machine.receipt.lines:
        raise Fail(0xA1)
    if machine.mark_asked is not None:
        raise Fail(0xA1)
    cursor = Cursor(data)
    cursor.take(2)
    size, tlv_size = cursor.number(1), cursor.number(1)
    code = cursor.take(size).decode("ascii", "replace")
    cursor.take(tlv_size)
    found, answer = _mark_answer(machine.mark_answer)
    machine.mark_asked = (code, found)
    return answer


def _mark_answer(kind: str) -> tuple[int, bytes]:
    """2106 and the answer behind the error byte."""
    checked = bytes((3, 0, 2))  # by the FN: positive, checked, 88 symbols
    unchecked = bytes((0, 1, 1))
    match kind:
        case "bad":
            return 5, unchecked + b"\2\0\5"
        case "offline":
            return 3, checked + b"\0"
        case "silent":
            return 3, checked + b"\1\xff"
        case "refused":
            return 3, checked + b"\2\x20\1"
        case _:
            status = u2(2005) + u2(1) + b"\1"
            return 15, checked + u1(2 + len(status)) + b"\0\x0f" + status


def accept_mark(machine: ShtrihMachine, data: bytes, _operator: int) -> bytes:
    if data[0] == 2:
        machine.marks.clear()
        machine.mark_asked = None
        return b"\0"
    if machine.mark_asked is None:
        raise Fail(0xA1)
    code, found = machine.mark_asked
    machine.mark_asked = None
    if data[0] == 1:
        machine.marks[code] = found
    return u1(found)


def bind_mark(machine: ShtrihMachine, data: bytes, operator: int) -> bytes:
    receipt = open_receipt_of(machine, operator)
    code = data[1 : 1 + data[0]].decode("ascii", "replace")
    if code not in machine.marks:
        raise Fail(0xAC)
    bound = (code, machine.marks[code])
    if machine.model.tags_first:
        receipt.next_mark = bound
    elif receipt.lines:
        receipt.lines[-1].mark, receipt.lines[-1].mark_check = bound
    else:
        raise Fail(0x73)
    return b"\x44\x4d" + b"\2"


def marking_status(machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    """FF70 [JP FSReadMCStatus]."""
    checking = 1 if machine.mark_asked is None else 4  # no code in work; an answer has come
    return bytes((checking, 0, 0xFF, len(machine.marks), 0, 0)) + u2(len(machine.notifications.kept))


def notification_status(_machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    """FF68 [JP FSReadMCNotificationStatus]: nothing waits."""
    return u1(0) + u2(0) + u4(0) + bytes(5) + u1(0)


def begin_notifications(machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    """FF71."""
    return machine.notifications.begin()


def notification_block(machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    """FF72."""
    block = machine.notifications.next_block()
    if block is None:
        raise Fail(NO_DATA)
    return block


def confirm_notification(machine: ShtrihMachine, data: bytes, _operator: int) -> bytes:
    """FF73."""
    cursor = Cursor(data)
    if not machine.notifications.confirm(cursor.number(4), cursor.number(2)):
        raise Fail(0x33)
    return b""


HANDLERS: Mapping[bytes, Callable[[ShtrihMachine, bytes, int], bytes]] = {
    b"\xff\x61": check_mark,
    b"\xff\x67": bind_mark,
    b"\xff\x68": notification_status,
    b"\xff\x69": accept_mark,
    b"\xff\x70": marking_status,
    b"\xff\x71": begin_notifications,
    b"\xff\x72": notification_block,
    b"\xff\x73": confirm_notification,
}

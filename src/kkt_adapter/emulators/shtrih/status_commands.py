"""Commands about the device itself: statuses, registers, tables, clock, paper, shift reports, cash."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from kkt_adapter.emulators.shtrih.machine import NOTHING, OPENING, Fail, ShtrihMachine
from kkt_adapter.emulators.shtrih.tables import TAXES
from kkt_adapter.fiscal.kkt.driver import ShiftState
from kkt_adapter.fiscal.kkt.shtrih import modes
from kkt_adapter.fiscal.kkt.shtrih.device_errors import error_of
from kkt_adapter.fiscal.kkt.shtrih.values import Cursor, dmy, hms, text, u1, u2, u4, u6
from kkt_adapter.fiscal.kkt.virtual.totals import Column
from kkt_adapter.fiscal.model import Operation

FIRMWARE, BUILD = b"D2", 50_000
_OPERATIONS = (Operation.SALE, Operation.EXPENSE, Operation.REFUND, Operation.EXPENSE_REFUND)
_SUMS = {121: Column.TOTAL, 193: Column.CASH, 197: Column.CARD}  # money registers of the shift, + operation


def short_status(machine: ShtrihMachine, _data: bytes, operator: int) -> bytes:
    lines = 0 if machine.receipt is None else len(machine.receipt.lines)
    return (
        u1(operator)
        + u2(machine.flags)
        + u1(machine.mode)
        + u1(machine.sub_mode)
        + u1(lines & 0xFF)
        + b"\xaa\xd8\0\0"
        + u1(lines >> 8)
        + bytes(4)
    )


def full_status(machine: ShtrihMachine, _data: bytes, operator: int) -> bytes:
    status = machine.status()
    is_open = status.shift_state is not ShiftState.CLOSED
    closed = status.shift_number - 1 if is_open else status.shift_number
    inn = int(machine.registration.user_inn)
    made = dmy(status.clock.date() - timedelta(days=300))
    return (
        u1(operator)
        + FIRMWARE
        + u2(BUILD)
        + made
        + b"\1"
        + u2(machine.counters.documents & 0xFFFF)
        + u2(machine.flags)
        + u1(machine.mode)
        + u1(machine.sub_mode)
        + b"\x80"
        + b"10"
        + u2(0)
        + made
        + dmy(status.clock.date())
        + hms(status.clock)
        + b"\0"
        + u4(int(machine.registration.serial_number) & 0xFFFFFFFF)
        + u2(closed % 10_000)
        + u2(3000)
        + b"\1\x0b"
        + u6(inn)
    )


def metrics(machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    return b"\0\0\1\x0e" + u1(machine.model.number) + b"\0" + text(machine.model.name)


def parameters(machine: ShtrihMachine, data: bytes, _operator: int) -> bytes:
    if data[:1] != b"\1":
        raise Fail(0x33)
    head = machine.model.flags.to_bytes(8, "little") + bytes.fromhex("0C18010C100000") + bytes(4)
    body = head + u4(30) + b"\0\x06" + u2(255) + bytes.fromhex("4840B603")
    return body + bytes(machine.model.tables)


def money_register(machine: ShtrihMachine, data: bytes, operator: int) -> bytes:
    return u1(operator) + u6(max(_money(machine, int.from_bytes(data[:2], "little")), 0))


def _money(machine: ShtrihMachine, number: int) -> int:
    shift, _ = machine.fn.stats()
    is_open = machine.status().shift_state is not ShiftState.CLOSED
    for first, column in _SUMS.items():
        if first <= number < first + 4:
            return shift.both(column, _OPERATIONS[number - first]) if is_open else 0
    return {
        241: machine.cash_kop(),
        242: machine.counters.shift_cash_in_kop,
        243: machine.counters.shift_cash_out_kop,
    }.get(number, 0)


def operation_register(machine: ShtrihMachine, data: bytes, operator: int) -> bytes:
    counters = machine.counters
    number = data[0]
    found = {
        152: counters.documents,
        153: counters.shift_cash_ins,
        154: counters.shift_cash_outs,
        155: counters.cash_ins,
        156: counters.cash_outs,
    }
    for at in range(4):
        found[144 + at] = counters.shift_by_operation[at]
        found[148 + at] = counters.by_operation[at]
    return u1(operator) + u2(found.get(number, 0) & 0xFFFF)


def read_table(machine: ShtrihMachine, data: bytes, _operator: int) -> bytes:
    cursor = Cursor(data)
    found = machine.tables.fields.get((cursor.number(1), cursor.number(2), cursor.number(1)))
    if found is None:
        raise Fail(0x33, 1)
    return found.read()


def write_table(machine: ShtrihMachine, data: bytes, _operator: int) -> bytes:
    cursor = Cursor(data)
    key = (cursor.number(1), cursor.number(2), cursor.number(1))
    if modes.mode_of(machine.mode) in (modes.DUMP, modes.DOCUMENT_OPEN):
        raise Fail(0x73)
    if key[0] == TAXES and machine.status().shift_state is not ShiftState.CLOSED:
        raise Fail(0x73)
    found = machine.tables.fields.get(key)
    if found is None or not found.write(cursor.rest()):
        raise Fail(0x33, 1)
    return b""


def table_structure(machine: ShtrihMachine, data: bytes, _operator: int) -> bytes:
    shape = machine.tables.shape(data[0])
    if shape is None:
        raise Fail(0x33, 1)
    return text(f"ТАБЛИЦА {data[0]}", 40) + u2(shape[0]) + u1(shape[1])


def field_structure(machine: ShtrihMachine, data: bytes, _operator: int) -> bytes:
    found = machine.tables.fields.get((data[0], 1, data[1]))
    if found is None:
        raise Fail(0x33, 1)
    if isinstance(found.value, str):
        return text(found.name, 40) + b"\1" + u1(found.size)
    highest = (1 << (8 * found.size)) - 1
    return (
        text(found.name, 40)
        + b"\0"
        + u1(found.size)
        + bytes(found.size)
        + highest.to_bytes(found.size, "little")
    )


def end_dump(machine: ShtrihMachine, _data: bytes, operator: int) -> bytes:
    """Desktop devices do not let a document's dump be broken off."""
    if machine.dump is not None and machine.model.dump_mode:
        raise Fail(0x73)
    machine.dump = None
    return u1(operator)


def continue_print(machine: ShtrihMachine, _data: bytes, operator: int) -> bytes:
    if machine.sub_mode == modes.NO_PAPER_PRINTING:
        raise Fail(0x6B)
    if machine.sub_mode == modes.WAITS_FOR_CONTINUE:
        machine.sub_mode = modes.PAPER_IDLE
    return u1(operator)


def x_report(machine: ShtrihMachine, _data: bytes, operator: int) -> bytes:
    machine.need_paper()
    machine.need_mode(modes.SHIFT_OPEN, modes.SHIFT_EXPIRED, modes.SHIFT_CLOSED)
    machine.counters.documents += 1
    return u1(operator)


def z_report(machine: ShtrihMachine, _data: bytes, operator: int) -> bytes:
    machine.need_paper()
    machine.need_mode(modes.SHIFT_OPEN, modes.SHIFT_EXPIRED)
    machine.close_shift(operator)
    return u1(operator)


def open_shift(machine: ShtrihMachine, _data: bytes, operator: int) -> bytes:
    machine.need_paper()
    if machine.mode == modes.SHIFT_EXPIRED:
        raise Fail(0x73)
    if machine.begun not in (NOTHING, OPENING):
        raise Fail(0x02)
    machine.need_mode(modes.SHIFT_CLOSED)
    machine.open_shift(operator)
    return u1(operator)


def cash_in(machine: ShtrihMachine, data: bytes, operator: int) -> bytes:
    return _cash(machine, data, operator, into=True)


def cash_out(machine: ShtrihMachine, data: bytes, operator: int) -> bytes:
    return _cash(machine, data, operator, into=False)


def _cash(machine: ShtrihMachine, data: bytes, operator: int, *, into: bool) -> bytes:
    machine.need_paper()
    if modes.mode_of(machine.mode) == modes.DOCUMENT_OPEN:
        raise Fail(0x4A)
    number = machine.move_cash(Cursor(data).number(5), into=into)
    return u1(operator) + u2(number & 0xFFFF)


def copy(machine: ShtrihMachine, _data: bytes, operator: int) -> bytes:
    machine.need_paper()
    machine.need_mode(modes.SHIFT_OPEN, modes.SHIFT_EXPIRED)
    status = machine.status()
    last = machine.fn.document(status.fd_number)
    if last is None or last.receipt_number is None:
        raise Fail(0x56)
    machine.counters.documents += 1
    return u1(operator)


def only_operator(machine: ShtrihMachine, _data: bytes, operator: int) -> bytes:
    """Beeps, drawers, cutters, lines of text: nothing to see."""
    return u1(operator)


def printing(machine: ShtrihMachine, _data: bytes, operator: int) -> bytes:
    machine.need_paper()
    return u1(operator)


def not_in_receipt(machine: ShtrihMachine, _data: bytes, operator: int) -> bytes:
    if modes.mode_of(machine.mode) == modes.DOCUMENT_OPEN:
        raise Fail(0x4A)
    machine.need_paper()
    return u1(operator)


def font(_machine: ShtrihMachine, data: bytes, _operator: int) -> bytes:
    if not 1 <= data[0] <= 7:
        raise Fail(0x33)
    return u2(512) + b"\x0c\x18" + b"\7"


def port_parameters(_machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    return b"\6" + b"\x32"  # 115200 baud, 50 ms


def nothing(_machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    return b""


def set_time(machine: ShtrihMachine, data: bytes, _operator: int) -> bytes:
    machine.need_mode(modes.SHIFT_CLOSED)
    hour, minute, second = data[:3]
    try:
        machine.set_wall(machine.now().replace(hour=hour, minute=minute, second=second))
    except ValueError as error:
        raise Fail(0x33) from error
    return b""


def set_date(machine: ShtrihMachine, data: bytes, _operator: int) -> bytes:
    """It counts once it was confirmed."""
    machine.need_mode(modes.SHIFT_CLOSED)
    machine.date_to_confirm = data[:3]
    return b""


def confirm_date(machine: ShtrihMachine, data: bytes, _operator: int) -> bytes:
    if machine.date_to_confirm != data[:3]:
        raise Fail(0x7C)
    machine.date_to_confirm = None
    day, month, year = data[:3]
    try:
        machine.set_wall(machine.now().replace(year=2000 + year, month=month, day=day))
    except ValueError as error:
        raise Fail(0x33) from error
    return b""


def error_text(_machine: ShtrihMachine, data: bytes, _operator: int) -> bytes:
    return text(error_of(data[0] if data else 0).meaning.ru)


HANDLERS: Mapping[bytes, Callable[[ShtrihMachine, bytes, int], bytes]] = {
    b"\x03": end_dump,
    b"\x10": short_status,
    b"\x11": full_status,
    b"\x13": only_operator,
    b"\x14": nothing,
    b"\x15": port_parameters,
    b"\x17": printing,
    b"\x19": only_operator,
    b"\x1a": money_register,
    b"\x1b": operation_register,
    b"\x1e": write_table,
    b"\x1f": read_table,
    b"\x21": set_time,
    b"\x22": set_date,
    b"\x23": confirm_date,
    b"\x25": not_in_receipt,
    b"\x26": font,
    b"\x28": only_operator,
    b"\x29": not_in_receipt,
    b"\x2b": only_operator,
    b"\x2d": table_structure,
    b"\x2e": field_structure,
    b"\x40": x_report,
    b"\x41": z_report,
    b"\x50": cash_in,
    b"\x51": cash_out,
    b"\x6b": error_text,
    b"\x8c": copy,
    b"\xb0": continue_print,
    b"\xc2": printing,
    b"\xd1": only_operator,
    b"\xe0": open_shift,
    b"\xf7": parameters,
    b"\xfc": metrics,
}

"""Commands that make receipts and corrections: FFD 1.05 and later, the ones before them, marking codes."""

from collections.abc import Callable, Mapping

from kkt_adapter.emulators.shtrih.machine import CORRECTION, NOTHING, Fail, Machine
from kkt_adapter.emulators.shtrih.receipt import AS_CORRECTION, Closing, OpenLine, OpenReceipt
from kkt_adapter.emulators.shtrih.tables import FFD_TABLE, REPLACEMENT, SETTINGS, TAX_ACCRUAL
from kkt_adapter.fiscal.ffd.tlv import TlvError, decode
from kkt_adapter.fiscal.kkt.shtrih import modes, requests
from kkt_adapter.fiscal.kkt.shtrih.device import NANO_F, NANO_RATES, RATES
from kkt_adapter.fiscal.kkt.shtrih.values import NOT_GIVEN, Cursor, plain, u1, u2, u4, u5
from kkt_adapter.fiscal.kkt.shtrih.vat import RATE_OF_ROW, REPLACED_FROM
from kkt_adapter.fiscal.model import PaymentKind, VatRate

SYSTEM_ADMIN = 30
MAX_LINES = 500
THOUSANDTHS = 1000  # millionths in one, for quantities of three decimals
_REPLACED = {VatRate.P20: VatRate.P22, VatRate.P20_120: VatRate.P22_122}
_PLACES = {
    requests.PREPAID: PaymentKind.PREPAID,
    requests.CREDIT: PaymentKind.CREDIT,
    requests.BARTER: PaymentKind.OTHER,
}
_SIX = (VatRate.P20, VatRate.P10, VatRate.P0, VatRate.NONE, VatRate.P20_120, VatRate.P10_110)
_TWELVE = (*_SIX, VatRate.P5, VatRate.P7, VatRate.P5_105, VatRate.P7_107, VatRate.P22, VatRate.P22_122)


def open_receipt(machine: Machine, data: bytes, operator: int) -> bytes:
    machine.need_paper()
    kind = data[0]
    if kind & ~AS_CORRECTION > 3:
        raise Fail(0x33)
    if kind & AS_CORRECTION and not machine.model.has(48):
        raise Fail(0x33)
    _begin(machine, kind, operator)
    return u1(operator)


def _begin(machine: Machine, kind: int, operator: int) -> OpenReceipt:
    if machine.begun not in (NOTHING, CORRECTION):
        raise Fail(0x02)
    machine.need_mode(modes.SHIFT_OPEN, modes.SHIFT_CLOSED)
    if machine.mode == modes.SHIFT_CLOSED:
        machine.open_shift(operator)  # many models open the shift with the first receipt
    machine.receipt = OpenReceipt(kind=kind, operator=operator)
    machine.marks = dict(machine.marks)
    return machine.receipt


def _open(machine: Machine, operator: int, *, kind: int | None = None) -> OpenReceipt:
    """The open receipt of this operator; ``kind``: one is opened when there is none."""
    if machine.receipt is None:
        if kind is None:
            raise Fail(0x73)
        machine.need_paper()
        return _begin(machine, kind, operator)
    if machine.receipt.operator != operator:
        raise Fail(0x59)
    return machine.receipt


def tag(machine: Machine, data: bytes, operator: int) -> bytes:
    _add_tag(machine, data, operator)
    return b""


def _add_tag(machine: Machine, tlv: bytes, operator: int) -> None:
    """A tag of the open receipt, or of the shift report or correction that was begun."""
    number = _checked(tlv)
    if number in machine.model.refused_tags:
        raise Fail(0x33, number)
    if machine.receipt is not None:
        if number == 1178 and int(machine.registration.ffd_version) == 4:
            raise Fail(0x33, number)
        _open(machine, operator).tags.append(tlv)
    elif machine.begun != NOTHING:
        machine.report_tags.append(tlv)
    else:
        raise Fail(0x02)


def _checked(tlv: bytes) -> int:
    try:
        found = decode(tlv)
    except TlvError as error:
        raise Fail(0x33) from error
    if len(found) != 1:
        raise Fail(0x33)
    return found[0].tag


def load_data(machine: Machine, data: bytes, _operator: int) -> bytes:
    if data[0] != requests.DATA_FOR_TLV:
        raise Fail(0x33)
    if data[1] == 0:
        machine.buffer.clear()
    machine.buffer[data[1]] = data[2:]
    return b""


def tag_from_buffer(machine: Machine, _data: bytes, operator: int) -> bytes:
    whole = b"".join(machine.buffer[number] for number in sorted(machine.buffer))
    machine.buffer.clear()
    if len(whole) < 4:
        raise Fail(0x33)
    _add_tag(machine, whole[: 4 + int.from_bytes(whole[2:4], "little")], operator)
    return b""


def item_tag(machine: Machine, data: bytes, operator: int) -> bytes:
    receipt = _open(machine, operator)
    _checked(data)
    if machine.model.tags_first:
        receipt.next_tags.append(data)
    elif receipt.lines:
        receipt.lines[-1].tags.append(data)
    else:
        raise Fail(0x73)
    return b""


def operation_v2(machine: Machine, data: bytes, operator: int) -> bytes:
    """FF46."""
    cursor = Cursor(data)
    kind_of = {1: 0, 2: 2, 3: 1, 4: 3}
    kind = kind_of.get(cursor.number(1))
    if kind is None:
        raise Fail(0x33)
    receipt = _open(machine, operator, kind=kind)
    if receipt.kind & 3 != kind:
        raise Fail(0x49)
    quantity, price, amount = cursor.number(6), cursor.number(5), cursor.number(5)
    cursor.number(5)  # tax of the line
    rate = _rate(machine, cursor.number(1))
    cursor.number(1)  # department
    method, subject = cursor.number(1), cursor.number(1)
    exact = price * quantity
    if amount == NOT_GIVEN:
        amount = (2 * exact + 1_000_000) // 2_000_000
    if abs(exact - amount * 1_000_000) > 1_000_000 or not quantity:
        raise Fail(0x33, 2)
    _add_line(
        receipt,
        OpenLine(
            name=plain(cursor.rest()),
            quantity=quantity,
            price_kop=price,
            amount_kop=amount,
            rate=rate,
            method=method,
            subject=subject,
        ),
    )
    return b""


def _add_line(receipt: OpenReceipt, line: OpenLine) -> None:
    if len(receipt.lines) >= MAX_LINES:
        raise Fail(0x4B)
    line.tags += receipt.next_tags
    receipt.next_tags = []
    if receipt.next_mark is not None:
        line.mark, line.mark_check = receipt.next_mark
        receipt.next_mark = None
    receipt.lines.append(line)


def _rate(machine: Machine, byte: int) -> VatRate:
    rates = NANO_RATES if machine.model.number == NANO_F else RATES
    if byte not in rates:
        raise Fail(0x33, 3)
    return _replaced(machine, RATE_OF_ROW[rates.index(byte) + 1])


def _replaced(machine: Machine, rate: VatRate) -> VatRate:
    """Firmware of 2026 makes 22 % of 20 % by itself, unless table 17 field 71 says otherwise."""
    if machine.tables.number(FFD_TABLE, REPLACEMENT) != 1 or machine.now().date() < REPLACED_FROM:
        return rate
    return _REPLACED.get(rate, rate)


def old_operation(kind: int) -> Callable[[Machine, bytes, int], bytes]:
    """80h..83h: quantity with three decimals, four tax rows of which the first counts."""

    def operation(machine: Machine, data: bytes, operator: int) -> bytes:
        receipt = _open(machine, operator, kind=kind)
        if receipt.kind & 3 != kind:
            raise Fail(0x49)
        cursor = Cursor(data)
        quantity, price = cursor.number(5) * THOUSANDTHS, cursor.number(5)
        cursor.number(1)
        row = cursor.number(1)
        cursor.take(3)
        if row > 4 or not quantity:
            raise Fail(0x33)
        amount = (2 * price * quantity + 1_000_000) // 2_000_000
        rate = _replaced(machine, RATE_OF_ROW[row or 4])
        name = plain(cursor.rest()) or "Товар"
        line = OpenLine(name=name, quantity=quantity, price_kop=price, amount_kop=amount, rate=rate)
        _add_line(receipt, line)
        return u1(operator)

    return operation


def storno(machine: Machine, data: bytes, operator: int) -> bytes:
    """84h: the last line that is the same goes away."""
    receipt = _open(machine, operator)
    cursor = Cursor(data)
    quantity, price = cursor.number(5) * THOUSANDTHS, cursor.number(5)
    for line in reversed(receipt.lines):
        if (line.quantity, line.price_kop) == (quantity, price):
            receipt.lines.remove(line)
            return u1(operator)
    raise Fail(0x5E)


def discount(machine: Machine, data: bytes, operator: int) -> bytes:
    return _change_last(machine, operator, -Cursor(data).number(5))


def charge(machine: Machine, data: bytes, operator: int) -> bytes:
    return _change_last(machine, operator, Cursor(data).number(5))


def _change_last(machine: Machine, operator: int, by_kop: int) -> bytes:
    receipt = _open(machine, operator)
    if not receipt.lines or receipt.lines[-1].amount_kop + by_kop < 0:
        raise Fail(0x5F)
    receipt.lines[-1].amount_kop += by_kop
    return u1(operator)


def receipt_discount(machine: Machine, data: bytes, operator: int) -> bytes:
    """FF4B: discount and charge on the receipt; taken off the last line here."""
    cursor = Cursor(data)
    minus, plus = cursor.number(5), cursor.number(5)
    _change_last(machine, operator, plus - minus)
    return b""


def operation_with_discount(with_tax: bool) -> Callable[[Machine, bytes, int], bytes]:
    """FF0D, and FF44 with the tax sum."""

    def operation(machine: Machine, data: bytes, operator: int) -> bytes:
        cursor = Cursor(data)
        kind = {1: 0, 2: 2, 3: 1, 4: 3}.get(cursor.number(1))
        if kind is None:
            raise Fail(0x33)
        receipt = _open(machine, operator, kind=kind)
        quantity, price = cursor.number(5) * THOUSANDTHS, cursor.number(5)
        minus, plus = cursor.number(5), cursor.number(5)
        if with_tax:
            cursor.number(5)
        cursor.number(1)
        rate = _rate(machine, cursor.number(1) or 8)
        cursor.take(5)
        amount = (2 * price * quantity + 1_000_000) // 2_000_000 - minus + plus
        name = plain(cursor.rest()) or "Товар"
        line = OpenLine(name=name, quantity=quantity, price_kop=price, amount_kop=amount, rate=rate)
        _add_line(receipt, line)
        return b""

    return operation


def subtotal(machine: Machine, _data: bytes, operator: int) -> bytes:
    return u1(operator) + u5(_open(machine, operator).total_kop)


def cancel(machine: Machine, _data: bytes, operator: int) -> bytes:
    receipt = machine.receipt
    if receipt is None:
        raise Fail(0x55)
    if receipt.operator != operator and operator != SYSTEM_ADMIN:
        raise Fail(0x59)
    machine.receipt = None
    machine.begun = NOTHING
    return u1(operator)


def close(taxes: tuple[VatRate, ...]) -> Callable[[Machine, bytes, int], bytes]:
    """FF45 and its later forms, which differ in how many tax sums they carry."""

    def closing(machine: Machine, data: bytes, operator: int) -> bytes:
        cursor = Cursor(data)
        sums = [cursor.number(5) for _ in range(requests.PAYMENTS)]
        rounding = cursor.number(1)
        tax = {rate: cursor.number(5) for rate in taxes}
        taxation = cursor.number(1)
        change, document = _close(machine, operator, sums, rounding=rounding, tax=tax, taxation=taxation)
        return u5(change) + u4(document[0]) + u4(document[1]) + machine.tail()

    return closing


def _close(
    machine: Machine,
    operator: int,
    sums: list[int],
    *,
    rounding: int,
    tax: dict[VatRate, int],
    taxation: int,
) -> tuple[int, tuple[int, int]]:
    """Change, and number and fiscal sign of the document."""
    machine.need_paper()
    receipt = _open(machine, operator)
    total = receipt.total_kop - rounding
    if not receipt.lines or total <= 0:
        raise Fail(0x8D)
    if not 0 <= rounding <= 99:
        raise Fail(0x33)
    if sum(sums) < total:
        raise Fail(0x45)
    if sum(sums[1:]) > total:
        raise Fail(0x4D)
    payments: dict[PaymentKind, int] = {}
    for place, kop in enumerate(sums):
        kind = PaymentKind.CASH if place == 0 else _PLACES.get(place, PaymentKind.CARD)
        payments[kind] = payments.get(kind, 0) + kop
    by_host = machine.tables.number(SETTINGS, TAX_ACCRUAL) == 1
    closing = Closing(
        payments=payments,
        taxation=taxation,
        rounding_kop=rounding,
        tax_sums=tax if by_host else None,
    )
    document = machine.fiscalize(receipt, closing, operator)
    return sum(sums) - total, (document.fd_number, document.fiscal_sign)


def old_close(payments: int) -> Callable[[Machine, bytes, int], bytes]:
    """85h (four sums) and 8Eh (sixteen): a fiscal document like FF45, without its number in the answer."""

    def closing(machine: Machine, data: bytes, operator: int) -> bytes:
        cursor = Cursor(data)
        sums = [cursor.number(5) for _ in range(payments)] + [0] * (requests.PAYMENTS - payments)
        mask = machine.registration.taxation_mask
        change, _ = _close(machine, operator, sums, rounding=0, tax={}, taxation=mask & -mask)
        return u1(operator) + u5(change)

    return closing


# --- corrections of FFD 1.05 -----------------------------------------------------------------------------


def begin_correction(machine: Machine, _data: bytes, _operator: int) -> bytes:
    machine.need_paper()
    machine.need_mode(modes.SHIFT_OPEN)
    if machine.begun != NOTHING:
        raise Fail(0x02)
    machine.begun = CORRECTION
    machine.report_tags = []
    return b""


def correction(machine: Machine, data: bytes, operator: int) -> bytes:
    """FF4A."""
    cursor = Cursor(data)
    by_order, operation, total = cursor.number(1), cursor.number(1), cursor.number(5)
    kinds = (
        PaymentKind.CASH,
        PaymentKind.CARD,
        PaymentKind.PREPAID,
        PaymentKind.CREDIT,
        PaymentKind.OTHER,
    )
    payments = {kind: cursor.number(5) for kind in kinds}
    tax = {rate: cursor.number(5) for rate in _SIX}
    taxation = cursor.number(1)
    closing = Closing(payments=payments, taxation=taxation, tax_sums=tax, total_kop=total)
    return _correct(machine, operation, closing, operator, by_order=bool(by_order))


def short_correction(machine: Machine, data: bytes, operator: int) -> bytes:
    """FF36."""
    cursor = Cursor(data)
    total, operation = cursor.number(5), cursor.number(1)
    mask = machine.registration.taxation_mask
    closing = Closing(payments={PaymentKind.CASH: total}, taxation=mask & -mask, total_kop=total, tax_sums={})
    return _correct(machine, operation, closing, operator, by_order=False)


def _correct(machine: Machine, operation: int, closing: Closing, operator: int, *, by_order: bool) -> bytes:
    machine.need_paper()
    if machine.begun != CORRECTION:
        raise Fail(0x02)
    if operation not in (1, 3):
        raise Fail(0x5E)
    receipt = OpenReceipt(kind=AS_CORRECTION | (0 if operation == 1 else 1), operator=operator)
    parts = [tlv for tlv in machine.report_tags if int.from_bytes(tlv[:2], "little") in (1177, 1178, 1179)]
    others = [tlv for tlv in machine.report_tags if tlv not in parts]
    base = b"".join(parts)
    receipt.tags = [
        *others,
        u2(1173) + u2(1) + u1(int(by_order)),
        u2(1174) + u2(len(base)) + base,
    ]
    document = machine.fiscalize(receipt, closing, operator)
    number = machine.status().receipts_in_shift
    return u2(number) + u4(document.fd_number) + u4(document.fiscal_sign) + machine.tail()


# --- marking codes ---------------------------------------------------------------------------------------


def check_mark(machine: Machine, data: bytes, _operator: int) -> bytes:
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


def accept_mark(machine: Machine, data: bytes, _operator: int) -> bytes:
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


def bind_mark(machine: Machine, data: bytes, operator: int) -> bytes:
    receipt = _open(machine, operator)
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


HANDLERS: Mapping[bytes, Callable[[Machine, bytes, int], bytes]] = {
    **{bytes((0x80 + kind,)): old_operation(kind) for kind in range(4)},
    b"\x84": storno,
    b"\x85": old_close(4),
    b"\x86": discount,
    b"\x87": charge,
    b"\x88": cancel,
    b"\x89": subtotal,
    b"\x8d": open_receipt,
    b"\x8e": old_close(16),
    b"\xdd": load_data,
    b"\xff\x0c": tag,
    b"\xff\x0d": operation_with_discount(False),
    b"\xff\x35": begin_correction,
    b"\xff\x36": short_correction,
    b"\xff\x44": operation_with_discount(True),
    b"\xff\x45": close(_SIX),
    b"\xff\x46": operation_v2,
    b"\xff\x4a": correction,
    b"\xff\x4b": receipt_discount,
    b"\xff\x4d": item_tag,
    b"\xff\x61": check_mark,
    b"\xff\x64": tag_from_buffer,
    b"\xff\x67": bind_mark,
    b"\xff\x69": accept_mark,
    b"\xff\x76": close(_TWELVE[:10]),
    b"\xff\x78": close(_TWELVE),
    b"\xff\x7b": close(_TWELVE),
}

"""Commands that add lines to the open receipt and change them: FFD 1.05 and later, and the ones before."""

from collections.abc import Callable, Mapping

from kkt_adapter.emulators.shtrih.machine import Fail, ShtrihMachine
from kkt_adapter.emulators.shtrih.receipt import OpenLine, OpenReceipt
from kkt_adapter.emulators.shtrih.receipt_commands import open_receipt_of
from kkt_adapter.emulators.shtrih.tables import FFD_TABLE, REPLACEMENT
from kkt_adapter.fiscal.kkt.shtrih.device import NANO_F, NANO_RATES, RATES
from kkt_adapter.fiscal.kkt.shtrih.values import NOT_GIVEN, Cursor, plain, u1
from kkt_adapter.fiscal.kkt.shtrih.vat import RATE_OF_ROW, REPLACED_FROM
from kkt_adapter.fiscal.model import VatRate

MAX_LINES = 500
THOUSANDTHS = 1000  # millionths in one, for quantities of three decimals
_REPLACED = {VatRate.P20: VatRate.P22, VatRate.P20_120: VatRate.P22_122}


def operation_v2(machine: ShtrihMachine, data: bytes, operator: int) -> bytes:
    """FF46."""
    cursor = Cursor(data)
    kind_of = {1: 0, 2: 2, 3: 1, 4: 3}
    kind = kind_of.get(cursor.number(1))
    if kind is None:
        raise Fail(0x33)
    receipt = open_receipt_of(machine, operator, kind=kind)
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


def _rate(machine: ShtrihMachine, byte: int) -> VatRate:
    rates = NANO_RATES if machine.model.number == NANO_F else RATES
    if byte not in rates:
        raise Fail(0x33, 3)
    return _replaced(machine, RATE_OF_ROW[rates.index(byte) + 1])


def _replaced(machine: ShtrihMachine, rate: VatRate) -> VatRate:
    """Firmware of 2026 makes 22 % of 20 % by itself, unless table 17 field 71 says otherwise."""
    if machine.tables.number(FFD_TABLE, REPLACEMENT) != 1 or machine.now().date() < REPLACED_FROM:
        return rate
    return _REPLACED.get(rate, rate)


def old_operation(kind: int) -> Callable[[ShtrihMachine, bytes, int], bytes]:
    """80h..83h: quantity with three decimals, four tax rows of which the first counts."""

    def operation(machine: ShtrihMachine, data: bytes, operator: int) -> bytes:
        receipt = open_receipt_of(machine, operator, kind=kind)
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


def storno(machine: ShtrihMachine, data: bytes, operator: int) -> bytes:
    """84h: the last line that is the same goes away."""
    receipt = open_receipt_of(machine, operator)
    cursor = Cursor(data)
    quantity, price = cursor.number(5) * THOUSANDTHS, cursor.number(5)
    for line in reversed(receipt.lines):
        if (line.quantity, line.price_kop) == (quantity, price):
            receipt.lines.remove(line)
            return u1(operator)
    raise Fail(0x5E)


def discount(machine: ShtrihMachine, data: bytes, operator: int) -> bytes:
    return _change_last(machine, operator, -Cursor(data).number(5))


def charge(machine: ShtrihMachine, data: bytes, operator: int) -> bytes:
    return _change_last(machine, operator, Cursor(data).number(5))


def _change_last(machine: ShtrihMachine, operator: int, by_kop: int) -> bytes:
    receipt = open_receipt_of(machine, operator)
    if not receipt.lines or receipt.lines[-1].amount_kop + by_kop < 0:
        raise Fail(0x5F)
    receipt.lines[-1].amount_kop += by_kop
    return u1(operator)


def receipt_discount(machine: ShtrihMachine, data: bytes, operator: int) -> bytes:
    """FF4B: discount and charge on the receipt; taken off the last line here."""
    cursor = Cursor(data)
    minus, plus = cursor.number(5), cursor.number(5)
    _change_last(machine, operator, plus - minus)
    return b""


def operation_with_discount(with_tax: bool) -> Callable[[ShtrihMachine, bytes, int], bytes]:
    """FF0D, and FF44 with the tax sum."""

    def operation(machine: ShtrihMachine, data: bytes, operator: int) -> bytes:
        cursor = Cursor(data)
        kind = {1: 0, 2: 2, 3: 1, 4: 3}.get(cursor.number(1))
        if kind is None:
            raise Fail(0x33)
        receipt = open_receipt_of(machine, operator, kind=kind)
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


HANDLERS: Mapping[bytes, Callable[[ShtrihMachine, bytes, int], bytes]] = {
    **{bytes((0x80 + kind,)): old_operation(kind) for kind in range(4)},
    b"\x84": storno,
    b"\x86": discount,
    b"\x87": charge,
    b"\xff\x0d": operation_with_discount(False),
    b"\xff\x44": operation_with_discount(True),
    b"\xff\x46": operation_v2,
    b"\xff\x4b": receipt_discount,
}

"""Commands that open, cancel and close a receipt: FFD 1.05 and later, and the ones before."""

from collections.abc import Callable, Mapping

from kkt_adapter.emulators.shtrih.machine import CORRECTION, NOTHING, Fail, ShtrihMachine
from kkt_adapter.emulators.shtrih.receipt import AS_CORRECTION, Closing, OpenReceipt
from kkt_adapter.emulators.shtrih.tables import SETTINGS, TAX_ACCRUAL
from kkt_adapter.fiscal.kkt.shtrih import modes, requests
from kkt_adapter.fiscal.kkt.shtrih.values import Cursor, u1, u4, u5
from kkt_adapter.fiscal.model import PaymentKind, VatRate

SYSTEM_ADMIN = 30
_PLACES = {
    requests.PREPAID: PaymentKind.PREPAID,
    requests.CREDIT: PaymentKind.CREDIT,
    requests.BARTER: PaymentKind.OTHER,
}
SIX_RATES = (VatRate.P20, VatRate.P10, VatRate.P0, VatRate.NONE, VatRate.P20_120, VatRate.P10_110)
TWELVE_RATES = (
    *SIX_RATES,
    VatRate.P5,
    VatRate.P7,
    VatRate.P5_105,
    VatRate.P7_107,
    VatRate.P22,
    VatRate.P22_122,
)


def open_receipt(machine: ShtrihMachine, data: bytes, operator: int) -> bytes:
    machine.need_paper()
    kind = data[0]
    if kind & ~AS_CORRECTION > 3:
        raise Fail(0x33)
    if kind & AS_CORRECTION and not machine.model.has(48):
        raise Fail(0x33)
    _begin(machine, kind, operator)
    return u1(operator)


def _begin(machine: ShtrihMachine, kind: int, operator: int) -> OpenReceipt:
    if machine.begun not in (NOTHING, CORRECTION):
        raise Fail(0x02)
    machine.need_mode(modes.SHIFT_OPEN, modes.SHIFT_CLOSED)
    if machine.mode == modes.SHIFT_CLOSED:
        machine.open_shift(operator)  # many models open the shift with the first receipt
    machine.receipt = OpenReceipt(kind=kind, operator=operator)
    machine.marks = dict(machine.marks)
    return machine.receipt


def open_receipt_of(machine: ShtrihMachine, operator: int, *, kind: int | None = None) -> OpenReceipt:
    """The open receipt of this operator; ``kind``: one is opened when there is none."""
    if machine.receipt is None:
        if kind is None:
            raise Fail(0x73)
        machine.need_paper()
        return _begin(machine, kind, operator)
    if machine.receipt.operator != operator:
        raise Fail(0x59)
    return machine.receipt


def subtotal(machine: ShtrihMachine, _data: bytes, operator: int) -> bytes:
    return u1(operator) + u5(open_receipt_of(machine, operator).total_kop)


def cancel(machine: ShtrihMachine, _data: bytes, operator: int) -> bytes:
    receipt = machine.receipt
    if receipt is None:
        raise Fail(0x55)
    if receipt.operator != operator and operator != SYSTEM_ADMIN:
        raise Fail(0x59)
    machine.receipt = None
    machine.begun = NOTHING
    return u1(operator)


def close(taxes: tuple[VatRate, ...]) -> Callable[[ShtrihMachine, bytes, int], bytes]:
    """FF45 and its later forms, which differ in how many tax sums they carry."""

    def closing(machine: ShtrihMachine, data: bytes, operator: int) -> bytes:
        cursor = Cursor(data)
        sums = [cursor.number(5) for _ in range(requests.PAYMENTS)]
        rounding = cursor.number(1)
        tax = {rate: cursor.number(5) for rate in taxes}
        taxation = cursor.number(1)
        change, document = _close(machine, operator, sums, rounding=rounding, tax=tax, taxation=taxation)
        return u5(change) + u4(document[0]) + u4(document[1]) + machine.tail()

    return closing


def _close(
    machine: ShtrihMachine,
    operator: int,
    sums: list[int],
    *,
    rounding: int,
    tax: dict[VatRate, int],
    taxation: int,
) -> tuple[int, tuple[int, int]]:
    """Change, and number and fiscal sign of the document."""
    machine.need_paper()
    receipt = open_receipt_of(machine, operator)
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


def old_close(payments: int) -> Callable[[ShtrihMachine, bytes, int], bytes]:
    """85h (four sums) and 8Eh (sixteen): a fiscal document like FF45, without its number in the answer."""

    def closing(machine: ShtrihMachine, data: bytes, operator: int) -> bytes:
        cursor = Cursor(data)
        sums = [cursor.number(5) for _ in range(payments)] + [0] * (requests.PAYMENTS - payments)
        mask = machine.registration.taxation_mask
        change, _ = _close(machine, operator, sums, rounding=0, tax={}, taxation=mask & -mask)
        return u1(operator) + u5(change)

    return closing


HANDLERS: Mapping[bytes, Callable[[ShtrihMachine, bytes, int], bytes]] = {
    b"\x85": old_close(4),
    b"\x88": cancel,
    b"\x89": subtotal,
    b"\x8d": open_receipt,
    b"\x8e": old_close(16),
    b"\xff\x45": close(SIX_RATES),
    b"\xff\x76": close(TWELVE_RATES[:10]),
    b"\xff\x78": close(TWELVE_RATES),
    b"\xff\x7b": close(TWELVE_RATES),
}

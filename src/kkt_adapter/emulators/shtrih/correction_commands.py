"""Commands that make corrections of FFD 1.05."""

from collections.abc import Callable, Mapping

from kkt_adapter.emulators.shtrih.machine import CORRECTION, NOTHING, Fail, ShtrihMachine
from kkt_adapter.emulators.shtrih.receipt import AS_CORRECTION, Closing, OpenReceipt
from kkt_adapter.emulators.shtrih.receipt_commands import SIX_RATES, TWELVE_RATES
from kkt_adapter.fiscal.kkt.shtrih import modes
from kkt_adapter.fiscal.kkt.shtrih.values import Cursor, u1, u2, u4
from kkt_adapter.fiscal.model import PaymentKind, VatRate

PAID_BY = (
    PaymentKind.CASH,
    PaymentKind.CARD,
    PaymentKind.PREPAID,
    PaymentKind.CREDIT,
    PaymentKind.OTHER,
)


def begin_correction(machine: ShtrihMachine, _data: bytes, _operator: int) -> bytes:
    machine.need_paper()
    machine.need_mode(modes.SHIFT_OPEN)
    if machine.begun != NOTHING:
        raise Fail(0x02)
    machine.begun = CORRECTION
    machine.report_tags = []
    return b""


def correction(taxes: tuple[VatRate, ...]) -> Callable[[ShtrihMachine, bytes, int], bytes]:
    """FF4A and its later form, which carries more tax sums."""

    def making(machine: ShtrihMachine, data: bytes, operator: int) -> bytes:
        cursor = Cursor(data)
        by_order, operation, total = cursor.number(1), cursor.number(1), cursor.number(5)
        payments = {kind: cursor.number(5) for kind in PAID_BY}
        tax = {rate: cursor.number(5) for rate in taxes}
        taxation = cursor.number(1)
        closing = Closing(payments=payments, taxation=taxation, tax_sums=tax, total_kop=total)
        return _correct(machine, operation, closing, operator, by_order=bool(by_order))

    return making


def short_correction(machine: ShtrihMachine, data: bytes, operator: int) -> bytes:
    """FF36."""
    cursor = Cursor(data)
    total, operation = cursor.number(5), cursor.number(1)
    mask = machine.registration.taxation_mask
    closing = Closing(payments={PaymentKind.CASH: total}, taxation=mask & -mask, total_kop=total, tax_sums={})
    return _correct(machine, operation, closing, operator, by_order=False)


def _correct(
    machine: ShtrihMachine, operation: int, closing: Closing, operator: int, *, by_order: bool
) -> bytes:
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


HANDLERS: Mapping[bytes, Callable[[ShtrihMachine, bytes, int], bytes]] = {
    b"\xff\x35": begin_correction,
    b"\xff\x36": short_correction,
    b"\xff\x4a": correction(SIX_RATES),
    b"\xff\x77": correction(TWELVE_RATES[:10]),
}

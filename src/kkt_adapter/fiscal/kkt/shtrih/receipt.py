"""A receipt as the commands that make it; pure. What cannot be printed is refused before anything is sent."""

from dataclasses import dataclass
from datetime import date
from typing import NoReturn

from kkt_adapter.fiscal.ffd.tlv import TlvError
from kkt_adapter.fiscal.ffd.vat import PERCENT
from kkt_adapter.fiscal.kkt.shtrih import requests
from kkt_adapter.fiscal.kkt.shtrih.device import KnownDevice
from kkt_adapter.fiscal.kkt.shtrih.tags import is_whole_piece, line_tags, mark_tags, receipt_tags
from kkt_adapter.fiscal.kkt.shtrih.vat import VatTable
from kkt_adapter.fiscal.model import FfdVersion, Line, Operation, PaymentKind, Receipt, ReceiptKind, VatRate
from kkt_adapter.kernel.errors import KktRefused
from kkt_adapter.kernel.money import QUANTITY_SCALE

WRONG_PARAMETERS = 0x33  # the code we give when we refuse for the device
NOT_SUPPORTED = 0x37
MAX_ROUNDING_KOP = 99
AS_CORRECTION = 0x80  # of the kind of 8Dh

_KIND = {Operation.SALE: 0, Operation.EXPENSE: 1, Operation.REFUND: 2, Operation.EXPENSE_REFUND: 3}
_PLACE = {
    PaymentKind.CASH: requests.CASH,
    PaymentKind.CARD: requests.CARD,
    PaymentKind.PREPAID: requests.PREPAID,
    PaymentKind.CREDIT: requests.CREDIT,
    PaymentKind.OTHER: requests.BARTER,
}
_BACK = (Operation.REFUND, Operation.EXPENSE_REFUND)
_SIX_RATES = (
    VatRate.P20,
    VatRate.P10,
    VatRate.P0,
    VatRate.NONE,
    VatRate.P20_120,
    VatRate.P10_110,
)
"""In the order of the six sums of FF4A; turnover for 0 % and no VAT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedCode:
    """One marking code: asked about with FF61 before the receipt is opened, bound with FF67 to its line."""

    code: bytes
    status: int  # 2003: 1 piece sold, 2 measured goods sold, 3 piece returned, 4 measured goods returned
    tlv: bytes
    wholesale: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLine:
    operation: requests.LineOperation
    tags: tuple[bytes, ...]
    mark: MarkedCode | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptPlan:
    """A receipt of FF46 and FF45."""

    kind: int  # of 8Dh
    tags: tuple[bytes, ...]
    lines: tuple[PlannedLine, ...]
    payments: dict[int, int]
    subtotal_kop: int
    rounding_kop: int
    taxation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionPlan:
    """A correction of FFD 1.05: sums without lines, FF4A."""

    tags: tuple[bytes, ...]
    by_order: bool
    operation: int
    total_kop: int
    payments: dict[int, int]
    taxes_kop: tuple[int, ...]
    taxation: int

    def body(self, password: int) -> bytes:
        return requests.correction(
            password,
            by_order=self.by_order,
            operation=self.operation,
            total_kop=self.total_kop,
            payments=self.payments,
            taxes_kop=self.taxes_kop,
            taxation=self.taxation,
        )


def plan_receipt(
    receipt: Receipt, *, device: KnownDevice, rates: VatTable, today: date
) -> ReceiptPlan | CorrectionPlan:
    """``today`` is the register's own day, which decides whether it replaces rates.

    Raises:
        KktRefused: this device cannot print it; nothing was sent.
    """
    for line in receipt.lines:
        trouble = rates.trouble(line.vat, today)
        if trouble is not None:
            raise KktRefused(trouble.en, trouble.ru, device_code=WRONG_PARAMETERS)
    try:
        if receipt.kind is ReceiptKind.CORRECTION and receipt.ffd_version is FfdVersion.V1_05:
            return _correction(receipt)
        return _receipt(receipt, device, rates)
    except TlvError as error:
        _refuse(f"the receipt cannot be written: {error}", f"чек не записывается: {error}")


def _receipt(receipt: Receipt, device: KnownDevice, rates: VatTable) -> ReceiptPlan:
    kind = _KIND[receipt.operation]
    if receipt.kind is ReceiptKind.CORRECTION:
        if not device.corrects_by_receipt:
            _refuse(
                "the firmware has no corrections of FFD 1.1 and 1.2 (F7h bit 48)",
                "прошивка не умеет чеки коррекции ФФД 1.1 и 1.2 (F7h, бит 48)",
                code=NOT_SUPPORTED,
            )
        kind |= AS_CORRECTION
    subtotal = sum(line.amount_kop for line in receipt.lines)
    rounding = subtotal - receipt.total_kop
    if not 0 <= rounding <= MAX_ROUNDING_KOP:
        _refuse(
            f"the lines make {subtotal} kopecks and the total is {receipt.total_kop}",
            f"сумма позиций {subtotal} коп., а итог {receipt.total_kop} коп.",
        )
    return ReceiptPlan(
        kind=kind,
        tags=tuple(receipt_tags(receipt)),
        lines=tuple(_line(line, receipt, rates) for line in receipt.lines),
        payments=_payments(receipt),
        subtotal_kop=subtotal,
        rounding_kop=rounding,
        taxation=receipt.taxation,
    )


def _correction(receipt: Receipt) -> CorrectionPlan:
    if receipt.operation in _BACK or receipt.correction is None:
        _refuse("FFD 1.05 corrects income and expense only", "ФФД 1.05: коррекция только прихода и расхода")
    taxes = dict.fromkeys(_SIX_RATES, 0)
    for rate, kop in _sums(receipt):
        if rate not in taxes:
            _refuse(
                f"a correction of FFD 1.05 has no sum for VAT {rate}",
                f"в коррекции ФФД 1.05 нет суммы для НДС {rate}",
            )
        taxes[rate] += kop
    return CorrectionPlan(
        tags=tuple(receipt_tags(receipt)),
        by_order=receipt.correction.by_order,
        operation=int(receipt.operation),
        total_kop=receipt.total_kop,
        payments=_payments(receipt),
        taxes_kop=tuple(taxes[rate] for rate in _SIX_RATES),
        taxation=receipt.taxation,
    )


def _sums(receipt: Receipt) -> list[tuple[VatRate, int]]:
    """Tax by rate, turnover for 0 % and no VAT: as the till gave it, else of the lines."""
    if receipt.extras is not None and receipt.extras.vat_sums:
        given = [(VatRate(one.rate), one) for one in receipt.extras.vat_sums]
        return [(rate, one.vat_kop if PERCENT[rate] else one.amount_kop) for rate, one in given]
    return [(line.vat, line.vat_kop if PERCENT[line.vat] else line.amount_kop) for line in receipt.lines]


def _line(line: Line, receipt: Receipt, rates: VatTable) -> PlannedLine:
    operation = requests.LineOperation(
        operation=int(receipt.operation),
        quantity=line.quantity,
        price_kop=_price(line),
        amount_kop=line.amount_kop,
        rate=rates.byte(line.vat),
        method=line.method,
        subject=line.subject,
        name=line.name,
    )
    tags = tuple(line_tags(line, receipt.ffd_version))
    for tag in tags:
        if len(tag) > requests.MAX_TLV:
            _refuse(
                f"a tag of line {line.name!r} has {len(tag)} bytes, at most {requests.MAX_TLV} are possible",
                f"реквизит позиции {line.name!r} занимает {len(tag)} байт, предел {requests.MAX_TLV}",
            )
    return PlannedLine(operation=operation, tags=tags, mark=_mark(line, receipt.operation))


def _price(line: Line) -> int:
    """The price that fits amount and quantity within one kopeck, as FF46 wants it: after a discount it is
    another one than on the price tag."""
    if _fits(line.price_kop, line):
        return line.price_kop
    price = (2 * line.amount_kop * QUANTITY_SCALE + line.quantity) // (2 * line.quantity)
    if not _fits(price, line):
        _refuse(
            f"line {line.name!r}: no price in kopecks makes {line.amount_kop} kopecks of this quantity",
            f"позиция {line.name!r}: нет цены в копейках с суммой {line.amount_kop} коп.; разделите её",
        )
    return price


def _fits(price_kop: int, line: Line) -> bool:
    exact = price_kop * line.quantity
    return abs(exact - line.amount_kop * QUANTITY_SCALE) <= QUANTITY_SCALE


def _mark(line: Line, operation: Operation) -> MarkedCode | None:
    if line.mark_code is None:
        return None
    status = 1 if is_whole_piece(line) else 2
    if operation in _BACK:
        status += 2
    wholesale = False
    if line.extras is not None:
        status = line.extras.planned_status or status
        wholesale = line.extras.wholesale
    code = line.mark_code.encode("ascii", errors="replace")
    tlv = mark_tags(line)
    if len(code) + len(tlv) > requests.MAX_MARK_AND_TLV:
        _refuse(
            f"the marking code of {line.name!r} has {len(code)} bytes: it does not fit into one command",
            f"код маркировки позиции {line.name!r} длиной {len(code)} байт не помещается в команду",
        )
    return MarkedCode(code=code, status=status, tlv=tlv, wholesale=wholesale)


def _payments(receipt: Receipt) -> dict[int, int]:
    found: dict[int, int] = {}
    for payment in receipt.payments:
        place = _PLACE[payment.kind]
        found[place] = found.get(place, 0) + payment.amount_kop
    return found


def _refuse(en: str, ru: str, *, code: int = WRONG_PARAMETERS) -> NoReturn:
    raise KktRefused(en, ru, device_code=code)

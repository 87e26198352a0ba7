"""A receipt that is being made in an emulated device, and the document it becomes.

Tags that the host sends go into the document as they came; the rest is what firmware writes by itself.
"""

from dataclasses import dataclass, field
from datetime import date, datetime

from kkt_adapter.fiscal.ffd.product_code import product_code
from kkt_adapter.fiscal.ffd.tlv import cp866, decode, element, first, quantity_fvln, vln
from kkt_adapter.fiscal.ffd.tlv import fvln as fvln_bytes
from kkt_adapter.fiscal.ffd.vat import CODE, PERCENT, vat_inside
from kkt_adapter.fiscal.model import (
    Cashier,
    Correction,
    FfdVersion,
    Line,
    Operation,
    Payment,
    PaymentKind,
    Receipt,
    ReceiptKind,
    Registration,
    VatRate,
)
from kkt_adapter.kernel.ids import PosId, ReceiptId, RegisterId
from kkt_adapter.kernel.money import Kopecks, Quantity

OPERATION_OF_KIND = {
    0: Operation.SALE,
    1: Operation.EXPENSE,
    2: Operation.REFUND,
    3: Operation.EXPENSE_REFUND,
}
AS_CORRECTION = 0x80
_PAYMENT_TAGS = (
    (PaymentKind.CASH, 1031),
    (PaymentKind.CARD, 1081),
    (PaymentKind.PREPAID, 1215),
    (PaymentKind.CREDIT, 1216),
    (PaymentKind.OTHER, 1217),
)
_FLAT_VAT = {
    VatRate.P20: 1102,
    VatRate.P10: 1103,
    VatRate.P0: 1104,
    VatRate.NONE: 1105,
    VatRate.P20_120: 1106,
    VatRate.P10_110: 1107,
}


@dataclass(slots=True, kw_only=True)
class OpenLine:
    name: str
    quantity: int  # millionths
    price_kop: int
    amount_kop: int
    rate: VatRate
    method: int = 4
    subject: int = 1
    tags: list[bytes] = field(default_factory=list)
    mark: str | None = None
    mark_check: int = 0  # 2106


@dataclass(slots=True, kw_only=True)
class OpenReceipt:
    kind: int  # of 8Dh
    operator: int
    tags: list[bytes] = field(default_factory=list)
    lines: list[OpenLine] = field(default_factory=list)
    next_tags: list[bytes] = field(default_factory=list)  # cash core: item tags before their FF46
    next_mark: tuple[str, int] | None = None

    @property
    def operation(self) -> Operation:
        return OPERATION_OF_KIND[self.kind & 3]

    @property
    def is_correction(self) -> bool:
        return bool(self.kind & AS_CORRECTION)

    @property
    def total_kop(self) -> int:
        return sum(line.amount_kop for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """What closes a receipt: FF45 and its relatives, 85h, FF4A."""

    payments: dict[PaymentKind, int]
    taxation: int
    rounding_kop: int = 0
    tax_sums: dict[VatRate, int] | None = None  # as the host gave them, where the device does not compute
    total_kop: int | None = None  # FF4A: there are no lines


def document_of(
    receipt: OpenReceipt, closing: Closing, registration: Registration, *, cashier: str, at: datetime
) -> tuple[Receipt, bytes]:
    """The receipt for the FN's counters, and the elements of its document."""
    total = closing.total_kop if closing.total_kop is not None else receipt.total_kop - closing.rounding_kop
    change = sum(closing.payments.values()) - total
    paid = dict(closing.payments)
    paid[PaymentKind.CASH] = paid.get(PaymentKind.CASH, 0) - change
    value = Receipt(
        id=ReceiptId("emulated"),
        key=None,
        register_id=RegisterId("emulated"),
        pos_id=PosId("emulated"),
        kind=ReceiptKind.CORRECTION if receipt.is_correction else ReceiptKind.SALE,
        operation=receipt.operation,
        lines=tuple(_line(line) for line in receipt.lines),
        payments=tuple(Payment(kind=k, amount_kop=Kopecks(kop)) for k, kop in paid.items() if kop),
        total_kop=Kopecks(total),
        taxation=closing.taxation,
        cashier=Cashier(name=cashier),
        ffd_version=registration.ffd_version,
        correction=_correction(receipt, at.date()) if receipt.is_correction else None,
        additional_attribute=_text_tag(receipt, 1192),
    )
    return value, _body(receipt, closing, registration, value, paid, cashier=cashier)


def _body(
    receipt: OpenReceipt,
    closing: Closing,
    registration: Registration,
    value: Receipt,
    paid: dict[PaymentKind, int],
    *,
    cashier: str,
) -> bytes:
    sent = {int.from_bytes(tlv[:2], "little") for tlv in receipt.tags}
    parts = [
        element(1054, bytes((int(receipt.operation),))),
        element(1055, bytes((closing.taxation,))),
        element(1048, cp866(registration.user_name)),
    ]
    if 1009 not in sent:
        parts.append(element(1009, cp866(registration.address)))
    if 1187 not in sent:
        parts.append(element(1187, cp866(registration.place)))
    if 1021 not in sent:
        parts.append(element(1021, cp866(cashier)))
    parts += receipt.tags
    old = registration.ffd_version is not FfdVersion.V1_2
    if not (receipt.is_correction and registration.ffd_version is FfdVersion.V1_05):
        parts += [_line_element(line, old=old) for line in receipt.lines]
    parts.append(element(1020, vln(value.total_kop)))
    parts += [element(tag, vln(paid.get(kind, 0))) for kind, tag in _PAYMENT_TAGS]
    parts += _vat(receipt, closing)
    if any(line.mark is not None for line in receipt.lines):
        bad = any(line.mark_check & 3 == 1 or line.mark_check & 12 == 4 for line in receipt.lines)
        parts.append(element(2107, b"\1" if bad else b"\0"))
    if registration.fns_site:
        parts.append(element(1060, cp866(registration.fns_site)))
    return b"".join(parts)


def _line_element(line: OpenLine, *, old: bool) -> bytes:
    sent = {int.from_bytes(tlv[:2], "little") for tlv in line.tags}
    body = [
        element(1214, bytes((line.method,))),
        element(1212, bytes((line.subject,))),
        element(1030, cp866_or_question(line.name)),
        *line.tags,
    ]
    if not old and 2108 not in sent:
        body.append(element(2108, b"\0"))
    body += [
        element(1079, vln(line.price_kop)),
        element(1023, fvln_bytes(*quantity_fvln(line.quantity))),
        element(1199, bytes((CODE[line.rate],))),
    ]
    if PERCENT[line.rate]:
        body.append(element(1200, vln(vat_inside(line.amount_kop, line.rate))))
    body.append(element(1043, vln(line.amount_kop)))
    if line.mark is not None:
        tag, data = product_code(line.mark)
        body.append(element(1163, element(tag, data.encode("ascii", "replace"))))
        body += [element(2102, b"\0"), element(2106, bytes((line.mark_check,)))]
    return element(1059, b"".join(body))


def _vat(receipt: OpenReceipt, closing: Closing) -> list[bytes]:
    """Tax sums: worked out, or zeros and whatever the host has sent when the table says so."""
    sums: dict[VatRate, int] = {}
    for line in receipt.lines:
        kop = vat_inside(line.amount_kop, line.rate) if PERCENT[line.rate] else line.amount_kop
        sums[line.rate] = sums.get(line.rate, 0) + kop
    if closing.tax_sums is not None:
        sums = {rate: closing.tax_sums.get(rate, 0) for rate in sums or closing.tax_sums}
    flat = [element(tag, vln(sums[rate])) for rate, tag in _FLAT_VAT.items() if rate in sums]
    listed = [
        element(1119, element(1199, bytes((CODE[rate],))) + element(1120, vln(kop)))
        for rate, kop in sums.items()
        if rate not in _FLAT_VAT
    ]
    if listed and not flat:
        flat = [element(1104, b"\0")]
    return flat + ([element(1115, b"".join(listed))] if listed else [])


def _line(line: OpenLine) -> Line:
    return Line(
        name=line.name,
        price_kop=Kopecks(line.price_kop),
        quantity=Quantity(line.quantity),
        amount_kop=Kopecks(line.amount_kop),
        vat=line.rate,
        vat_kop=vat_inside(line.amount_kop, line.rate),
        subject=line.subject,
        method=line.method,
        measure=0,
        unit="шт",
        mark_code=line.mark,
    )


def _correction(receipt: OpenReceipt, today: date) -> Correction:
    by_order = any(tlv[:2] == (1173).to_bytes(2, "little") and tlv[-1:] == b"\1" for tlv in receipt.tags)
    return Correction(by_order=by_order, date=today, number=None, operation=receipt.operation)


def _text_tag(receipt: OpenReceipt, tag: int) -> str | None:
    found = first([e for tlv in receipt.tags for e in decode(tlv)], tag)
    return found.value if found is not None and isinstance(found.value, str) else None


def cp866_or_question(text: str) -> bytes:
    """Names come in CP1251, documents are CP866: what the latter lacks becomes "?"."""
    return text.encode("cp866", errors="replace")

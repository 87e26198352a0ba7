"""A receipt as the TLV elements of its fiscal document (codes 3 and 31), in FFD 1.05, 1.1 and 1.2.

Everything but what only the FN and the register know: the head (1209, 1018, 1037, 1040, 1041, 1012, 1077) and
the numbers 1038 and 1042. The receipt is complete and checked already, so nothing is validated here and the
elements are put together from ready pieces; ``tlv.encode`` does the same by the dictionary, and slower.

Source: order ED-7-20/662@ and its amendments as restated in docs/reference/fiscal-rules.md, "Documents".
"""

from collections.abc import Mapping
from functools import lru_cache
from math import gcd
from struct import Struct
from types import MappingProxyType
from typing import Final

from kkt_adapter.fiscal.ffd.compose_extras import (
    buyer_details,
    line_extras,
    midnight,
    part_of_pack,
    receipt_extras,
)
from kkt_adapter.fiscal.ffd.contact import buyer_contact
from kkt_adapter.fiscal.ffd.limits import MAX_DOCUMENT_BYTES
from kkt_adapter.fiscal.ffd.product_code import permission_value, product_code
from kkt_adapter.fiscal.ffd.tlv import cp866, element, fvln, padded, quantity_fvln, unixtime, vln
from kkt_adapter.fiscal.ffd.vat import CODE, PERCENT
from kkt_adapter.fiscal.model import (
    Cashier,
    Correction,
    Customer,
    FfdVersion,
    Line,
    MarkPermission,
    Operation,
    PaymentKind,
    Receipt,
    ReceiptKind,
    Registration,
    VatRate,
)
from kkt_adapter.fiscal.requisites import MarkQuantity, VatSum
from kkt_adapter.kernel.money import ONE, QUANTITY_SCALE, Quantity

HEAD_BYTES: Final = 4 + 5 + 20 + 24 + 16 + 8 + 8 + 10 + 8 + 8
"""The document's header, 1209, 1041, 1037, 1018, 1040, 1012, 1077, 1038 and 1042: always the same size."""

# Permission mode for marked goods: government decree 1944 of 2023-11-21, ministry of industry and trade.
_PERMISSION_HEAD: Final = b"".join(
    (element(1262, b"030"), element(1263, b"21.11.2023"), element(1264, b"1944"))
)

_HEAD = Struct("<HH")


def _heads(tag: int) -> tuple[bytes, ...]:
    """Headers of a number's element by the length of its payload, 0..8 bytes."""
    return tuple(_HEAD.pack(tag, length) for length in range(9))


def _bytes_of(tag: int, values: range) -> tuple[bytes, ...]:
    """Ready elements of a one byte tag by value."""
    return tuple(element(tag, bytes((value,))) for value in values)


_TOTAL = _heads(1020)
_PRICE = _heads(1079)
_AMOUNT = _heads(1043)
_LINE_VAT = _heads(1200)
_VAT_SUM = _heads(1120)
_PAYMENTS: Final = tuple(
    (kind, _heads(tag), element(tag, b"\0"))
    for kind, tag in (
        (PaymentKind.CASH, 1031),
        (PaymentKind.CARD, 1081),
        (PaymentKind.PREPAID, 1215),
        (PaymentKind.CREDIT, 1216),
        (PaymentKind.OTHER, 1217),
    )
)
_METHOD = _bytes_of(1214, range(8))
_SUBJECT = _bytes_of(1212, range(34))
_MEASURE = _bytes_of(2108, range(256))
_RATE: Mapping[VatRate, bytes] = MappingProxyType({r: element(1199, bytes((c,))) for r, c in CODE.items()})
_OPERATION: Mapping[Operation, bytes] = MappingProxyType({o: element(1054, bytes((o,))) for o in Operation})
_TAXATION = _bytes_of(1055, range(64))
_MARK_MODE = element(2102, b"\0")  # always 0
_INTERNET = element(1125, b"\1")
_INTERNET_ONLY = element(1108, b"\1")
_NO_SUM_ELSEWHERE = element(1104, b"\0")  # order table 11.2: all VAT sums stand in 1115

_FLAT_VAT: Final = (  # 1104 and 1105 hold the turnover, the others the tax
    (VatRate.P20, 1102),
    (VatRate.P10, 1103),
    (VatRate.P0, 1104),
    (VatRate.NONE, 1105),
    (VatRate.P20_120, 1106),
    (VatRate.P10_110, 1107),
)
_LISTED_VAT: Final = (  # rates without a tag of their own
    VatRate.P22,
    VatRate.P22_122,
    VatRate.P7,
    VatRate.P7_107,
    VatRate.P5,
    VatRate.P5_105,
)

# Result of the check of a marking code, tag 2106.
MARK_CHECKED_BY_FN: Final = 1
MARK_GOOD_BY_FN: Final = 2
MARK_CHECKED_BY_SERVER: Final = 4
MARK_GOOD_BY_SERVER: Final = 8


def receipt_body(receipt: Receipt, registration: Registration, *, mark_check: int = 0) -> bytes:
    """The elements of document 3, or 31 for a correction, without what the FN and the register add.

    ``mark_check`` is the result bits of 2106 for every marked line; 0: nobody has checked the codes.
    """
    old = receipt.ffd_version is not FfdVersion.V1_2
    correction = receipt.correction if receipt.kind is ReceiptKind.CORRECTION else None
    parts = [
        _OPERATION[receipt.operation],
        _TAXATION[receipt.taxation],
        _kept_text(1048, registration.user_name),
        _kept_text(1009, receipt.address or registration.address),
        _kept_text(1187, receipt.place or registration.place),
    ]
    _add_cashier(parts, receipt.cashier)
    extras = receipt.extras
    device = registration.machine_number if registration.auto_mode else None
    if extras is not None:
        device = extras.device_number or device
        parts.append(receipt_extras(extras))
    if device:
        parts.append(_text(1036, device))
    if receipt.customer is not None:
        _add_customer(parts, receipt.customer, nested=not old)
    if receipt.sender_email:
        parts.append(_text(1117, receipt.sender_email))
    if receipt.internet:
        parts.append(_INTERNET)
    if registration.internet_only:
        parts.append(_INTERNET_ONLY)
    if correction is not None:
        _add_correction(parts, correction, always_numbered=receipt.ffd_version is FfdVersion.V1_05)
    marked = False
    if correction is None or receipt.ffd_version is not FfdVersion.V1_05:  # 1.05 corrects totals only
        for line in receipt.lines:
            parts.append(_line(line, old=old, mark_check=mark_check))
            marked = marked or line.mark_code is not None
    parts.append(_number(_TOTAL, receipt.total_kop))
    _add_payments(parts, receipt)
    if extras is not None and extras.vat_sums:
        _add_vat(parts, {VatRate(one.rate): _sum_of(one) for one in extras.vat_sums})
    else:
        _add_vat(parts, _sums_by_rate(receipt.lines))
    if marked:
        parts.append(element(2107, b"\1" if _is_bad(mark_check) else b"\0"))
    if receipt.additional_attribute:
        parts.append(_text(1192, receipt.additional_attribute))
    if receipt.user_attribute is not None:
        name, value = receipt.user_attribute.name, receipt.user_attribute.value
        parts.append(element(1084, _text(1085, name) + _text(1086, value)))
    if registration.fns_site:
        parts.append(_kept_text(1060, registration.fns_site))
    return b"".join(parts)


def document_size(receipt: Receipt, registration: Registration) -> int:
    """Bytes of the whole document: header, head, numbers and body."""
    return HEAD_BYTES + len(receipt_body(receipt, registration))


def fits_document(receipt: Receipt, registration: Registration) -> bool:
    """Whether the document keeps within the FN's limit.

    Encodes only when an upper estimate does not settle it: not below about 100 lines.
    """
    if receipt.extras is not None or any(line.extras is not None for line in receipt.lines):
        return document_size(receipt, registration) <= MAX_DOCUMENT_BYTES
    if len(receipt.lines) <= _SURELY_FITTING_LINES:
        return True
    most = _MOST_OUTSIDE_LINES
    for line in receipt.lines:
        most += _MOST_OF_LINE + len(line.name)
        if line.mark_code is not None:
            most += _MOST_OF_MARK
    return most <= MAX_DOCUMENT_BYTES or document_size(receipt, registration) <= MAX_DOCUMENT_BYTES


_MOST_OUTSIDE_LINES: Final = 3_072  # head, five texts of 256, the buyer, 1084, correction, sums
_MOST_OF_LINE: Final = 96  # all numbers at their longest, 1197 and 1200, headers; without the name
_MOST_OF_MARK: Final = 448  # 1163, 2102, 2106, 1291 and 1260 at their longest
_SURELY_FITTING_LINES: Final = 40  # 40 marked lines with names of 128 characters


def _text(tag: int, text: str) -> bytes:
    data = cp866(text)
    return _HEAD.pack(tag, len(data)) + data


_kept_text = lru_cache(maxsize=512)(_text)  # what stands in every receipt of a register, and its cashiers


def _number(heads: tuple[bytes, ...], value: int) -> bytes:
    length = (value.bit_length() + 7) >> 3 or 1
    return heads[length] + value.to_bytes(length, "little")


def _add_cashier(parts: list[bytes], cashier: Cashier) -> None:
    if cashier.name:
        parts.append(_kept_text(1021, cashier.name))
    if cashier.inn:
        parts.append(element(1203, padded(cashier.inn, 12)))


def _add_customer(parts: list[bytes], customer: Customer, *, nested: bool) -> None:
    """1008 at the top; name and INN at the top too before FFD 1.2, inside 1256 since."""
    contact = buyer_contact(customer)
    if contact:
        parts.append(_text(1008, contact))
    person = b""
    if customer.name:
        person += _text(1227, customer.name)
    if customer.inn:
        person += element(1228, padded(customer.inn, 12))
    if nested:
        person += buyer_details(customer)
    if person:
        parts.append(element(1256, person) if nested else person)


def _add_correction(parts: list[bytes], correction: Correction, *, always_numbered: bool) -> None:
    """1173 and 1174; 1179 with an order of the tax office, in FFD 1.05 always."""
    base = element(1178, unixtime(midnight(correction.date)))
    if correction.number and (correction.by_order or always_numbered):
        base += _text(1179, correction.number)
    parts.append(element(1173, b"\1" if correction.by_order else b"\0"))
    parts.append(element(1174, base))


def _line(line: Line, *, old: bool, mark_check: int) -> bytes:
    name = cp866(line.name)
    quantity = line.quantity
    whole, fraction = divmod(quantity, QUANTITY_SCALE)
    amount = fvln(*quantity_fvln(quantity)) if fraction else b"\0" + vln(whole)
    body = b"".join(
        (
            _METHOD[line.method],
            _SUBJECT[line.subject],
            _HEAD.pack(1030, len(name)),
            name,
            _text(1197, line.unit) if old else _MEASURE[line.measure],
            _number(_PRICE, line.price_kop),
            _HEAD.pack(1023, len(amount)),
            amount,
            _RATE[line.vat],
            _number(_LINE_VAT, line.vat_kop) if PERCENT[line.vat] else b"",
            _number(_AMOUNT, line.amount_kop),
            b"" if line.mark_code is None else _mark(line, line.mark_code, mark_check),
            b"" if line.extras is None else line_extras(line.extras),
        )
    )
    return _HEAD.pack(1059, len(body)) + body


def _mark(line: Line, mark_code: str, mark_check: int) -> bytes:
    tag, data = product_code(mark_code)
    body = (
        element(1163, element(tag, data.encode("ascii"))) + _MARK_MODE + element(2106, bytes((mark_check,)))
    )
    if line.extras is None and line.measure == 0 and line.quantity < ONE:
        body += part_of_pack(_fraction(line.quantity))
    if line.mark_permission is not None:
        body += _permission(line.mark_permission)
    return body


def _fraction(quantity: Quantity) -> MarkQuantity:
    """500000 millionths as 1/2: in receipts that 0.1.0 stored. Since then a request says the part itself."""
    common = gcd(quantity, QUANTITY_SCALE)
    return MarkQuantity(numerator=quantity // common, denominator=QUANTITY_SCALE // common)


def _permission(permission: MarkPermission) -> bytes:
    return element(1260, _PERMISSION_HEAD + _text(1265, permission_value(permission)))


def _is_bad(mark_check: int) -> bool:
    """2107: some check was made and its result is not positive. Inferred: the exact rule was not seen."""
    by_fn = mark_check & (MARK_CHECKED_BY_FN | MARK_GOOD_BY_FN) == MARK_CHECKED_BY_FN
    by_server = mark_check & (MARK_CHECKED_BY_SERVER | MARK_GOOD_BY_SERVER) == MARK_CHECKED_BY_SERVER
    return by_fn or by_server


def _add_payments(parts: list[bytes], receipt: Receipt) -> None:
    """All five sums, zeros too: some operators insist on them."""
    paid: dict[PaymentKind, int] = {}
    for payment in receipt.payments:
        paid[payment.kind] = paid.get(payment.kind, 0) + payment.amount_kop
    for kind, heads, nothing in _PAYMENTS:
        amount_kop = paid.get(kind)
        parts.append(_number(heads, amount_kop) if amount_kop else nothing)


def _sums_by_rate(lines: tuple[Line, ...]) -> dict[VatRate, int]:
    """The lines' tax; for 0 % and no VAT their turnover."""
    sums: dict[VatRate, int] = {}
    for line in lines:
        amount_kop = line.vat_kop if PERCENT[line.vat] else line.amount_kop
        sums[line.vat] = sums.get(line.vat, 0) + amount_kop
    return sums


def _sum_of(one: VatSum) -> int:
    return one.vat_kop if PERCENT[VatRate(one.rate)] else one.amount_kop


def _add_vat(parts: list[bytes], sums: dict[VatRate, int]) -> None:
    """1102-1107, the rates of 2025 and 2026 in 1115.

    When 1115 stands alone, 1104 = 0 goes with it as a filler that is not printed.
    """
    flat = [element(tag, vln(sums[rate])) for rate, tag in _FLAT_VAT if rate in sums]
    listed = [
        element(1119, _RATE[rate] + _number(_VAT_SUM, sums[rate])) for rate in _LISTED_VAT if rate in sums
    ]
    parts.extend(flat)
    if listed:
        if not flat:
            parts.append(_NO_SUM_ELSEWHERE)
        parts.append(element(1115, b"".join(listed)))

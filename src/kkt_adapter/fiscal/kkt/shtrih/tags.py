"""The TLV elements that a host adds to a receipt; the register and its FN write all the others themselves.

Structures (1084, 1256, 1174, 1260, 1291) go out ready made.
"""

from datetime import datetime, time
from math import gcd

from kkt_adapter.fiscal.ffd.compose_extras import (
    buyer_details,
    line_extras,
    part_of_pack,
    receipt_extras,
)
from kkt_adapter.fiscal.ffd.contact import buyer_contact
from kkt_adapter.fiscal.ffd.product_code import permission_value
from kkt_adapter.fiscal.ffd.tlv import cp866, decode, element, padded, unixtime, vln
from kkt_adapter.fiscal.model import (
    Cashier,
    Correction,
    Customer,
    FfdVersion,
    Line,
    MarkPermission,
    Receipt,
    UserAttribute,
)
from kkt_adapter.fiscal.requisites import MarkQuantity
from kkt_adapter.kernel.money import ONE, QUANTITY_SCALE

ADDITIONAL_ATTRIBUTE = 1192
USER_ATTRIBUTE = 1084


def cashier_tags(cashier: Cashier) -> list[bytes]:
    """1021 and 1203: of receipts and of shift reports."""
    found = []
    if cashier.name:
        found.append(_text(1021, cashier.name))
    if cashier.inn:
        found.append(element(1203, padded(cashier.inn, 12)))
    return found


def receipt_tags(receipt: Receipt) -> list[bytes]:
    """What belongs to the receipt as a whole, but for the places of the receipt key (1192, 1084)."""
    found = cashier_tags(receipt.cashier)
    if receipt.customer is not None:
        found += _customer(receipt.customer, nested=receipt.ffd_version is FfdVersion.V1_2)
    if receipt.sender_email:
        found.append(_text(1117, receipt.sender_email))
    if receipt.internet:
        found.append(element(1125, b"\1"))
    if receipt.place:
        found.append(_text(1187, receipt.place))
    if receipt.address:
        found.append(_text(1009, receipt.address))
    if receipt.correction is not None:
        found += _correction(receipt.correction, receipt.ffd_version)
    if receipt.extras is not None:
        if receipt.extras.device_number:
            found.append(_text(1036, receipt.extras.device_number))
        found += split(receipt_extras(receipt.extras))
    return found


def attribute_tags(receipt: Receipt) -> list[bytes]:
    """1192 and 1084, where the receipt key may be."""
    found = []
    if receipt.additional_attribute:
        found.append(_text(ADDITIONAL_ATTRIBUTE, receipt.additional_attribute))
    if receipt.user_attribute is not None:
        found.append(user_attribute(receipt.user_attribute))
    return found


def user_attribute(pair: UserAttribute) -> bytes:
    return element(USER_ATTRIBUTE, _text(1085, pair.name) + _text(1086, pair.value))


def line_tags(line: Line, version: FfdVersion) -> list[bytes]:
    """The measure always; what marked goods need beside their code, which FF67 brings."""
    old = version is not FfdVersion.V1_2
    found = [_text(1197, line.unit) if old else element(2108, bytes((line.measure,)))]
    if line.mark_code is not None:
        if line.extras is None and (part := fraction(line)) is not None:
            found.append(part)
        if line.mark_permission is not None:
            found.append(_permission(line.mark_permission))
    if line.extras is not None:
        found += split(line_extras(line.extras))
    return found


def split(elements: bytes) -> list[bytes]:
    """Elements that stand one behind the other, each by itself."""
    return [element(one.tag, one.raw) for one in decode(elements)]


def mark_tags(line: Line) -> bytes:
    """What FF61 must know of goods that are not sold as one whole piece: 2108, 1023, and 1291 for a part."""
    if is_whole_piece(line):
        return b""
    found = element(2108, bytes((line.measure,))) + element(1023, b"\6" + vln(line.quantity))
    return found + (fraction(line) or b"")


def is_whole_piece(line: Line) -> bool:
    return line.measure == 0 and line.quantity == ONE


def fraction(line: Line) -> bytes | None:
    """1291: the part of one marked piece, 500000 millionths as 1/2; None for whole ones."""
    if line.extras is not None and line.extras.mark_quantity is not None:
        return part_of_pack(line.extras.mark_quantity)
    if line.measure != 0 or line.quantity >= ONE:
        return None
    common = gcd(line.quantity, QUANTITY_SCALE)
    return part_of_pack(MarkQuantity(numerator=line.quantity // common, denominator=QUANTITY_SCALE // common))


def _text(tag: int, text: str) -> bytes:
    return element(tag, cp866(text))


def _customer(customer: Customer, *, nested: bool) -> list[bytes]:
    found = []
    contact = buyer_contact(customer)
    if contact:
        found.append(_text(1008, contact))
    person = []
    if customer.name:
        person.append(_text(1227, customer.name))
    if customer.inn:
        person.append(element(1228, padded(customer.inn, 12)))
    if nested:
        whole = b"".join(person) + buyer_details(customer)
        return [*found, element(1256, whole)] if whole else found
    return found + person


def _correction(correction: Correction, version: FfdVersion) -> list[bytes]:
    """FFD 1.05: the parts of 1174 one by one, and 1173 in the command; later: 1173 and the structure."""
    day = element(1178, unixtime(datetime.combine(correction.date, time())))
    number = _text(1179, correction.number) if correction.number else b""
    if version is FfdVersion.V1_05:
        return [day, number] if number else [day]
    base = day + (number if correction.by_order else b"")
    return [element(1173, bytes((int(correction.by_order),))), element(1174, base)]


def _permission(permission: MarkPermission) -> bytes:
    """1260: the permission mode of decree 1944."""
    head = element(1262, b"030") + element(1263, b"21.11.2023") + element(1264, b"1944")
    return element(1260, head + _text(1265, permission_value(permission)))

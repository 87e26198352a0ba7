"""The TLV elements of requisites that most receipts do not have (``fiscal/requisites.py``).

Source: order ED-7-20/662@ and its amendments of 2025 as restated in docs/reference/requisites.md.
"""

from datetime import date, datetime, time
from struct import Struct
from typing import Final

from kkt_adapter.fiscal.ffd.tlv import cp866, element, padded, unixtime, vln
from kkt_adapter.fiscal.model import Customer
from kkt_adapter.fiscal.requisites import (
    Agent,
    CashlessPayment,
    Industry,
    LineExtras,
    MarkQuantity,
    OperationAttribute,
    ReceiptExtras,
    Supplier,
)

_HEAD = Struct("<HH")

WHOLESALE: Final = Industry(federal_id="030", date=date(2016, 11, 8), number="787", value="crpt=mrk")
"""1260 of a line whose one code stands for many pieces: shown by the maker of the Shtrih-M driver
(shtrih-m/fr_drv_ng, issue 201); the text of the act itself was not at hand."""


def line_extras(extras: LineExtras) -> bytes:
    """What they add to a 1059. The marking system's 2003 is no part of a receipt."""
    parts = []
    if extras.agent is not None:
        parts.append(element(1222, bytes((extras.agent.type,))))
        data = _agent_data(extras.agent)
        if data:
            parts.append(element(1223, data))
    if extras.supplier is not None:
        parts.append(_supplier(extras.supplier))
    if extras.excise_kop is not None:
        parts.append(element(1229, vln(extras.excise_kop)))
    if extras.country is not None:
        parts.append(element(1230, padded(extras.country, 3)))
    if extras.customs_declaration is not None:
        parts.append(_text(1231, extras.customs_declaration))
    if extras.attribute is not None:
        parts.append(_text(1191, extras.attribute))
    if extras.mark_quantity is not None:
        parts.append(part_of_pack(extras.mark_quantity))
    parts.extend([_industry(1260, one) for one in extras.industry])
    return b"".join(parts)


def receipt_extras(extras: ReceiptExtras) -> bytes:
    """What they add to the document itself, but 1036, which the registration may set as well."""
    parts = []
    if extras.agent is not None:
        parts.append(element(1057, bytes((extras.agent.type,))))
        parts.append(_agent_data(extras.agent))
    if extras.supplier is not None:
        parts.append(_texts(1171, extras.supplier.phones))
    if extras.timezone is not None:
        parts.append(element(1011, bytes((extras.timezone,))))
    parts.extend([_industry(1261, one) for one in extras.industry])
    if extras.operation_attribute is not None:
        parts.append(_operation(extras.operation_attribute))
    if extras.cashless:
        parts.append(element(1234, b"".join([_cashless(one) for one in extras.cashless])))
    return b"".join(parts)


def buyer_details(customer: Customer) -> bytes:
    """The members of 1256 that FFD 1.2 added to the name and the INN."""
    parts = []
    if customer.birth_date is not None:
        parts.append(_text(1243, f"{customer.birth_date:%d.%m.%Y}"))
    if customer.citizenship is not None:
        parts.append(element(1244, padded(customer.citizenship, 3)))
    if customer.document_code is not None:
        parts.append(element(1245, padded(customer.document_code, 2)))
    if customer.document_data is not None:
        parts.append(_text(1246, customer.document_data))
    if customer.address is not None:
        parts.append(_text(1254, customer.address))
    return b"".join(parts)


def part_of_pack(part: MarkQuantity) -> bytes:
    shown = _text(1292, f"{part.numerator}/{part.denominator}")
    return element(1291, shown + element(1293, vln(part.numerator)) + element(1294, vln(part.denominator)))


def midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _text(tag: int, text: str) -> bytes:
    data = cp866(text)
    return _HEAD.pack(tag, len(data)) + data


def _texts(tag: int, texts: tuple[str, ...]) -> bytes:
    return b"".join([_text(tag, text) for text in texts])


def _agent_data(agent: Agent) -> bytes:
    """1005, 1016, 1026, 1044, 1073, 1074, 1075: inside 1223 of a line, at the top of an old receipt."""
    parts = [
        _texts(1073, agent.phones),
        _texts(1074, agent.operator_phones),
        _texts(1075, agent.transfer_phones),
    ]
    for tag, text in (
        (1044, agent.operation),
        (1026, agent.transfer_name),
        (1005, agent.transfer_address),
    ):
        if text is not None:
            parts.append(_text(tag, text))
    if agent.transfer_inn is not None:
        parts.append(element(1016, padded(agent.transfer_inn, 12)))
    return b"".join(parts)


def _supplier(supplier: Supplier) -> bytes:
    """1224 with the name and the telephones; the INN stands beside it."""
    data = _texts(1171, supplier.phones)
    if supplier.name is not None:
        data += _text(1225, supplier.name)
    found = element(1224, data) if data else b""
    return found if supplier.inn is None else found + element(1226, padded(supplier.inn, 12))


def _industry(tag: int, one: Industry) -> bytes:
    return element(
        tag,
        _text(1262, one.federal_id)
        + _text(1263, f"{one.date:%d.%m.%Y}")
        + _text(1264, one.number)
        + _text(1265, one.value),
    )


def _operation(one: OperationAttribute) -> bytes:
    return element(
        1270, element(1271, bytes((one.id,))) + _text(1272, one.data) + element(1273, unixtime(one.time))
    )


def _cashless(one: CashlessPayment) -> bytes:
    data = element(1082, vln(one.amount_kop)) + element(1236, bytes((one.method,))) + _text(1237, one.id)
    return element(1235, data if one.info is None else data + _text(1238, one.info))

"""Requisites of a whole receipt that most receipts do not have."""

from dataclasses import replace

from kkt_adapter.fiscal.ffd.validation.agents import checked_agent, checked_supplier, stands_at_the_top
from kkt_adapter.fiscal.ffd.validation.findings import Findings
from kkt_adapter.fiscal.ffd.validation.line_extras import check_country, checked_industry
from kkt_adapter.fiscal.ffd.validation.texts import check_digits, check_version, fitting
from kkt_adapter.fiscal.model import (
    Customer,
    FfdVersion,
    Payment,
    PaymentKind,
    ReceiptKind,
    Registration,
)
from kkt_adapter.fiscal.requisites import CashlessPayment, OperationAttribute, ReceiptExtras
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.money import rubles

TIME_ZONES = range(1, 12)  # tag 1011: offset from UTC in hours less one
_BYTE = range(256)  # tags 1236 and 1271
_BUYER = ("birth_date", "citizenship", "document_code", "document_data", "address")
_BUYER_TAGS = {"birth_date": 1243, "citizenship": 1244, "document_code": 1245, "document_data": 1246}


def checked_receipt_extras(
    extras: ReceiptExtras,
    *,
    kind: ReceiptKind,
    registration: Registration,
    customer: Customer | None,
    found: Findings,
) -> ReceiptExtras:
    """The extras as the document will carry them; agent and supplier stay only where 1057 and 1171 stand."""
    ffd_version = registration.ffd_version
    agent, supplier = extras.agent, extras.supplier
    if stands_at_the_top(kind, ffd_version):
        agent = None if agent is None else checked_agent(agent, "agent", found)
        supplier = None if supplier is None else checked_supplier(supplier, "supplier", found)
        if agent is not None and (supplier is None or not (supplier.phones or supplier.inn)):
            _refuse_without_supplier(found)
        elif agent is None and supplier is not None:
            _refuse_without_agent(found)
    else:
        agent = supplier = None
    device_number = extras.device_number
    if device_number is not None:
        device_number = fitting(device_number, "device_number", tag=1036, limit=20, found=found)
        if not registration.auto_mode:
            _refuse_device_number(found)
    if extras.timezone is not None and extras.timezone not in TIME_ZONES:
        _refuse_time_zone(extras.timezone, found)
    if extras.no_print and (customer is None or not (customer.email or customer.phone)):
        _warn_no_paper(found)
    operation = extras.operation_attribute
    return replace(
        extras,
        agent=agent,
        supplier=supplier,
        industry=checked_industry(extras.industry, "industry", "industry[]", 1261, ffd_version, found),
        operation_attribute=None if operation is None else _operation(operation, ffd_version, found),
        cashless=tuple([_cashless(one, n, found) for n, one in enumerate(extras.cashless)]),
        device_number=device_number,
    )


def check_cashless_sum(
    cashless: tuple[CashlessPayment, ...], payments: tuple[Payment, ...], found: Findings
) -> None:
    """The details (1234) are of all cashless payments: together they are 1081."""
    if not cashless:
        return
    paid_kop = sum(p.amount_kop for p in payments if p.kind is PaymentKind.CARD)
    told_kop = sum(one.amount_kop for one in cashless)
    if paid_kop == told_kop:
        return
    found.refuse(
        "cashless",
        "cashless_sum",
        Text(
            f"The details are of {rubles(told_kop)}, cashless payments (1081) are {rubles(paid_kop)}.",
            f"Сведения об оплатах на {rubles(told_kop)}, безналичных оплат (1081) {rubles(paid_kop)}.",
        ),
        Text("Give the details of every cashless payment.", "Укажите сведения о каждой безналичной оплате."),
        tag=1234,
    )


def checked_buyer(customer: Customer, ffd_version: FfdVersion, found: Findings) -> Customer:
    """What FFD 1.2 added about the buyer (1256)."""
    for name in _BUYER:
        if getattr(customer, name) is not None:
            check_version(
                f"customer.{name}",
                f"customer.{name}",
                tag=_BUYER_TAGS.get(name, 1254),
                ffd_version=ffd_version,
                found=found,
            )
    if customer.citizenship is not None:
        check_country(customer.citizenship, "customer.citizenship", tag=1244, found=found)
    if customer.document_code is not None:
        remedy = Text("Send the two digits: 21 is a passport.", "Передайте две цифры: 21 — паспорт.")
        check_digits(
            customer.document_code,
            "customer.document_code",
            tag=1245,
            count=2,
            remedy=remedy,
            found=found,
        )
    data, address = customer.document_data, customer.address
    if data is not None:
        data = fitting(data, "customer.document_data", tag=1246, limit=64, found=found)
    if address is not None:
        address = fitting(address, "customer.address", tag=1254, limit=256, found=found)
    return replace(customer, document_data=data, address=address)


def _operation(one: OperationAttribute, ffd_version: FfdVersion, found: Findings) -> OperationAttribute:
    known = check_version(
        "operation_attribute", "operation_attribute", tag=1270, ffd_version=ffd_version, found=found
    )
    if known and one.id not in _BYTE:
        _refuse_byte("operation_attribute.id", 1271, found)
    data = fitting(one.data, "operation_attribute.data", tag=1272, limit=64, found=found)
    return replace(one, data=data)


def _cashless(one: CashlessPayment, index: int, found: Findings) -> CashlessPayment:
    place = f"cashless.{index}"
    if one.method not in _BYTE:
        _refuse_byte(f"{place}.method", 1236, found)
    info = one.info
    if info is not None:
        info = fitting(info, f"{place}.info", tag=1238, limit=256, found=found)
    return replace(one, id=fitting(one.id, f"{place}.id", tag=1237, limit=256, found=found), info=info)


def _refuse_byte(field: str, tag: int, found: Findings) -> None:
    found.refuse(
        field,
        "out_of_range",
        Text("It is a number 0..255.", "Это число 0..255."),
        Text("Correct it.", "Исправьте."),
        tag=tag,
    )


def _refuse_without_supplier(found: Findings) -> None:
    found.refuse(
        "supplier",
        "supplier_missing",
        Text("An agent's receipt names its supplier.", "В чеке агента указывают поставщика."),
        Text("Send supplier {name, inn, phones}.", "Передайте supplier {name, inn, phones}."),
        tag=1171,
    )


def _refuse_without_agent(found: Findings) -> None:
    found.refuse(
        "supplier",
        "supplier_without_agent",
        Text("A supplier stands only in an agent's receipt.", "Поставщика указывают только в чеке агента."),
        Text("Send agent {type} as well, or leave it out.", "Передайте и agent {type} либо уберите."),
        tag=1171,
    )


def _refuse_device_number(found: Findings) -> None:
    found.refuse(
        "device_number",
        "device_number",
        Text(
            "The register is not registered as part of an automatic device (1001).",
            "Касса не зарегистрирована в составе автоматического устройства (1001).",
        ),
        Text("Leave it out, or use another register.", "Не передавайте либо используйте другую кассу."),
        tag=1036,
    )


def _refuse_time_zone(zone: int, found: Findings) -> None:
    found.refuse(
        "timezone",
        "timezone",
        Text(f"{zone} is no time zone of tag 1011.", f"{zone} — не часовая зона реквизита 1011."),
        Text(
            "Send 1 (Kaliningrad) .. 11 (Kamchatka); Moscow is 2.",
            "Передайте 1 (Калининград) .. 11 (Камчатка); Москва — 2.",
        ),
        tag=1011,
    )


def _warn_no_paper(found: Findings) -> None:
    found.warn(
        "NO_PAPER_NO_CONTACT",
        "no_print",
        Text(
            "No paper is wanted and there is no contact to send the receipt to: the buyer gets none.",
            "Бумажный чек не нужен, а контакта для электронного нет: покупатель не получит чека.",
        ),
        tag=1008,
    )

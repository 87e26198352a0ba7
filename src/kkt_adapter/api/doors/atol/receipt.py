"""A registration of v4 or v5: from its body to the canonical body of a receipt.

It renames, quantises and chooses. Sums of taxes are calculated anew; whether the money agrees, and what the
law says of the rest, is judged by the core.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from kkt_adapter.api.doors.atol import words
from kkt_adapter.api.doors.atol.corrections import MAX_VATS, money_of, reason_of, sums_of
from kkt_adapter.api.doors.atol.errors import AtolError, Code, FieldFinding
from kkt_adapter.api.doors.atol.fields import AtolFields
from kkt_adapter.api.doors.atol.items import (
    MAX_ITEMS,
    agent_of,
    industry_of,
    line_of,
    rate_of,
    supplier_of,
)
from kkt_adapter.api.doors.atol.names import own_name
from kkt_adapter.api.doors.atol.paths import OPERATIONS, V4, V5
from kkt_adapter.api.schemas.receipt import ParsedReceipt, read_translated
from kkt_adapter.fiscal.ffd.contact import canonical_phone
from kkt_adapter.fiscal.model import RegisterProfile
from kkt_adapter.kernel.errors import ReceiptInvalid
from kkt_adapter.kernel.money import Kopecks, rubles

MAX_PAYMENTS: Final = 10
MAX_CASHLESS: Final = 10


@dataclass(slots=True, kw_only=True)
class TranslatedReceipt:
    """``parsed`` for the core; ``found``: what the protocol itself refuses, by JSON path."""

    parsed: ParsedReceipt
    found: list[FieldFinding] = field(default_factory=list)


def translate(
    document: Mapping[str, Any], *, version: int, operation: str, group: str, profile: RegisterProfile
) -> TranslatedReceipt:
    """The receipt that a registration asks for; nothing here needs the database.

    Raises:
        AtolError: ``company.inn`` is not that of the registers.
    """
    found: list[FieldFinding] = []
    body = AtolFields(dict(document), "", found)
    kind, is_correction = OPERATIONS[operation]
    name = _root_of(body, correction=is_correction)
    root = body.object(name, required=True)
    rename = partial(own_name, root=name, version=version)
    if root is None:
        return TranslatedReceipt(parsed=_nothing(group, rename), found=found)
    is_correction = is_correction or name == "correction"  # Bitrix corrects a refund under sell_refund
    canonical: dict[str, Any] = {"pos_id": group, "type": "correction" if is_correction else kind}
    _add_company(root, canonical, profile)
    _add_people(root, canonical, version=version, needed=not is_correction)
    _add_payments(root, canonical)
    if is_correction:
        canonical["correction"] = reason_of(root) | {"operation": kind}
    if name == "correction" and version == V4:
        _add_sums(root, canonical)
    else:
        _add_items(root, canonical, version=version, refund=kind.endswith("refund"))
    _add_receipt_fields(root, canonical, version=version)
    if version == V5:
        body.flag("ism_optional")
    try:
        parsed = read_translated(canonical, own_name=rename)
    except ReceiptInvalid as error:
        told = [FieldFinding(path=one.field, text=one.message.ru.rstrip(".")) for one in error.violations]
        return TranslatedReceipt(parsed=_nothing(group, rename), found=[*found, *told])
    return TranslatedReceipt(parsed=parsed, found=found)


def _root_of(body: AtolFields, *, correction: bool) -> str:
    """``receipt`` or ``correction``: the one that is there, else the one that should be."""
    if "receipt" in body and "correction" in body:
        body.refuse("correction", "передайте receipt или correction, не оба")
    if "correction" in body:
        return "correction"
    if "receipt" in body:
        return "receipt"
    return "correction" if correction else "receipt"


def _nothing(group: str, rename: Callable[[str], str]) -> ParsedReceipt:
    """What stands in the place of a receipt that cannot be read; it is never stored."""
    empty = {
        "pos_id": group,
        "type": "sale",
        "items": [{"name": "?", "price": 1}],
        "payments": [{"type": "cash", "amount": 1}],
    }
    return read_translated(empty, own_name=rename)


def _add_company(root: AtolFields, canonical: dict[str, Any], profile: RegisterProfile) -> None:
    company = root.object("company", required=True)
    if company is None:
        return
    inn = company.text("inn", 12, required=True)
    registered = profile.registration.user_inn.strip()
    if inn is not None and inn != registered:
        raise AtolError(
            Code.WRONG_INN,
            f"{company.at('inn')}: ИНН {inn} — не тот, на который зарегистрированы ККТ группы "
            f"({registered}). Передайте ИНН организации или выберите её группу.",
        )
    sno = company.word("sno", words.TAXATION)
    company.put(canonical, "taxation", sno, words.TAXATION.__getitem__)
    company.text("email", 64)
    address = company.text("payment_address", 256)
    location = company.text("location", 256)
    if profile.defaults.other_place:
        company.put(canonical, "place", address)
        company.put(canonical, "address", location)
    internet = root.flag("internet")
    if internet is not None:
        canonical["internet"] = internet
    if (internet or profile.defaults.internet) and address is not None:
        canonical["place"] = address  # of an Internet settlement it is the site, whatever the register says


def _add_people(root: AtolFields, canonical: dict[str, Any], *, version: int, needed: bool) -> None:
    client = root.object("client", required=needed)
    if client is not None:
        customer = _customer_of(client, version=version)
        if customer:
            canonical["customer"] = customer
        if needed and not ("email" in customer or "phone" in customer):
            client.refuse("email", "нужна почта или телефон покупателя. Передайте email или phone")
    cashier: dict[str, Any] = {}
    root.put(cashier, "name", root.text("cashier", 64))
    if version == V5:
        root.put(cashier, "inn", root.text("cashier_inn", 12))
    if cashier:
        canonical["cashier"] = cashier


def _customer_of(client: AtolFields, *, version: int) -> dict[str, Any]:
    customer: dict[str, Any] = {}
    client.put(customer, "email", client.text("email", 64))
    phone = client.text("phone", 64)
    if phone is not None:
        customer["phone"] = canonical_phone(phone) or phone
    client.put(customer, "name", client.text("name", 256))
    client.put(customer, "inn", client.text("inn", 12))
    if version == V5:
        client.put(customer, "birth_date", client.day("birthdate"))
        client.put(customer, "citizenship", client.text("citizenship", 3))
        client.put(customer, "document_code", client.text("document_code", 2))
        client.put(customer, "document_data", client.text("document_data", 64))
        client.put(customer, "address", client.text("address", 256))
    return customer


def _add_payments(root: AtolFields, canonical: dict[str, Any]) -> None:
    """A payment without a sum is the whole receipt."""
    rows = []
    for one in root.objects("payments", least=1, most=MAX_PAYMENTS):
        kind = one.whole("type", range(10), required=True)
        amount = one.raw("sum") if "sum" in one else root.raw("total")
        if kind is not None:
            rows.append({"type": words.PAYMENTS[kind], "amount": amount})
    canonical["payments"] = rows


def _add_sums(root: AtolFields, canonical: dict[str, Any]) -> None:
    paid = [money_of(one, "sum") for one in root.objects("payments", least=1, most=MAX_PAYMENTS)]
    total = Kopecks(sum(one for one in paid if one is not None))
    canonical["items"] = []
    canonical["total"] = rubles(total)
    canonical["correction"]["sums"] = sums_of(root, total)


def _add_items(root: AtolFields, canonical: dict[str, Any], *, version: int, refund: bool) -> None:
    vats = [rate_of(one) for one in root.objects("vats", least=0, most=MAX_VATS)]
    only_vat = vats[0] if len(vats) == 1 else None
    canonical["items"] = [
        line_of(one, version=version, refund=refund, only_vat=only_vat)
        for one in root.objects("items", least=1, most=MAX_ITEMS)
    ]
    if "total" in root:
        canonical["total"] = root.raw("total")
    else:
        root.refuse("total", "обязательное поле. Передайте сумму чека")


def _add_receipt_fields(root: AtolFields, canonical: dict[str, Any], *, version: int) -> None:
    root.put(canonical, "additional_attribute", root.text("additional_check_props", 16))
    pair = root.object("additional_user_props")
    if pair is not None:
        canonical["user_attribute"] = {
            "name": pair.text("name", 64, required=True) or "?",
            "value": pair.text("value", 256, required=True) or "?",
        }
    root.put(canonical, "device_number", root.text("device_number", 20))
    root.put(canonical, "agent", agent_of(root))
    root.put(canonical, "supplier", supplier_of(root))
    cashless = [_cashless_of(one) for one in root.objects("cashless_payments", least=0, most=MAX_CASHLESS)]
    if cashless:
        canonical["cashless"] = cashless
    if version != V5:
        return
    root.put(canonical, "timezone", root.whole("timezone", range(1, 12)))
    industry = industry_of(root, "sectoral_check_props", most=6)
    if industry:
        canonical["industry"] = industry
    operation = root.object("operating_check_props")
    if operation is not None:
        canonical["operation_attribute"] = {
            "id": operation.whole("name", range(256), required=True) or 0,
            "data": operation.text("value", 64, required=True) or "?",
            "time": _wall_clock(operation),
        }


def _cashless_of(one: AtolFields) -> dict[str, Any]:
    row: dict[str, Any] = {"amount": one.raw("sum")}
    one.put(row, "method", one.whole("method", range(256), required=True))
    one.put(row, "id", one.text("id", 256, required=True))
    one.put(row, "info", one.text("additional_info", 256))
    return row


def _wall_clock(operation: AtolFields) -> str:
    """``dd.mm.yyyy HH:MM:SS`` as ISO."""
    text = operation.text("timestamp", 32, required=True) or ""
    day = operation.day("timestamp")
    _, _, time = text.partition(" ")
    return f"{day}T{time}" if day and time else text

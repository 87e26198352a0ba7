"""Receipts as stored text, and the canonical bytes of a request that idempotency compares.

Absent values are left out, so a field added later changes neither the hash of an old request nor the
reading of an old row.
"""

import hashlib
import json
from datetime import date
from typing import Any

import orjson

from kkt_adapter.fiscal.model import (
    Cashier,
    Correction,
    Customer,
    FfdVersion,
    Line,
    LineRequest,
    MarkPermission,
    Operation,
    Payment,
    PaymentKind,
    Receipt,
    ReceiptKind,
    ReceiptRequest,
    ReceiptWarning,
    UserAttribute,
    VatRate,
)
from kkt_adapter.fiscal.store import extras_json
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.ids import PosId, ReceiptId, RegisterId
from kkt_adapter.kernel.jsontext import JsonObject
from kkt_adapter.kernel.money import Kopecks, Quantity

_HASH_VERSION = b"2\n"


def request_hash(request: ReceiptRequest) -> bytes:
    """SHA-256 of the version of the form and the canonical request: aliases resolved, key order and number
    spelling gone. Another reading of requests gets another version, so that no old hash fits by chance."""
    return hashlib.sha256(_HASH_VERSION + _canonical_bytes(request)).digest()


def first_request_hash(request: ReceiptRequest) -> bytes:
    """As 0.1.0 made it, of a request as 0.1.0 read it. Needed while a key of 0.1.0 lives."""
    return hashlib.sha256(_canonical_bytes(request)).digest()


def _canonical_bytes(request: ReceiptRequest) -> bytes:
    return orjson.dumps(_request(request), option=orjson.OPT_SORT_KEYS)


def key_hash(key: str, *, scope: str = "receipt") -> bytes:
    """The 16 bytes under which an Idempotency-Key is unique within its scope."""
    return hashlib.sha256(f"{scope}\n{key}".encode()).digest()[:16]


def dump(receipt: Receipt) -> str:
    """A complete receipt as JSON text."""
    return orjson.dumps(_receipt(receipt)).decode()


def load(text: str) -> Receipt:
    """The receipt that ``dump`` wrote."""
    raw: JsonObject = json.loads(text)
    correction = raw.get("correction")
    customer = raw.get("customer")
    attribute = raw.get("user_attribute")
    return Receipt(
        id=ReceiptId(raw["id"]),
        key=raw.get("key"),
        register_id=RegisterId(raw["register_id"]),
        pos_id=PosId(raw["pos_id"]),
        kind=ReceiptKind(raw["kind"]),
        operation=Operation(raw["operation"]),
        lines=tuple(_line_of(line) for line in raw["lines"]),
        payments=tuple(_payment_of(p) for p in raw["payments"]),
        total_kop=Kopecks(raw["total_kop"]),
        taxation=raw["taxation"],
        cashier=Cashier(**raw.get("cashier", {})),
        ffd_version=FfdVersion(raw["ffd_version"]),
        internet=raw.get("internet", False),
        place=raw.get("place"),
        address=raw.get("address"),
        customer=None if customer is None else _customer_of(customer),
        sender_email=raw.get("sender_email"),
        correction=None if correction is None else _correction_of(correction),
        additional_attribute=raw.get("additional_attribute"),
        user_attribute=None if attribute is None else UserAttribute(**attribute),
        order_id=raw.get("order_id"),
        original_receipt_id=raw.get("original_receipt_id"),
        extras=None if "extras" not in raw else extras_json.receipt_extras(raw["extras"]),
    )


def dump_warnings(warnings: tuple[ReceiptWarning, ...]) -> str | None:
    """Warnings as the answer shows them; None when there are none. Texts are kept in both languages."""
    if not warnings:
        return None
    return orjson.dumps(
        [
            {"code": w.code, "field": w.field, "tag": w.tag, "en": w.message.en, "ru": w.message.ru}
            for w in warnings
        ]
    ).decode()


def load_warnings(text: str | None) -> tuple[ReceiptWarning, ...]:
    """What ``dump_warnings`` wrote."""
    if not text:
        return ()
    return tuple(
        ReceiptWarning(code=w["code"], field=w["field"], tag=w["tag"], message=Text(w["en"], w["ru"]))
        for w in json.loads(text)
    )


def _lean(**values: Any) -> JsonObject:
    return {name: value for name, value in values.items() if value is not None}


def _receipt(receipt: Receipt) -> JsonObject:
    raw: JsonObject = {
        "id": receipt.id,
        "register_id": receipt.register_id,
        "pos_id": receipt.pos_id,
        "kind": receipt.kind,
        "operation": int(receipt.operation),
        "lines": [_line(line) for line in receipt.lines],
        "payments": [[p.kind, p.amount_kop] for p in receipt.payments],
        "total_kop": receipt.total_kop,
        "taxation": receipt.taxation,
        "cashier": _lean(name=receipt.cashier.name, inn=receipt.cashier.inn),
        "ffd_version": int(receipt.ffd_version),
    }
    for name in (
        "key",
        "place",
        "address",
        "sender_email",
        "additional_attribute",
        "order_id",
        "original_receipt_id",
    ):
        value = getattr(receipt, name)
        if value is not None:
            raw[name] = value
    if receipt.internet:
        raw["internet"] = True
    if receipt.customer is not None:
        raw["customer"] = _customer(receipt.customer)
    if receipt.correction is not None:
        raw["correction"] = _correction(receipt.correction)
    if receipt.user_attribute is not None:
        raw["user_attribute"] = {"name": receipt.user_attribute.name, "value": receipt.user_attribute.value}
    if receipt.extras is not None:
        raw["extras"] = extras_json.dump(receipt.extras)
    return raw


def _line(line: Line) -> JsonObject:
    raw: JsonObject = {
        "name": line.name,
        "price_kop": line.price_kop,
        "quantity": line.quantity,
        "amount_kop": line.amount_kop,
        "vat": line.vat,
        "vat_kop": line.vat_kop,
        "subject": line.subject,
        "method": line.method,
        "measure": line.measure,
        "unit": line.unit,
    }
    if line.sku is not None:
        raw["sku"] = line.sku
    if line.discount_kop is not None:
        raw["discount_kop"] = line.discount_kop
    if line.mark_code is not None:
        raw["mark_code"] = line.mark_code
    if line.mark_permission is not None:
        raw["mark_permission"] = _permission(line.mark_permission)
    if line.extras is not None:
        raw["extras"] = extras_json.dump(line.extras)
    return raw


def _line_of(raw: JsonObject) -> Line:
    permission = raw.get("mark_permission")
    return Line(
        name=raw["name"],
        price_kop=Kopecks(raw["price_kop"]),
        quantity=Quantity(raw["quantity"]),
        amount_kop=Kopecks(raw["amount_kop"]),
        vat=VatRate(raw["vat"]),
        vat_kop=Kopecks(raw["vat_kop"]),
        subject=raw["subject"],
        method=raw["method"],
        measure=raw["measure"],
        unit=raw["unit"],
        sku=raw.get("sku"),
        discount_kop=raw.get("discount_kop"),
        mark_code=raw.get("mark_code"),
        mark_permission=None if permission is None else MarkPermission(**permission),
        extras=None if "extras" not in raw else extras_json.line_extras(raw["extras"]),
    )


def _payment_of(raw: list[Any]) -> Payment:
    return Payment(kind=PaymentKind(raw[0]), amount_kop=Kopecks(raw[1]))


def _permission(value: MarkPermission) -> JsonObject:
    return _lean(
        uuid=value.uuid, time=value.time, inst=value.inst, ver=value.ver, blocked=value.blocked or None
    )


def _customer(value: Customer) -> JsonObject:
    return _lean(
        email=value.email,
        phone=value.phone,
        name=value.name,
        inn=value.inn,
        birth_date=None if value.birth_date is None else value.birth_date.isoformat(),
        citizenship=value.citizenship,
        document_code=value.document_code,
        document_data=value.document_data,
        address=value.address,
    )


def _customer_of(raw: JsonObject) -> Customer:
    birth_date = raw.get("birth_date")
    return (
        Customer(**raw)
        if birth_date is None
        else Customer(**{**raw, "birth_date": date.fromisoformat(birth_date)})
    )


def _correction(value: Correction) -> JsonObject:
    return _lean(
        by_order=value.by_order,
        date=value.date.isoformat(),
        number=value.number,
        operation=int(value.operation),
        fiscal_sign=value.fiscal_sign,
    )


def _correction_of(raw: JsonObject) -> Correction:
    return Correction(
        by_order=raw["by_order"],
        date=date.fromisoformat(raw["date"]),
        number=raw.get("number"),
        operation=Operation(raw["operation"]),
        fiscal_sign=raw.get("fiscal_sign"),
    )


def _request(request: ReceiptRequest) -> JsonObject:
    return _lean(
        pos_id=request.pos_id,
        kind=request.kind,
        lines=[_line_request(line) for line in request.lines],
        payments=[[p.kind, p.amount_kop] for p in request.payments],
        total_kop=request.total_kop,
        original_receipt_id=request.original_receipt_id,
        correction=None if request.correction is None else _correction(request.correction),
        customer=None if request.customer is None else _customer(request.customer),
        cashier=None
        if request.cashier is None
        else _lean(name=request.cashier.name, inn=request.cashier.inn),
        order_id=request.order_id,
        taxation=request.taxation,
        internet=request.internet,
        place=request.place,
        address=request.address,
        additional_attribute=request.additional_attribute,
        user_attribute=None
        if request.user_attribute is None
        else {"name": request.user_attribute.name, "value": request.user_attribute.value},
        extras=None if request.extras is None else extras_json.dump(request.extras),
        refund_force_reason=request.refund_force_reason,
    )


def _line_request(line: LineRequest) -> JsonObject:
    return _lean(
        name=line.name,
        price_kop=line.price_kop,
        quantity=line.quantity,
        amount_kop=line.amount_kop,
        vat=line.vat,
        sku=line.sku,
        subject=line.subject,
        method=line.method,
        unit=line.unit,
        discount_kop=line.discount_kop,
        mark_code=line.mark_code,
        mark_permission=None if line.mark_permission is None else _permission(line.mark_permission),
        extras=None if line.extras is None else extras_json.dump(line.extras),
    )

"""Rare requisites as stored JSON and back: lean, absent values are left out."""

from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from kkt_adapter.fiscal.requisites import (
    Agent,
    AgentType,
    CashlessPayment,
    Industry,
    LineExtras,
    MarkQuantity,
    OperationAttribute,
    ReceiptExtras,
    Supplier,
    VatSum,
)
from kkt_adapter.kernel.jsontext import JsonObject


def dump(value: Any) -> Any:
    """A dataclass of ``requisites`` as an object without what is None, False or empty."""
    if is_dataclass(value):
        members = ((f.name, getattr(value, f.name)) for f in fields(value))
        return {
            name: dump(member)
            for name, member in members
            if member is not None and member is not False and member != ()
        }
    if isinstance(value, tuple):
        return [dump(one) for one in value]
    if isinstance(value, date):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value


def line_extras(raw: JsonObject) -> LineExtras:
    """What ``dump`` wrote."""
    part = raw.get("mark_quantity")
    return LineExtras(
        agent=_agent(raw.get("agent")),
        supplier=_supplier(raw.get("supplier")),
        excise_kop=raw.get("excise_kop"),
        country=raw.get("country"),
        customs_declaration=raw.get("customs_declaration"),
        attribute=raw.get("attribute"),
        mark_quantity=None if part is None else MarkQuantity(**part),
        planned_status=raw.get("planned_status"),
        industry=_industry(raw),
        wholesale=raw.get("wholesale", False),
    )


def receipt_extras(raw: JsonObject) -> ReceiptExtras:
    """What ``dump`` wrote."""
    operation = raw.get("operation_attribute")
    if operation is not None:
        operation = OperationAttribute(
            id=operation["id"], data=operation["data"], time=datetime.fromisoformat(operation["time"])
        )
    return ReceiptExtras(
        agent=_agent(raw.get("agent")),
        supplier=_supplier(raw.get("supplier")),
        industry=_industry(raw),
        operation_attribute=operation,
        cashless=tuple(CashlessPayment(**one) for one in raw.get("cashless", ())),
        device_number=raw.get("device_number"),
        timezone=raw.get("timezone"),
        no_print=raw.get("no_print", False),
        vat_sums=tuple(VatSum(**one) for one in raw.get("vat_sums", ())),
    )


def _agent(raw: JsonObject | None) -> Agent | None:
    if raw is None:
        return None
    lists = {name: tuple(raw.get(name, ())) for name in ("phones", "operator_phones", "transfer_phones")}
    return Agent(**{**raw, **lists, "type": AgentType(raw["type"])})


def _supplier(raw: JsonObject | None) -> Supplier | None:
    return None if raw is None else Supplier(**{**raw, "phones": tuple(raw.get("phones", ()))})


def _industry(raw: JsonObject) -> tuple[Industry, ...]:
    return tuple(
        Industry(**{**one, "date": date.fromisoformat(one["date"])}) for one in raw.get("industry", ())
    )

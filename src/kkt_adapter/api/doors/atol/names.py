"""From a field of the canonical body to where the client wrote it: ``items.0.price`` is
``receipt.items[0].price``."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_LINE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "total": "sum",
        "vat_rate": "vat.type",
        "subject": "payment_object",
        "method": "payment_method",
        "agent": "agent_info",
        "supplier": "supplier_info",
        "excise_tax": "excise",
        "country": "country_code",
        "customs_declaration": "declaration_number",
        "line_attribute": "user_data",
        "industry": "sectoral_item_props",
    }
)
_BY_VERSION: Final = {
    4: {"unit": "measurement_unit", "mark_code": "nomenclature_code"},
    5: {"unit": "measure", "mark_code": "mark_code"},
}
_ROOT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "customer": "client",
        "customer.email": "client.email",
        "customer.phone": "client.phone",
        "customer.name": "client.name",
        "customer.inn": "client.inn",
        "customer.birth_date": "client.birthdate",
        "customer.citizenship": "client.citizenship",
        "customer.document_code": "client.document_code",
        "customer.document_data": "client.document_data",
        "customer.address": "client.address",
        "cashier.name": "cashier",
        "cashier.inn": "cashier_inn",
        "taxation": "company.sno",
        "place": "company.payment_address",
        "address": "company.location",
        "additional_attribute": "additional_check_props",
        "user_attribute": "additional_user_props",
        "user_attribute.name": "additional_user_props.name",
        "user_attribute.value": "additional_user_props.value",
        "industry": "sectoral_check_props",
        "operation_attribute": "operating_check_props",
        "cashless": "cashless_payments",
        "agent": "agent_info",
        "supplier": "supplier_info",
        "correction": "correction_info",
        "correction.type": "correction_info.type",
        "correction.date": "correction_info.base_date",
        "correction.number": "correction_info.base_number",
        "correction.sums": "vats",
    }
)
_INDEX = re.compile(r"\.([0-9]+)(?=\.|\Z)")


def own_name(field: str, *, root: str, version: int) -> str:
    """``root``: the object of the body that holds the receipt."""
    if field in ("pos_id", "body"):
        return field
    head, _, rest = field.partition(".")
    if head == "items" and rest:
        place, _, name = rest.partition(".")
        first, _, deeper = name.partition(".")
        first = _LINE.get(first) or _BY_VERSION[version].get(first, first)
        return _path(root, ".".join(part for part in ("items", place, first, deeper) if part))
    if head == "payments" and rest.endswith(".amount"):
        return _path(root, f"payments.{rest.removesuffix('.amount')}.sum")
    known = next((name for name in _prefixes(field) if name in _ROOT), None)
    return _path(root, field if known is None else _ROOT[known] + field[len(known) :])


def _prefixes(field: str) -> list[str]:
    """``a.b.c``, ``a.b``, ``a``."""
    parts = field.split(".")
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)]


def _path(root: str, dotted: str) -> str:
    return f"{root}.{_INDEX.sub(lambda found: f'[{found[1]}]', dotted)}"

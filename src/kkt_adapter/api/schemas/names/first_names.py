"""The names that version 0.1.0 read of a receipt; all others it passed over.

A key that 0.1.0 took is recognised by the request as 0.1.0 read it (``receipt_json.first_request_hash``).
These tables never change.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_RECEIPT: Final = _names("""
pos_id type items payments total original_receipt_id correction customer order_id cashier taxation internet
place address additional_attribute user_attribute original_fiscal_doc_id
""")
_INSIDE: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "items": _names("""
            name price quantity total vat_rate sku mark_code mark_permission discount subject method unit qty
            sum amount vat tax tax_rate payment_object payment_method measure
        """),
        "payments": _names("type amount method sum"),
        "correction": _names("type date number operation fiscal_sign"),
        "customer": _names("email phone name inn"),
        "cashier": _names("name inn"),
        "user_attribute": _names("name value"),
        "mark_permission": _names("uuid time inst ver blocked"),
    }
)


def first_names_only(document: Mapping[str, Any]) -> dict[str, Any]:
    """The request without what 0.1.0 passed over."""
    return {name: _inside(name, value) for name, value in document.items() if name in _RECEIPT}


def _inside(name: str, value: Any) -> Any:
    names = _INSIDE.get(name)
    if names is None:
        return value
    if isinstance(value, list):
        return [_inside(name, one) if isinstance(one, dict) else one for one in value]
    if isinstance(value, dict):
        return {inner: _inside(inner, one) for inner, one in value.items() if inner in names}
    return value

"""The receipt key in a receipt that goes to a register, and in a document that comes back from one."""

import re
from collections.abc import Sequence

from kkt_adapter.fiscal.ffd.receipt_key import RECEIPT_KEY_NAME
from kkt_adapter.fiscal.ffd.tlv import Element, first
from kkt_adapter.fiscal.model import Receipt

_KEY = re.compile(r"[A-Z][A-Z2-7]{15}")  # the shape that ``ffd/receipt_key.py`` makes


def key_in_receipt(receipt: Receipt) -> str | None:
    """The receipt key that the receipt carries in 1192 or 1084, as its document will."""
    attribute = receipt.user_attribute
    return _key(
        receipt.additional_attribute,
        None if attribute is None else attribute.name,
        None if attribute is None else attribute.value,
    )


def key_in_elements(elements: Sequence[Element]) -> str | None:
    """The receipt key among the elements of a document."""
    pair = first(elements, 1084)
    inner = () if pair is None else pair.children
    return _key(_text(elements, 1192), _text(inner, 1085), _text(inner, 1086))


def _key(additional: str | None, name: str | None, value: str | None) -> str | None:
    if additional is not None and _KEY.fullmatch(additional):
        return additional
    if name == RECEIPT_KEY_NAME and value is not None and _KEY.fullmatch(value):
        return value
    return None


def _text(elements: Sequence[Element], tag: int) -> str | None:
    found = first(elements, tag)
    return found.value.rstrip(" ") if found is not None and isinstance(found.value, str) else None

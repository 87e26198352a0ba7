"""Strict reading of a receipt of the HTTP profile.

Source: docs/reference/ofd-http.md.
"""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kkt_adapter.fiscal.model import DocumentCode, ReceiptKind

_FN_DIGITS = 16
_MONEY_OF_ITEM = ("price", "total")
_CONTENT = ("items", "payments", "total")


class ReceiptProblem(Exception):
    """The receipt is refused; ``reason`` is a stable label, the text says what is wrong."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedReceipt:
    receipt_id: str
    fn_number: str
    fd_number: int
    fiscal_sign: str
    code: DocumentCode
    content: str  # what makes it this document: it is the same whatever receipt id it comes with


def read_receipt(key: str | None, raw: bytes) -> ReceivedReceipt:
    """Check header and body against the profile.

    Raises:
        ReceiptProblem: not a receipt of this profile.
    """
    body = _object(raw)
    receipt_id = body.get("receipt_id")
    if not isinstance(receipt_id, str) or not receipt_id:
        raise ReceiptProblem("no_receipt_id", "receipt_id is missing")
    if key != receipt_id:
        raise ReceiptProblem("wrong_key", "the Idempotency-Key header is not the receipt_id")
    for name in ("pos_id", "idempotency_key"):
        if not isinstance(body.get(name), str):
            raise ReceiptProblem("bad_field", f"{name} is missing or no text")
    kind = body.get("type")
    if kind not in set(ReceiptKind):
        raise ReceiptProblem("bad_field", f"type {kind!r} is none of the five kinds")
    _check_money(body)
    fn_number, fd_number, sign = _document(body)
    correction = kind == ReceiptKind.CORRECTION
    return ReceivedReceipt(
        receipt_id=receipt_id,
        fn_number=fn_number,
        fd_number=fd_number,
        fiscal_sign=sign,
        content=json.dumps([sign, kind, *(body[name] for name in _CONTENT)], default=str, sort_keys=True),
        code=DocumentCode.CORRECTION if correction else DocumentCode.RECEIPT,
    )


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise ReceiptProblem("not_json", "the body is not JSON") from error
    if not isinstance(body, dict):
        raise ReceiptProblem("not_json", "the body is not an object")
    return body


def _document(body: dict[str, Any]) -> tuple[str, int, str]:
    """FN number, document number and fiscal sign; the fiscal fields may also stand under ``fiscal_doc``."""
    nested = body.get("fiscal_doc")
    fields = {**nested, **body} if isinstance(nested, dict) else body
    fn_number, fd_number = fields.get("fn_number"), fields.get("fiscal_doc_number")
    if not isinstance(fn_number, str) or len(fn_number) != _FN_DIGITS or not fn_number.isdigit():
        raise ReceiptProblem("bad_field", "fn_number is not 16 digits")
    if not isinstance(fd_number, int) or isinstance(fd_number, bool) or fd_number < 1:
        raise ReceiptProblem("bad_field", "fiscal_doc_number is not a positive whole number")
    sign = fields.get("fiscal_sign")
    if not isinstance(sign, str) or not sign.isdigit():
        raise ReceiptProblem("bad_field", "fiscal_sign is not decimal digits")
    return fn_number, fd_number, sign


def _check_money(body: dict[str, Any]) -> None:
    """Money has exactly two decimals, and the payments make the total."""
    payments = _objects(body, "payments")
    for item in _items(body):
        for name in _MONEY_OF_ITEM:
            if name in item:
                _money(item[name], name)
    paid = sum((_money(payment.get("amount"), "amount") for payment in payments), Decimal(0))
    if paid != _money(body.get("total"), "total"):
        raise ReceiptProblem("bad_total", "the payments do not make the total")


def _items(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines; none only in a correction by sums."""
    correction = body.get("correction")
    if body.get("items") == [] and isinstance(correction, dict) and correction.get("sums"):
        return []
    return _objects(body, "items")


def _objects(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = body.get(name)
    if not isinstance(value, list) or not value or not all(isinstance(entry, dict) for entry in value):
        raise ReceiptProblem("bad_field", f"{name} is no list of objects, or is empty")
    return value


def _money(value: Any, name: str) -> Decimal:
    if not isinstance(value, Decimal) or value.as_tuple().exponent != -2:
        raise ReceiptProblem("bad_money", f"{name} is not a number with two decimals")
    return value

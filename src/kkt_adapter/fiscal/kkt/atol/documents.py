"""Documents read back: ``getFnDocument`` with its raw bytes, and the short form of what the FN has archived.

The raw bytes are the top-level TLVs of the document without its head. A short form lacks 1192 and cuts
kopecks off 1020: it proves that a number exists, and never that a receipt is ours or is not. Source:
docs/reference/atol.md, Documents.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kkt_adapter.fiscal.ffd.tlv import Element, TlvError, decode, element
from kkt_adapter.fiscal.kkt.atol import words
from kkt_adapter.fiscal.kkt.atol.values import (
    BadAtolAnswer,
    flag,
    moment,
    money,
    optional_whole,
    section,
    text,
    whole,
)
from kkt_adapter.fiscal.kkt.receipt_keys import key_in_elements
from kkt_adapter.fiscal.model import DocumentCode, FiscalDocument, Operation, Unread
from kkt_adapter.kernel.ids import FnNumber
from kkt_adapter.kernel.jsontext import JsonObject

_SIGN_DIGITS = 8  # the last four bytes of 1077


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDocument:
    document: FiscalDocument
    tags: tuple[Element, ...] | None  # None: a short form, or no raw bytes that can be read
    short: bool
    garbled: bool = False  # its raw bytes are no document


def read_document(
    result: dict[str, Any] | None, *, fd_number: int, fn_number: str, first_unsent: int | None
) -> FoundDocument | None:
    """The answer to getFnDocument. ``first_unsent`` None: everything is confirmed. None: a document of a kind
    that nobody knows.

    Raises:
        BadAtolAnswer: not a document, or another one.
    """
    told = section(result, "documentTLV")
    code = words.DOCUMENT.get(text(told, "fiscalDocumentType"))
    if code is None:
        return None
    number = optional_whole(told, "1040") or fd_number
    if number != fd_number:
        raise BadAtolAnswer(f"document {number} instead of {fd_number}")
    short, tags, garbled = flag(told, "short"), None, False
    if not short:
        try:
            tags = _elements(result)
        except (binascii.Error, TlvError):
            garbled = True
    operation = optional_whole(told, "1054")
    is_receipt = code in _RECEIPTS
    return FoundDocument(
        document=FiscalDocument(
            fn_number=FnNumber(text(told, "1041") or fn_number),
            fd_number=fd_number,
            code=code,
            fiscal_sign=_sign(told),
            fiscalized_at=moment(told, "1012"),
            shift_number=optional_whole(told, "1038") or 0,
            receipt_number=optional_whole(told, "1042") if is_receipt else None,
            operation=Operation(operation) if is_receipt and operation in set(Operation) else None,
            total_kop=money(told, "1020") if is_receipt else None,
            key=None if tags is None else key_in_elements(tags),
            unread=None if tags is not None or not is_receipt else Unread.KOPECKS if short else Unread.TAGS,
            confirmed=first_unsent is None or fd_number < first_unsent,
            tlv=None if tags is None else element(code, b"".join([element(e.tag, e.raw) for e in tags])),
        ),
        tags=tags,
        short=short,
        garbled=garbled,
    )


_RECEIPTS = frozenset(
    {DocumentCode.RECEIPT, DocumentCode.BSO, DocumentCode.CORRECTION, DocumentCode.BSO_CORRECTION}
)


def _sign(told: Mapping[str, Any]) -> int:
    digits = text(told, "1077")
    try:
        return int(digits[-_SIGN_DIGITS:], 16)
    except ValueError as error:
        raise BadAtolAnswer(f"1077 is no fiscal sign: {digits!r}") from error


def _elements(result: Any) -> tuple[Element, ...] | None:
    """None: this driver gives no raw bytes. Raises binascii.Error, TlvError: they are no document."""
    raw = text(result, "rawData")
    return tuple(decode(base64.b64decode(raw, validate=True))) if raw else None


def shift_sums(totals: Mapping[str, Any], name: str) -> tuple[int, JsonObject]:
    """Sum in kopecks and payments of one kind of receipt in getShiftTotals."""
    receipts = totals.get("receipts")
    one = receipts.get(name) if isinstance(receipts, dict) else None
    payments = one.get("payments") if isinstance(one, dict) else None
    return money(one, "sum") or 0, payments if isinstance(payments, dict) else {}


def cash_count(totals: Mapping[str, Any], name: str) -> int:
    """``income`` or ``outcome`` of getShiftTotals. Raises BadAtolAnswer: this register does not count."""
    return whole(section(totals, name), "count")


def tags_of(found: FoundDocument | None) -> Sequence[Element] | None:
    return None if found is None else found.tags

"""Fiscal documents as an FN would report them, made up; any field replaceable."""

from datetime import datetime
from typing import Any

from kkt_adapter.fiscal.model import DocumentCode, FiscalDocument, Operation
from kkt_adapter.kernel.ids import FnNumber
from kkt_adapter.kernel.money import Kopecks

FN = FnNumber("9999078900000001")


def a_document(number: int = 1, **changes: Any) -> FiscalDocument:
    """A sale of 100.00 without a receipt key."""
    fields: dict[str, Any] = {
        "fn_number": FN,
        "fd_number": number,
        "code": DocumentCode.RECEIPT,
        "fiscal_sign": 1_000_000 + number,
        "fiscalized_at": datetime(2026, 3, 14, 12, 0),  # noqa: DTZ001 - wall clock
        "shift_number": 1,
        "receipt_number": 1,
        "operation": Operation.SALE,
        "total_kop": Kopecks(10_000),
        "key": None,
    }
    return FiscalDocument(**(fields | changes))

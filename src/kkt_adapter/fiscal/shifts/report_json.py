"""Pure: X and Z reports as they are answered (http-api.md#register)."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from kkt_adapter.fiscal.model import ShiftTotals
from kkt_adapter.kernel.money import Kopecks, rubles

X_REPORT, Z_REPORT = 1, 2
Json = dict[str, Any]


def report_answer(
    totals: ShiftTotals,
    held: Json,
    *,
    report_type: int,
    at: datetime,
    fd_number: int | None,
    fiscal_sign: str | None,
) -> Json:
    """cashTotal + cardTotal + otherTotal = totalSales - totalRefunds. ``held``: cash of the open sessions."""
    return {
        "fiscalDocumentNumber": fd_number,
        "fiscalSign": fiscal_sign,
        "dateTime": at.isoformat(timespec="seconds"),
        "reportType": report_type,
        "shiftNumber": totals.shift_number,
        "cashTotal": Decimal(rubles(totals.cash_kop)),
        "cardTotal": Decimal(rubles(totals.card_kop)),
        "otherTotal": Decimal(rubles(totals.other_kop)),
        "totalSales": Decimal(rubles(totals.sales_kop)),
        "totalRefunds": Decimal(rubles(totals.refunds_kop)),
        "receiptCount": totals.receipt_count,
        **held,
    }


def z_answer(stored: Json, held: Json) -> Json:
    """The answer of a Z report that is written down (``shift_rows.totals_json``)."""
    return report_answer(
        _totals(stored),
        held,
        report_type=Z_REPORT,
        at=datetime.fromisoformat(stored["at"]),
        fd_number=stored["fd_number"],
        fiscal_sign=stored["fiscal_sign"],
    )


def _totals(stored: Json) -> ShiftTotals:
    return ShiftTotals(
        shift_number=stored["shift_number"],
        opened_at=None,
        receipt_count=stored["receipt_count"],
        sales_kop=Kopecks(stored["sales_kop"]),
        refunds_kop=Kopecks(stored["refunds_kop"]),
        cash_kop=Kopecks(stored["cash_kop"]),
        card_kop=Kopecks(stored["card_kop"]),
        other_kop=Kopecks(stored["other_kop"]),
    )

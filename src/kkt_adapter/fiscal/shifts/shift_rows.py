"""Shifts as rows: what an opening or a Z report leaves behind, and how it is found again."""

import json
from typing import Any

from sqlalchemy import Connection, insert, select, update

from kkt_adapter.fiscal.model import DocumentCode, FiscalDocument, ShiftReport
from kkt_adapter.fiscal.store.tables import documents, shifts


def record_shift(
    conn: Connection, register_id: str, document: FiscalDocument, report: ShiftReport | None
) -> None:
    """The row of the shift that this document opened or closed. Twice is harmless."""
    at = document.fiscalized_at.isoformat()
    key = {
        "register_id": register_id,
        "fn_number": document.fn_number,
        "shift_number": document.shift_number,
    }
    matches = [shifts.c[name] == value for name, value in key.items()]
    if conn.execute(select(shifts.c.shift_number).where(*matches)).first() is None:
        conn.execute(insert(shifts).values(**key))
    if document.code is DocumentCode.OPEN_SHIFT:
        conn.execute(update(shifts).where(*matches).values(opened_at=at))
    else:
        text = None if report is None else json.dumps(totals_json(report), ensure_ascii=False)
        conn.execute(update(shifts).where(*matches).values(closed_at=at, z_report=text))


def stored_z_report(
    conn: Connection, register_id: str, *, fn_number: str, shift_number: int
) -> dict[str, Any] | None:
    """What ``totals_json`` made of the shift's Z report; None while it is open."""
    text = conn.execute(
        select(shifts.c.z_report).where(
            shifts.c.register_id == register_id,
            shifts.c.fn_number == fn_number,
            shifts.c.shift_number == shift_number,
        )
    ).scalar_one_or_none()
    report: dict[str, Any] | None = None if text is None else json.loads(text)
    return report


def stored_opening(conn: Connection, *, fn_number: str, after: int) -> dict[str, Any] | None:
    """The first shift opening of the FN after document ``after``; None when none is written down."""
    row = conn.execute(
        select(documents)
        .where(
            documents.c.fn_number == fn_number,
            documents.c.fd_number > after,
            documents.c.code == DocumentCode.OPEN_SHIFT.value,
        )
        .order_by(documents.c.fd_number)
        .limit(1)
    ).first()
    if row is None:
        return None
    return {
        "fd_number": row.fd_number,
        "fiscal_sign": str(row.fiscal_sign),
        "at": row.fiscalized_at,
        "shift_number": row.shift_number,
    }


def totals_json(report: ShiftReport) -> dict[str, int | str]:
    """A Z report as stored: kopecks and numbers."""
    totals = report.totals
    return {
        "fd_number": report.document.fd_number,
        "fiscal_sign": str(report.document.fiscal_sign),
        "at": report.document.fiscalized_at.isoformat(),
        "shift_number": totals.shift_number,
        "receipt_count": totals.receipt_count,
        "sales_kop": totals.sales_kop,
        "refunds_kop": totals.refunds_kop,
        "cash_kop": totals.cash_kop,
        "card_kop": totals.card_kop,
        "other_kop": totals.other_kop,
    }

"""Shifts as rows: what an opening or a Z report leaves behind, and how it is found again."""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, insert, select, update

from kkt_adapter.fiscal.model import DocumentCode, FiscalDocument, ShiftReport, ShiftTotals
from kkt_adapter.fiscal.shifts.reports import HeldCash, ReportMade, ReportType, dump_held, load_held
from kkt_adapter.fiscal.store.tables import documents, shifts
from kkt_adapter.kernel.money import Kopecks

_HELD = "held"  # member of a stored Z report


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftOfFn:
    """A shift by the numbers that stay the same on every node and in every copy."""

    fn_number: str
    shift_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredZReport:
    """A Z report that is written down. ``held``: cash of the sessions that it closed; None: they are not
    closed yet."""

    fd_number: int
    fiscal_sign: str
    at: datetime  # the register's wall clock
    totals: ShiftTotals
    held: HeldCash | None

    def made(self, held: HeldCash, *, is_offline: bool | None = None) -> ReportMade:
        """As it is answered, with the cash of these sessions."""
        return ReportMade(
            type=ReportType.Z,
            at=self.at,
            fd_number=self.fd_number,
            fiscal_sign=self.fiscal_sign,
            totals=self.totals,
            held=held,
            is_offline=is_offline,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOpening:
    """A shift opening that is written down."""

    fd_number: int
    fiscal_sign: str
    at: datetime  # the register's wall clock
    shift_number: int


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


def stored_z_report(conn: Connection, register_id: str, shift: ShiftOfFn) -> StoredZReport | None:
    """None while the shift is open."""
    text = conn.execute(select(shifts.c.z_report).where(*_of(register_id, shift))).scalar_one_or_none()
    return z_report_of(text)


def z_report_of(text: str | None) -> StoredZReport | None:
    """From the column ``z_report``."""
    return None if text is None else _read_z_report(text)


def keep_held(conn: Connection, register_id: str, shift: ShiftOfFn, held: HeldCash) -> None:
    """Write down the cash of the sessions that a Z report closed, so that a repeated request for the report
    gets the same."""
    matches = _of(register_id, shift)
    stored = json.loads(conn.execute(select(shifts.c.z_report).where(*matches)).scalar_one())
    kept = {n: v if isinstance(v, int) else str(v) for n, v in dump_held(held).items()}
    text = json.dumps(stored | {_HELD: kept}, ensure_ascii=False)
    conn.execute(update(shifts).where(*matches).values(z_report=text))


def stored_opening(conn: Connection, *, fn_number: str, after: int) -> StoredOpening | None:
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
    return StoredOpening(
        fd_number=row.fd_number,
        fiscal_sign=str(row.fiscal_sign),
        at=datetime.fromisoformat(row.fiscalized_at),
        shift_number=row.shift_number,
    )


def _of(register_id: str, shift: ShiftOfFn) -> tuple[ColumnElement[bool], ...]:
    return (
        shifts.c.register_id == register_id,
        shifts.c.fn_number == shift.fn_number,
        shifts.c.shift_number == shift.shift_number,
    )


def _read_z_report(text: str) -> StoredZReport:
    stored = json.loads(text)
    held = stored.get(_HELD)
    return StoredZReport(
        fd_number=stored["fd_number"],
        fiscal_sign=stored["fiscal_sign"],
        at=datetime.fromisoformat(stored["at"]),
        totals=ShiftTotals(
            shift_number=stored["shift_number"],
            opened_at=None,
            receipt_count=stored["receipt_count"],
            sales_kop=Kopecks(stored["sales_kop"]),
            refunds_kop=Kopecks(stored["refunds_kop"]),
            cash_kop=Kopecks(stored["cash_kop"]),
            card_kop=Kopecks(stored["card_kop"]),
            other_kop=Kopecks(stored["other_kop"]),
        ),
        held=None if held is None else load_held(held),
    )


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

"""A till's session as it is read, and how an answer about it is stored with its key.

The stored form has the names of the HTTP interface, as the first release wrote it; money is decimal rubles.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from kkt_adapter.fiscal.lifecycle import SessionState
from kkt_adapter.fiscal.shifts.reports import ReportMade, dump_report, load_report
from kkt_adapter.kernel import jsontext
from kkt_adapter.kernel.money import Kopecks, kopecks, rubles
from kkt_adapter.kernel.timefmt import iso

Stored = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedCash:
    """Cash that a person counted in a drawer; ``expected_kop``: what should have been there then."""

    cash_kop: Kopecks
    expected_kop: Kopecks
    at: datetime  # aware UTC
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PosSession:
    """A till's session with the cash in its drawer. Times are aware UTC."""

    session_id: str
    pos_id: str
    register_id: str
    status: SessionState
    opened_at: datetime
    closed_at: datetime | None
    opening_kop: Kopecks
    cash_kop: Kopecks
    card_kop: Kopecks
    sales_kop: Kopecks
    refunds_kop: Kopecks
    in_kop: Kopecks
    out_kop: Kopecks
    receipt_count: int
    z_report: ReportMade | None  # that closed it
    counted: CountedCash | None = None  # by a person; None: nobody has counted

    @property
    def difference_kop(self) -> Kopecks | None:
        """What was counted less what was expected: below zero money is missing."""
        if self.counted is None:
            return None
        return Kopecks(self.counted.cash_kop - self.counted.expected_kop)


def session_of(row: Any) -> PosSession:
    """A row of ``pos_sessions``."""
    status = SessionState(row.status)
    is_told = row.z_report_data is None or status is SessionState.CLOSING  # then it is the shift, no report
    return PosSession(
        session_id=row.session_id,
        pos_id=row.pos_id,
        register_id=row.register_id,
        status=status,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        opening_kop=Kopecks(row.opening_cash_kop),
        cash_kop=Kopecks(row.cash_kop),
        card_kop=Kopecks(row.card_kop),
        sales_kop=Kopecks(row.sales_kop),
        refunds_kop=Kopecks(row.refunds_kop),
        in_kop=Kopecks(row.cash_in_kop),
        out_kop=Kopecks(row.cash_out_kop),
        receipt_count=row.receipt_count,
        z_report=None if is_told else load_report(jsontext.decode(row.z_report_data)),
        counted=None
        if row.counted_kop is None
        else CountedCash(
            cash_kop=Kopecks(row.counted_kop),
            expected_kop=Kopecks(row.counted_expected_kop),
            at=row.counted_at,
            by=row.counted_by,
        ),
    )


def dump_session(session: PosSession) -> Stored:
    return {
        "session_id": session.session_id,
        "pos_id": session.pos_id,
        "register_id": session.register_id,
        "status": session.status.value,
        "opened_at": iso(session.opened_at),
        "closed_at": iso(session.closed_at),
        "opening_cash": _money(session.opening_kop),
        "cash_balance": _money(session.cash_kop),
        "card_balance": _money(session.card_kop),
        "total_sales": _money(session.sales_kop),
        "total_refunds": _money(session.refunds_kop),
        "cash_in": _money(session.in_kop),
        "cash_out": _money(session.out_kop),
        "receipt_count": session.receipt_count,
        "z_report": None if session.z_report is None else dump_report(session.z_report),
        "counted": None if session.counted is None else _dump_counted(session.counted),
    }


def load_session(stored: Stored) -> PosSession:
    closed_at, report = stored["closed_at"], stored["z_report"]
    return PosSession(
        session_id=stored["session_id"],
        pos_id=stored["pos_id"],
        register_id=stored["register_id"],
        status=SessionState(stored["status"]),
        opened_at=datetime.fromisoformat(stored["opened_at"]),
        closed_at=None if closed_at is None else datetime.fromisoformat(closed_at),
        opening_kop=kopecks(stored["opening_cash"]),
        cash_kop=kopecks(stored["cash_balance"]),
        card_kop=kopecks(stored["card_balance"]),
        sales_kop=kopecks(stored["total_sales"]),
        refunds_kop=kopecks(stored["total_refunds"]),
        in_kop=kopecks(stored["cash_in"]),
        out_kop=kopecks(stored["cash_out"]),
        receipt_count=stored["receipt_count"],
        z_report=None if report is None else load_report(report),
        counted=_load_counted(stored.get("counted")),  # answers of older releases have no such member
    )


def _dump_counted(counted: CountedCash) -> Stored:
    return {
        "cash": _money(counted.cash_kop),
        "expected": _money(counted.expected_kop),
        "at": iso(counted.at),
        "by": counted.by,
    }


def _load_counted(stored: Stored | None) -> CountedCash | None:
    if stored is None:
        return None
    return CountedCash(
        cash_kop=kopecks(stored["cash"]),
        expected_kop=kopecks(stored["expected"]),
        at=datetime.fromisoformat(stored["at"]),
        by=stored["by"],
    )


def _money(kop: int) -> Decimal:
    return Decimal(rubles(kop))

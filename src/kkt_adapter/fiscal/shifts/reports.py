"""X and Z reports and shift openings, and how they are stored with their key and their sessions.

The stored form has the names of the HTTP interface, as the first release wrote it; money is decimal rubles.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from typing import Any

from kkt_adapter.fiscal.model import ShiftTotals
from kkt_adapter.kernel.money import Kopecks, kopecks, rubles

Stored = Mapping[str, Any]


class ReportType(IntEnum):
    X = 1  # the shift so far; no document
    Z = 2  # closes the shift


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCash:
    """Cash of the sessions that are open on a register."""

    sessions: int
    opening_kop: Kopecks
    in_kop: Kopecks
    out_kop: Kopecks
    till_kop: Kopecks


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportMade:
    """An X or a Z report. ``at`` is the register's wall clock; an X report has no document. ``is_offline``:
    the operator could not be reached; None: nobody looked, a crash lay between."""

    type: ReportType
    at: datetime
    fd_number: int | None
    fiscal_sign: str | None
    totals: ShiftTotals
    held: HeldCash
    is_offline: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftOpened:
    """``at`` is the register's wall clock."""

    fd_number: int
    fiscal_sign: str
    at: datetime
    shift_number: int
    is_offline: bool


def dump_report(report: ReportMade) -> Stored:
    totals = report.totals
    shown: Stored = {
        "fiscalDocumentNumber": report.fd_number,
        "fiscalSign": report.fiscal_sign,
        "dateTime": report.at.isoformat(timespec="seconds"),
        "reportType": report.type.value,
        "shiftNumber": totals.shift_number,
        "cashTotal": _money(totals.cash_kop),
        "cardTotal": _money(totals.card_kop),
        "otherTotal": _money(totals.other_kop),
        "totalSales": _money(totals.sales_kop),
        "totalRefunds": _money(totals.refunds_kop),
        "receiptCount": totals.receipt_count,
        **dump_held(report.held),
    }
    return shown if report.is_offline is None else {**shown, "offline": report.is_offline}


def load_report(stored: Stored) -> ReportMade:
    return ReportMade(
        type=ReportType(stored["reportType"]),
        at=datetime.fromisoformat(stored["dateTime"]),
        fd_number=stored["fiscalDocumentNumber"],
        fiscal_sign=stored["fiscalSign"],
        totals=ShiftTotals(
            shift_number=stored["shiftNumber"],
            opened_at=None,
            receipt_count=stored["receiptCount"],
            sales_kop=_kopecks(stored["totalSales"]),
            refunds_kop=_kopecks(stored["totalRefunds"]),
            cash_kop=_kopecks(stored["cashTotal"]),
            card_kop=_kopecks(stored["cardTotal"]),
            other_kop=_kopecks(stored["otherTotal"]),
        ),
        held=load_held(stored),
        is_offline=stored.get("offline"),
    )


def dump_held(held: HeldCash) -> Stored:
    return {
        "openSessions": held.sessions,
        "openingCash": _money(held.opening_kop),
        "cashIn": _money(held.in_kop),
        "cashOut": _money(held.out_kop),
        "cashInTill": _money(held.till_kop),
    }


def load_held(stored: Stored) -> HeldCash:
    return HeldCash(
        sessions=stored["openSessions"],
        opening_kop=_kopecks(stored["openingCash"]),
        in_kop=_kopecks(stored["cashIn"]),
        out_kop=_kopecks(stored["cashOut"]),
        till_kop=_kopecks(stored["cashInTill"]),
    )


def dump_opening(opening: ShiftOpened) -> Stored:
    return {
        "fiscalDocumentNumber": opening.fd_number,
        "fiscalSign": opening.fiscal_sign,
        "dateTime": opening.at.isoformat(timespec="seconds"),
        "shiftNumber": opening.shift_number,
        "offline": opening.is_offline,
    }


def load_opening(stored: Stored) -> ShiftOpened:
    return ShiftOpened(
        fd_number=stored["fiscalDocumentNumber"],
        fiscal_sign=stored["fiscalSign"],
        at=datetime.fromisoformat(stored["dateTime"]),
        shift_number=stored["shiftNumber"],
        is_offline=stored["offline"],
    )


def _money(kop: int) -> Decimal:
    return Decimal(rubles(kop))


def _kopecks(stored: Decimal | str) -> Kopecks:
    return kopecks(Decimal(stored))

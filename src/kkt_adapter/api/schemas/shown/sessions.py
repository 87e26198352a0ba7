"""Answers about shift reports, shift openings and the sessions of tills."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from kkt_adapter.api.schemas.answers import registers as known
from kkt_adapter.api.schemas.units import money
from kkt_adapter.fiscal.lifecycle import DeviceCash
from kkt_adapter.fiscal.shifts.device_cash import CashAtRegister
from kkt_adapter.fiscal.shifts.pos_session import PosSession
from kkt_adapter.fiscal.shifts.reports import ReportMade, ReportType, ShiftOpened
from kkt_adapter.kernel.timefmt import iso, iso_of

_STATES: Mapping[DeviceCash, Literal["waiting", "sent", "unclear"]] = MappingProxyType(
    {DeviceCash.WAITING: "waiting", DeviceCash.SENT: "sent", DeviceCash.UNCLEAR: "unclear"}
)


def report_answer(report: ReportMade) -> known.ShiftReport:
    totals, held = report.totals, report.held
    shown: known.ShiftReport = {
        "fiscalDocumentNumber": report.fd_number,
        "fiscalSign": report.fiscal_sign,
        "dateTime": report.at.isoformat(timespec="seconds"),
        "reportType": 1 if report.type is ReportType.X else 2,
        "shiftNumber": totals.shift_number,
        "cashTotal": money(totals.cash_kop),
        "cardTotal": money(totals.card_kop),
        "otherTotal": money(totals.other_kop),
        "totalSales": money(totals.sales_kop),
        "totalRefunds": money(totals.refunds_kop),
        "receiptCount": totals.receipt_count,
        "openSessions": held.sessions,
        "openingCash": money(held.opening_kop),
        "cashIn": money(held.in_kop),
        "cashOut": money(held.out_kop),
        "cashInTill": money(held.till_kop),
    }
    if report.is_offline is not None:
        shown["offline"] = report.is_offline
    return shown


def opening_answer(opened: ShiftOpened) -> known.ShiftOpening:
    return {
        "fiscalDocumentNumber": opened.fd_number,
        "fiscalSign": opened.fiscal_sign,
        "dateTime": opened.at.isoformat(timespec="seconds"),
        "shiftNumber": opened.shift_number,
        "offline": opened.is_offline,
    }


def cash_answer(found: Sequence[CashAtRegister]) -> known.CashAtRegisters:
    return {
        "movements": [
            {
                "movement": one.id,
                "pos_id": one.pos_id,
                "register_id": one.register_id,
                "type": "cash_in" if one.kind == "cash_in" else "cash_out",
                "amount": money(one.amount_kop),
                "reason": one.reason,
                "created_at": iso_of(one.at),
                "state": _STATES[one.state],
                "message": one.error,
            }
            for one in found
        ]
    }


def session_answer(session: PosSession) -> known.PosSession:
    return {
        "session_id": session.session_id,
        "pos_id": session.pos_id,
        "register_id": session.register_id,
        "status": session.status.value,
        "opened_at": iso_of(session.opened_at),
        "closed_at": iso(session.closed_at),
        "opening_cash": money(session.opening_kop),
        "cash_balance": money(session.cash_kop),
        "card_balance": money(session.card_kop),
        "total_sales": money(session.sales_kop),
        "total_refunds": money(session.refunds_kop),
        "cash_in": money(session.in_kop),
        "cash_out": money(session.out_kop),
        "receipt_count": session.receipt_count,
        "z_report": None if session.z_report is None else report_answer(session.z_report),
        "counted_cash": None if session.counted is None else money(session.counted.cash_kop),
        "cash_difference": None if session.difference_kop is None else money(session.difference_kop),
    }

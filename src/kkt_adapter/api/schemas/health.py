"""Answers about the whole: from what the status pages read to the published names."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from kkt_adapter.api.schemas.buffer import counts_answer, worker_answer
from kkt_adapter.api.schemas.units import money
from kkt_adapter.fiscal.alerts.board import Alert
from kkt_adapter.fiscal.alerts.rows import Notice
from kkt_adapter.fiscal.alerts.rule import Level
from kkt_adapter.fiscal.monitoring.legal_clocks import UNITS, LegalClock
from kkt_adapter.fiscal.queries.sales_today import SalesOfToday
from kkt_adapter.fiscal.status import reports
from kkt_adapter.kernel.discretion import discreet
from kkt_adapter.kernel.errors import AdapterError, Text
from kkt_adapter.kernel.timefmt import iso, iso_of

if TYPE_CHECKING:  # shapes for the description, which is loaded late
    from kkt_adapter.api.schemas.answers import health as known
    from kkt_adapter.api.schemas.answers.registers import Trouble

Say = Callable[[Text], str]  # picks the reader's language

_ALONE = ("status", "state")  # what is told of a part to people we do not know


def health_answer(report: reports.HealthReport) -> "known.HealthReport":
    return {
        "status": report.status,
        "version": report.version,
        "circuit_breaker_state": report.components.breaker.state.value,
        "maintenance": report.maintenance,
        "trouble": list(report.trouble),
        "components": _components(report.components),
    }


def health_words(report: reports.HealthReport) -> Mapping[str, object]:
    """For people we do not know: words, but no addresses, register ids, numbers or texts."""
    whole = health_answer(report)
    parts: Mapping[str, Mapping[str, object]] = dict(whole["components"])  # type: ignore[arg-type]
    return {
        **whole,
        "maintenance": None if report.maintenance is None else "on",
        "trouble": list(dict.fromkeys(name.partition(":")[0] for name in report.trouble)),
        "components": {
            name: {word: part[word] for word in _ALONE if word in part} for name, part in parts.items()
        },
    }


def _components(parts: reports.Components) -> "known.Components":
    return {
        "buffer": _buffer(parts.buffer),
        "circuit_breaker": _breaker(parts.breaker),
        "database": {
            "status": "ok" if parts.database.usable else "down",
            "type": "SQLite" if parts.database.dialect == "sqlite" else "PostgreSQL",
            "mode": "WAL",
            "durability": "synchronous=FULL",
            "last_check": iso(parts.database.read_at),
        },
        "kkt": {
            "status": parts.devices.word,
            "registers": dict(parts.devices.registers),
            "last_check": iso(parts.devices.told_at),
        },
        "ofd": _operators(parts.operators),
        "network": _network(parts.network),
        "odoo": _offices(parts),
        "sync_worker": {"status": parts.worker.state.value, "last_check": iso_of(parts.worker.as_of)},
        "redis": {"status": parts.redis.word, "last_check": iso(parts.redis.asked_at)},
    }


def _buffer(report: reports.BufferReport) -> "known.BufferHealth":
    if report.fill is None or report.as_of is None:
        return {"status": report.word}
    return {
        "status": report.word,
        "percent_full": report.fill.percent,
        "dlq_size": report.fill.totals.dlq_open,
        "pending": report.fill.totals.pending,
        "last_check": iso_of(report.as_of),
    }


def _breaker(report: reports.BreakerReport) -> "known.BreakerHealth":
    return {
        "state": report.state.value,
        "failure_count": report.failure_count,
        "success_count": report.success_count,
        "last_failure": iso(report.last_failure_at),
    }


def _operators(report: reports.OperatorsReport) -> "known.OperatorsHealth":
    return {
        "status": report.word,
        "endpoints": {
            name: {
                "status": one.word,
                "state": one.state.value,
                "last_ok": iso(one.last_ok_at),
                "last_error": one.last_error,
            }
            for name, one in report.endpoints.items()
        },
        "last_check": iso(report.heard_at),
    }


def _network(report: reports.NetworkReport) -> "known.NetworkHealth":
    return {
        "status": report.mode.value,
        "since": iso(report.since),
        "endpoints": dict(report.endpoints),
        "last_check": iso(report.checked_at),
    }


def _offices(parts: reports.Components) -> "known.OfficesHealth":
    report = parts.offices
    if not report.targets:
        return {"status": report.word, "last_check": iso(report.called_at)}
    return {
        "status": report.word,
        "targets": dict(report.targets),
        "last_success_at": iso(report.last_success_at),
        "last_error": None if report.last_error is None else report.last_error.en,
        "last_check": iso(report.called_at),
    }


def look_answer(look: reports.StatusSnapshot) -> "known.StatusSnapshot":
    parts = look.health.components
    return {
        "status": look.health.status,
        "version": look.health.version,
        "time": iso_of(look.at),
        "maintenance": look.health.maintenance,
        "network": _network(parts.network),
        "circuit_breaker": _breaker(parts.breaker),
        "operators": _operators(parts.operators),
        "back_offices": _offices(parts),
        "buffer": counts_answer(look.buffer),
        "worker": worker_answer(look.worker),
        "registers": [_register(one) for one in look.registers],
        "alerts": {level.value: look.alerts.get(level, 0) for level in Level},
        "sales_today": _sales(look.sales),
    }


def _register(one: reports.RegisterClocks) -> "known.RegisterSnapshot":
    return {
        **_clocks(one),
        "state": None if one.state is None else one.state.value,
        "trouble": None if one.trouble is None else trouble_answer(one.trouble),
    }


def trouble_answer(error: AdapterError) -> "Trouble":
    told = discreet(error, error.detail)
    return {"code": error.code, "message": told.ru, "message_en": told.en}


def clocks_answer(registers: tuple[reports.RegisterClocks, ...]) -> "known.ClocksShown":
    return {"registers": [_clocks(one) for one in registers]}


def _clocks(one: reports.RegisterClocks) -> "known.RegisterClocks":
    return {
        "register_id": one.register_id,
        "as_of": iso(one.as_of),
        "clocks": [_clock(clock) for clock in one.clocks],
    }


def _clock(clock: LegalClock) -> "known.LegalClockShown":
    return {
        "name": clock.name.value,
        "unit": UNITS[clock.name].value,
        "value": _round(clock.value),
        "limit": _round(clock.limit),
        "left": _round(clock.left),
        "per_day": _round(clock.per_day),
        "reached_at": iso(clock.reached_at),
    }


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 1) + 0.0  # never -0.0


def alert_answer(alert: Alert, say: Say) -> "known.AlertShown":
    return {
        "level": alert.level.value,
        "code": alert.rule.code,
        "subject": alert.subject,
        "message": say(alert.message),
        "action": say(alert.rule.action),
        "timestamp": iso_of(alert.started_at or alert.since),
        "since": iso_of(alert.since),
        "becomes": None
        if alert.due_at is None
        else {"level": alert.rule.level.value, "at": iso_of(alert.due_at)},
        "runbook": alert.rule.runbook,
    }


def history_answer(notices: tuple[Notice, ...], say: Say) -> "known.AlertHistory":
    return {
        "items": [
            {
                "id": notice.id,
                "level": notice.level,
                "code": notice.code,
                "subject": notice.subject,
                "message": say(notice.message),
                "started_at": iso_of(notice.started_at),
                "ended_at": iso(notice.ended_at),
            }
            for notice in notices
        ]
    }


def sales_answer(sales: SalesOfToday) -> "known.SalesOfToday":
    return {
        **_sales(sales),
        "refund_count": sales.refunds,
        "hourly_data": [
            {"hour": hour.hour, "revenue": money(hour.revenue_kop), "count": hour.sales}
            for hour in sales.hours
        ],
    }


def _sales(sales: SalesOfToday) -> "known.SalesBrief":
    return {
        "date": sales.date.isoformat(),
        "total_revenue": money(sales.revenue_kop),
        "total_count": sales.sales,
    }

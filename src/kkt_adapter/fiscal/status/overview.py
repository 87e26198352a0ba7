"""What the dashboard and people's scripts ask at once: status, alerts, legal clocks (http-api.md#watching).

Each call is a handful of rows and what is in memory; none depends on how many receipts are stored.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from kkt_adapter.fiscal.alerts import rows
from kkt_adapter.fiscal.alerts.board import Alert, AlertBoard
from kkt_adapter.fiscal.alerts.evaluator import AlertWatch
from kkt_adapter.fiscal.alerts.rows import Notice
from kkt_adapter.fiscal.alerts.rules import Level
from kkt_adapter.fiscal.monitoring.legal_clocks import UNITS, LegalClock
from kkt_adapter.fiscal.monitoring.observer import Observer
from kkt_adapter.fiscal.monitoring.snapshot import Snapshots
from kkt_adapter.fiscal.printing.registers import Registers, Unit
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.discretion import discreet
from kkt_adapter.kernel.errors import AdapterError, Text
from kkt_adapter.kernel.timefmt import iso
from kkt_adapter.runtime.db.protocol import Database

Json = dict[str, Any]
Part = Callable[[], Awaitable[Mapping[str, Any]]]


class Overview:
    """``health``, ``buffer``, ``worker``, ``sales``: what those parts answer for their own routes."""

    def __init__(
        self,
        *,
        database: Database,
        snapshots: Snapshots,
        watch: AlertWatch,
        board: AlertBoard,
        observer: Observer,
        registers: Registers,
        clock: Clock,
        health: Callable[[], Awaitable[tuple[Mapping[str, Any], bool]]],
        buffer: Part,
        worker: Part,
        sales: Part,
    ) -> None:
        self._db = database
        self._snapshots = snapshots
        self._watch = watch
        self._board = board
        self._observer = observer
        self._registers = registers
        self._clock = clock
        self._health = health
        self._buffer = buffer
        self._worker = worker
        self._sales = sales

    async def status(self) -> Json:
        """``GET /api/v1/status``. Raises StorageError."""
        health, _ = await self._health()
        components = health["components"]
        buffer = {name: value for name, value in (await self._buffer()).items() if name != "alerts"}
        sales = await self._sales()
        levels = Counter(alert.level for alert in self._board.alerts())
        return {
            "status": health["status"],
            "version": health["version"],
            "time": iso(self._clock.now()),
            "maintenance": health["maintenance"],
            "network": components["network"],
            "circuit_breaker": components["circuit_breaker"],
            "operators": components["ofd"],
            "back_offices": components["odoo"],
            "buffer": buffer,
            "worker": await self._worker(),
            "registers": [self._register(unit) for unit in self._registers.all()],
            "alerts": {level.value: levels[level] for level in Level},
            "sales_today": {name: sales[name] for name in ("date", "total_revenue", "total_count")},
        }

    async def alerts(self, say: Callable[[Text], str]) -> list[Json]:
        """``GET /api/v1/alerts``: as of now. ``say`` picks the reader's language."""
        self._watch.see(await self._snapshots.take())
        return [_alert(alert, say) for alert in self._board.alerts()]

    async def history(self, say: Callable[[Text], str], *, limit: int) -> Json:
        """Alerts that are on or over, newest first."""
        found = await self._db.read(lambda c: rows.history(c, limit=limit))
        return {"items": [_past(notice, say) for notice in found]}

    async def clocks(self, pos_id: str | None) -> Json:
        """``GET /v1/kkt/clocks``: every register, or that of one till. Raises RegisterNotFound."""
        units = self._registers.all() if pos_id is None else (self._registers.chosen(pos_id),)
        return {"registers": [self._clocks(unit) for unit in units]}

    def _register(self, unit: Unit) -> Json:
        trouble, status = unit.lane.trouble, unit.lane.session.status
        return {
            **self._clocks(unit),
            "state": None if status is None else status.state.value,
            "trouble": None if trouble is None else _trouble(trouble),
        }

    def _clocks(self, unit: Unit) -> Json:
        return {
            "register_id": unit.register_id,
            "as_of": iso(unit.lane.session.status_at),
            "clocks": [_clock(clock) for clock in self._observer.clocks_of(unit)],
        }


def brief(alert: Alert) -> Json:
    """An alert in ``buffer/status``: for people, in Russian and English."""
    return {
        "level": alert.level.value,
        "code": alert.rule.code,
        "message": alert.message.ru,
        "message_en": alert.message.en,
        "subject": alert.subject,
        "since": iso(alert.since),
    }


def _alert(alert: Alert, say: Callable[[Text], str]) -> Json:
    return {
        "level": alert.level.value,
        "code": alert.rule.code,
        "subject": alert.subject,
        "message": say(alert.message),
        "action": say(alert.rule.action),
        "timestamp": iso(alert.started_at or alert.since),
        "since": iso(alert.since),
        "becomes": None
        if alert.due_at is None
        else {"level": alert.rule.level.value, "at": iso(alert.due_at)},
        "runbook": alert.rule.runbook,
    }


def _past(notice: Notice, say: Callable[[Text], str]) -> Json:
    return {
        "id": notice.id,
        "level": notice.level,
        "code": notice.code,
        "subject": notice.subject,
        "message": say(notice.message),
        "started_at": iso(notice.started_at),
        "ended_at": iso(notice.ended_at),
    }


def _clock(clock: LegalClock) -> Json:
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


def _trouble(error: AdapterError) -> Json:
    told = discreet(error, error.detail)
    return {"code": error.code, "message": told.ru, "message_en": told.en}

"""Read models for status pages: the buffer, health, the event log (contract 5). Each is one snapshot."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from kkt_adapter.fiscal.administration import maintenance_reason
from kkt_adapter.fiscal.capacity import Fill, fill
from kkt_adapter.fiscal.delivery import LAST_SYNC, DeliveryWorker
from kkt_adapter.fiscal.endpoint import Endpoint
from kkt_adapter.fiscal.heartbeat.service import Heartbeat
from kkt_adapter.fiscal.inquiry import iso
from kkt_adapter.fiscal.network import NetworkMonitor
from kkt_adapter.fiscal.registers import Registers
from kkt_adapter.fiscal.sessions import Mismatch, Sessions, still_open
from kkt_adapter.fiscal.settings_rows import read_setting
from kkt_adapter.fiscal.tables import UNDELIVERED_ROWS, buffer_events, receipts
from kkt_adapter.kernel.breaker import BreakerState
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.kernel.money import rubles
from kkt_adapter.runtime.database import Database
from kkt_adapter.runtime.disk import DiskMark
from kkt_adapter.runtime.supervisor import ServiceState

WARN_PERCENT, ALARM_PERCENT = 80.0, 90.0  # contract 5
DLQ_DEGRADED, DLQ_UNHEALTHY = 50, 100  # contract 5
OVERDUE_INTERVALS = 5  # contract 5: a planned pass later than this is a dead worker


@dataclass(frozen=True, slots=True, kw_only=True)
class _Snapshot:
    fill: Fill
    oldest: tuple[str, datetime] | None
    last_sync: dict[str, Any] | None
    maintenance: str | None
    mismatches: list[Mismatch]


class Summary:
    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        registers: Registers,
        worker: DeliveryWorker,
        endpoints: Callable[[], list[Endpoint]],
        services: Callable[[], Mapping[str, ServiceState]],
        sessions: Sessions,
        network: NetworkMonitor,
        heartbeat: Heartbeat,
        disk: DiskMark,
        default_capacity: int,
        interval_s: float,
        version: str,
    ) -> None:
        self._db = database
        self._clock = clock
        self._registers = registers
        self._worker = worker
        self._endpoints = endpoints
        self._services = services
        self._sessions = sessions
        self._network = network
        self._heartbeat = heartbeat
        self._disk = disk
        self._default_capacity = default_capacity
        self._interval_s = interval_s
        self._version = version

    async def buffer_status(self) -> dict[str, Any]:
        """``GET /v1/kkt/buffer/status``."""
        now = self._clock.now()
        shot = await self._db.read(self._snapshot)
        totals, percent = shot.fill.totals, shot.fill.percent
        return {
            "total_capacity": shot.fill.capacity,
            "current_queued": totals.undelivered,
            "percent_full": percent,
            "network_status": self._network.mode.value,
            "total_receipts": totals.total,
            "pending": totals.pending,
            "syncing": totals.syncing,
            "synced": totals.synced,
            "failed": totals.failed,
            "unprinted": totals.unprinted,
            "print_failed": totals.print_failed,
            "dlq_size": totals.dlq_open,
            "oldest_receipt": None
            if shot.oldest is None
            else {
                "id": shot.oldest[0],
                "created_at": iso(shot.oldest[1]),
                "age_hours": round((now - shot.oldest[1]).total_seconds() / 3600, 2),
            },
            "last_sync": shot.last_sync,
            "alerts": self._alerts(shot),
            "buffer_count": totals.undelivered,
            "buffer_percent": percent,
            "cb_state": self._worst().value,
        }

    async def health(self) -> tuple[dict[str, Any], bool]:
        """``GET /v1/health`` and whether the database is usable. Raises nothing."""
        try:
            shot: _Snapshot | None = await self._db.read(self._snapshot)
        except AdapterError:
            shot = None
        components = self._components(shot)
        return (
            {
                "status": self._verdict(shot, components),
                "version": self._version,
                "circuit_breaker_state": self._worst().value,
                "maintenance": None if shot is None else shot.maintenance,
                "components": components,
            },
            shot is not None,
        )

    async def ready(self) -> bool:
        """Database and worker are up."""
        try:
            await self._db.read(lambda c: read_setting(c, LAST_SYNC))
        except AdapterError:
            return False
        state = self._services().get("delivery")
        return state is not None and state.running

    async def logs(
        self, *, page: int, limit: int, level: str | None, event_type: str | None, since: datetime | None
    ) -> dict[str, Any]:
        """``GET /v1/kkt/buffer/logs``: newest first; ``page`` counts from 1."""
        where = []
        if level is not None:
            where.append(buffer_events.c.level == level.lower())
        if event_type is not None:
            where.append(buffer_events.c.event_type == event_type)
        if since is not None:
            where.append(buffer_events.c.timestamp >= since)

        def read(conn: Connection) -> dict[str, Any]:
            total = conn.execute(select(func.count()).select_from(buffer_events).where(*where)).scalar_one()
            rows = conn.execute(
                select(buffer_events)
                .where(*where)
                .order_by(buffer_events.c.id.desc())
                .limit(limit)
                .offset((page - 1) * limit)
            )
            return {
                "total": total,
                "page": page,
                "limit": limit,
                "items": [
                    {
                        "timestamp": iso(row.timestamp),
                        "level": row.level,
                        "event": row.event_type,
                        "receipt_id": row.receipt_id,
                        "message": row.event_type.replace("_", " "),
                        "metadata": json.loads(row.metadata) if row.metadata else {},
                    }
                    for row in rows
                ],
            }

        return await self._db.read(read)

    def _snapshot(self, conn: Connection) -> _Snapshot:
        oldest = conn.execute(
            select(receipts.c.id, receipts.c.created_at)
            .where(UNDELIVERED_ROWS)
            .order_by(receipts.c.seq)
            .limit(1)
        ).first()
        last = read_setting(conn, LAST_SYNC)
        return _Snapshot(
            fill=fill(conn, default_capacity=self._default_capacity),
            oldest=None if oldest is None else (oldest.id, oldest.created_at),
            last_sync=None if last is None else json.loads(last),
            maintenance=maintenance_reason(conn),
            mismatches=still_open(conn, self._sessions.mismatches),
        )

    def _worst(self) -> BreakerState:
        states = [endpoint.state for endpoint in self._endpoints()]
        for state in (BreakerState.OPEN, BreakerState.HALF_OPEN):
            if state in states:
                return state
        return BreakerState.CLOSED

    def _alerts(self, shot: _Snapshot) -> list[dict[str, str]]:
        found = []
        percent = shot.fill.percent
        if percent >= 100:
            found.append(("P1", "BUFFER_FULL", "Буфер заполнен: новые чеки не принимаются."))
        elif percent >= ALARM_PERCENT:
            found.append(("P1", "BUFFER_ALMOST_FULL", f"Буфер заполнен на {percent} %."))
        elif percent >= WARN_PERCENT:
            found.append(("P2", "BUFFER_FILLING", f"Буфер заполнен на {percent} %."))
        if self._disk.is_low:
            found.append(("P1", "DISK_LOW", f"На диске меньше {self._disk.mark_mb} МБ: приём закрыт."))
        if shot.fill.totals.dlq_open > DLQ_DEGRADED:
            found.append(("P1", "DLQ", f"Недоставленных чеков в DLQ: {shot.fill.totals.dlq_open}."))
        elif shot.fill.totals.dlq_open:
            found.append(("P3", "DLQ", f"Недоставленных чеков в DLQ: {shot.fill.totals.dlq_open}."))
        if self._worst() is BreakerState.OPEN:
            found.append(("P2", "BREAKER_OPEN", "Связь с ОФД разорвана предохранителем."))
        for mismatch in shot.mismatches:
            kept, counted = rubles(mismatch.kept_kop), rubles(mismatch.counted_kop)
            text = f"Касса {mismatch.pos_id}: в сессии {kept}, по движениям {counted}. Пересчитайте наличные."
            found.append(("P2", "SESSION_MISMATCH", text))
        found.extend(("P2", code, text) for code, text in self._heartbeat.alerts())
        for unit in self._registers.all():
            if unit.lane.recovery.question is not None:
                found.append(
                    ("P1", "PRINT_UNKNOWN", f"ККТ {unit.register_id}: исход чека требует решения человека.")
                )
            elif unit.lane.trouble is not None:
                level = "P1" if unit.lane.blocked else "P2"
                found.append(
                    (level, unit.lane.trouble.code, f"ККТ {unit.register_id}: {unit.lane.trouble.detail.ru}")
                )
        return [{"level": level, "code": code, "message": message} for level, code, message in found]

    def _components(self, shot: _Snapshot | None) -> dict[str, Any]:
        endpoints = self._endpoints()
        units = self._registers.all()
        last_failures = [e.last_failure_at for e in endpoints if e.last_failure_at]
        now = iso(self._clock.now())
        return {
            "buffer": {"status": "unknown"}
            if shot is None
            else {
                "status": "full" if shot.fill.percent >= 100 else "ok",
                "percent_full": shot.fill.percent,
                "dlq_size": shot.fill.totals.dlq_open,
                "pending": shot.fill.totals.pending,
                "last_check": now,
            },
            "circuit_breaker": {
                "state": self._worst().value,
                "failure_count": max((e.breaker.failure_count for e in endpoints), default=0),
                "success_count": max((e.breaker.success_count for e in endpoints), default=0),
                "last_failure": iso(max(last_failures)) if last_failures else None,
            },
            "database": {
                "status": "down" if shot is None else "ok",
                "type": "SQLite" if self._db.dialect == "sqlite" else "PostgreSQL",
                "mode": "WAL",
                "durability": "synchronous=FULL",
                "last_check": now,
            },
            "kkt": {
                "status": "ok" if all(u.lane.trouble is None for u in units) else "trouble",
                "registers": {
                    u.register_id: "ok" if u.lane.trouble is None else u.lane.trouble.code
                    for u in units[:100]
                },
                "last_check": now,
            },
            "ofd": {
                "status": "ok" if self._worst() is BreakerState.CLOSED else "down",
                "endpoints": {
                    e.name: {
                        "state": e.state.value,
                        "last_ok": iso(e.last_ok_at),
                        "last_error": e.last_error,
                    }
                    for e in endpoints
                },
                "last_check": now,
            },
            "network": {
                "status": self._network.mode.value,
                "since": iso(self._network.changed_at),
                "endpoints": {check.name: check.ok for check in self._network.checks},
                "last_check": iso(self._network.checked_at),
            },
            "odoo": self._heartbeat.component(),
            "sync_worker": {"status": self._worker_state(), "last_check": now},
            "redis": {"status": "not_configured", "last_check": now},
        }

    def _worker_state(self) -> str:
        state = self._services().get("delivery")
        if state is None or not state.running:
            return "dead"
        last = self._worker.last_pass_monotonic
        late_s = OVERDUE_INTERVALS * self._interval_s + 60.0
        if last is not None and self._clock.monotonic() - last > late_s + self._worker.planned_wait_s:
            return "overdue"
        return "running"

    def _verdict(self, shot: _Snapshot | None, components: dict[str, Any]) -> str:
        if shot is None:
            return "unhealthy"
        totals, percent = shot.fill.totals, shot.fill.percent
        blocked = any(unit.lane.blocked for unit in self._registers.all())
        worker_bad = components["sync_worker"]["status"] in ("dead", "overdue")
        if totals.dlq_open > DLQ_UNHEALTHY or percent >= 100 or blocked or worker_bad:
            return "unhealthy"
        if totals.dlq_open > DLQ_DEGRADED or percent >= ALARM_PERCENT or self._worst() is BreakerState.OPEN:
            return "degraded"
        return "healthy"

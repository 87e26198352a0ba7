"""Read models for status pages: the buffer, health, the event log (contract 5). Each is one snapshot."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from kkt_adapter.fiscal.alert_watch import AlertWatch
from kkt_adapter.fiscal.alerts import AlertBoard
from kkt_adapter.fiscal.delivery import LAST_SYNC
from kkt_adapter.fiscal.endpoint import Endpoint
from kkt_adapter.fiscal.heartbeat.service import Heartbeat
from kkt_adapter.fiscal.inquiry import iso
from kkt_adapter.fiscal.network import NetworkMonitor
from kkt_adapter.fiscal.observation import WorkerState
from kkt_adapter.fiscal.observer import Observer
from kkt_adapter.fiscal.overview import brief
from kkt_adapter.fiscal.registers import Registers
from kkt_adapter.fiscal.settings_rows import read_setting
from kkt_adapter.fiscal.snapshot import Snapshot, Snapshots
from kkt_adapter.fiscal.tables import buffer_events
from kkt_adapter.kernel.breaker import BreakerState
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.runtime.database import Database
from kkt_adapter.runtime.passlock import PassLock
from kkt_adapter.runtime.supervisor import ServiceState

ALARM_PERCENT = 90.0  # contract 5
DLQ_DEGRADED, DLQ_UNHEALTHY = 50, 100  # contract 5


class Summary:
    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        registers: Registers,
        endpoints: Callable[[], list[Endpoint]],
        services: Callable[[], Mapping[str, ServiceState]],
        network: NetworkMonitor,
        heartbeat: Heartbeat,
        pass_lock: PassLock,
        snapshots: Snapshots,
        observer: Observer,
        watch: AlertWatch,
        board: AlertBoard,
        version: str,
    ) -> None:
        self._db = database
        self._clock = clock
        self._registers = registers
        self._endpoints = endpoints
        self._services = services
        self._network = network
        self._heartbeat = heartbeat
        self._pass_lock = pass_lock
        self._snapshots = snapshots
        self._observer = observer
        self._watch = watch
        self._board = board
        self._version = version

    async def buffer_status(self) -> dict[str, Any]:
        """``GET /v1/kkt/buffer/status``."""
        now = self._clock.now()
        shot = await self._snapshots.take()
        self._watch.see(shot)
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
            "alerts": [brief(alert) for alert in self._board.alerts()],
            "buffer_count": totals.undelivered,
            "buffer_percent": percent,
            "cb_state": self._worst().value,
        }

    async def health(self) -> tuple[dict[str, Any], bool]:
        """``GET /v1/health`` and whether the database is usable. Raises nothing."""
        try:
            shot: Snapshot | None = await self._snapshots.take()
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

    def _worst(self) -> BreakerState:
        states = [endpoint.state for endpoint in self._endpoints()]
        for state in (BreakerState.OPEN, BreakerState.HALF_OPEN):
            if state in states:
                return state
        return BreakerState.CLOSED

    def _components(self, shot: Snapshot | None) -> dict[str, Any]:
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
                "status": self._operators(),
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
            "sync_worker": {"status": self._observer.worker_state().value, "last_check": now},
            "redis": self._redis(),
        }

    def _operators(self) -> str:
        """``failing``: the last delivery failed, but not often enough to open the breaker."""
        if self._worst() is not BreakerState.CLOSED:
            return "down"
        return "failing" if any(endpoint.last_label is not None for endpoint in self._endpoints()) else "ok"

    def _redis(self) -> dict[str, Any]:
        lock, status = self._pass_lock, "not_configured"
        if lock.backend == "redis":
            status = "ok" if lock.available else "lost"
        return {"status": status, "last_check": iso(self._clock.now())}

    def _verdict(self, shot: Snapshot | None, components: dict[str, Any]) -> str:
        if shot is None:
            return "unhealthy"
        totals, percent = shot.fill.totals, shot.fill.percent
        blocked = any(unit.lane.blocked for unit in self._registers.all())
        worker_bad = components["sync_worker"]["status"] != WorkerState.RUNNING
        if totals.dlq_open > DLQ_UNHEALTHY or percent >= 100 or blocked or worker_bad:
            return "unhealthy"
        if totals.dlq_open > DLQ_DEGRADED or percent >= ALARM_PERCENT or self._worst() is BreakerState.OPEN:
            return "degraded"
        if self._observer.redis_lost:
            return "degraded"
        return "healthy"

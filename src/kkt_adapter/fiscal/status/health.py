"""``GET /v1/health``: how every part is, at once, whoever hangs (health.md).

Nothing is asked here but the database, and that for a moment only. Everything else is what calls that run or
have ended say of their peers. A peer counts as hanging when a call to it has been in hand for longer than
its answers usually take, long before the call's own deadline is over.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from kkt_adapter.fiscal.delivery.endpoint import Endpoint
from kkt_adapter.fiscal.heartbeat.service import Heartbeat
from kkt_adapter.fiscal.kkt.driver import ShiftState
from kkt_adapter.fiscal.monitoring.network_mode import NetworkMonitor
from kkt_adapter.fiscal.monitoring.observation import WorkerState
from kkt_adapter.fiscal.monitoring.observer import Observer
from kkt_adapter.fiscal.monitoring.snapshot import Snapshot, Snapshots, Taken
from kkt_adapter.fiscal.printing.registers import Registers, Unit
from kkt_adapter.kernel.breaker import BreakerState
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.kernel.timefmt import iso
from kkt_adapter.runtime.disk import DiskMark
from kkt_adapter.runtime.leases.pass_lock import PassLock

Json = dict[str, Any]

ALARM_PERCENT = 90.0  # health.md
DLQ_DEGRADED, DLQ_UNHEALTHY = 50, 100  # health.md
DATABASE_WAIT_S = 0.05  # after that the last snapshot is shown
REGISTERS_SHOWN = 100

# Seconds that a call may be in hand before its peer counts as hanging (http-api.md, Health).
REGISTER_HANGS_S = 5.0  # half of a device's read time out; a long receipt takes a few seconds
OPERATOR_HANGS_S = 3.0
OFFICE_HANGS_S = 3.0
REDIS_HANGS_S = 1.0

HANGING, OK, UNKNOWN = "hanging", "ok", "unknown"
CATALOGUE_ONLY = "catalogue only"  # no register is configured, and none will come
FINE = frozenset({OK, UNKNOWN, "running", "not_configured"})  # words that call for nobody
PARTS = ("buffer", "database", "sync_worker", "redis")  # components that are one thing; the others are peers


class Health:
    """Event loop only."""

    def __init__(
        self,
        *,
        clock: Clock,
        dialect: str,
        registers: Registers,
        endpoints: Callable[[], list[Endpoint]],
        network: NetworkMonitor,
        heartbeat: Heartbeat,
        pass_lock: PassLock,
        snapshots: Snapshots,
        observer: Observer,
        disk: DiskMark,
        version: str,
    ) -> None:
        self._clock = clock
        self._dialect = dialect
        self._registers = registers
        self._endpoints = endpoints
        self._network = network
        self._heartbeat = heartbeat
        self._pass_lock = pass_lock
        self._snapshots = snapshots
        self._observer = observer
        self._disk = disk
        self._version = version

    async def read(self) -> tuple[Json, bool]:
        """The answer, and whether the database is usable. Raises nothing; waits ``DATABASE_WAIT_S`` at most,
        but for the first answer after the start."""
        try:
            taken = await self._snapshots.recent(wait_s=DATABASE_WAIT_S)
        except AdapterError:
            taken = None
        snapshot = None if taken is None else taken.snapshot
        components = self._components(taken)
        return (
            {
                "status": self._verdict(snapshot, components),
                "version": self._version,
                "circuit_breaker_state": self.worst_breaker().value,
                "maintenance": None
                if snapshot is None or snapshot.maintenance is None
                else snapshot.maintenance.reason,
                "trouble": _trouble(components),
                "components": components,
            },
            snapshot is not None,
        )

    def worst_breaker(self) -> BreakerState:
        states = [endpoint.state for endpoint in self._endpoints()]
        for state in (BreakerState.OPEN, BreakerState.HALF_OPEN):
            if state in states:
                return state
        return BreakerState.CLOSED

    def _components(self, taken: Taken | None) -> Json:
        return {
            "buffer": _buffer(taken),
            "circuit_breaker": self._breaker(),
            "database": {
                "status": "down" if taken is None else OK,
                "type": "SQLite" if self._dialect == "sqlite" else "PostgreSQL",
                "mode": "WAL",
                "durability": "synchronous=FULL",
                "last_check": None if taken is None else iso(taken.at),
            },
            "kkt": self._devices(),
            "ofd": self._operators(),
            "network": {
                "status": self._network.mode.value,
                "since": iso(self._network.changed_at),
                "endpoints": {check.name: check.ok for check in self._network.checks},
                "last_check": iso(self._network.checked_at),
            },
            "odoo": self._heartbeat.component(hangs_s=OFFICE_HANGS_S),
            "sync_worker": {
                "status": self._observer.worker_state().value,
                "last_check": iso(self._clock.now()),
            },
            "redis": self._redis(),
        }

    def _breaker(self) -> Json:
        endpoints = self._endpoints()
        last_failures = [e.last_failure_at for e in endpoints if e.last_failure_at]
        return {
            "state": self.worst_breaker().value,
            "failure_count": max((e.breaker.failure_count for e in endpoints), default=0),
            "success_count": max((e.breaker.success_count for e in endpoints), default=0),
            "last_failure": iso(max(last_failures)) if last_failures else None,
        }

    def _devices(self) -> Json:
        """``last_check``: what each register said of itself is at least as new as that."""
        units = self._registers.all()
        words = {unit.register_id: _device(unit) for unit in units}
        told = [unit.lane.session.status_at for unit in units if unit.lane.holds()]
        known = [at for at in told if at is not None]
        different = set(words.values()) - {OK}
        return {
            "status": CATALOGUE_ONLY if self._registers.none_configured else _worst_of(different),
            "registers": dict(list(words.items())[:REGISTERS_SHOWN]),
            "last_check": iso(min(known)) if known else None,
        }

    def _operators(self) -> Json:
        endpoints = self._endpoints()
        words = [_operator(endpoint) for endpoint in endpoints]
        return {
            "status": next((word for word in ("down", HANGING, "failing") if word in words), OK),
            "endpoints": {
                e.name: {
                    "status": word,
                    "state": e.state.value,
                    "last_ok": iso(e.last_ok_at),
                    "last_error": e.last_error,
                }
                for e, word in zip(endpoints, words, strict=True)
            },
            "last_check": iso(self._heard_of_operators(endpoints)),
        }

    def _heard_of_operators(self, endpoints: list[Endpoint]) -> datetime | None:
        """When a delivery or a check of any of them last ended."""
        moments = [at for e in endpoints for at in (e.last_ok_at, e.last_failure_at) if at is not None]
        moments += [check.at for check in self._network.checks]
        return max(moments, default=None)

    def _redis(self) -> Json:
        lock, status = self._pass_lock, "not_configured"
        if lock.backend == "redis":
            status = OK if lock.available else "lost"
            if lock.waits_s > REDIS_HANGS_S:
                status = HANGING
        return {"status": status, "last_check": iso(lock.asked_at)}

    def _verdict(self, snapshot: Snapshot | None, components: Json) -> str:
        if snapshot is None:
            return "unhealthy"
        totals, percent = snapshot.fill.totals, snapshot.fill.percent
        stopped = [stands_still(unit) for unit in self._registers.all()]
        nobody_sells = percent >= 100 or self._disk.is_low or (bool(stopped) and all(stopped))
        worker_bad = components["sync_worker"]["status"] != WorkerState.RUNNING
        if nobody_sells or worker_bad or totals.dlq_open > DLQ_UNHEALTHY:
            return "unhealthy"
        breaker_open = self.worst_breaker() is BreakerState.OPEN
        some_cannot = any(stopped) or snapshot.maintenance is not None
        if some_cannot or totals.dlq_open > DLQ_DEGRADED or percent >= ALARM_PERCENT or breaker_open:
            return "degraded"
        return "degraded" if self._observer.redis_lost else "healthy"


def _worst_of(different: set[str]) -> str:
    """Of the words of registers that are not ``ok``."""
    return OK if not different else HANGING if different == {HANGING} else "trouble"


def stands_still(unit: Unit) -> bool:
    """Does this register sell nothing until a person acts? Paper and cables are not meant: those heal by
    themselves, and receipts are taken meanwhile."""
    status = unit.lane.session.status
    expired = status is not None and status.shift_state is ShiftState.EXPIRED
    if unit.lane.blocked or unit.lane.recovery.question is not None:
        return True
    return expired and not unit.automatic_shift


def _buffer(taken: Taken | None) -> Json:
    if taken is None:
        return {"status": UNKNOWN}
    fill = taken.snapshot.fill
    return {
        "status": "full" if fill.percent >= 100 else OK,
        "percent_full": fill.percent,
        "dlq_size": fill.totals.dlq_open,
        "pending": fill.totals.pending,
        "last_check": iso(taken.at),
    }


def _device(unit: Unit) -> str:
    """``ok``, ``hanging``, or the code of what keeps it from printing."""
    if unit.lane.trouble is not None:
        return unit.lane.trouble.code
    return HANGING if unit.lane.session.calls.oldest_s > REGISTER_HANGS_S else OK


def _operator(endpoint: Endpoint) -> str:
    """``failing``: the last delivery failed, but not often enough to open the breaker."""
    if endpoint.state is not BreakerState.CLOSED:
        return "down"
    if endpoint.calls.oldest_s > OPERATOR_HANGS_S:
        return HANGING
    return OK if endpoint.last_label is None else "failing"


def _trouble(components: Mapping[str, Any]) -> list[str]:
    """Every part and peer that is not as it should be: the component, and which of several."""
    peers = {
        "kkt": components["kkt"]["registers"],
        "ofd": {name: said["status"] for name, said in components["ofd"]["endpoints"].items()},
        "odoo": components["odoo"].get("targets", {}),
    }
    parts = [name for name in PARTS if components[name]["status"] not in FINE]
    return parts + [
        f"{name}:{peer}" for name in peers for peer, word in peers[name].items() if word not in FINE
    ]

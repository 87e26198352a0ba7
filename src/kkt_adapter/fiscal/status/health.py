"""``GET /v1/health``: how every part is, answered at once even when a peer hangs (health.md).

Only the database is asked here, and only for a moment. Everything else is known from calls to peers that are
in flight or have ended. A peer counts as hanging when a call to it has been in flight for longer than
its answers usually take, long before the call's own deadline is over.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kkt_adapter.fiscal.delivery.endpoint import Endpoint
from kkt_adapter.fiscal.heartbeat.service import Heartbeat
from kkt_adapter.fiscal.kkt.driver import ShiftState
from kkt_adapter.fiscal.monitoring.network_mode import NetworkMonitor
from kkt_adapter.fiscal.monitoring.observation import WorkerState
from kkt_adapter.fiscal.monitoring.observer import Observer
from kkt_adapter.fiscal.monitoring.snapshot import Snapshot, Snapshots, TakenSnapshot
from kkt_adapter.fiscal.printing.registers import Registers, Unit
from kkt_adapter.fiscal.status.reports import (
    BreakerReport,
    BufferReport,
    Components,
    DatabaseReport,
    DevicesReport,
    HealthReport,
    NetworkReport,
    OperatorReport,
    OperatorsReport,
    RedisReport,
    WorkerReport,
)
from kkt_adapter.kernel.breaker import BreakerState
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.kernel.sparing import Sparing
from kkt_adapter.runtime.disk import DiskMark
from kkt_adapter.runtime.leases.pass_lock import PassLock

ALARM_PERCENT = 90.0  # health.md
DLQ_DEGRADED, DLQ_UNHEALTHY = 50, 100  # health.md
DATABASE_WAIT_S = 0.05  # after that the last snapshot is shown
REGISTERS_SHOWN = 100

# Seconds that a call may be in flight before its peer counts as hanging (http-api.md, Health).
REGISTER_HANGS_S = 5.0  # half of a device's read time out; a long receipt takes a few seconds
OPERATOR_HANGS_S = 3.0
OFFICE_HANGS_S = 3.0
REDIS_HANGS_S = 1.0

HANGING, OK, UNKNOWN = "hanging", "ok", "unknown"
CATALOGUE_ONLY = "catalogue only"  # no register is configured, and none will come
FINE = frozenset({OK, UNKNOWN, "running", "not_configured"})  # words that call for nobody


class Health:
    """Event loop only."""

    def __init__(
        self,
        *,
        clock: Clock,
        dialect: str,
        registers: Registers,
        endpoints: Callable[[], Sequence[Endpoint]],
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
        self._looked = Sparing(self._look, registers=lambda: len(registers.all()))

    async def read(self) -> HealthReport:
        """Raises nothing; waits ``DATABASE_WAIT_S`` at most, but for the first answer after the start."""
        try:
            taken = await self._snapshots.recent(wait_s=DATABASE_WAIT_S)
        except AdapterError:
            taken = None
        snapshot = None if taken is None else taken.snapshot
        looked = self._looked()
        components = self._components(taken, looked.devices)
        maintenance = None if snapshot is None else snapshot.maintenance
        return HealthReport(
            status=self._status(snapshot, components, looked),
            version=self._version,
            maintenance=None if maintenance is None else maintenance.reason,
            trouble=tuple(_trouble(components)),
            components=components,
        )

    def worst_breaker(self) -> BreakerState:
        states = [endpoint.state for endpoint in self._endpoints()]
        for state in (BreakerState.OPEN, BreakerState.HALF_OPEN):
            if state in states:
                return state
        return BreakerState.CLOSED

    def _components(self, taken: TakenSnapshot | None, devices: DevicesReport) -> Components:
        return Components(
            buffer=_buffer(taken),
            breaker=self._breaker(),
            database=DatabaseReport(
                usable=taken is not None,
                dialect=self._dialect,
                read_at=None if taken is None else taken.at,
            ),
            devices=devices,
            operators=self._operators(),
            network=NetworkReport(
                mode=self._network.mode,
                since=self._network.changed_at,
                endpoints={check.name: check.ok for check in self._network.checks},
                checked_at=self._network.checked_at,
            ),
            offices=self._heartbeat.component(hangs_s=OFFICE_HANGS_S),
            worker=WorkerReport(state=self._observer.worker_state(), as_of=self._clock.now()),
            redis=self._redis(),
        )

    def _breaker(self) -> BreakerReport:
        endpoints = self._endpoints()
        return BreakerReport(
            state=self.worst_breaker(),
            failure_count=max((e.breaker.failure_count for e in endpoints), default=0),
            success_count=max((e.breaker.success_count for e in endpoints), default=0),
            last_failure_at=max((e.last_failure_at for e in endpoints if e.last_failure_at), default=None),
        )

    def _look(self) -> "_Observed":
        stopped = [stands_still(unit) for unit in self._registers.all()]
        return _Observed(
            devices=self._devices(), some_stand=any(stopped), all_stand=bool(stopped) and all(stopped)
        )

    def _devices(self) -> DevicesReport:
        units = self._registers.all()
        words = {unit.register_id: _device(unit) for unit in units}
        told = [unit.lane.session.status_at for unit in units if unit.lane.holds()]
        different = set(words.values()) - {OK}
        return DevicesReport(
            word=CATALOGUE_ONLY if self._registers.none_configured else _worst_of(different),
            registers=dict(list(words.items())[:REGISTERS_SHOWN]),
            told_at=min((at for at in told if at is not None), default=None),
        )

    def _operators(self) -> OperatorsReport:
        endpoints = self._endpoints()
        words = [_operator(endpoint) for endpoint in endpoints]
        return OperatorsReport(
            word=next((word for word in ("down", HANGING, "failing") if word in words), OK),
            endpoints={
                e.name: OperatorReport(
                    word=word, state=e.state, last_ok_at=e.last_ok_at, last_error=e.last_error
                )
                for e, word in zip(endpoints, words, strict=True)
            },
            heard_at=self._heard_of_operators(endpoints),
        )

    def _heard_of_operators(self, endpoints: Sequence[Endpoint]) -> datetime | None:
        """When a delivery or a check of any of them last ended."""
        moments = [at for e in endpoints for at in (e.last_ok_at, e.last_failure_at) if at is not None]
        moments += [check.at for check in self._network.checks]
        return max(moments, default=None)

    def _redis(self) -> RedisReport:
        lock, word = self._pass_lock, "not_configured"
        if lock.backend == "redis":
            word = OK if lock.available else "lost"
            if lock.waits_s > REDIS_HANGS_S:
                word = HANGING
        return RedisReport(word=word, asked_at=lock.asked_at)

    def _status(self, snapshot: Snapshot | None, components: Components, looked: "_Observed") -> str:
        if snapshot is None:
            return "unhealthy"
        totals, percent = snapshot.fill.totals, snapshot.fill.percent
        nobody_sells = percent >= 100 or self._disk.is_low or looked.all_stand
        worker_bad = components.worker.state is not WorkerState.RUNNING
        if nobody_sells or worker_bad or totals.dlq_open > DLQ_UNHEALTHY:
            return "unhealthy"
        breaker_open = self.worst_breaker() is BreakerState.OPEN
        some_cannot = looked.some_stand or snapshot.maintenance is not None
        if some_cannot or totals.dlq_open > DLQ_DEGRADED or percent >= ALARM_PERCENT or breaker_open:
            return "degraded"
        return "degraded" if self._observer.redis_lost else "healthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Observed:
    """All registers at one moment."""

    devices: DevicesReport
    some_stand: bool
    all_stand: bool


def _worst_of(different: set[str]) -> str:
    """Of the words of registers that are not ``ok``."""
    return OK if not different else HANGING if different == {HANGING} else "trouble"


def stands_still(unit: Unit) -> bool:
    """Does this register sell nothing until a person acts? Paper and cables are not meant: those heal by
    themselves, and receipts are taken meanwhile."""
    lane = unit.lane
    if lane.recovery.question is not None or lane.blocked:
        return True
    if unit.automatic_shift:
        return False
    status = lane.session.status
    return status is not None and status.shift_state is ShiftState.EXPIRED


def _buffer(taken: TakenSnapshot | None) -> BufferReport:
    if taken is None:
        return BufferReport(word=UNKNOWN, fill=None, as_of=None)
    fill = taken.snapshot.fill
    return BufferReport(word="full" if fill.percent >= 100 else OK, fill=fill, as_of=taken.at)


def _device(unit: Unit) -> str:
    """``ok``, ``hanging``, or the code of what keeps it from printing."""
    trouble = unit.lane.trouble
    if trouble is not None:
        return trouble.code
    return HANGING if unit.lane.session.calls.oldest_s > REGISTER_HANGS_S else OK


def _operator(endpoint: Endpoint) -> str:
    """``failing``: the last delivery failed, but not often enough to open the breaker."""
    if endpoint.state is not BreakerState.CLOSED:
        return "down"
    if endpoint.calls.oldest_s > OPERATOR_HANGS_S:
        return HANGING
    return OK if endpoint.last_label is None else "failing"


def _trouble(components: Components) -> list[str]:
    """Every part and peer that is not as it should be: the component, and which of several."""
    parts = {
        "buffer": components.buffer.word,
        "database": OK if components.database.usable else "down",
        "sync_worker": components.worker.state.value,
        "redis": components.redis.word,
    }
    peers: dict[str, Mapping[str, str]] = {
        "kkt": components.devices.registers,
        "ofd": {name: told.word for name, told in components.operators.endpoints.items()},
        "odoo": components.offices.targets,
    }
    return [name for name, word in parts.items() if word not in FINE] + [
        f"{name}:{peer}" for name in peers for peer, word in peers[name].items() if word not in FINE
    ]

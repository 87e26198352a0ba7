"""Looks at everything that runs and makes an ``Observation`` of it.

Reads what others keep in memory and a snapshot of the database; asks no peer, so it is done at once whoever
hangs. It remembers only what growing numbers were a while ago, in bounded windows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kkt_adapter.fiscal.control.callbacks import CallbackStats
from kkt_adapter.fiscal.control.clock_watch import VIRTUAL, ClockWatch
from kkt_adapter.fiscal.control.presses import PressStats
from kkt_adapter.fiscal.delivery.endpoint import Endpoint
from kkt_adapter.fiscal.delivery.worker import DeliveryWorker
from kkt_adapter.fiscal.heartbeat.service import Heartbeat
from kkt_adapter.fiscal.kkt.driver import KktStatus, ShiftState
from kkt_adapter.fiscal.monitoring.legal_clocks import DeviceFacts, LegalClock, Rates, legal_clocks
from kkt_adapter.fiscal.monitoring.observation import (
    BackOfficeObservation,
    EndpointObservation,
    GroupObservation,
    Observation,
    RegisterObservation,
    WorkerState,
)
from kkt_adapter.fiscal.monitoring.snapshot import Snapshot
from kkt_adapter.fiscal.printing.availability import cannot_sell
from kkt_adapter.fiscal.printing.recovery.open_question import OpenQuestion
from kkt_adapter.fiscal.printing.registers import Group, Registers, Unit
from kkt_adapter.fiscal.printing.stats import PrintStats
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.clock_drift import drift_s
from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.kernel.histogram import HistogramSnapshot as Counted
from kkt_adapter.kernel.ids import RegisterId
from kkt_adapter.kernel.window import Window
from kkt_adapter.runtime.disk import DiskMark
from kkt_adapter.runtime.leases.pass_lock import PassLock
from kkt_adapter.runtime.log import lines_dropped
from kkt_adapter.runtime.supervisor import ServiceState

OVERDUE_INTERVALS = 5  # health.md: a planned pass later than this is a dead worker
PASS_MARGIN_S = 60.0  # a pass itself may take this long
DRIFT_CHANGE_S = 2.0  # clocks tell whole seconds: less than this is no drift yet
DRIFT_SPAN_S = 6 * 3600.0  # two whole seconds within minutes are rounding, not a creep
DAY_S = 86_400.0
CLOCKS_LAST_S = 5.0  # legal clocks run for hours and days; pages that ask more often share them


@dataclass(frozen=True, slots=True, kw_only=True)
class _KeptClocks:
    """The legal clocks of a register as they were worked out from one status."""

    status: KktStatus
    told_at: datetime
    at: datetime
    monotonic: float
    clocks: tuple[LegalClock, ...]

    def last(self, status: KktStatus, told_at: datetime, now: datetime, monotonic: float) -> bool:
        """Are they those of this status, and young on both clocks?"""
        if status is not self.status or told_at is not self.told_at:
            return False
        return (
            monotonic - self.monotonic < CLOCKS_LAST_S
            and abs((now - self.at).total_seconds()) < CLOCKS_LAST_S
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _KeptRegister:
    """What was seen of a register, and what it was made from: most look alike from one look to the next."""

    status: KktStatus | None
    trouble: AdapterError | None
    question: OpenQuestion | None
    seen: RegisterObservation


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is looked at. ``endpoint_of``: the operator of a register."""

    registers: Registers
    endpoints: Callable[[], Sequence[Endpoint]]
    endpoint_of: Callable[[Unit], Endpoint]
    worker: DeliveryWorker
    services: Callable[[], Mapping[str, ServiceState]]
    heartbeat: Heartbeat
    pass_lock: PassLock
    disk: DiskMark
    prints: PrintStats
    interval_s: float  # between two passes
    clock_watch: ClockWatch
    short_secrets: tuple[str, ...] = ()
    callbacks: CallbackStats = field(default_factory=CallbackStats)
    presses: PressStats = field(default_factory=PressStats)


class Observer:
    """Event loop only. ``rates``: documents a day of each register, written by who measures them."""

    def __init__(self, watched: Watched, *, clock: Clock) -> None:
        self._watched = watched
        self._clock = clock
        self._started_at = clock.now()
        self.documents_per_day: dict[str, float | None] = {}
        self._openings: dict[str, Window[int]] = {}
        self._undelivered = Window[int](span_s=1800, step_s=30)
        self._attempts = Window[tuple[int, int]](span_s=DAY_S, step_s=300)
        self._latency = Window[Counted](span_s=300, step_s=15)
        self._drifts: dict[str, Window[float]] = {}
        self._kept_clocks: dict[RegisterId, _KeptClocks] = {}
        self._kept_registers: dict[RegisterId, _KeptRegister] = {}
        self._dropped = Window[int](span_s=600, step_s=15)

    def observe(self, snapshot: Snapshot) -> Observation:
        """Everything as of now; ``snapshot`` was taken just before."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        totals, worker = snapshot.fill.totals, self._watched.worker
        began = worker.pass_began
        return Observation(
            at=now,
            monotonic=monotonic,
            percent=snapshot.fill.percent,
            undelivered=totals.undelivered,
            pending=totals.pending,
            dlq_open=totals.dlq_open,
            oldest_pending_age_s=None
            if snapshot.oldest is None
            else (now - snapshot.oldest[1]).total_seconds(),
            grown_30m=self._grown(totals.undelivered, monotonic),
            retried_share_day=self._retried_share(monotonic),
            worker=self.worker_state(),
            pass_running_s=None if began is None else monotonic - began,
            last_sync_age_s=(now - self._last_success_at(snapshot)).total_seconds(),
            receipt_p95_s=self._receipt_p95(monotonic),
            registers=tuple(self._register(unit, now, monotonic) for unit in self._watched.registers.all()),
            groups=tuple(_group(group) for group in self._watched.registers.groups.all()),
            endpoints=tuple(self._endpoint(e, monotonic) for e in self._watched.endpoints()),
            offices=self._offices(snapshot),
            redis_lost=self.redis_lost,
            disk_free_bytes=self._watched.disk.free_bytes if self._watched.disk.mark_mb else None,
            disk_mark_bytes=self._watched.disk.mark_mb * 1_000_000,
            short_secrets=self._watched.short_secrets,
            callbacks_done=self._watched.callbacks.done,
            callbacks_failed=self._watched.callbacks.failed,
            callbacks_given_up=self._watched.callbacks.given_up,
            callbacks_failing_s=self._watched.callbacks.failing_s(monotonic),
            commands=dict(self._watched.presses.commands),
            commands_repeated=self._watched.presses.repeated,
            presses_guarded=self._watched.presses.guarded,
            answers_held=self._watched.presses.held,
            log_lines_dropped_10m=self._lines_dropped(monotonic),
            mismatches=snapshot.mismatches,
            unclear_cash=snapshot.unclear_cash,
            losses=snapshot.losses,
            maintenance=snapshot.maintenance,
            alarms=snapshot.alarms,
            altered=snapshot.altered,
            clock_doubt=self._watched.clock_watch.doubt(),
        )

    def may_forget(self, age: timedelta) -> bool:
        """See ``ClockWatch.may_forget``."""
        return self._watched.clock_watch.may_forget(age)

    @property
    def redis_lost(self) -> bool:
        lock = self._watched.pass_lock
        return lock.backend == "redis" and not lock.available

    def worker_state(self) -> WorkerState:
        """By its service, and by whether its planned pass came."""
        state, worker = self._watched.services().get(DeliveryWorker.name), self._watched.worker
        if state is None or not state.running:
            return WorkerState.DEAD
        last = worker.last_pass_monotonic
        if last is None:
            return WorkerState.RUNNING
        late_s = OVERDUE_INTERVALS * self._watched.interval_s + PASS_MARGIN_S + worker.planned_wait_s
        return WorkerState.OVERDUE if self._clock.monotonic() - last > late_s else WorkerState.RUNNING

    def clocks_of(self, unit: Unit) -> tuple[LegalClock, ...]:
        """The legal clocks of a register; none while its device has not been reached by this process."""
        status = unit.lane.session.status if unit.lane.holds() else None
        return (
            () if status is None else self._clocks(unit, status, self._clock.now(), self._clock.monotonic())
        )

    def _register(self, unit: Unit, now: datetime, monotonic: float) -> RegisterObservation:
        lane = unit.lane
        question, trouble = lane.recovery.question, lane.trouble
        status = lane.session.status if lane.holds() else None
        clocks = () if status is None else self._clocks(unit, status, now, monotonic)
        kept = self._kept_registers.get(unit.register_id)
        if (
            kept is not None
            and kept.status is status
            and kept.trouble is trouble
            and kept.question is question
            and kept.seen.clocks is clocks
        ):
            return kept.seen
        seen = RegisterObservation(
            register_id=unit.register_id,
            trouble=None if trouble is None else trouble.detail,
            blocked=None if trouble is None else lane.blocked,
            undecided=None if question is None else question.receipt_id or question.what,
            unsent=None if status is None else status.unsent_count,
            clocks=clocks,
        )
        self._kept_registers[unit.register_id] = _KeptRegister(
            status=status, trouble=trouble, question=question, seen=seen
        )
        return seen

    def _clocks(
        self, unit: Unit, status: KktStatus, now: datetime, monotonic: float
    ) -> tuple[LegalClock, ...]:
        told_at = unit.lane.session.status_at
        if told_at is None:
            return ()
        kept = self._kept_clocks.get(unit.register_id)
        if kept is None or not kept.last(status, told_at, now, monotonic):
            clocks = self._clocks_of_status(unit, status, told_at, now, monotonic)
            kept = _KeptClocks(status=status, told_at=told_at, at=now, monotonic=monotonic, clocks=clocks)
            self._kept_clocks[unit.register_id] = kept
        return kept.clocks

    def _clocks_of_status(
        self, unit: Unit, status: KktStatus, told_at: datetime, now: datetime, monotonic: float
    ) -> tuple[LegalClock, ...]:
        register: float | None = drift_s(status.clock, at=told_at, zone=unit.zone)
        if unit.kind == VIRTUAL and self._watched.clock_watch.was_set_right:
            register = None  # its time is that of a document from when the host's clock was wrong
        operator = self._watched.endpoint_of(unit).drift_s
        rates = Rates(
            documents_per_day=self.documents_per_day.get(unit.register_id),
            register_drift_per_day_s=self._creep(f"register:{unit.register_id}", register, monotonic),
            operator_drift_per_day_s=self._creep(f"operator:{unit.register_id}", operator, monotonic),
        )
        facts = DeviceFacts(
            shift_opened_at=None if status.shift_state is ShiftState.CLOSED else status.shift_opened_at,
            first_unsent_at=status.first_unsent_at,
            fn_valid_until=status.fn_valid_until,
            documents_left=status.documents_left,
            zone=unit.zone,
            drift_s=register,
        )
        return legal_clocks(facts, now=now, rates=rates, operator_drift_s=operator)

    def _creep(self, whose: str, apart_s: float | None, monotonic: float) -> float | None:
        """Seconds a day by which two clocks part, over the last day; None: not to be told yet."""
        if apart_s is None:
            return None
        window = self._drifts.setdefault(whose, Window(span_s=DAY_S, step_s=600))
        window.add(monotonic, apart_s)
        begin = window.begin()
        if begin is None or abs(apart_s - begin[1]) < DRIFT_CHANGE_S or monotonic - begin[0] < DRIFT_SPAN_S:
            return None
        return (apart_s - begin[1]) / (monotonic - begin[0]) * DAY_S

    def _endpoint(self, endpoint: Endpoint, monotonic: float) -> EndpointObservation:
        window = self._openings.setdefault(endpoint.name, Window(span_s=3600, step_s=60))
        opens = endpoint.breaker.opens_total
        window.add(monotonic, opens)
        begin = window.begin()
        return EndpointObservation(
            name=endpoint.name,
            state=endpoint.state,
            openings_1h=0 if begin is None else opens - begin[1],
            token_refused=endpoint.token_refused,
        )

    def _offices(self, snapshot: Snapshot) -> tuple[BackOfficeObservation, ...]:
        return tuple(
            BackOfficeObservation(
                name=target.settings.name,
                state=target.state.presence,
                answer=target.state.last_class,
                failures=target.failures_total,
                waiting=max(0, snapshot.last_event_id - target.state.acked_event_id),
            )
            for target in self._watched.heartbeat.targets
        )

    def _lines_dropped(self, monotonic: float) -> int:
        dropped = lines_dropped()
        self._dropped.add(monotonic, dropped)
        begin = self._dropped.begin()
        return 0 if begin is None else dropped - begin[1]

    def _grown(self, undelivered: int, monotonic: float) -> int:
        self._undelivered.add(monotonic, undelivered)
        begin = self._undelivered.begin()
        return 0 if begin is None else undelivered - begin[1]

    def _retried_share(self, monotonic: float) -> float:
        stats = self._watched.worker.stats
        self._attempts.add(monotonic, (stats.synced, stats.failed))
        begin = self._attempts.begin()
        synced, failed = (0, 0) if begin is None else begin[1]
        synced, failed = stats.synced - synced, stats.failed - failed
        return failed / (synced + failed) if failed else 0.0

    def _receipt_p95(self, monotonic: float) -> float | None:
        counted = self._watched.prints.latency_s.snapshot()
        self._latency.add(monotonic, counted)
        begin = self._latency.begin()
        return None if begin is None else counted.since(begin[1]).quantile(0.95)

    def _last_success_at(self, snapshot: Snapshot) -> datetime:
        """In this process, else as written down by a pass of before, else the start."""
        told = self._watched.worker.last_success_at
        if told is not None:
            return told
        last = snapshot.last_sync
        if last is not None and last.synced:
            return last.at
        return self._started_at


def _group(group: Group) -> GroupObservation:
    return GroupObservation(group_id=group.id, cannot_sell=cannot_sell(group))

"""Phase 2: the delivery worker. One lane per FN, lanes side by side, passes as the unit of account.

A pass asks each end point's breaker, probes one document at a time while it is half-open, and lets the
lanes drain while it is closed. New documents wake a pass at once, unless the breaker is open or a
back-off is running. An open breaker is not a failed attempt: waiting costs nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from kkt_adapter.fiscal.delivery import claims
from kkt_adapter.fiscal.delivery.endpoint import Endpoint
from kkt_adapter.fiscal.delivery.lanes.base import DeliveryLane
from kkt_adapter.fiscal.delivery.sync_pass import PassPlan, SyncPass
from kkt_adapter.fiscal.delivery.worker_status import LastPass, ManualSync, WorkerStatus
from kkt_adapter.fiscal.lifecycle import WorkerTask
from kkt_adapter.fiscal.store import counters, events
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.fiscal.store.runtime_settings import LastSync, store_last_sync
from kkt_adapter.kernel.backoff import backoff
from kkt_adapter.kernel.breaker import BreakerState
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError, SyncInProgress
from kkt_adapter.kernel.histogram import Histogram
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.pass_lock import LockOutcome, PassLock
from kkt_adapter.runtime.wakeup import Wakeup

PASS_LIMIT_S = 60.0  # a pass under steady traffic ends after this and the next one begins
MANUAL_LIMIT_S = 25.0  # delivery.md#worker
PASS_BOUNDS_S = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1200.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPolicy:
    """docs/reference/delivery.md, Worker; seconds."""

    interval_s: float = 10.0
    in_flight: int = 64
    wake_on_receipt: bool = True
    max_attempts: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PassResult:
    at: datetime
    synced: int
    failed: int
    skipped: int
    duration_s: float
    waited_for_breaker: bool

    @property
    def attempted(self) -> int:
        return self.synced + self.failed


@dataclass(slots=True)
class WorkerStats:
    """Plain counts for metrics; only grow."""

    synced: int = 0
    failed: int = 0
    lock_conflicts: int = 0
    pass_s: Histogram = field(default_factory=lambda: Histogram(PASS_BOUNDS_S))


class DeliveryWorker:
    """A ``Service``. ``lanes`` gives the lanes of the moment, so registers may come and FNs may change."""

    name = "delivery"

    def __init__(
        self,
        *,
        lanes: Callable[[], Awaitable[Sequence[DeliveryLane]]],
        endpoints: Callable[[], Sequence[Endpoint]],
        database: Database,
        clock: Clock,
        policy: DeliveryPolicy,
        pass_lock: PassLock,
        owner: str,
        owner_ended: Callable[[str], bool],
    ) -> None:
        self._lanes = lanes
        self._endpoints = endpoints
        self._db = database
        self._clock = clock
        self._policy = policy
        self._pass_lock = pass_lock
        self._owner = owner
        self._owner_ended = owner_ended
        self._log = structlog.get_logger("delivery")
        self._wakeup = Wakeup(clock)
        self._pass_in_flight: SyncPass | None = None
        self._plan = PassPlan()
        self._endpoint_of: Mapping[str, Endpoint] = {}  # by FN, as of the last pass
        self._stop = asyncio.Event()
        self._passing = asyncio.Lock()
        self._flight = asyncio.Semaphore(policy.in_flight)
        self._failed_passes = 0
        self._next_run_at: datetime | None = None
        self._last_pass: PassResult | None = None
        self._last_success_at: datetime | None = None
        self._state = WorkerTask.STOPPED
        self.stats = WorkerStats()
        self.pass_began: float | None = None  # monotonic; None while no pass runs
        self.last_pass_monotonic: float | None = None
        self.planned_wait_s = 0.0

    @property
    def last_pass_at(self) -> datetime | None:
        return None if self._last_pass is None else self._last_pass.at

    @property
    def last_success_at(self) -> datetime | None:
        """When a pass last delivered something; None since the start of this process."""
        return self._last_success_at

    def document_made(self, fn_number: str | None = None) -> None:
        """A document of this FN, or of some FN (None), waits: wake the worker, or feed the pass that runs."""
        if not self._policy.wake_on_receipt:
            return
        if self._pass_in_flight is not None:
            self._pass_in_flight.feed(fn_number)
            return
        self._plan.add(fn_number)
        if self._may_wake(fn_number):
            self._wakeup.wake()

    def _may_wake(self, fn_number: str | None) -> bool:
        """Neither an open breaker nor a running back-off; an end point without failures has neither."""
        if self._all_open():
            return False
        endpoint = None if fn_number is None else self._endpoint_of.get(fn_number)
        return not self._failed_passes or (endpoint is not None and endpoint.is_untroubled)

    async def sync(self, *, force: bool = False) -> ManualSync:
        """One pass by hand, batch by batch for at most 25 s (delivery.md#worker).

        Raises:
            SyncInProgress: a pass runs, here or on another node.
        """
        if self._passing.locked():
            raise _in_progress()
        if force:
            for endpoint in self._endpoints():
                endpoint.force_half_open()
        result = await self._pass(limit_s=MANUAL_LIMIT_S, force=force, manual=True)
        if result.failed:
            self._wakeup.wake()  # what failed has a due time now, maybe before the planned pass
        remaining = (await self._db.read(counters.read)).undelivered
        skipped = result.waited_for_breaker and not result.attempted
        return ManualSync(
            skipped_all=skipped,
            synced=result.synced,
            failed=result.failed,
            skipped=result.skipped,
            remaining=remaining,
            duration_s=result.duration_s,
            message=_message(result, skipped=skipped),
        )

    async def reset_breaker(self, *, by: str) -> BreakerState:
        """Close every breaker and forget the back-off; returns their state."""
        for endpoint in self._endpoints():
            endpoint.reset()
        for lane in await self._lanes():
            lane.forget_wait()
        self._failed_passes = 0
        self._log.warning("breaker_reset", by=by)
        self._plan.add(None)
        self._wakeup.wake()
        return BreakerState.CLOSED

    async def status(self) -> WorkerStatus:
        """``GET /v1/kkt/worker/status``."""
        last = self._last_pass
        totals = await self._db.read(counters.read)
        return WorkerStatus(
            task=self._state,
            last_pass=None
            if last is None
            else LastPass(
                at=last.at,
                synced=last.synced,
                failed=last.failed,
                skipped=last.skipped,
                duration_s=last.duration_s,
            ),
            last_success_at=self._last_success_at,
            failed_passes=self._failed_passes,
            next_run_at=self._next_run_at,
            lock_backend=self._pass_lock.backend,
            lock_held=self._pass_lock.held,
            pending=totals.pending,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Pass after pass until ``stop``; the document in flight is finished."""
        self._stop, self._state = stop, WorkerTask.RUNNING
        try:
            while not stop.is_set():
                pause_s = await self._one_round()
                self.planned_wait_s = pause_s
                self._next_run_at = self._clock.now() + timedelta(seconds=pause_s)
                if not await self._wakeup.wait(pause_s, stop=stop):
                    self._plan.add(None)  # the planned pass looks at every lane
            self._state = WorkerTask.COMPLETED
        except asyncio.CancelledError:
            self._state = WorkerTask.CANCELLED
            raise
        finally:
            if self._state is WorkerTask.RUNNING:
                self._state = WorkerTask.STOPPED

    async def _one_round(self) -> float:
        """A pass, and how long to wait after it."""
        if self._passing.locked():
            return 1.0
        try:
            result = await self._pass(limit_s=PASS_LIMIT_S, force=False, manual=False)
            if result.attempted and not result.synced:
                self._failed_passes += 1
                pause_s = backoff(self._failed_passes)
            else:
                if result.synced:
                    self._failed_passes = 0
                pause_s = self._policy.interval_s
            return max(0.01, await self._until_due(self._until_probe(pause_s)))
        except SyncInProgress:
            return self._policy.interval_s
        except AdapterError as error:
            self._log.warning("pass_failed", code=error.code, error=error.detail.en)
            self._failed_passes += 1
            self._plan.add(None)
            return backoff(self._failed_passes)

    def _until_probe(self, pause_s: float) -> float:
        """The next pass is planned for the moment a breaker lets a probe through."""
        waits = [e.wait_s() for e in self._endpoints() if e.state is BreakerState.OPEN]
        if not waits:
            return pause_s
        return min(waits) if self._all_open() else min(pause_s, *waits)

    async def _until_due(self, pause_s: float) -> float:
        """What waits for a due time of its own gets a pass then, whatever the back-off of passes says: who
        waits for a peer that is away has a due time that grows as fast."""
        wishes = [lane.due_in_s() for lane in await self._lanes()]
        return min([pause_s, *(wish for wish in wishes if wish is not None)])

    def _all_open(self) -> bool:
        endpoints = self._endpoints()
        return bool(endpoints) and all(e.state is BreakerState.OPEN for e in endpoints)

    async def _free_claims(self) -> None:
        """Claims of processes that are proven to have ended, and claims that ran out, are free again.

        The running total says whether there is any claim at all, so that a pass usually writes nothing here.
        """
        if not (await self._db.read(counters.read)).syncing:
            return
        now = self._clock.now()
        owners = await self._db.read(claims.claim_owners)
        ended = [o for o in owners if o != self._owner and await asyncio.to_thread(self._owner_ended, o)]
        await self._db.write(lambda c: claims.release_claims(c, owners=ended, before=now))

    async def _pass(self, *, limit_s: float, force: bool, manual: bool) -> PassResult:
        async with self._passing, self._pass_lock.attempt() as hold:
            http = hold.outcome is not LockOutcome.BUSY
            if not http:
                await self._note_conflict()
                if manual:
                    raise _in_progress()
            return await self._counted_pass(limit_s=limit_s, force=force, manual=manual, http=http)

    async def _counted_pass(self, *, limit_s: float, force: bool, manual: bool, http: bool) -> PassResult:
        at, started = self._clock.now(), self._clock.monotonic()
        self.pass_began = started

        async def lanes() -> list[DeliveryLane]:
            return [lane for lane in await self._lanes() if http or lane.endpoint.transport != "http"]

        self._pass_in_flight = one = SyncPass(
            lanes=lanes,
            endpoints=self._endpoints(),
            clock=self._clock,
            flight=self._flight,
            stop=self._stop,
            limit_s=limit_s,
            force=force,
            wanted=None if manual else self._plan.take(),
        )
        try:
            await self._free_claims()
            await one.run()
        finally:
            self._pass_in_flight = self.pass_began = None
            self._endpoint_of = one.endpoint_of()
            self._plan_left_over(one)
        result = PassResult(
            at=at,
            synced=one.stats.synced,
            failed=one.stats.failed,
            skipped=await self._skipped(one),
            duration_s=self._clock.monotonic() - started,
            waited_for_breaker=one.waited_for_breaker,
        )
        await self._close_pass(result, one.stats.errors)
        return result

    def _plan_left_over(self, one: SyncPass) -> None:
        """What the pass did not come to is the next one's: at once, unless a breaker is in the way."""
        for fn_number in one.left_over:
            self._plan.add(fn_number)
        if one.left_over and any(self._may_wake(fn_number) for fn_number in one.left_over):
            self._wakeup.wake()

    async def _skipped(self, one: SyncPass) -> int:
        """Receipts that wait for a breaker: all that are pending, as far as one is open."""
        return (await self._db.read(counters.read)).pending if one.waited_for_breaker else 0

    async def _note_conflict(self) -> None:
        self.stats.lock_conflicts += 1
        now = self._clock.now()
        entry = events.entry(EventType.SYNC_LOCK_CONFLICT, now, level=EventLevel.INFO)
        await self._db.write(lambda c: events.write(c, [entry]))

    async def _close_pass(self, result: PassResult, errors: Sequence[str]) -> None:
        """A pass without receipts writes no event."""
        self._last_pass = result
        self.stats.synced += result.synced
        self.stats.failed += result.failed
        self.stats.pass_s.observe(result.duration_s)
        self.last_pass_monotonic = self._clock.monotonic()
        if result.synced:
            self._last_success_at = self._clock.now()
        if not result.attempted:
            return
        now = self._clock.now()
        failed = not result.synced
        entries = [
            events.entry(EventType.SYNC_STARTED, result.at),
            events.entry(
                EventType.SYNC_FAILED if failed else EventType.SYNC_COMPLETED,
                now,
                level=EventLevel.WARNING if failed else EventLevel.INFO,
                synced=result.synced,
                failed=result.failed,
                duration_s=f"{result.duration_s:.3f}",
                errors=list(errors[:5]),
            ),
        ]
        last = LastSync(at=now, synced=result.synced, failed=result.failed, duration_s=result.duration_s)

        def write(conn: Connection) -> None:
            events.write(conn, entries)
            store_last_sync(conn, last)

        await self._db.write(write)
        self._log.info(
            "pass_finished",
            synced=result.synced,
            failed=result.failed,
            duration_s=round(result.duration_s, 3),
        )


def _in_progress() -> SyncInProgress:
    return SyncInProgress(
        "Another pass is running; wait until it has ended.",
        "Передача уже выполняется; дождитесь её окончания.",
        retry_after=2,
    )


def _message(result: PassResult, *, skipped: bool) -> str:
    if skipped:
        return "Передача отложена: связь с ОФД разорвана предохранителем."
    return f"Передано чеков: {result.synced}, неудачных попыток: {result.failed}."

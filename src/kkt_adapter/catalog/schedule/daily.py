"""The daily job: when it is due, who may change that, and what the status page says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from sqlalchemy import Connection

from kkt_adapter.catalog.run_log.run_log import SyncLog
from kkt_adapter.catalog.runs import RunRecord, RunStatus, Trigger
from kkt_adapter.catalog.schedule import slot_rows, slots
from kkt_adapter.catalog.schedule.alarm import SlotClock
from kkt_adapter.catalog.schedule.slot_rows import DAILY_JOB, Claimed
from kkt_adapter.catalog.schedule.times import DailyTime, ScheduleSource
from kkt_adapter.catalog.settings import CatalogSettings
from kkt_adapter.catalog.store.tables import millis
from kkt_adapter.catalog.sync import run_rows
from kkt_adapter.catalog.sync.control import MANUAL_JOB
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import InvalidInput, JobNotFound
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.wakeup import Wakeup

NO_SUCCESS_FOR = timedelta(hours=26)  # a day and some patience
ENDED = (
    RunStatus.SUCCEEDED,
    RunStatus.PARTIAL,
    RunStatus.FAILED,
    RunStatus.CANCELLED,
    RunStatus.ABANDONED,
    RunStatus.MISSED,
)
DAILY_NAME = "Daily Product Sync"
MANUAL_NAME = "Manual Product Sync"

__all__ = [
    "DailySchedule",
    "DailyTime",
    "Rescheduled",
    "ScheduleSource",
    "ScheduledJob",
    "SchedulerHealth",
    "SchedulerStatus",
]  # fmt: skip


class SchedulerHealth(StrEnum):
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerStatus:
    """What anybody may see: no user name, error text, address or host.

    ``last_run`` is the newest ended full run; show only run_id, trigger, status and finished_at of it.
    """

    scheduler_running: bool
    status: SchedulerHealth
    total_jobs: int
    daily_sync_scheduled: bool
    daily_sync_next_run: datetime | None
    schedule: DailyTime
    sync_running: bool
    last_run: RunRecord | None
    log_file_ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledJob:
    """``daily_product_sync``, or ``manual_product_sync_<unique>`` for a manual run (kept with its run)."""

    id: str
    name: str
    trigger: str
    next_run_time: datetime | None
    status: str  # daily: scheduled, running or stopped; manual: the status of its run
    run_id: str | None
    last_run: RunRecord | None = None  # only from `DailySchedule.job`
    progress: RunRecord | None = None  # the run in progress; only from `DailySchedule.job`


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescheduled:
    """What a change of the time answers."""

    schedule: DailyTime
    next_run_time: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """One consistent look at everything the status needs."""

    stored: slot_rows.StoredSlot | None
    in_progress: RunRecord | None
    last_run: RunRecord | None
    last_success: RunRecord | None


class DailySchedule:
    """The schedule lives in our table; every node follows it within ten seconds.

    ``open``, ``tick`` and ``close`` are for the service of this node; the rest answers anywhere.
    """

    def __init__(
        self,
        db: Database,
        settings: CatalogSettings,
        *,
        clock: Clock,
        sync_log: SyncLog,
        wakeup: Wakeup,
        configured: bool,
        work: Wakeup,
        believed: Callable[[], bool] = lambda: True,
    ) -> None:
        """``believed``: while the clock is not, no slot is run, missed or counted as dealt with."""
        self._db = db
        self._settings = settings
        self._clock = clock
        self._log = sync_log
        self._configured = configured
        self._believed = believed
        self._wakeup = wakeup  # rung when the schedule may have changed, or its time has come
        self._work = work  # rung when a run was queued
        self._alarm = SlotClock(wakeup.wake)
        self._is_open = False

    @property
    def running(self) -> bool:
        """Does this process keep the schedule?"""
        return self._is_open

    async def open(self) -> None:
        """Reconcile the environment with what is stored, and start the alarm clock, if there is a source."""
        await self._log.check()
        env = slot_rows.from_environment(
            self._settings.schedule_hour, self._settings.schedule_minute, at=self._clock.now()
        )
        before = await self._db.read(slot_rows.load)
        note = ""
        if before is None:
            await self._db.write(partial(_first_time, time=env, configured=self._configured))
        elif (before.time.hour, before.time.minute) != (env.hour, env.minute):
            if before.time.source is ScheduleSource.API:
                note = (
                    f"Daily sync at {before.time.text()} UTC as set by {before.time.changed_by}; "
                    f"the environment's {env.text()} UTC is not used"
                )
            else:
                await self._reschedule(env)
                note = f"Daily sync moved from {before.time.text()} to {env.text()} UTC by the environment"
        if note:
            await self._log.note(note)
        await self.tick()
        if self._configured:  # without a source there is nothing to ring for
            self._alarm.start()
        self._is_open = True
        await self._follow()

    async def tick(self) -> None:
        """Follow the stored time and deal with what is due; cheap when nothing is."""
        stored = await self._follow()
        if stored is None or not self._configured or not self._believed():
            return  # without a source no slot is run or recorded
        now, grace_s = self._clock.now(), self._settings.misfire_grace_s
        due = slot_rows.pending(stored, now=now, grace_s=grace_s)
        ahead = stored.since is None or (stored.since - now).total_seconds() * 1000 > slot_rows.FAR_AHEAD_MS
        if ahead or due.run is not None or due.missed:
            claimed = await self._db.write(partial(slot_rows.claim, now=now, grace_s=grace_s))
            await self._announce(claimed)
            if due.run is not None and claimed.queued is None and claimed.skipped is None:
                await self._log.detail(f"slot {due.run:%Y-%m-%dT%H:%MZ} was taken by another node")

    def close(self) -> None:
        """Stop the alarm clock."""
        self._is_open = False
        self._alarm.stop()

    async def status(self) -> SchedulerStatus:
        """One short read of the database; never asks the source."""
        view = await self._view()
        time = self._time(view)
        running = self.running
        return SchedulerStatus(
            scheduler_running=running,
            status=self._health(view),
            total_jobs=len(self._jobs(view)),
            daily_sync_scheduled=running,
            daily_sync_next_run=self._next(time) if running else None,
            schedule=time,
            sync_running=view.in_progress is not None,
            last_run=view.last_run,
            log_file_ok=self._log.ok,
        )

    async def jobs(self) -> Sequence[ScheduledJob]:
        """The daily job, then manual jobs that are queued or going on."""
        return self._jobs(await self._view())

    async def job(self, job_id: str) -> ScheduledJob:
        """One job with its last run and progress. Raises JobNotFound."""
        if job_id == DAILY_JOB:
            view = await self._view()
            last = await self._db.read(
                lambda connection: run_rows.newest(connection, ENDED, triggers=(Trigger.DAILY.value,))
            )
            return self._daily(view, last_run=None if last is None else run_rows.record(last), details=True)
        row = await self._db.read(partial(run_rows.by_job, job_id=job_id))
        if row is None or not job_id.startswith(MANUAL_JOB):
            raise JobNotFound(f"There is no job {job_id[:80]}.", f"Задание {job_id[:80]} не найдено.")
        return _manual(run_rows.record(row), details=True)

    async def put(self, hour: int, minute: int = 0, *, by: str) -> Rescheduled:
        """Store another time (hour 0-23, minute 0-59); from now on it wins over the environment.

        Raises InvalidInput outside the ranges, and then nothing changes.
        """
        for name, value, high in (("hour", hour, 23), ("minute", minute, 59)):
            if not 0 <= value <= high:
                raise InvalidInput(f"{name} must be 0 to {high}.", f"{name}: от 0 до {high}.", field=name)
        time = DailyTime(
            hour=hour, minute=minute, source=ScheduleSource.API, changed_by=by, changed_at=self._clock.now()
        )
        return await self._change(time, by=by)

    async def delete(self, *, by: str) -> Rescheduled:
        """Drop the stored time and go back to the environment's."""
        time = slot_rows.from_environment(
            self._settings.schedule_hour, self._settings.schedule_minute, at=self._clock.now()
        )
        return await self._change(time, by=by)

    async def next_fires(self, count: int = 5) -> Sequence[datetime]:
        """The next planned moments, a preview."""
        first = self._next(self._time(await self._view()))
        return [first + slots.DAY * number for number in range(count)]

    async def _change(self, time: DailyTime, *, by: str) -> Rescheduled:
        await self._reschedule(time)
        await self._log.note(f"Daily sync rescheduled to {time.text()} UTC by {by}")
        self._alarm.arm(time.hour, time.minute)
        self._wakeup.wake()
        return Rescheduled(schedule=time, next_run_time=self._next(time), by=by)

    async def _reschedule(self, time: DailyTime) -> None:
        if self._configured:
            work = partial(slot_rows.reschedule, time=time, grace_s=self._settings.misfire_grace_s)
            await self._announce(await self._db.write(work))
        else:
            await self._db.write(partial(_keep_since, time=time))

    async def _follow(self) -> slot_rows.StoredSlot | None:
        """Set the alarm clock to the stored time."""
        stored = await self._db.read(slot_rows.load)
        if stored is not None:
            self._alarm.arm(stored.time.hour, stored.time.minute)
        return stored

    async def _announce(self, claimed: Claimed) -> None:
        for slot in claimed.missed:
            await self._log.missed(slot)
        if claimed.skipped is not None:
            await self._log.skipped(claimed.skipped, running=claimed.running)
        if claimed.queued is not None:
            self._work.wake()

    async def _view(self) -> _View:
        return await self._db.read(partial(_look, now=self._clock.now()))

    def _time(self, view: _View) -> DailyTime:
        if view.stored is not None:
            return view.stored.time
        return slot_rows.from_environment(
            self._settings.schedule_hour, self._settings.schedule_minute, at=self._clock.now()
        )

    def _next(self, time: DailyTime) -> datetime:
        return slots.next_slot(time.hour, time.minute, after=self._clock.now())

    def _health(self, view: _View) -> SchedulerHealth:
        if not self.running:
            return SchedulerHealth.STOPPED
        if not self._log.ok:
            return SchedulerHealth.DEGRADED
        if not self._configured:
            return SchedulerHealth.HEALTHY
        if _is_bad(view.last_run, last_success=view.last_success):
            return SchedulerHealth.DEGRADED
        since = None if view.stored is None else view.stored.since
        if view.last_success is not None:
            since = view.last_success.finished_at
        if since is not None and self._clock.now() - since > NO_SUCCESS_FOR:
            return SchedulerHealth.DEGRADED
        return SchedulerHealth.HEALTHY

    def _jobs(self, view: _View) -> list[ScheduledJob]:
        found = [self._daily(view)]
        if view.in_progress is not None and view.in_progress.trigger is Trigger.MANUAL:
            found.append(_manual(view.in_progress))
        return found

    def _daily(
        self, view: _View, *, last_run: RunRecord | None = None, details: bool = False
    ) -> ScheduledJob:
        time = self._time(view)
        run = view.in_progress
        if run is not None and run.trigger is not Trigger.DAILY:
            run = None
        return ScheduledJob(
            id=DAILY_JOB,
            name=DAILY_NAME,
            trigger=f"cron[hour='{time.hour}', minute='{time.minute}']",
            next_run_time=self._next(time) if self.running else None,
            status="running" if run is not None else "scheduled" if self.running else "stopped",
            run_id=None if run is None else run.run_id,
            last_run=last_run,
            progress=run if details else None,
        )


def _manual(run: RunRecord, *, details: bool = False) -> ScheduledJob:
    return ScheduledJob(
        id=run.job_id,
        name=MANUAL_NAME,
        trigger=f"date[{run.created_at:%Y-%m-%d %H:%M:%S} UTC]",
        next_run_time=None,
        status=run.status.value,
        run_id=run.run_id,
        last_run=run if details and not run.in_progress else None,
        progress=run if details and run.in_progress else None,
    )


def _look(connection: Connection, *, now: datetime) -> _View:
    until = millis(now) + slot_rows.FAR_AHEAD_MS
    running = run_rows.in_progress(connection)
    last = run_rows.newest(connection, ENDED, until=until)
    success = run_rows.newest(connection, (RunStatus.SUCCEEDED,), until=until)
    return _View(
        stored=slot_rows.load(connection),
        in_progress=None if running is None else run_rows.record(running),
        last_run=None if last is None else run_rows.record(last),
        last_success=None if success is None else run_rows.record(success),
    )


def _is_bad(last: RunRecord | None, *, last_success: RunRecord | None) -> bool:
    """A slot that is noticed late and was missed before the last success began harms nobody any more."""
    if last is None or last.status is RunStatus.SUCCEEDED:
        return False
    made_up_for = last.slot is not None and last_success is not None and last.slot < last_success.created_at
    return not (last.status is RunStatus.MISSED and made_up_for)


def _first_time(connection: Connection, *, time: DailyTime, configured: bool) -> None:
    if slot_rows.load(connection) is None:
        slot_rows.save(connection, time, since=time.changed_at if configured else None)


def _keep_since(connection: Connection, *, time: DailyTime) -> None:
    """Without a source nothing is due; what the schedule has counted from so far is not lost."""
    stored = slot_rows.load(connection)
    since = None if stored is None else stored.since
    slot_rows.save(connection, time, since=None if since is None else max(since, time.changed_at))

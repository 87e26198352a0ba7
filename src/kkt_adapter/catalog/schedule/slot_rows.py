"""The stored daily time and its slots; plain functions of a connection.

A slot is dealt with in the same commit that moves ``since`` past it and adds its run, so two nodes, a
restart or a clock that jumps back cannot run it twice; the unique slot of a run says so once more.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select, update

from kkt_adapter.catalog.runs import RunReason, RunStatus, Trigger
from kkt_adapter.catalog.schedule import slots
from kkt_adapter.catalog.schedule.times import DailyTime, ScheduleSource
from kkt_adapter.catalog.store.products import lock_state
from kkt_adapter.catalog.store.tables import THE_ROW, catalog_schedule, millis, moment, sync_runs
from kkt_adapter.catalog.sync import run_rows
from kkt_adapter.catalog.sync.run_rows import NewRun
from kkt_adapter.kernel.ids import uuid7

DAILY_JOB = "daily_product_sync"
ENVIRONMENT = "environment"
SCHEDULER = "scheduler"
FAR_AHEAD_MS = 25 * 3_600_000  # a mark so far in the future was made by a clock that was wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSlot:
    """The schedule row. ``since``: slots up to here are not due; None until a source is configured."""

    time: DailyTime
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What came of the slots that were due."""

    queued: datetime | None = None
    skipped: datetime | None = None
    running: str = ""  # the run that a skipped slot gave way to
    missed: tuple[datetime, ...] = ()


def load(connection: Connection) -> StoredSlot | None:
    row = connection.execute(select(catalog_schedule)).one_or_none()
    if row is None:
        return None
    changed_at = moment(row.changed_at)
    assert changed_at is not None
    return StoredSlot(
        time=DailyTime(
            hour=row.hour,
            minute=row.minute,
            source=ScheduleSource(row.source),
            changed_by=row.changed_by,
            changed_at=changed_at,
        ),
        since=moment(row.since),
    )


def save(connection: Connection, time: DailyTime, *, since: datetime | None) -> None:
    values = {
        "hour": time.hour,
        "minute": time.minute,
        "source": time.source.value,
        "changed_by": time.changed_by,
        "changed_at": millis(time.changed_at),
        "since": None if since is None else millis(since),
    }
    changed = connection.execute(
        update(catalog_schedule).where(catalog_schedule.c.id == THE_ROW).values(**values)
    )
    if changed.rowcount == 0:
        connection.execute(insert(catalog_schedule).values(id=THE_ROW, **values))


def pending(stored: StoredSlot, *, now: datetime, grace_s: float) -> slots.DueSlot:
    """What is due and not dealt with; nothing before a source was configured."""
    if stored.since is None:
        return slots.DueSlot(run=None)
    return slots.due(stored.time.hour, stored.time.minute, now=now, since=stored.since, grace_s=grace_s)


def claim(connection: Connection, *, now: datetime, grace_s: float) -> Claimed:
    """Deal with everything that is due: queue a run, or record it as skipped or missed."""
    lock_state(connection)
    stored = load(connection)
    if stored is None:
        return Claimed()
    if stored.since is None or millis(stored.since) - millis(now) > FAR_AHEAD_MS:
        save(connection, stored.time, since=now)
        return Claimed()
    due = pending(stored, now=now, grace_s=grace_s)
    handled = [*due.missed, *([due.run] if due.run is not None else [])]
    if not handled:
        return Claimed()
    missed = tuple(slot for slot in due.missed if record(connection, slot, RunStatus.MISSED, now))
    save(connection, stored.time, since=handled[-1])
    if due.run is None or _taken(connection, due.run):
        return Claimed(missed=missed)
    running = run_rows.in_progress(connection)
    if running is not None:
        record(connection, due.run, RunStatus.SKIPPED, now, blocked_by=running.run_id)
        return Claimed(missed=missed, skipped=due.run, running=running.run_id)
    record(connection, due.run, RunStatus.QUEUED, now)
    return Claimed(missed=missed, queued=due.run)


def reschedule(connection: Connection, time: DailyTime, *, grace_s: float) -> Claimed:
    """Store another time, after dealing with what was due under the old one."""
    claimed = claim(connection, now=time.changed_at, grace_s=grace_s)
    stored = load(connection)
    since = None if stored is None else stored.since
    same = stored is not None and (stored.time.hour, stored.time.minute) == (time.hour, time.minute)
    if since is not None and not same:
        since = max(since, time.changed_at)
    save(connection, time, since=since)
    return claimed


def record(
    connection: Connection, slot: datetime, status: RunStatus, now: datetime, *, blocked_by: str | None = None
) -> bool:
    """Add the run row of a slot; false when the slot has one already."""
    if _taken(connection, slot):
        return False
    reason = {RunStatus.MISSED: RunReason.GRACE_OVER, RunStatus.SKIPPED: RunReason.RUN_IN_PROGRESS}.get(
        status
    )
    run_rows.add(
        connection,
        NewRun(
            run_id=uuid7(millis(now)),
            job_id=DAILY_JOB,
            trigger=Trigger.DAILY,
            triggered_by=SCHEDULER,
            status=status,
            at=millis(now),
            slot=millis(slot),
            reason=reason,
            blocked_by=blocked_by,
        ),
    )
    return True


def _taken(connection: Connection, slot: datetime) -> bool:
    return (
        connection.execute(select(sync_runs.c.run_id).where(sync_runs.c.slot == millis(slot))).one_or_none()
        is not None
    )


def from_environment(hour: int, minute: int, *, at: datetime) -> DailyTime:
    return DailyTime(
        hour=hour,
        minute=minute,
        source=ScheduleSource.ENV,
        changed_by=ENVIRONMENT,
        changed_at=at.astimezone(UTC),
    )

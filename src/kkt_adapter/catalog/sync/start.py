"""How a run begins, or goes on after its node stopped; plain functions of a connection."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, insert, select

from kkt_adapter.catalog.runs import Phase, RunReason, RunStatus, Trigger
from kkt_adapter.catalog.store.products import lock_state
from kkt_adapter.catalog.store.tables import sync_errors
from kkt_adapter.catalog.sync import run_rows
from kkt_adapter.catalog.sync.run_rows import Fence, RunRow

RESUMABLE = (RunReason.THROTTLED.value, RunReason.TIMEOUT.value, RunReason.SOURCE_DOWN.value)
TAKEN_OVER = (
    "plan", "pages_total", "pages_processed", "products_total", "products_synced", "new", "updated",
    "unchanged", "reappeared", "skipped_items", "errors", "percent",
)  # fmt: skip


class RunStart(StrEnum):
    STARTED = "started"
    RESUMED = "resumed"
    ABANDONED = "abandoned"  # interrupted for too long; nothing to do
    CANCELLED = "cancelled"  # its node went away before it noticed; nothing to do


@dataclass(frozen=True, slots=True, kw_only=True)
class RunBegun:
    start: RunStart
    row: RunRow


def begin(
    connection: Connection, *, now: int, node: str, resume_max_age_s: float, fence: Fence
) -> RunBegun | None:
    """Take up the run in progress, whatever state it is in; None when there is none.

    The caller holds the lease, so a run in state ``running`` is one whose node is gone. ``now`` is Unix
    milliseconds.
    """
    fence(connection)
    lock_state(connection)
    row = run_rows.in_progress(connection)
    if row is None:
        return None
    if row.status == RunStatus.QUEUED.value:
        return _start(connection, row, now=now, node=node, resume_max_age_s=resume_max_age_s)
    if row.cancel_by is not None:
        run_rows.move(
            connection,
            row.run_id,
            RunStatus.CANCELLED,
            finished_at=now,
            reason=RunReason.CANCELLED,
            phase=None,
        )
        return _begun(connection, row, RunStart.CANCELLED)
    if row.status == RunStatus.RUNNING.value:
        run_rows.move(connection, row.run_id, RunStatus.INTERRUPTED)
    if now - row.active_at > resume_max_age_s * 1000:
        run_rows.move(
            connection, row.run_id, RunStatus.ABANDONED, finished_at=now, reason=RunReason.TOO_OLD, phase=None
        )
        return _begun(connection, row, RunStart.ABANDONED)
    run_rows.move(
        connection,
        row.run_id,
        RunStatus.RUNNING,
        node=node,
        reason=None,
        error=None,
        phase=Phase.READING.value,
        active_at=now,
        attempt_started_at=now,
        attempt_first_page=row.pages_processed,
    )
    return _begun(connection, row, RunStart.RESUMED)


def _start(connection: Connection, row: RunRow, *, now: int, node: str, resume_max_age_s: float) -> RunBegun:
    earlier = None
    if row.trigger == Trigger.MANUAL.value and not row.full:
        earlier = _resumable(connection, oldest=now - int(resume_max_age_s * 1000))
    taken_over = {} if earlier is None else {name: getattr(earlier, name) for name in TAKEN_OVER}
    run_rows.move(
        connection,
        row.run_id,
        RunStatus.RUNNING,
        node=node,
        generation=run_rows.take_generation(connection) if earlier is None else earlier.generation,
        resumed_from=None if earlier is None else earlier.run_id,
        started_at=now,
        active_at=now,
        phase=Phase.READING.value,
        attempt_started_at=now,
        attempt_first_page=taken_over.get("pages_processed", 0),
        **taken_over,
    )
    if earlier is None:
        return _begun(connection, row, RunStart.STARTED)
    _copy_errors(connection, earlier.run_id, row.run_id)
    return _begun(connection, row, RunStart.RESUMED)


def _resumable(connection: Connection, *, oldest: int) -> RunRow | None:
    """The last full run, if it ended early and its stored pages are young enough and still the newest."""
    ended = run_rows.newest(
        connection,
        (
            RunStatus.SUCCEEDED,
            RunStatus.PARTIAL,
            RunStatus.FAILED,
            RunStatus.CANCELLED,
            RunStatus.ABANDONED,
        ),
    )
    if ended is None or ended.active_at < oldest or not run_rows.plan_of(ended).opened:
        return None
    early = ended.status == RunStatus.CANCELLED.value or (
        ended.status == RunStatus.PARTIAL.value and ended.reason in RESUMABLE
    )
    return ended if early else None


def _copy_errors(connection: Connection, old: str, new: str) -> None:
    """Skipped entries of the pages that were taken over; given-up pages get another chance."""
    rows = connection.execute(
        select(sync_errors).where(sync_errors.c.run_id == old, sync_errors.c.entry > 0)
    ).all()
    if rows:
        connection.execute(insert(sync_errors), [{**row._asdict(), "run_id": new} for row in rows])


def _begun(connection: Connection, row: RunRow, start: RunStart) -> RunBegun:
    return RunBegun(start=start, row=run_rows.get(connection, row.run_id))

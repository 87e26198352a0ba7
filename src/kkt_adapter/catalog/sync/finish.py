"""How a run ends, and what is written down between its commits; plain functions of a connection."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from kkt_adapter.catalog.runs import ErrorKind, Phase, RunReason, RunStatus
from kkt_adapter.catalog.store.history import Stamp
from kkt_adapter.catalog.store.products import lock_state
from kkt_adapter.catalog.store.tables import THE_ROW, catalog_state, sync_errors, sync_pages
from kkt_adapter.catalog.sync import run_rows
from kkt_adapter.catalog.sync.checkpoint import spent
from kkt_adapter.catalog.sync.fetch import FetchStats, PageGivenUp
from kkt_adapter.catalog.sync.plan import Plan
from kkt_adapter.catalog.sync.run_rows import Fence
from kkt_adapter.catalog.sync.sweep import Missing, mark_sold_out, mark_vanished

CEILING_KEPT_MS = 7 * 86_400_000
PAGE_ITSELF = 0  # `sync_errors.entry` of a page that was given up


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a run ends. ``error`` is one line for people, ``trace`` a traceback for the log file."""

    status: RunStatus
    reason: RunReason | None = None
    error: str | None = None
    trace: str | None = None
    held: int = 0
    given_up: tuple[PageGivenUp, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A complete run, ready to be swept and closed."""

    stamp: Stamp
    stats: FetchStats
    worked_ms: int
    plan: Plan
    missing: Sequence[Missing]
    products_seen: int  # distinct ids, broken entries included
    vanish: bool  # False: what is missing is sold out, not gone


def save_plan(
    connection: Connection,
    run_id: str,
    plan: Plan,
    phase: Phase,
    *,
    ceiling: int | None,
    now: int,
    fence: Fence,
) -> None:
    """Keep what the run is about to read; a ``ceiling`` that was found out is remembered for later runs."""
    fence(connection)
    state = lock_state(connection)
    run = run_rows.get(connection, run_id)
    run_rows.change(
        connection,
        run_id,
        plan=plan.to_json(),
        phase=phase.value,
        products_total=plan.total,
        pages_total=max(plan.pages_total, run.pages_total),
    )
    kept: dict[str, int] = {"page_size": plan.page_size} if plan.page_size != state.page_size else {}
    if ceiling is not None:
        kept |= {"known_ceiling": ceiling, "known_ceiling_at": now}
    if kept:
        connection.execute(update(catalog_state).where(catalog_state.c.id == THE_ROW).values(kept))


def known_ceiling(connection: Connection, *, now: int) -> int:
    """The highest page the source was seen to serve, 0 when it refused none in the last days.

    It is kept for some days only: the source may lift its ceiling, or may have refused a page by mistake.
    """
    state = connection.execute(select(catalog_state.c.known_ceiling, catalog_state.c.known_ceiling_at)).one()
    found_at = state.known_ceiling_at
    fresh = found_at is not None and now - CEILING_KEPT_MS < found_at <= now
    return state.known_ceiling or 0 if fresh else 0


def close_swept(connection: Connection, sweep: Sweep, *, fence: Fence) -> Ending:
    """Mark what was not seen, and end the run as ``succeeded``, in one transaction."""
    fence(connection)
    state = lock_state(connection)
    stamp = sweep.stamp
    run = run_rows.get(connection, stamp.run_id)
    if run.cancel_by is not None:
        return Ending(status=RunStatus.CANCELLED, reason=RunReason.CANCELLED)
    mark = mark_vanished if sweep.vanish else mark_sold_out
    taken = mark(connection, sweep.missing, stamp, revision=state.revision)
    rows = sweep.plan.valid(run_rows.page_rows(connection, stamp.generation))
    broken = run_rows.broken_ids(connection, stamp.run_id)
    run_rows.move(
        connection,
        stamp.run_id,
        RunStatus.SUCCEEDED,
        finished_at=stamp.at,
        active_at=stamp.at,
        worked_ms=sweep.worked_ms,
        pages_total=sweep.plan.pages_total,
        pages_processed=len(rows),
        products_total=sweep.plan.total,
        products_synced=max(0, sweep.products_seen - broken),
        vanished=taken if sweep.vanish else 0,
        updated=run.updated + (0 if sweep.vanish else taken),
        percent=100.0,
        phase=None,
        plan="{}",
        **spent(run, sweep.stats),
    )
    connection.execute(update(catalog_state).where(catalog_state.c.id == THE_ROW).values(synced_at=stamp.at))
    connection.execute(delete(sync_pages).where(sync_pages.c.generation == stamp.generation))
    return Ending(status=RunStatus.SUCCEEDED)


def close(
    connection: Connection, ending: Ending, stamp: Stamp, *, stats: FetchStats, worked_ms: int, fence: Fence
) -> Ending:
    """End a run that did not succeed; ``partial`` with nothing stored becomes ``failed``.

    Returns the ending as it was written; an interrupted run is not finished.
    """
    fence(connection)
    run = run_rows.get(connection, stamp.run_id)
    status = ending.status
    if status is RunStatus.PARTIAL and run.pages_processed == 0:
        status = RunStatus.FAILED
    if ending.given_up:
        connection.execute(
            insert(sync_errors),
            [
                {
                    "run_id": stamp.run_id,
                    "scope": failure.key.scope,
                    "page": failure.key.number,
                    "entry": PAGE_ITSELF,
                    "kind": ErrorKind.PAGE.value,
                    "product_id": None,
                    "reason": str(failure.cause),
                    "at": stamp.at,
                }
                for failure in {failure.key: failure for failure in ending.given_up}.values()
            ],
        )
    run_rows.move(
        connection,
        stamp.run_id,
        status,
        reason=None if ending.reason is None else ending.reason.value,
        error=ending.error,
        held=ending.held,
        errors=run.skipped_items + len(ending.given_up),
        finished_at=None if status is RunStatus.INTERRUPTED else stamp.at,
        active_at=stamp.at,
        worked_ms=worked_ms,
        phase=None,
        **spent(run, stats),
    )
    return Ending(
        status=status,
        reason=ending.reason,
        error=ending.error,
        trace=ending.trace,
        held=ending.held,
        given_up=ending.given_up,
    )

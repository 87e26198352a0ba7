"""The rows of runs: plain functions of a connection. Every change of state goes through `move`."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    bindparam,
    delete,
    desc,
    func,
    insert,
    or_,
    select,
    true,
    tuple_,
    update,
)

from kkt_adapter.catalog.runs import (
    IN_PROGRESS,
    MOVES,
    ErrorKind,
    Phase,
    RunError,
    RunRecord,
    RunStatus,
    Trigger,
)
from kkt_adapter.catalog.store.tables import (
    THE_ROW,
    catalog_state,
    moment,
    sync_errors,
    sync_pages,
    sync_runs,
)
from kkt_adapter.catalog.sync.plan import PageRow, Plan
from kkt_adapter.kernel.errors import IllegalTransition, RunNotFound

LEASE = "catalog"  # whoever has it works on runs

Fence = Callable[[Connection], None]  # raises LeaseLost when our term is over
RunRow = Row[*tuple[Any, ...]]

_page_columns = [column for column in sync_pages.columns if column.name != "ids"]
_one_run = select(sync_runs).where(sync_runs.c.run_id == bindparam("key"))

FULL_RUNS = (Trigger.DAILY.value, Trigger.MANUAL.value)
_in_progress = [status.value for status in IN_PROGRESS]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """What a run begins with; times are Unix milliseconds."""

    run_id: str
    job_id: str
    trigger: Trigger
    triggered_by: str
    status: RunStatus
    at: int
    slot: int | None = None
    reason: str | None = None
    blocked_by: str | None = None
    full: bool = False
    force_sweep: bool = False
    request_key: str | None = None
    node: str | None = None


def add(connection: Connection, run: NewRun) -> None:
    """Raises IntegrityError when the slot is taken already."""
    ended = run.status in (RunStatus.MISSED, RunStatus.SKIPPED)
    connection.execute(
        insert(sync_runs).values(
            run_id=run.run_id,
            job_id=run.job_id,
            trigger=run.trigger.value,
            triggered_by=run.triggered_by,
            status=run.status.value,
            created_at=run.at,
            started_at=run.at if run.status is RunStatus.RUNNING else None,
            finished_at=run.at if ended else None,
            active_at=run.at,
            slot=run.slot,
            reason=run.reason,
            blocked_by=run.blocked_by,
            full=run.full,
            force_sweep=run.force_sweep,
            request_key=run.request_key,
            node=run.node,
            generation=0,
        )
    )


def in_progress(connection: Connection) -> RunRow | None:
    """The full run that is queued, running or interrupted; there is at most one."""
    return connection.execute(
        select(sync_runs)
        .where(sync_runs.c.status.in_(_in_progress), sync_runs.c.trigger.in_(FULL_RUNS))
        .order_by(sync_runs.c.created_at)
        .limit(1)
    ).one_or_none()


def get(connection: Connection, run_id: str) -> RunRow:
    """Raises RunNotFound."""
    row = None if "\x00" in run_id else connection.execute(_one_run, {"key": run_id}).one_or_none()
    if row is None:
        raise RunNotFound(f"There is no run {run_id[:64]}.", f"Запуск {run_id[:64]} не найден.")
    return row


def by_request(connection: Connection, key: str, *, since: int) -> RunRow | None:
    """The run that a request with this key started, not before ``since``."""
    return connection.execute(
        select(sync_runs)
        .where(sync_runs.c.request_key == key, sync_runs.c.created_at >= since)
        .order_by(desc(sync_runs.c.created_at))
        .limit(1)
    ).one_or_none()


def by_job(connection: Connection, job_id: str) -> RunRow | None:
    if "\x00" in job_id:  # no text of ours, and PostgreSQL refuses it
        return None
    return connection.execute(
        select(sync_runs)
        .where(sync_runs.c.job_id == job_id)
        .order_by(desc(sync_runs.c.created_at), desc(sync_runs.c.run_id))
        .limit(1)
    ).one_or_none()


def newest(
    connection: Connection,
    statuses: Sequence[RunStatus],
    *,
    triggers: Sequence[str] = FULL_RUNS,
    until: int | None = None,
) -> RunRow | None:
    """``until``: not those that a clock which was wrong has dated after that moment, Unix milliseconds."""
    in_time = true() if until is None else sync_runs.c.created_at <= until
    return connection.execute(
        select(sync_runs)
        .where(
            sync_runs.c.status.in_([status.value for status in statuses]),
            sync_runs.c.trigger.in_(triggers),
            in_time,
        )
        .order_by(desc(sync_runs.c.created_at), desc(sync_runs.c.run_id))
        .limit(1)
    ).one_or_none()


def listing(
    connection: Connection,
    *,
    status: RunStatus | None,
    trigger: Trigger | None,
    limit: int,
    before: tuple[int, str] | None,
) -> Sequence[RunRow]:
    """Newest first; ``before`` is (created_at, run_id) of the last one seen."""
    query = select(sync_runs).order_by(desc(sync_runs.c.created_at), desc(sync_runs.c.run_id)).limit(limit)
    if status is not None:
        query = query.where(sync_runs.c.status == status.value)
    if trigger is not None:
        query = query.where(sync_runs.c.trigger == trigger.value)
    if before is not None:
        query = query.where(tuple_(sync_runs.c.created_at, sync_runs.c.run_id) < before)
    return connection.execute(query).all()


def move(connection: Connection, run_id: str, to: RunStatus, **values: Any) -> None:
    """Put a run into another state, with the columns that belong to it.

    Raises:
        IllegalTransition: the states do not allow it; somebody else was here.
    """
    allowed = [status.value for status, targets in MOVES.items() if to in targets]
    moved = connection.execute(
        update(sync_runs)
        .where(sync_runs.c.run_id == run_id, sync_runs.c.status.in_(allowed))
        .values(status=to.value, **values)
    )
    if moved.rowcount != 1:
        raise IllegalTransition(f"Run {run_id} cannot become {to}.", f"Запуск {run_id} не может стать {to}.")


def change(connection: Connection, run_id: str, **values: Any) -> None:
    """Set columns other than the state."""
    connection.execute(update(sync_runs).where(sync_runs.c.run_id == run_id).values(**values))


def take_generation(connection: Connection) -> int:
    """The next generation; the caller holds the state row."""
    generation: int = connection.execute(
        update(catalog_state)
        .where(catalog_state.c.id == THE_ROW)
        .values(generation=catalog_state.c.generation + 1)
        .returning(catalog_state.c.generation)
    ).scalar_one()
    connection.execute(delete(sync_pages).where(sync_pages.c.generation < generation))
    return generation


def page_rows(connection: Connection, generation: int) -> list[PageRow]:
    """The stored pages of a generation, without their ids."""
    return [
        PageRow(
            scope=row.scope, page=row.page, arrival=row.arrival, total=row.total, loose=row.loose, bad=row.bad
        )
        for row in connection.execute(select(*_page_columns).where(sync_pages.c.generation == generation))
    ]


def page_rows_with_ids(connection: Connection, generation: int, *, page: int | None = None) -> list[PageRow]:
    """The same with ids, which are most of what a run ever holds in memory; ``page`` picks one number."""
    query = select(sync_pages).where(sync_pages.c.generation == generation)
    if page is not None:
        query = query.where(sync_pages.c.page == page)
    return [
        PageRow(
            scope=row.scope,
            page=row.page,
            arrival=row.arrival,
            total=row.total,
            ids=tuple(json.loads(row.ids)),
            loose=row.loose,
            bad=row.bad,
        )
        for row in connection.execute(query, execution_options={"yield_per": 100})
    ]


def errors(connection: Connection, run_id: str, *, limit: int) -> list[RunError]:
    """In the order of pages."""
    rows = connection.execute(
        select(sync_errors)
        .where(sync_errors.c.run_id == run_id)
        .order_by(sync_errors.c.scope, sync_errors.c.page, sync_errors.c.entry)
        .limit(limit)
    )
    return [
        RunError(
            kind=ErrorKind(row.kind),
            page=row.page or None,
            product_id=row.product_id,
            reason=row.reason,
            at=_aware(row.at),
        )
        for row in rows
    ]


def broken_ids(connection: Connection, run_id: str) -> int:
    """How many different products with an id were skipped."""
    return connection.execute(
        select(func.count(func.distinct(sync_errors.c.product_id))).where(
            sync_errors.c.run_id == run_id, sync_errors.c.kind == ErrorKind.ITEM.value
        )
    ).scalar_one()


def prune(connection: Connection, *, before: int, keep: int) -> int:
    """Drop ended runs older than ``before``, and all but the newest ``keep``; returns how many."""
    edge = connection.execute(
        select(sync_runs.c.created_at).order_by(desc(sync_runs.c.created_at)).offset(keep).limit(1)
    ).scalar_one_or_none()
    old = [
        row.run_id
        for row in connection.execute(
            select(sync_runs.c.run_id)
            .where(
                or_(
                    sync_runs.c.created_at < before, sync_runs.c.created_at <= (-1 if edge is None else edge)
                ),
                sync_runs.c.status.not_in(_in_progress),
            )
            .limit(500)
        )
    ]
    if old:
        connection.execute(delete(sync_errors).where(sync_errors.c.run_id.in_(old)))
        connection.execute(delete(sync_runs).where(sync_runs.c.run_id.in_(old)))
    return len(old)


def plan_of(row: RunRow) -> Plan:
    return Plan.from_json(row.plan)


def record(row: RunRow) -> RunRecord:
    """The row as everybody sees it."""
    speed, eta = _speed(row)
    return RunRecord(
        run_id=row.run_id,
        job_id=row.job_id,
        trigger=Trigger(row.trigger),
        triggered_by=row.triggered_by,
        node=row.node,
        slot=moment(row.slot),
        generation=row.generation,
        status=RunStatus(row.status),
        reason=row.reason,
        created_at=_aware(row.created_at),
        started_at=moment(row.started_at),
        finished_at=moment(row.finished_at),
        duration_seconds=row.worked_ms / 1000,
        resumed_from=row.resumed_from,
        blocked_by=row.blocked_by,
        pages_total=row.pages_total,
        pages_processed=row.pages_processed,
        products_total=row.products_total,
        products_synced=row.products_synced,
        new=row.new,
        updated=row.updated,
        unchanged=row.unchanged,
        vanished=row.vanished,
        reappeared=row.reappeared,
        skipped_items=row.skipped_items,
        held=row.held,
        errors=row.errors,
        retries=row.retries,
        throttled=row.throttled,
        bytes=row.bytes,
        requests=row.requests,
        phase=None if row.phase is None else Phase(row.phase),
        percent=row.percent,
        pages_per_second=speed,
        eta_seconds=eta,
        error=row.error,
        full=row.full,
        force_sweep=row.force_sweep,
        cancel_requested=row.cancel_by is not None,
    )


def _speed(row: RunRow) -> tuple[float | None, float | None]:
    """Pages a second in this attempt, and the seconds left; None when not running or too early to say."""
    if row.status != RunStatus.RUNNING.value or row.attempt_started_at is None:
        return None, None
    seconds = (row.active_at - row.attempt_started_at) / 1000
    pages = row.pages_processed - row.attempt_first_page
    if seconds <= 0 or pages <= 0:
        return None, None
    speed = pages / seconds
    return round(speed, 2), round(max(0, row.pages_total - row.pages_processed) / speed, 1)


def _aware(value: int) -> datetime:
    found = moment(value)
    assert found is not None
    return found

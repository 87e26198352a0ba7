"""What the catalogue forgets: old history, old changes, old runs. Products are never deleted."""

from sqlalchemy import ColumnElement, Connection, Table, delete, func, select, update

from kkt_adapter.catalog.runs import RunStatus, Trigger
from kkt_adapter.catalog.store.tables import (
    THE_ROW,
    catalog_state,
    product_changes,
    product_history,
    sync_runs,
)
from kkt_adapter.catalog.sync import run_rows

RUNS_KEPT = 2_000
RUNS_KEPT_MS = 400 * 86_400_000  # 400 days
ROWS_A_STEP = 1_000  # so that one commit stays short
PAGE_RUN_MS = 600_000  # a page run that old has lost its process


def forget_step(connection: Connection, *, before: int, now: int) -> bool:
    """Drop a portion of the history older than ``before``, and of old runs; true when there may be more.

    Times are Unix milliseconds.
    """
    edge = _edge(connection, product_changes, before)
    if edge is not None:
        old = product_changes.c.at <= edge
        floor = connection.execute(select(func.max(product_changes.c.revision)).where(old)).scalar_one()
        connection.execute(
            update(catalog_state)
            .where(catalog_state.c.id == THE_ROW, catalog_state.c.feed_floor < floor)
            .values(feed_floor=floor)
        )
        connection.execute(delete(product_changes).where(old))
    history_edge = _edge(connection, product_history, before)
    if history_edge is not None:
        connection.execute(delete(product_history).where(product_history.c.at <= history_edge))
    runs = run_rows.prune(connection, before=now - RUNS_KEPT_MS, keep=RUNS_KEPT)
    _end_lost_page_runs(connection, now=now)
    return edge is not None or history_edge is not None or runs > 0


def _edge(connection: Connection, table: Table, before: int) -> int | None:
    """The time up to which about one step's worth of old rows lies; None when nothing is old."""
    at: ColumnElement[int] = table.c.at
    oldest = (select(at).where(at < before).order_by(at).limit(ROWS_A_STEP)).subquery()
    edge: int | None = connection.execute(select(func.max(oldest.c.at))).scalar_one()
    return edge


def _end_lost_page_runs(connection: Connection, *, now: int) -> None:
    connection.execute(
        update(sync_runs)
        .where(
            sync_runs.c.trigger == Trigger.PAGE.value,
            sync_runs.c.status == RunStatus.RUNNING.value,
            sync_runs.c.active_at < now - PAGE_RUN_MS,
        )
        .values(status=RunStatus.FAILED.value, finished_at=now, reason="error")
    )

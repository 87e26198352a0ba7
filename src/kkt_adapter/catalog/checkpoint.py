"""One commit of a run: products, history, stamps, stored pages, skipped entries and counters together.

Whatever happens between two of these, the rows agree with the counts and no page is half there.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Connection, Executable, delete, insert, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from kkt_adapter.catalog import ledger
from kkt_adapter.catalog.fetching import Tally
from kkt_adapter.catalog.journal import Stamp
from kkt_adapter.catalog.ledger import Fence
from kkt_adapter.catalog.model import ProductPage
from kkt_adapter.catalog.records import ErrorKind, RunStatus
from kkt_adapter.catalog.store import lock_state, mark_seen, store_products
from kkt_adapter.catalog.tables import sync_errors, sync_pages
from kkt_adapter.kernel.errors import IllegalTransition

PERCENT_OF_READING = 98.0  # verifying and sweeping are the rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A page and its place in the order of answers; not ``counted`` is what is no page of the plan."""

    page: ProductPage
    arrival: int
    counted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a commit of a running run adds to its row."""

    stamp: Stamp
    tally: Tally
    worked_ms: int
    pages_total: int


def commit_pages(connection: Connection, arrived: Sequence[Arrived], work: Work, *, fence: Fence) -> bool:
    """Store pages of a full run; true when somebody asked to cancel it.

    Raises:
        LeaseLost: our term is over; nothing is written.
        IllegalTransition: the run is not running any more; nothing is written.
    """
    fence(connection)
    state = lock_state(connection)
    stamp = work.stamp
    run = ledger.get(connection, stamp.run_id)
    if run.status != RunStatus.RUNNING.value:
        raise IllegalTransition("The run has ended.", "Запуск уже завершён.")
    counts = store_products(
        connection,
        (product for entry in arrived for product in entry.page.products),
        stamp,
        revision=state.revision,
    )
    broken = [item.product_id for entry in arrived for item in entry.page.bad if item.product_id]
    mark_seen(connection, broken, stamp)
    counted = [entry for entry in arrived if entry.counted]
    new_pages, new_bad = _keep_pages(connection, counted, stamp)
    pages_processed = run.pages_processed + new_pages
    skipped = run.skipped_items + new_bad
    ledger.change(
        connection,
        stamp.run_id,
        active_at=stamp.at,
        worked_ms=work.worked_ms,
        pages_total=max(run.pages_total, work.pages_total),
        pages_processed=pages_processed,
        products_synced=run.products_synced + counts.first_seen,
        new=run.new + counts.new,
        updated=run.updated + counts.updated,
        unchanged=run.unchanged + counts.unchanged,
        reappeared=run.reappeared + counts.reappeared,
        skipped_items=skipped,
        errors=skipped,
        percent=percent(pages_processed, max(run.pages_total, work.pages_total), at_least=run.percent),
        **spent(run, work.tally),
    )
    return run.cancel_by is not None


def spent(run: ledger.RunRow, tally: Tally) -> dict[str, int]:
    """The cost columns of a run after another ``tally``."""
    return {
        "requests": run.requests + tally.requests,
        "retries": run.retries + tally.retries,
        "throttled": run.throttled + tally.throttled,
        "bytes": run.bytes + tally.bytes,
    }


def percent(done: int, total: int, *, at_least: float) -> float:
    """Of the whole run; never less than before."""
    share = PERCENT_OF_READING * min(1.0, done / total) if total else 0.0
    return max(at_least, round(share, 1))


def _keep_pages(connection: Connection, arrived: Sequence[Arrived], stamp: Stamp) -> tuple[int, int]:
    """Write page rows and skipped entries; returns how many pages and how many bad entries are new."""
    if not arrived:
        return 0, 0
    keys = [(entry.page.scope, entry.page.number) for entry in arrived]
    known = {
        (row.scope, row.page): row.bad
        for row in connection.execute(
            select(sync_pages.c.scope, sync_pages.c.page, sync_pages.c.bad).where(
                sync_pages.c.generation == stamp.generation,
                tuple_(sync_pages.c.scope, sync_pages.c.page).in_(keys),
            )
        )
    }
    connection.execute(
        _upsert_page(connection.dialect.name), [_page_row(entry, stamp.generation) for entry in arrived]
    )
    if any(known.values()) or any(entry.page.bad for entry in arrived):
        _keep_bad(connection, arrived, stamp, keys)
    bad = sum(len(entry.page.bad) for entry in arrived) - sum(known.values())
    return len(arrived) - len(known), bad


def _keep_bad(
    connection: Connection, arrived: Sequence[Arrived], stamp: Stamp, keys: Sequence[tuple[str, int]]
) -> None:
    connection.execute(
        delete(sync_errors).where(
            sync_errors.c.run_id == stamp.run_id, tuple_(sync_errors.c.scope, sync_errors.c.page).in_(keys)
        )
    )
    rows = [
        {
            "run_id": stamp.run_id,
            "scope": entry.page.scope,
            "page": entry.page.number,
            "entry": place,
            "kind": ErrorKind.ITEM.value,
            "product_id": item.product_id,
            "reason": item.reason,
            "at": stamp.at,
        }
        for entry in arrived
        for place, item in enumerate(entry.page.bad, 1)
    ]
    if rows:
        connection.execute(insert(sync_errors), rows)


def _page_row(entry: Arrived, generation: int) -> dict[str, object]:
    page = entry.page
    return {
        "generation": generation,
        "scope": page.scope,
        "page": page.number,
        "arrival": entry.arrival,
        "total": page.total,
        "ids": json.dumps(page.ids),
        "loose": sum(item.product_id is None for item in page.bad),
        "bad": len(page.bad),
    }


@cache
def _upsert_page(dialect: str) -> Executable:
    page = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(sync_pages)
    key = ("generation", "scope", "page")
    return page.on_conflict_do_update(
        index_elements=[sync_pages.c[name] for name in key],
        set_={
            column.name: page.excluded[column.name] for column in sync_pages.columns if column.name not in key
        },
    )

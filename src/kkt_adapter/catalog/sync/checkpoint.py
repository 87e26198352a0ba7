"""One commit of a run: products, history, stamps, stored pages, skipped entries and counters together.

Whatever happens between two of these, the rows agree with the counts and no page is stored in part.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Connection, Executable, and_, delete, insert, select, tuple_, update

from kkt_adapter.catalog.model import ProductPage
from kkt_adapter.catalog.runs import ErrorKind, RunStatus
from kkt_adapter.catalog.store.history import Stamp
from kkt_adapter.catalog.store.products import lock_state, mark_seen, store_products
from kkt_adapter.catalog.store.tables import sync_errors, sync_pages, sync_runs
from kkt_adapter.catalog.sync import run_rows
from kkt_adapter.catalog.sync.fetch import FetchStats
from kkt_adapter.catalog.sync.run_rows import Fence
from kkt_adapter.kernel.errors import IllegalTransition
from kkt_adapter.runtime.db.bulk import Bulk, Given, bulk
from kkt_adapter.runtime.db.dialects import insert_of

PERCENT_OF_READING = 98.0  # verifying and sweeping are the rest

_run = sync_runs.c
_work_columns = (
    _run.run_id, _run.active_at, _run.worked_ms, _run.pages_total, _run.pages_processed, _run.products_synced,
    _run.new, _run.updated, _run.unchanged, _run.reappeared, _run.skipped_items, _run.errors, _run.percent,
    _run.requests, _run.retries, _run.throttled, _run.bytes,
)  # fmt: skip
_SET_WORK = bulk(
    _work_columns,
    lambda given: (
        update(sync_runs)
        .where(_run.run_id == given.c.run_id)
        .values({c.name: given.c[c.name] for c in _work_columns if c is not _run.run_id})
    ),
)
_page_key = (sync_pages.c.generation, sync_pages.c.scope, sync_pages.c.page)
_page_columns = tuple(sync_pages.columns)
_KNOWN_PAGES = bulk(
    _page_key,
    lambda given: select(sync_pages.c.scope, sync_pages.c.page, sync_pages.c.bad).join(
        given, and_(*(column == given.c[column.name] for column in _page_key))
    ),
)


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
    stats: FetchStats
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
    run = run_rows.get(connection, stamp.run_id)
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
    pages_total = max(run.pages_total, work.pages_total)
    _SET_WORK.run(
        connection,
        [
            (
                stamp.run_id,
                stamp.at,
                work.worked_ms,
                pages_total,
                pages_processed,
                run.products_synced + counts.first_seen,
                run.new + counts.new,
                run.updated + counts.updated,
                run.unchanged + counts.unchanged,
                run.reappeared + counts.reappeared,
                skipped,
                skipped,
                percent(pages_processed, pages_total, at_least=run.percent),
                *spent(run, work.stats).values(),
            )
        ],
    )
    return run.cancel_by is not None


def spent(run: run_rows.RunRow, stats: FetchStats) -> dict[str, int]:
    """The cost columns of a run after another ``stats``: requests, retries, throttled, bytes."""
    return {
        "requests": run.requests + stats.requests,
        "retries": run.retries + stats.retries,
        "throttled": run.throttled + stats.throttled,
        "bytes": run.bytes + stats.bytes,
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
        (scope, page): bad
        for scope, page, bad in _KNOWN_PAGES.rows(connection, [(stamp.generation, *key) for key in keys])
    }
    rows = {key: _page_row(entry, stamp.generation) for key, entry in zip(keys, arrived, strict=True)}
    _page_upsert(connection.dialect.name).run(connection, list(rows.values()))
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


def _page_row(entry: Arrived, generation: int) -> tuple[object, ...]:
    page = entry.page
    return (
        generation,
        page.scope,
        page.number,
        entry.arrival,
        page.total,
        json.dumps(page.ids),
        sum(item.product_id is None for item in page.bad),
        len(page.bad),
    )


@cache
def _page_upsert(dialect: str) -> Bulk:
    def write(given: Given) -> Executable:
        page = given.into(insert_of(dialect)(sync_pages))
        return page.on_conflict_do_update(
            index_elements=_page_key,
            set_={c.name: page.excluded[c.name] for c in _page_columns if not c.primary_key},
        )

    return Bulk(_page_columns, write)

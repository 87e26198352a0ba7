"""One page on request: fetched now, answered when stored; beside a full run without disturbing it.

A page run stamps what it stores with the newest generation, so it neither hides a product from a full run
nor is undone by it: the later commit wins, and the history holds both.
"""

import asyncio
from contextlib import suppress
from functools import partial

from sqlalchemy import Connection

from kkt_adapter.catalog.model import ProductPage
from kkt_adapter.catalog.run_log.redaction import one_line
from kkt_adapter.catalog.runs import PageResult, RunReason, RunStatus, Trigger
from kkt_adapter.catalog.store.history import Stamp
from kkt_adapter.catalog.store.products import lock_state, mark_seen, store_products
from kkt_adapter.catalog.store.tables import millis
from kkt_adapter.catalog.sync import run_rows
from kkt_adapter.catalog.sync.fetch import FetchStats, PageFetcher, PageGivenUp, PageKey
from kkt_adapter.catalog.sync.plan import pages_needed
from kkt_adapter.catalog.sync.run import USUAL_PAGE_SIZE, Tools
from kkt_adapter.kernel.errors import (
    AdapterError,
    IllegalTransition,
    PageBeyondCeiling,
    SourceThrottled,
    SourceUnavailable,
)
from kkt_adapter.kernel.ids import uuid7

ATTEMPTS = 2  # somebody waits for the answer
ANSWER_WITHIN_S = 60.0
AT_ONCE = 4


class PageRuns:
    """Reads single pages; a few at once, the others wait their turn."""

    def __init__(self, tools: Tools, *, node: str) -> None:
        self._tools = tools
        self._node = node
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def sync(self, number: int, *, by: str) -> PageResult:
        """See `CatalogSync.sync_page`. When the caller goes away the run is closed all the same."""
        pause_s = self._tools.pacer.pause_left_s()
        if pause_s > 0:
            raise SourceThrottled(
                "The source asks for a pause.", "Источник просит подождать.", retry_after_s=pause_s
            )
        async with self._turn:
            now = self._now()
            run_id, started = uuid7(now), self._tools.clock.monotonic()
            try:
                await self._tools.db.write(partial(_open, run_id=run_id, by=by, node=self._node, at=now))
                return await self._run(run_id, number, started)
            except asyncio.CancelledError:
                with suppress(IllegalTransition):  # it ended just before
                    await asyncio.shield(self._fail(run_id, started, "the caller went away"))
                raise

    async def _run(self, run_id: str, number: int, started: float) -> PageResult:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await self._read(run_id, number, started)
        except TimeoutError:
            await self._fail(run_id, started, "no answer in time")
            raise SourceUnavailable(
                "The source did not answer in time.", "Источник не ответил вовремя.", error_code="timeout"
            ) from None
        except PageGivenUp as error:
            await self._fail(run_id, started, str(error.cause))
            raise error.cause from None
        except AdapterError as error:
            await self._fail(run_id, started, str(error))
            raise

    async def _read(self, run_id: str, number: int, started: float) -> PageResult:
        settings = self._tools.settings
        fetcher = PageFetcher(
            self._tools.source,
            self._tools.pacer,
            self._tools.clock,
            max_attempts=min(ATTEMPTS, settings.max_attempts),
            longest_pause_s=0.0,
        )
        try:
            page = await fetcher.page(PageKey(number))
        except PageBeyondCeiling:
            if number == 1:
                raise
            first = await fetcher.page(PageKey(1))
            page = ProductPage(number=number, total=first.total, products=(), ids=())
        return await self._tools.db.write(
            partial(
                _close,
                run_id=run_id,
                page=page,
                stats=fetcher.stats.take(),
                at=self._now(),
                worked_s=self._tools.clock.monotonic() - started,
            )
        )

    async def _fail(self, run_id: str, started: float, error: str) -> None:
        worked_ms = int((self._tools.clock.monotonic() - started) * 1000)
        now = self._now()
        text = self._tools.redactor.scrub(one_line(error))

        def fail(connection: Connection) -> None:
            run_rows.move(
                connection,
                run_id,
                RunStatus.FAILED,
                finished_at=now,
                worked_ms=worked_ms,
                reason=RunReason.SOURCE_DOWN.value,
                error=text,
            )

        await self._tools.db.write(fail)

    def _now(self) -> int:
        return millis(self._tools.clock.now())


def _open(connection: Connection, *, run_id: str, by: str, node: str, at: int) -> None:
    run_rows.add(
        connection,
        run_rows.NewRun(
            run_id=run_id,
            job_id=f"page_product_sync_{run_id}",
            trigger=Trigger.PAGE,
            triggered_by=by,
            status=RunStatus.RUNNING,
            at=at,
            node=node,
        ),
    )


def _close(
    connection: Connection, *, run_id: str, page: ProductPage, stats: FetchStats, at: int, worked_s: float
) -> PageResult:
    """Store the page and end its run, in one commit."""
    state = lock_state(connection)
    stamp = Stamp(run_id=run_id, generation=state.generation, at=at)
    full_first = page.number == 1 and page.entries < page.total
    size = page.entries if full_first else state.page_size or USUAL_PAGE_SIZE
    last_page = pages_needed(page.total, size)
    if page.number > last_page:  # a source may answer with its last page instead of with nothing
        page = ProductPage(number=page.number, total=page.total, products=(), ids=())
    counts = store_products(connection, page.products, stamp, revision=state.revision)
    mark_seen(connection, [item.product_id for item in page.bad if item.product_id], stamp)
    saved = counts.new + counts.updated + counts.unchanged + counts.met_again
    unchanged = counts.unchanged + counts.met_again
    run_rows.move(
        connection,
        run_id,
        RunStatus.SUCCEEDED,
        finished_at=at,
        active_at=at,
        worked_ms=int(worked_s * 1000),
        generation=state.generation,
        pages_total=1,
        pages_processed=1,
        products_total=page.total,
        products_synced=saved,
        new=counts.new,
        updated=counts.updated,
        unchanged=unchanged,
        reappeared=counts.reappeared,
        skipped_items=len(page.bad),
        errors=len(page.bad),
        requests=stats.requests,
        retries=stats.retries,
        throttled=stats.throttled,
        bytes=stats.bytes,
        percent=100.0,
    )
    return PageResult(
        run_id=run_id,
        page=page.number,
        last_page=last_page,
        products_fetched=page.entries,
        products_saved=saved,
        new=counts.new,
        updated=counts.updated,
        unchanged=unchanged,
        errors=len(page.bad),
        duration_seconds=round(worked_s, 3),
    )

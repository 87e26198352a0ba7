"""One full run, start to finish: read everything, make sure that it was everything, then sweep.

Nothing is marked inactive before the run is complete; the sweep and the end of the run are one commit.
Every commit checks our term of the lease, so a run that slept through it writes nothing.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from kkt_adapter.catalog.model import WHOLE, PriceWindow, ProductPage
from kkt_adapter.catalog.run_log.redaction import Redactor
from kkt_adapter.catalog.runs import Phase, RunReason, RunStatus
from kkt_adapter.catalog.settings import CatalogSettings
from kkt_adapter.catalog.source import ProductSource
from kkt_adapter.catalog.store.history import Stamp
from kkt_adapter.catalog.store.tables import millis
from kkt_adapter.catalog.sync import finish, run_rows
from kkt_adapter.catalog.sync.checkpoint import Arrived, Work, commit_pages
from kkt_adapter.catalog.sync.completeness import Complete, Final, Odd, ReadAgain, assess
from kkt_adapter.catalog.sync.fetch import LONGEST_PAUSE_S, PageFetcher, PageGivenUp, PageKey
from kkt_adapter.catalog.sync.finish import Ending
from kkt_adapter.catalog.sync.halt import Halt
from kkt_adapter.catalog.sync.parallel_reader import Reader
from kkt_adapter.catalog.sync.plan import PageRow, Plan, Slice, pages_needed, split
from kkt_adapter.catalog.sync.rate_limit import Pacer
from kkt_adapter.catalog.sync.run_rows import Fence, RunRow
from kkt_adapter.catalog.sync.sweep import in_doubt, missing_from
from kkt_adapter.catalog.sync.throttle import Throttle
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import PageBeyondCeiling, SourceRefused, SourceThrottled
from kkt_adapter.runtime.db.protocol import Database

REREADS = 2  # of a list that moved
USUAL_PAGE_SIZE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What every run on this node works with."""

    db: Database
    clock: Clock
    settings: CatalogSettings
    source: ProductSource
    pacer: Pacer
    redactor: Redactor
    throttle: Throttle
    believed: Callable[[], bool] = lambda: True  # may the wall clock be believed?


class WindowTooFull(Exception):
    """A price window of one cent still has more pages than the source serves."""


class SyncRun:
    """Works on one run row in state ``running``; made anew for each attempt."""

    def __init__(self, row: RunRow, tools: Tools, *, fence: Fence, halt: Halt) -> None:
        self.run_id: str = row.run_id
        self._generation: int = row.generation
        self._force_sweep: bool = row.force_sweep
        self._worked_before_ms: int = row.worked_ms
        self._plan = run_rows.plan_of(row)
        self._tools = tools
        self._fence = fence
        self._halt = halt
        self._started = tools.clock.monotonic()
        self._arrivals: Iterator[int] = itertools.count(1)
        self._refused: PageKey | None = None
        self._narrowing_works = True
        self._found: set[str] = set()  # missing from the pages, there when asked for
        self._found_before: set[str] = set()
        self._fetcher = PageFetcher(
            tools.source, tools.pacer, tools.clock, max_attempts=tools.settings.max_attempts
        )

    @property
    def worked_ms(self) -> int:
        """Working time of all attempts so far."""
        return self._worked_before_ms + int((self._tools.clock.monotonic() - self._started) * 1000)

    @property
    def fetcher(self) -> PageFetcher:
        return self._fetcher

    async def execute(self) -> Ending:
        """Read and sweep. An ending other than ``succeeded`` is not written yet: see `finish.close`.

        Raises:
            Halted, SourceDown, PageGivenUp, WindowTooFull, SourceThrottled, SourceAuthFailed, SourceRefused
            LeaseLost, StorageError
        """
        left_s = self._tools.pacer.pause_left_s()
        if left_s > LONGEST_PAUSE_S:
            raise SourceThrottled("The source asked for a long pause.", retry_after_s=left_s)
        rows = await self._rows()
        self._arrivals = itertools.count(1 + max((row.arrival for row in rows), default=0))
        if not self._plan.opened:
            await self._open()
        for _ in range(1 + REREADS):
            given_up = await self._read_missing()
            if given_up:
                return Ending(
                    status=RunStatus.PARTIAL, reason=RunReason.PAGES_FAILED, given_up=tuple(given_up)
                )
            decision = await self._verified()
            if isinstance(decision, Complete):
                decision = await self._sweep(decision)
            if isinstance(decision, Ending):
                return decision
            await self._set_plan(decision.plan, Phase.READING)
        return Ending(status=RunStatus.PARTIAL, reason=RunReason.CATALOGUE_MOVED)

    async def _open(self) -> None:
        """Page 1 tells how much there is."""
        first = await self._ask(PageKey(1), page_size=1)
        full = first.entries < first.total
        size = first.entries if full else max(first.entries, USUAL_PAGE_SIZE)
        plan = Plan(page_size=size, total=first.total, slices=(Slice(total=first.total),))
        found = await self._tools.db.read(partial(finish.known_ceiling, now=self._now()))
        ceiling = min(filter(None, (self._tools.settings.page_ceiling, found)), default=0)
        if ceiling and not plan.fits(first.total, ceiling):
            self._plan = plan
            await self._cut_into_windows(ceiling)
            return
        await self._set_plan(plan, Phase.READING)
        await self._keep([first])

    async def _read_missing(self) -> list[PageGivenUp]:
        """Read what the plan misses; pages given up get one more round at the end."""
        while True:
            try:
                aside = await self._read(list(self._plan.missing(await self._rows())))
                return await self._read(aside) if aside else []
            except PageBeyondCeiling:
                await self._lower_ceiling()

    async def _read(self, keys: Sequence[PageKey | PageGivenUp]) -> list[PageGivenUp]:
        reader: Reader[PageKey] = Reader(
            self._fetch,
            self._store,
            width=2 * self._tools.settings.concurrency,
            halt=self._halt,
            at_once=lambda: self._tools.throttle.pages_a_commit,
        )
        aside = await reader.read(key.key if isinstance(key, PageGivenUp) else key for key in keys)
        return [failure for _, failure in aside]

    async def _fetch(self, key: PageKey) -> ProductPage:
        try:
            return await self._fetcher.page(key, page_size=self._plan.page_size)
        except PageBeyondCeiling:
            if key.number == 1:
                raise SourceRefused(
                    "The source refuses page 1.", "Источник не отдаёт первую страницу."
                ) from None
            self._refused = min(self._refused or key, key, key=lambda refused: refused.number)
            raise

    async def _ask(self, key: PageKey, *, page_size: int | None) -> ProductPage:
        """One page for ourselves, not stored. Raises PageGivenUp, PageBeyondCeiling."""
        answers: list[ProductPage] = []

        async def take(pairs: Sequence[tuple[PageKey, ProductPage]]) -> None:
            answers.extend(page for _, page in pairs)

        async def fetch(key: PageKey) -> ProductPage:
            return await self._fetcher.page(key, page_size=page_size)

        aside = await Reader(fetch, take, width=1, halt=self._halt).read([key])
        if aside:
            raise aside[0][1]
        return answers[0]

    async def _store(self, pairs: Sequence[tuple[PageKey, ProductPage]]) -> None:
        await self._keep([page for _, page in pairs])

    async def _keep(self, pages: Sequence[ProductPage], *, counted: bool = True) -> list[Arrived]:
        """Store pages in one commit; notices a cancellation asked for on another node."""
        arrived = [Arrived(page=page, arrival=next(self._arrivals), counted=counted) for page in pages]
        work = Work(
            stamp=self._stamp(),
            stats=self._fetcher.stats.take(),
            worked_ms=self.worked_ms,
            pages_total=self._plan.pages_total,
        )
        async with self._tools.throttle.storing():
            cancelled = await self._tools.db.write(
                lambda connection: commit_pages(connection, arrived, work, fence=self._fence)
            )
        if cancelled:
            self._halt.cancel()
        return arrived

    async def _lower_ceiling(self) -> None:
        """A page was refused: by mistake, because the list became shorter, or because there is a ceiling."""
        refused, self._refused = self._refused, None
        assert refused is not None
        part = next(part for part in self._plan.slices if part.scope == refused.scope)
        first = await self._ask(PageKey(1, part.window), page_size=1)
        if pages_needed(first.total, self._plan.page_size) < refused.number:
            shorter = self._plan.with_slice(replace(part, total=first.total))
            await self._set_plan(shorter, Phase.READING)
        elif await self._is_refused(refused):
            await self._cut_into_windows(refused.number - 1, found=True)

    async def _is_refused(self, key: PageKey) -> bool:
        try:
            await self._ask(key, page_size=None)
        except PageBeyondCeiling:
            return True
        return False

    async def _cut_into_windows(self, ceiling: int, *, found: bool = False) -> None:
        """Halve price windows until each fits under the ceiling; their first pages are stored as we go.

        ``found``: the source said so in this run; later runs begin with it.
        """
        accepted: list[Slice] = []
        open_windows: list[PriceWindow] = list(split(None) or ())
        while open_windows:
            window = open_windows.pop()
            first = await self._ask(PageKey(1, window), page_size=1)
            if self._plan.fits(first.total, ceiling):
                accepted.append(Slice(window=window, total=first.total))
                await self._keep([first])
                continue
            halves = split(window)
            if halves is None:
                raise WindowTooFull
            open_windows.extend(halves)
        plan = replace(self._plan, slices=tuple(reversed(accepted)), ceiling=ceiling)
        await self._set_plan(plan, Phase.READING, ceiling=ceiling if found else None)

    async def _verified(self) -> Complete | ReadAgain | Ending:
        """Was it everything? What looks odd is asked for again before it is believed."""
        await self._set_plan(self._plan, Phase.VERIFYING)
        finals = await self._first_pages_again()
        whole = finals.get(WHOLE)
        total = whole.total if whole else (await self._ask(PageKey(1), page_size=1)).total
        decision = await self._tools.db.read(
            lambda connection: assess(
                self._plan,
                run_rows.page_rows_with_ids(connection, self._generation),
                finals,
                total=total,
            )
        )
        if isinstance(decision, Complete):
            self._plan = decision.plan
            for part in decision.plan.slices:
                more = await self._past_the_end(part)
                if more is not None:
                    return more
        if not isinstance(decision, Odd):
            return decision
        if await self._are_as_they_were(decision.pages):
            return Ending(status=RunStatus.PARTIAL, reason=decision.reason)
        return ReadAgain(plan=replace(self._plan.afresh(next(self._arrivals)), total=total))

    async def _first_pages_again(self) -> dict[str, Final]:
        """Are total and order still what they were?"""
        first_pages = partial(run_rows.page_rows_with_ids, generation=self._generation, page=1)
        before = {row.scope: row for row in await self._tools.db.read(first_pages)}
        finals: dict[str, Final] = {}
        for part in self._plan.slices:
            page = await self._ask(PageKey(1, part.window), page_size=1 if part.total else 0)
            (arrived,) = await self._keep([page])
            earlier = before.get(part.scope)
            moved = earlier is not None and earlier.total == page.total and earlier.ids != page.ids
            finals[part.scope] = Final(arrival=arrived.arrival, total=page.total, moved=moved)
        return finals

    async def _past_the_end(self, part: Slice) -> Ending | ReadAgain | None:
        """Ask once behind a full last page; None: nothing stands there, the list ends where it says."""
        last = self._plan.pages(part)
        if not last or part.total != last * self._plan.page_size:
            return None
        try:
            beyond = await self._ask(PageKey(last + 1, part.window), page_size=None)
        except PageBeyondCeiling:
            if part.window is not None:
                return None  # below the ceiling: this source refuses pages that do not exist
            await self._cut_into_windows(last)  # the total may be all that a ceiling lets it say
            return ReadAgain(plan=self._plan)
        if beyond.total == part.total:
            return await self._read_on(beyond)
        grown = self._plan.with_slice(replace(part, total=beyond.total))
        return ReadAgain(plan=grown.afresh(next(self._arrivals)))

    async def _read_on(self, page: ProductPage) -> Ending | None:
        """Store what stands behind the end that the source's total names; None when it is nothing new."""
        rows = await self._tools.db.read(partial(run_rows.page_rows_with_ids, generation=self._generation))
        known = {product_id for row in rows if row.scope == page.scope for product_id in row.ids}
        more = False
        while not known.issuperset(page.ids):
            more = True
            known.update(page.ids)
            await self._keep([page], counted=False)
            try:
                page = await self._ask(PageKey(page.number + 1, page.window), page_size=None)
            except PageBeyondCeiling:
                break
        return Ending(status=RunStatus.PARTIAL, reason=RunReason.TOTAL_WRONG) if more else None

    async def _are_as_they_were(self, rows: Sequence[PageRow]) -> bool:
        windows = {part.scope: part.window for part in self._plan.slices}
        for row in rows:
            try:
                page = await self._ask(PageKey(row.page, windows[row.scope]), page_size=None)
            except PageBeyondCeiling:
                return False
            if (page.total, page.ids) != (row.total, row.ids):
                return False
        return True

    async def _sweep(self, complete: Complete) -> Ending | ReadAgain:
        await self._set_plan(self._plan, Phase.SWEEPING)
        settings = self._tools.settings
        rows = await self._tools.db.read(
            lambda connection: self._plan.valid(run_rows.page_rows_with_ids(connection, self._generation))
        )
        missing, active = await self._tools.db.read(
            partial(missing_from, rows=rows, with_empty=settings.include_out_of_stock)
        )
        limit = active * settings.sweep_limit_percent
        held = not self._force_sweep and (not self._plan.total or len(missing) * 100 > limit)
        doubted = bool(missing) and not self._tools.believed()
        if held or doubted:
            reason = RunReason.SWEEP_HELD if held else RunReason.CLOCK_DOUBTED
            return Ending(status=RunStatus.PARTIAL, reason=reason, held=len(missing))
        doubts = in_doubt(missing, rows, generation=self._generation)
        if given_up := await self._look_for([one for one in doubts if one not in self._found_before]):
            return Ending(status=RunStatus.PARTIAL, reason=RunReason.PAGES_FAILED, given_up=tuple(given_up))
        if self._found:  # the list changed while it was read; what is missing a second time is not in it
            self._found_before |= self._found
            return ReadAgain(plan=self._plan.afresh(next(self._arrivals)))
        ending = finish.Sweep(
            stamp=self._stamp(),
            stats=self._fetcher.stats.take(),
            worked_ms=self.worked_ms,
            plan=self._plan,
            missing=missing,
            products_seen=complete.products,
            vanish=settings.include_out_of_stock,
        )
        return await self._tools.db.write(
            lambda connection: finish.close_swept(connection, ending, fence=self._fence)
        )

    async def _look_for(self, ids: Sequence[str]) -> list[PageGivenUp]:
        """Ask for doubtful products one by one; those that are still there are stored, and ``_found``."""
        self._found = set()
        if not ids:
            return []

        async def keep_found(pairs: Sequence[tuple[str, ProductPage]]) -> None:
            found = {product_id: page for product_id, page in pairs if product_id in page.ids}
            if any(page.ids and product_id not in page.ids for product_id, page in pairs):
                self._narrowing_works = False
            if found:
                self._found |= found.keys()
                await self._keep(list(found.values()), counted=False)

        reader: Reader[str] = Reader(
            self._fetcher.product, keep_found, width=self._tools.settings.concurrency, halt=self._halt
        )
        aside = await reader.read(
            itertools.takewhile(lambda _: self._narrowing_works, ids)
        )  # a source that cannot narrow proves nothing: then the counts alone decide
        return [failure for _, failure in aside]

    async def _rows(self) -> list[PageRow]:
        return await self._tools.db.read(lambda connection: run_rows.page_rows(connection, self._generation))

    async def _set_plan(self, plan: Plan, phase: Phase, *, ceiling: int | None = None) -> None:
        self._plan = plan
        await self._tools.db.write(
            lambda connection: finish.save_plan(
                connection, self.run_id, plan, phase, ceiling=ceiling, now=self._now(), fence=self._fence
            )
        )

    def _stamp(self) -> Stamp:
        return Stamp(run_id=self.run_id, generation=self._generation, at=self._now())

    def _now(self) -> int:
        return millis(self._tools.clock.now())

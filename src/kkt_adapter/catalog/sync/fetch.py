"""One page, with patience: attempts, delays with jitter, and the pauses that the source asks for."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from kkt_adapter.catalog.model import WHOLE, PriceWindow, ProductPage
from kkt_adapter.catalog.source import ProductSource
from kkt_adapter.catalog.sync.rate_limit import Pacer
from kkt_adapter.kernel.backoff import backoff
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import (
    CatalogError,
    SourceMalformed,
    SourceThrottled,
    SourceUnavailable,
)

FIRST_DELAY_S = 0.5  # doubling, with jitter over the full range
LONGEST_DELAY_S = 30.0
LONGEST_PAUSE_S = 300.0  # a source that asks for more ends the run


class PageKey(NamedTuple):
    """A page of the whole list (``window`` None) or of a price window."""

    number: int
    window: PriceWindow | None = None

    @property
    def scope(self) -> str:
        return WHOLE if self.window is None else self.window.scope


def expected_entries(total: int, page_size: int, page: int) -> int:
    """A page in the middle is full, the last one holds the rest."""
    return min(page_size, max(0, total - (page - 1) * page_size))


class PageGivenUp(Exception):
    """All attempts of one page failed; ``cause`` is the last failure."""

    def __init__(self, key: PageKey, cause: CatalogError, *, attempts: int) -> None:
        super().__init__(f"page {key.number} given up after {attempts} attempts: {cause}")
        self.key = key
        self.cause = cause
        self.attempts = attempts


@dataclass(slots=True)
class FetchStats:
    """What fetching cost since the last `take`."""

    requests: int = 0
    retries: int = 0
    throttled: int = 0
    bytes: int = 0

    def take(self) -> "FetchStats":
        """The counts so far; counting starts anew."""
        taken = FetchStats(self.requests, self.retries, self.throttled, self.bytes)
        self.requests = self.retries = self.throttled = self.bytes = 0
        return taken


class PageFetcher:
    """Fetches pages for one run, by any number of tasks at once; every cost lands in ``stats``."""

    def __init__(
        self,
        source: ProductSource,
        pacer: Pacer,
        clock: Clock,
        *,
        max_attempts: int,
        longest_pause_s: float = LONGEST_PAUSE_S,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.stats = FetchStats()
        self._source = source
        self._pacer = pacer
        self._clock = clock
        self._max_attempts = max_attempts
        self._longest_pause_s = longest_pause_s
        self._jitter = jitter

    async def page(self, key: PageKey, *, page_size: int | None = None) -> ProductPage:
        """One page. With ``page_size``, a page that is shorter than its own ``total`` demands is a failure.

        Raises:
            PageGivenUp: after ``max_attempts``.
            SourceThrottled: the source asks for a pause longer than the run may wait.
            SourceAuthFailed, SourceRefused, PageBeyondCeiling: at once.
        """

        async def ask() -> ProductPage:
            page = await self._source.page(key.number, window=key.window)
            if page_size is not None:
                _check_length(page, page_size)
            return page

        return await self._patiently(key, ask)

    async def product(self, product_id: str) -> ProductPage:
        """The list narrowed to one product. Raises like `page`."""
        return await self._patiently(PageKey(1), lambda: self._source.product(product_id))

    async def _patiently(self, key: PageKey, ask: Callable[[], Awaitable[ProductPage]]) -> ProductPage:
        attempt = 0
        while True:
            attempt += 1
            failure: CatalogError
            delay_s = 0.0
            async with self._pacer.leave():
                self.stats.requests += 1
                try:
                    page = await ask()
                except SourceThrottled as error:
                    failure = error
                    self.stats.throttled += 1
                    pause_s = self._pacer.refused(error.retry_after_s)
                    if pause_s > self._longest_pause_s:
                        raise
                except SourceUnavailable as error:
                    failure = error
                    delay_s = self._jitter(
                        0.0, backoff(attempt, first_s=FIRST_DELAY_S, cap_s=LONGEST_DELAY_S)
                    )
                else:
                    self.stats.bytes += page.size_bytes
                    self._pacer.answered()
                    return page
            if attempt >= self._max_attempts:
                raise PageGivenUp(key, failure, attempts=attempt)
            self.stats.retries += 1
            await self._clock.sleep(delay_s)


def _check_length(page: ProductPage, page_size: int) -> None:
    """A page in the middle must be full, the last one must hold the rest."""
    expected = expected_entries(page.total, page_size, page.number)
    if page.entries < expected:
        raise SourceMalformed(
            f"Page {page.number} is short: {page.entries} of {expected} entries.",
            f"Страница {page.number} неполная: {page.entries} из {expected}.",
            error_code="short_page",
        )

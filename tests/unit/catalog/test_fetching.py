"""One page, with patience."""

import asyncio
from collections.abc import Callable

import pytest
from tests.support.catalog import TestClock, made

from kkt_adapter.catalog.model import PriceWindow, ProductPage
from kkt_adapter.catalog.sync.fetch import PageFetcher, PageGivenUp, PageKey
from kkt_adapter.catalog.sync.rate_limit import Pacer
from kkt_adapter.kernel.errors import (
    CatalogError,
    SourceAuthFailed,
    SourceMalformed,
    SourceRefused,
    SourceThrottled,
    SourceUnavailable,
)

GOOD = ProductPage(number=1, total=1, products=(made(1),), ids=(made(1).id,), size_bytes=100)


class Script:
    """A source that answers as written down, one line a request."""

    def __init__(self, *lines: ProductPage | CatalogError) -> None:
        self.lines = list(lines)
        self.asked = 0

    async def page(self, number: int, *, window: PriceWindow | None = None) -> ProductPage:
        self.asked += 1
        line = self.lines.pop(0)
        if isinstance(line, CatalogError):
            raise line
        return line

    async def product(self, product_id: str) -> ProductPage:
        return await self.page(1)

    async def close(self) -> None:
        return


class NotingClock(TestClock):
    """Notes how long it was asked to sleep, and does not."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []
        self._passed = 0.0

    def monotonic(self) -> float:
        return self._passed

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._passed += seconds
        await asyncio.sleep(0)


def fetcher(
    script: Script, clock: NotingClock, *, attempts: int = 5, jitter: Callable[[float, float], float] = max
) -> PageFetcher:
    return PageFetcher(
        script, Pacer(clock, concurrency=2, per_minute=0), clock, max_attempts=attempts, jitter=jitter
    )


def unavailable() -> SourceUnavailable:
    return SourceUnavailable("away", error_code="http_503")


async def test_failures_are_tried_again_with_growing_delays() -> None:
    clock, script = NotingClock(), Script(*(unavailable() for _ in range(4)), GOOD)
    chosen = fetcher(script, clock)
    assert await chosen.page(PageKey(1)) is GOOD
    assert clock.slept == [0.5, 1.0, 2.0, 4.0]
    stats = chosen.stats.take()
    assert (stats.requests, stats.retries, stats.throttled, stats.bytes) == (5, 4, 0, 100)
    assert chosen.stats.requests == 0


async def test_jitter_covers_the_full_range() -> None:
    asked: list[tuple[float, float]] = []

    def jitter(low: float, high: float) -> float:
        asked.append((low, high))
        return low

    await fetcher(Script(unavailable(), unavailable(), GOOD), NotingClock(), jitter=jitter).page(PageKey(1))
    assert asked == [(0.0, 0.5), (0.0, 1.0)]


async def test_a_page_is_given_up_after_its_attempts() -> None:
    script = Script(*(unavailable() for _ in range(9)))
    with pytest.raises(PageGivenUp) as caught:
        await fetcher(script, NotingClock(), attempts=3).page(PageKey(7))
    assert script.asked == 3
    assert caught.value.key.number == 7


@pytest.mark.parametrize("error", [SourceAuthFailed("no"), SourceRefused("wrong")])
async def test_what_cannot_be_helped_is_not_tried_again(error: CatalogError) -> None:
    script = Script(error, GOOD)
    with pytest.raises(type(error)):
        await fetcher(script, NotingClock()).page(PageKey(1))
    assert script.asked == 1


async def test_a_throttled_page_waits_as_long_as_it_was_told() -> None:
    clock, script = NotingClock(), Script(SourceThrottled("slow", retry_after_s=7.0), GOOD)
    chosen = fetcher(script, clock)
    await chosen.page(PageKey(1))
    assert clock.monotonic() >= 7.0
    assert chosen.stats.throttled == 1


async def test_a_pause_that_is_too_long_ends_the_patience() -> None:
    script = Script(SourceThrottled("slow", retry_after_s=301.0), GOOD)
    with pytest.raises(SourceThrottled):
        await fetcher(script, NotingClock()).page(PageKey(1))


@pytest.mark.parametrize(
    ("number", "total", "entries", "whole"),
    [
        (1, 50, 20, True),
        (1, 50, 19, False),
        (3, 50, 10, True),
        (3, 50, 9, False),
        (2, 50, 0, False),
        (4, 50, 0, True),
    ],
)
async def test_a_short_page_in_the_middle_is_a_failure_not_the_end(
    number: int, total: int, entries: int, whole: bool
) -> None:
    items = tuple(made(n) for n in range(entries))
    page = ProductPage(number=number, total=total, products=items, ids=tuple(item.id for item in items))
    asking = fetcher(Script(page), NotingClock(), attempts=1).page(PageKey(number), page_size=20)
    if whole:
        assert await asking is page
        return
    with pytest.raises(PageGivenUp) as caught:
        await asking
    assert isinstance(caught.value.cause, SourceMalformed)

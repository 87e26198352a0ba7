"""Many pages at once, stored as they arrive."""

import asyncio
import itertools
from collections.abc import Sequence

import pytest
from tests.support.catalog import made

from kkt_adapter.catalog.model import ProductPage
from kkt_adapter.catalog.sync.fetch import PageGivenUp, PageKey
from kkt_adapter.catalog.sync.halt import Halt, Halted, HaltReason
from kkt_adapter.catalog.sync.parallel_reader import Reader, SourceDown
from kkt_adapter.kernel.errors import LeaseLost, SourceAuthFailed, SourceUnavailable

WIDTH = 4


def page(number: int) -> ProductPage:
    return ProductPage(number=number, total=1, products=(made(number),), ids=(str(number),))


class Bench:
    """A source and a store that note what happens."""

    def __init__(self) -> None:
        self.failing: set[int] = set()
        self.stored: list[int] = []
        self.batches: list[int] = []
        self.pages_a_commit = itertools.repeat(2)
        self.unstored = 0
        self.most_unstored = 0
        self.asked: list[int] = []
        self.gate: asyncio.Event | None = None
        self.halt = Halt()

    async def fetch(self, number: int) -> ProductPage:
        self.asked.append(number)
        self.unstored += 1
        self.most_unstored = max(self.most_unstored, self.unstored)
        await asyncio.sleep(0)
        if self.gate is not None:
            await self.gate.wait()
        if number in self.failing:
            self.unstored -= 1
            raise PageGivenUp(PageKey(number), SourceUnavailable("away", error_code="x"), attempts=3)
        return page(number)

    async def store(self, pairs: Sequence[tuple[int, ProductPage]]) -> None:
        await asyncio.sleep(0)
        self.stored += [number for number, _ in pairs]
        self.batches.append(len(pairs))
        self.unstored -= len(pairs)

    def reader(self) -> Reader[int]:
        return Reader(
            self.fetch, self.store, width=WIDTH, halt=self.halt, at_once=lambda: next(self.pages_a_commit)
        )


async def test_all_pages_are_stored_and_few_are_ever_in_flight() -> None:
    bench = Bench()
    assert await bench.reader().read(range(1, 101)) == []
    assert sorted(bench.stored) == list(range(1, 101))
    assert bench.most_unstored <= WIDTH
    assert max(bench.batches) == 2


async def test_pages_given_up_are_set_aside_and_the_others_go_on() -> None:
    bench = Bench()
    bench.failing = {3, 50}
    aside = await bench.reader().read(range(1, 101))
    assert sorted(number for number, _ in aside) == [3, 50]
    assert len(bench.stored) == 98


async def test_ten_failures_in_a_row_end_the_reading_with_what_was_stored() -> None:
    bench = Bench()
    bench.failing = set(range(21, 101))
    with pytest.raises(SourceDown) as caught:
        await bench.reader().read(range(1, 101))
    assert len(caught.value.failures) == 10
    assert sorted(bench.stored) == list(range(1, 21))
    assert len(bench.asked) < 21 + 10 + WIDTH


async def test_nine_failures_between_successes_do_not() -> None:
    bench = Bench()
    bench.failing = {number for number in range(1, 101) if number % 10}
    assert len(await bench.reader().read(range(1, 101))) == 90


async def test_halting_stores_what_has_arrived_and_asks_for_nothing_more() -> None:
    bench = Bench()
    bench.gate = asyncio.Event()
    reading = asyncio.create_task(bench.reader().read(range(1, 101)))
    await asyncio.sleep(0.01)
    bench.halt.set(HaltReason.CANCEL)
    with pytest.raises(Halted) as caught:
        await reading
    assert caught.value.reason is HaltReason.CANCEL
    assert len(bench.asked) == WIDTH
    assert bench.stored == []


async def test_a_halt_that_was_set_before_asks_for_nothing() -> None:
    bench = Bench()
    bench.halt.set(HaltReason.STOP)
    with pytest.raises(Halted):
        await bench.reader().read([1])
    assert bench.asked == []


async def test_a_lost_lease_wins_over_other_reasons() -> None:
    halt = Halt()
    reasons = []
    for reason in (HaltReason.CANCEL, HaltReason.STOP, HaltReason.LOST):
        halt.set(reason)
        reasons.append(halt.reason)
    assert reasons == [HaltReason.CANCEL, HaltReason.CANCEL, HaltReason.LOST]


async def test_a_fatal_answer_ends_everything_and_is_told() -> None:
    bench = Bench()

    async def fetch(number: int) -> ProductPage:
        if number == 5:
            raise SourceAuthFailed("refused")
        return await bench.fetch(number)

    with pytest.raises(SourceAuthFailed):
        await Reader(fetch, bench.store, width=WIDTH, halt=bench.halt).read(range(1, 101))
    assert len(bench.asked) < 5 + WIDTH


async def test_an_error_of_the_store_ends_everything_and_is_told() -> None:
    bench = Bench()

    async def store(pairs: Sequence[tuple[int, ProductPage]]) -> None:
        raise LeaseLost("gone")

    with pytest.raises(LeaseLost):
        await Reader(bench.fetch, store, width=WIDTH, halt=bench.halt).read(range(1, 101))
    assert len(bench.asked) <= 2 * WIDTH

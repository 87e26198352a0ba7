"""When requests may leave."""

import asyncio

from tests.support.clock import ManualClock

from kkt_adapter.catalog.sync.rate_limit import MINUTE_S, ConcurrencyLimit, Pacer, RequestBudget


def test_a_budget_allows_a_burst_and_then_slides() -> None:
    budget = RequestBudget(3)
    for second in (0.0, 1.0, 2.0):
        assert budget.wait_s(second) == 0
        budget.spend(second)
    assert budget.wait_s(2.0) == MINUTE_S - 2.0
    assert budget.wait_s(MINUTE_S) == 0
    budget.spend(MINUTE_S)
    assert budget.wait_s(MINUTE_S) == 1.0  # the second request of the burst ages out next


def test_no_budget_never_waits() -> None:
    budget = RequestBudget(0)
    for _ in range(1000):
        budget.spend(0.0)
    assert budget.wait_s(0.0) == 0


def test_each_refusal_halves_and_fifty_answers_add_one() -> None:
    limit = ConcurrencyLimit(8)
    for expected in (4, 2, 1, 1):
        limit.refused()
        assert limit.allowed == expected
    for _ in range(49):
        limit.answered()
    assert limit.allowed == 1
    limit.answered()
    assert limit.allowed == 2


def test_the_concurrency_limit_never_grows_beyond_its_setting() -> None:
    limit = ConcurrencyLimit(2)
    for _ in range(500):
        limit.answered()
    assert limit.allowed == 2


async def test_a_pause_holds_everybody_until_it_ends(clock: ManualClock) -> None:
    pacer = Pacer(clock, concurrency=4, per_minute=0)
    left: list[float] = []

    async def request() -> None:
        async with pacer.leave():
            left.append(clock.monotonic())

    pacer.refused(5.0)
    start = clock.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(request())
        await clock.until_sleeping(2)  # halved to two at once
        await clock.advance(4.9)
        assert left == []
        await clock.advance(0.2)
    assert len(left) == 6
    assert min(left) >= start + 5.0


async def test_a_pause_that_grows_while_waiting_is_obeyed_too(clock: ManualClock) -> None:
    pacer = Pacer(clock, concurrency=1, per_minute=0)
    pacer.refused(5.0)
    start = clock.monotonic()

    async def request() -> float:
        async with pacer.leave():
            return clock.monotonic()

    waiting = asyncio.create_task(request())
    await clock.until_sleeping()
    pacer.refused(8.0)
    await clock.advance(5.5)
    assert not waiting.done()
    await clock.advance(3.0)
    assert await waiting >= start + 8.0


async def test_refusals_without_a_named_pause_back_off(clock: ManualClock) -> None:
    pacer = Pacer(clock, concurrency=8, per_minute=0)
    assert [pacer.refused(None) for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    pacer.answered()
    assert pacer.refused(None) == 1


async def test_no_more_requests_are_under_way_than_allowed(clock: ManualClock) -> None:
    pacer = Pacer(clock, concurrency=3, per_minute=0)
    under_way = most = 0

    async def request() -> None:
        nonlocal under_way, most
        async with pacer.leave():
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*(request() for _ in range(20)))
    assert most == 3


async def test_a_cancelled_waiter_does_not_take_a_turn_with_it(clock: ManualClock) -> None:
    pacer = Pacer(clock, concurrency=1, per_minute=0)
    async with pacer.leave():
        gone = asyncio.create_task(_pass(pacer))
        waiting = asyncio.create_task(_pass(pacer))
        await asyncio.sleep(0)
        gone.cancel()
    async with asyncio.timeout(60):
        await waiting


async def _pass(pacer: Pacer) -> None:
    async with pacer.leave():
        return

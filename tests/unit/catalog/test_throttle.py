"""A run gives way to receipts, and only to them."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from tests.support.catalog import TestClock

from kkt_adapter.catalog.sync.throttle import PAGES_A_COMMIT, RECEIPTS_WITHIN_S, REST_CAP_S, Throttle

T = TypeVar("T")


class Counted:
    """What `Throttle` sees of a database."""

    dialect = "sqlite"

    def __init__(self) -> None:
        self.items = 0

    async def read(self, fn: Callable[[Any], T]) -> T:
        return fn(None)

    async def write(self, fn: Callable[[Any], T]) -> T:
        return fn(None)

    async def write_each(self, apply: Callable[..., Any], item: Any) -> Any:
        self.items += 1
        return apply(None, [item])[0]

    async def close(self) -> None:
        pass


class Uncounted(Counted):
    """One that tells nothing."""

    def __init__(self) -> None:
        pass


class Clock(TestClock):
    """Time stands still but for sleeping, and each sleep is noted."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def db() -> Counted:
    return Counted()


@pytest.fixture
def throttle(db: Counted, clock: Clock) -> Throttle:
    return Throttle(db, clock=clock)


async def write(throttle: Throttle, clock: Clock, *, takes_s: float = 0.01) -> None:
    async with throttle.storing():
        clock.at += takes_s


async def test_alone_a_run_never_rests_however_much_it_writes(
    throttle: Throttle, db: Counted, clock: Clock
) -> None:
    for _ in range(500):
        await write(throttle, clock)
        async with throttle.parsing():
            clock.at += 0.001
    assert clock.slept == []
    assert throttle.pages_a_commit == PAGES_A_COMMIT


async def test_beside_receipts_each_piece_is_small_and_followed_by_a_longer_rest(
    throttle: Throttle, db: Counted, clock: Clock
) -> None:
    db.items += 1  # a receipt
    assert throttle.pages_a_commit == 1
    await write(throttle, clock, takes_s=0.01)
    async with throttle.parsing():
        clock.at += 0.002
    assert clock.slept == pytest.approx([0.15, 0.03])


async def test_a_rest_has_an_end_whatever_held_the_piece_up(
    throttle: Throttle, db: Counted, clock: Clock
) -> None:
    db.items += 1
    await write(throttle, clock, takes_s=5.0)
    db.items += 1
    await write(throttle, clock, takes_s=5.0)
    assert all(rest <= REST_CAP_S for rest in clock.slept)


async def test_when_the_receipts_are_over_it_goes_on_at_full_speed(
    throttle: Throttle, db: Counted, clock: Clock
) -> None:
    db.items += 1
    assert throttle.pages_a_commit == 1
    clock.at += RECEIPTS_WITHIN_S + 0.1
    assert throttle.pages_a_commit == PAGES_A_COMMIT


async def test_beside_receipts_one_piece_is_done_at_a_time(
    throttle: Throttle, db: Counted, clock: Clock
) -> None:
    at_work = most = 0
    db.items += 1
    assert throttle.pages_a_commit == 1

    async def piece() -> None:
        nonlocal at_work, most
        async with throttle.storing():
            at_work += 1
            most = max(most, at_work)
            await asyncio.sleep(0)
            at_work -= 1

    await asyncio.gather(*(piece() for _ in range(8)))
    assert most == 1


async def test_between_two_pages_the_event_loop_serves_others(throttle: Throttle) -> None:
    """However many answers came at once: they are not parsed in one go."""
    order: list[str] = []

    async def page() -> None:
        async with throttle.parsing():
            order.append("page")

    async def other() -> None:
        while order.count("page") < 5:
            order.append("other")
            await asyncio.sleep(0)

    await asyncio.gather(*(page() for _ in range(5)), other())
    assert "page page" not in " ".join(order)


async def test_over_a_database_that_counts_nothing_it_never_rests(clock: Clock) -> None:
    throttle = Throttle(Uncounted(), clock=clock)
    async with throttle.storing():
        clock.at += 1.0
    assert clock.slept == []
    assert throttle.pages_a_commit == PAGES_A_COMMIT


async def test_beside_a_service_in_another_process_it_always_gives_way(clock: Clock) -> None:
    throttle = Throttle(Uncounted(), clock=clock, always=True)
    assert throttle.pages_a_commit == 1
    async with throttle.parsing():
        clock.at += 0.002
    assert clock.slept == pytest.approx([0.03])

"""How often one caller may ask."""

import pytest
from tests.support.clock import ManualClock

from kkt_adapter.api.rate import RateLimit


def taken(limit: RateLimit, caller: str, tries: int) -> int:
    return sum(limit.wait_s(caller) == 0.0 for _ in range(tries))


async def test_a_second_holds_as_many_requests_as_the_limit_and_fills_up_again() -> None:
    clock = ManualClock()
    limit = RateLimit(clock, per_s=5)
    assert taken(limit, "a", 20) == 5
    await clock.advance(0.5)
    assert taken(limit, "a", 20) == 2
    await clock.advance(60)
    assert taken(limit, "a", 20) == 5, "a pause does not save up more than one second"


async def test_the_wait_is_the_time_to_the_next_token() -> None:
    clock = ManualClock()
    limit = RateLimit(clock, per_s=2)
    taken(limit, "a", 2)
    assert limit.wait_s("a") == pytest.approx(0.5)
    await clock.advance(0.25)
    assert limit.wait_s("a") == pytest.approx(0.25)


def test_callers_do_not_pay_for_each_other() -> None:
    limit = RateLimit(ManualClock(), per_s=1)
    assert taken(limit, "a", 3) == 1
    assert taken(limit, "", 3) == 1


def test_zero_means_no_limit() -> None:
    assert taken(RateLimit(ManualClock(), per_s=0), "a", 1000) == 1000


def test_a_flood_of_callers_takes_no_more_than_its_place() -> None:
    limit = RateLimit(ManualClock(), per_s=1, callers_kept=3)
    for number in range(100):
        limit.wait_s(str(number))
    assert limit.wait_s("99") > 0, "the newest are remembered"
    assert limit.wait_s("0") == 0.0, "the oldest was forgotten"

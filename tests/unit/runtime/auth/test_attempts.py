import pytest
from tests.support.accounts import a_clock

from kkt_adapter.kernel.errors import RateLimited
from kkt_adapter.runtime.auth.attempts import LoginAttempts

HERE = "192.0.2.7"


def fail(attempts: LoginAttempts, times: int, *, name: str = "olga", address: str = HERE) -> None:
    for _ in range(times):
        attempts.check(name, address)
        attempts.failed(name, address)


async def test_five_failures_are_allowed_and_the_sixth_try_waits() -> None:
    clock = a_clock()
    attempts = LoginAttempts(clock)
    fail(attempts, 5)
    await clock.advance(20.5)
    with pytest.raises(RateLimited) as refused:
        attempts.check("olga", HERE)
    assert refused.value.facts["retry_after"] == 40


async def test_a_try_is_allowed_when_the_oldest_failure_is_a_minute_old() -> None:
    clock = a_clock()
    attempts = LoginAttempts(clock)
    fail(attempts, 1)
    await clock.advance(30)
    fail(attempts, 4)
    await clock.advance(29.9)
    with pytest.raises(RateLimited):
        attempts.check("olga", HERE)
    await clock.advance(0.1)
    attempts.check("olga", HERE)


def test_another_address_and_another_account_are_not_held_up() -> None:
    attempts = LoginAttempts(a_clock())
    fail(attempts, 5)
    attempts.check("olga", "192.0.2.8")
    attempts.check("ivan", HERE)


def test_a_success_clears_the_failures_before_it() -> None:
    attempts = LoginAttempts(a_clock())
    fail(attempts, 4)
    attempts.succeeded("olga", HERE)
    fail(attempts, 5)
    with pytest.raises(RateLimited):
        attempts.check("olga", HERE)


def test_memory_is_bounded_and_the_oldest_pair_is_forgotten_first() -> None:
    attempts = LoginAttempts(a_clock(), keys_kept=2)
    fail(attempts, 5, name="first")
    fail(attempts, 5, name="second")
    fail(attempts, 1, name="third")
    attempts.check("first", HERE)
    with pytest.raises(RateLimited):
        attempts.check("second", HERE)


async def test_guesses_from_everywhere_slow_down_the_account_but_not_its_owner() -> None:
    clock = a_clock()
    attempts = LoginAttempts(clock)
    attempts.succeeded("olga", HERE)
    for number in range(20):
        fail(attempts, 1, address=f"203.0.113.{number}")
    with pytest.raises(RateLimited) as refused:
        attempts.check("olga", "203.0.113.99")
    assert refused.value.facts["retry_after"] == 10
    attempts.check("olga", HERE)
    attempts.check("ivan", "203.0.113.99")
    await clock.advance(10)
    fail(attempts, 1, address="203.0.113.99")
    with pytest.raises(RateLimited):
        attempts.check("olga", "203.0.113.98")
    await clock.advance(600)
    fail(attempts, 2, address="203.0.113.98")

"""One operator's address: what its breaker hears, and what is told of it."""

import pytest
from tests.support.clock import ManualClock

from kkt_adapter.fiscal.delivery.endpoint import Endpoint
from kkt_adapter.fiscal.delivery.outcome import Signal
from kkt_adapter.kernel.breaker import Breaker, BreakerState
from kkt_adapter.kernel.errors import OfdUnavailable

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


class Operator:
    """Answers the health call, or not."""

    def __init__(self) -> None:
        self.up = True
        self.asked = 0

    async def probe(self) -> None:
        self.asked += 1
        if not self.up:
            raise OfdUnavailable("nobody listens", error_code="connection")


@pytest.fixture
def operator() -> Operator:
    return Operator()


@pytest.fixture
def changes() -> list[BreakerState]:
    return []


@pytest.fixture
def endpoint(clock: ManualClock, operator: Operator, changes: list[BreakerState]) -> Endpoint:
    return Endpoint(
        "relay:127.0.0.1:1",
        transport="relay",
        breaker=Breaker(failures_to_open=2, open_s=60.0),
        probe=operator.probe,
        clock=clock,
        on_change=lambda _, state: changes.append(state),
    )


def fail(endpoint: Endpoint) -> None:
    endpoint.heard(Signal.FAILURE, label="timeout", error="no answer")


def test_changes_are_told_once_each(endpoint: Endpoint, changes: list[BreakerState]) -> None:
    endpoint.succeeded(0.1)
    fail(endpoint)
    assert changes == []
    fail(endpoint)
    fail(endpoint)
    assert changes == [OPEN]
    endpoint.reset()
    endpoint.reset()
    assert changes == [OPEN, CLOSED]


async def test_nothing_passes_until_the_time_is_over(endpoint: Endpoint, clock: ManualClock) -> None:
    fail(endpoint)
    fail(endpoint)
    assert not endpoint.lets_through()
    assert endpoint.wait_s() == 60.0
    await clock.advance(59.0)
    assert not endpoint.lets_through()
    await clock.advance(1.0)
    assert endpoint.lets_through()
    assert endpoint.state is HALF_OPEN


async def test_two_good_probes_close_it(
    endpoint: Endpoint, clock: ManualClock, changes: list[BreakerState]
) -> None:
    fail(endpoint)
    fail(endpoint)
    await clock.advance(60.0)
    endpoint.lets_through()
    assert await endpoint.probe()
    assert endpoint.state is HALF_OPEN
    assert await endpoint.probe()
    assert endpoint.state is CLOSED
    assert changes == [OPEN, HALF_OPEN, CLOSED]


async def test_a_probe_that_fails_opens_it_for_the_whole_time_again(
    endpoint: Endpoint, clock: ManualClock, operator: Operator
) -> None:
    fail(endpoint)
    fail(endpoint)
    await clock.advance(60.0)
    endpoint.lets_through()
    operator.up = False
    assert not await endpoint.probe()
    assert endpoint.state is OPEN
    assert endpoint.wait_s() == 60.0
    assert endpoint.stats.errors == {"timeout": 2, "connection": 1}


def test_a_refusal_says_that_the_operator_is_alive(endpoint: Endpoint) -> None:
    fail(endpoint)
    endpoint.heard(Signal.ALIVE, label="http_422", error="refused")
    assert endpoint.state is CLOSED
    assert endpoint.breaker.failure_count == 1, "while closed only an accepted receipt resets the counter"
    endpoint.succeeded(0.1)
    assert endpoint.breaker.failure_count == 0


def test_a_forced_pass_may_probe_early_and_only_through_an_open_breaker(endpoint: Endpoint) -> None:
    endpoint.force_half_open()
    assert endpoint.state is CLOSED
    fail(endpoint)
    fail(endpoint)
    endpoint.force_half_open()
    assert endpoint.state is HALF_OPEN


async def test_who_only_wants_to_know_changes_nothing(endpoint: Endpoint, operator: Operator) -> None:
    operator.up = False
    assert not await endpoint.answers()
    assert endpoint.stats.errors == {}
    assert endpoint.breaker.failure_count == 0
    operator.up = True
    assert await endpoint.answers()

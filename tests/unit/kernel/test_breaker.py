"""The table of delivery.md#circuit-breaker, row by row, and that no other move exists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.kernel.breaker import METRIC_VALUE, Breaker, BreakerState

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


def opened(at: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(5):
        breaker.failure(at)
    assert breaker.state is OPEN
    return breaker


def half_open() -> Breaker:
    breaker = opened()
    assert breaker.let_through(60.0)
    assert breaker.state is HALF_OPEN
    return breaker


def test_closed_opens_at_the_fifth_channel_failure_in_a_row() -> None:
    breaker = Breaker()
    for _ in range(4):
        breaker.failure(0.0)
        assert breaker.state is CLOSED
    breaker.failure(0.0)
    assert breaker.state is OPEN
    assert breaker.opens_total == 1


def test_any_accepted_receipt_starts_the_count_of_failures_anew() -> None:
    breaker = Breaker()
    for _ in range(4):
        breaker.failure(0.0)
    breaker.success()
    for _ in range(4):
        breaker.failure(0.0)
    assert breaker.state is CLOSED


def test_a_rejection_while_closed_is_neither_success_nor_failure() -> None:
    breaker = Breaker()
    for _ in range(4):
        breaker.failure(0.0)
    breaker.alive()
    breaker.failure(0.0)
    assert breaker.state is OPEN


@pytest.mark.parametrize(("now", "passes"), [(0.0, False), (59.9, False), (60.0, True), (600.0, True)])
def test_open_lets_a_probe_through_after_sixty_seconds(now: float, passes: bool) -> None:
    breaker = opened(at=0.0)

    assert breaker.let_through(now) is passes
    assert breaker.state is (HALF_OPEN if passes else OPEN)


def test_the_wait_for_a_probe_counts_down() -> None:
    breaker = opened(at=100.0)

    assert [breaker.wait_s(now) for now in (100.0, 130.0, 160.0, 200.0)] == [60.0, 30.0, 0.0, 0.0]
    assert Breaker().wait_s(0.0) == 0.0


def test_half_open_closes_after_two_good_probes() -> None:
    breaker = half_open()
    breaker.success()
    assert breaker.state is HALF_OPEN
    breaker.success()
    assert breaker.state is CLOSED
    assert breaker.failure_count == 0


def test_a_rejection_in_half_open_is_a_good_probe() -> None:
    breaker = half_open()
    breaker.alive()
    breaker.alive()
    assert breaker.state is CLOSED


def test_one_failure_in_half_open_opens_for_sixty_seconds_again() -> None:
    breaker = half_open()
    breaker.success()
    breaker.failure(75.0)
    assert breaker.state is OPEN
    assert breaker.wait_s(75.0) == 60.0
    assert breaker.opens_total == 2
    breaker.let_through(135.0)
    breaker.success()
    assert breaker.state is HALF_OPEN  # the good probe from before does not count


def test_a_forced_pass_probes_before_the_time() -> None:
    breaker = opened(at=0.0)
    breaker.half_open()
    assert breaker.let_through(1.0)
    assert breaker.state is HALF_OPEN


def test_reset_by_hand_closes_and_forgets() -> None:
    breaker = opened()
    breaker.reset()
    assert (breaker.state, breaker.failure_count, breaker.success_count) == (CLOSED, 0, 0)


def test_the_metric_has_a_value_for_every_state() -> None:
    assert METRIC_VALUE == {CLOSED: 0, OPEN: 1, HALF_OPEN: 2}


@given(st.lists(st.sampled_from(["success", "alive", "failure", "look", "wait"]), max_size=80))
def test_no_move_happens_that_the_table_does_not_have(events: list[str]) -> None:
    allowed = {(CLOSED, OPEN), (OPEN, HALF_OPEN), (HALF_OPEN, CLOSED), (HALF_OPEN, OPEN)}
    breaker, now = Breaker(), 0.0
    for event in events:
        before = breaker.state
        if event == "wait":
            now += 30.0
        elif event == "look":
            breaker.let_through(now)
        elif before is not OPEN:  # nothing is sent while OPEN, so nothing can come back
            breaker.failure(now) if event == "failure" else getattr(breaker, event)()
        assert breaker.state is before or (before, breaker.state) in allowed

"""Online after two hits in a row, offline after three misses in a row; else unchanged."""

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.fiscal.heartbeat.target import HITS_FOR_ONLINE, MISSES_FOR_OFFLINE
from kkt_adapter.kernel.hysteresis import Hysteresis, Presence

START = Hysteresis(hits_for_up=HITS_FOR_ONLINE, misses_for_down=MISSES_FOR_OFFLINE)


def after(results: str) -> Hysteresis:
    """``+`` is a hit, ``-`` a miss."""
    return reduce(lambda state, one: state.hit() if one == "+" else state.miss(), results, START)


@pytest.mark.parametrize(
    ("results", "state"),
    [
        ("", "unknown"),
        ("+", "unknown"),
        ("++", "online"),
        ("+-+-+-", "unknown"),  # never two hits or three misses in a row
        ("--", "unknown"),
        ("---", "offline"),
        ("++--", "online"),
        ("++--+--", "online"),
        ("++---", "offline"),
        ("---+", "offline"),
        ("---+-+", "offline"),
        ("---++", "online"),
    ],
)
def test_the_state_after_a_row_of_results(results: str, state: str) -> None:
    assert after(results).state == state


@given(st.text(alphabet="+-", max_size=60), st.sampled_from("+-"))
def test_no_single_result_turns_a_settled_state(row: str, last: str) -> None:
    before, now = after(row).state, after(row + last).state
    if now is not before:
        needed = "++" if last == "+" else "---"
        assert (row + last).endswith(needed)


@given(st.text(alphabet="+-", max_size=60))
def test_one_odd_result_between_two_states_changes_nothing(row: str) -> None:
    settled = after(row + "+++")
    assert settled.miss().state is Presence.ONLINE
    assert settled.miss().hit().hit().state is Presence.ONLINE

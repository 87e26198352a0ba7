"""Up after N hits in a row, down after M misses in a row (heartbeat.md: 2 and 3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.kernel.hysteresis import Hysteresis, Presence


def after(results: str, start: Hysteresis | None = None) -> Hysteresis:
    value = start or Hysteresis()
    for result in results:
        value = value.hit() if result == "+" else value.miss()
    return value


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ("", Presence.UNKNOWN),
        ("+", Presence.UNKNOWN),  # one success proves nothing
        ("++", Presence.ONLINE),
        ("--", Presence.UNKNOWN),
        ("---", Presence.OFFLINE),
        ("+-+-+-", Presence.UNKNOWN),  # never two alike in a row
        ("++--", Presence.ONLINE),  # two misses are not enough to fall
        ("++---", Presence.OFFLINE),
        ("---+", Presence.OFFLINE),
        ("---++", Presence.ONLINE),
        ("++--+-", Presence.ONLINE),  # a hit starts the count of misses anew
    ],
)
def test_rows_of_results(results: str, expected: Presence) -> None:
    assert after(results).state is expected


@given(st.text("+-", max_size=60))
def test_the_state_changes_only_at_the_end_of_a_row_of_its_kind(results: str) -> None:
    for end in range(1, len(results) + 1):
        before, now = after(results[: end - 1]).state, after(results[:end]).state
        if now is not before:
            row = "++" if now is Presence.ONLINE else "---"
            assert results[:end].endswith(row)


def test_it_is_a_value() -> None:
    start = Hysteresis()
    start.hit()
    assert start == Hysteresis()

"""The hybrid clock only goes forward, whatever the wall clock does."""

from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.kernel.hlc import ZERO, HybridTimestamp, observe, tick

walls = st.integers(0, 2**37)
stamps = st.builds(HybridTimestamp, st.integers(0, 2**37), st.integers(0, 10**9))


@given(st.lists(walls, max_size=50))
def test_every_stamp_is_greater_than_all_before_it(readings: list[int]) -> None:
    taken = [ZERO]
    for reading in readings:
        taken.append(tick(taken[-1], reading))

    assert taken == sorted(set(taken))


@given(stamps, walls)
def test_a_stamp_is_never_behind_the_wall_clock(last: HybridTimestamp, now: int) -> None:
    assert tick(last, now).local_time >= now


def test_a_clock_set_back_makes_the_counter_grow() -> None:
    assert tick(HybridTimestamp(1_000, 3), 900) == HybridTimestamp(1_000, 4)
    assert tick(HybridTimestamp(1_000, 3), 1_000) == HybridTimestamp(1_000, 4)


def test_a_clock_that_moved_on_starts_the_counter_anew() -> None:
    assert tick(HybridTimestamp(1_000, 3), 1_001) == HybridTimestamp(1_001, 0)


@given(stamps, stamps, walls)
def test_after_a_remote_stamp_ours_is_greater_than_both(
    last: HybridTimestamp, remote: HybridTimestamp, now: int
) -> None:
    stamp = observe(last, remote, now)

    assert stamp > last
    assert stamp > remote
    assert stamp.local_time >= now


@given(stamps, stamps)
def test_texts_sort_like_stamps(left: HybridTimestamp, right: HybridTimestamp) -> None:
    assert (left.text() < right.text()) == (left < right)

"""1, 2, 4 .. 60, 60 (delivery.md#worker)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.kernel.backoff import CAP_S, backoff


def test_the_series_of_the_contract() -> None:
    assert [backoff(n) for n in range(1, 10)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@given(st.integers(1, 10**9))
def test_a_delay_is_between_the_first_and_the_cap_and_never_shrinks(attempt: int) -> None:
    assert 1 <= backoff(attempt) <= backoff(attempt + 1) <= CAP_S


def test_first_and_cap_can_be_others() -> None:
    assert [backoff(n, first_s=0.5, cap_s=3) for n in range(1, 6)] == [0.5, 1, 2, 3, 3]


@pytest.mark.parametrize("attempt", [0, -1])
def test_attempts_count_from_one(attempt: int) -> None:
    with pytest.raises(ValueError, match="from 1"):
        backoff(attempt)

"""Buckets count what was observed, and quantiles say what Prometheus would."""

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.kernel.histogram import Histogram


def filled(*values: float, bounds: tuple[float, ...] = (1.0, 2.0, 5.0)) -> Histogram:
    histogram = Histogram(bounds)
    for value in values:
        histogram.observe(value)
    return histogram


def test_a_value_on_a_bound_belongs_to_it() -> None:
    counted = filled(0.5, 1.0, 1.1, 5.0, 9.0).snapshot()
    assert counted.counts == (2, 1, 1, 1)
    assert counted.count == 5
    assert counted.total == pytest.approx(16.6)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ((), 0.95, None),  # nothing was observed
        ((0.5, 0.5), 0.5, 0.5),  # linear within 0..1
        ((1.5,) * 100, 0.95, 1.95),  # linear within 1..2
        ((0.5,) * 95 + (9.0,) * 5, 0.95, 1.0),  # exactly at the bound
        ((0.5,) * 90 + (9.0,) * 10, 0.95, 5.0),  # above every bound: the last one
    ],
)
def test_quantiles(values: tuple[float, ...], share: float, expected: float | None) -> None:
    assert filled(*values).snapshot().quantile(share) == (
        None if expected is None else pytest.approx(expected)
    )


def test_only_what_came_later_counts_since_a_snapshot() -> None:
    histogram = filled(0.5, 9.0)
    earlier = histogram.snapshot()
    histogram.observe(1.5)
    later = histogram.snapshot().since(earlier)
    assert (later.counts, later.total) == ((0, 1, 0, 0), 1.5)


@given(
    st.lists(st.floats(min_value=0, max_value=10), min_size=1),
    st.integers(min_value=1, max_value=100),
)
def test_a_quantile_lies_in_the_bucket_of_the_true_one(values: list[float], percent: int) -> None:
    bounds = (1.0, 2.0, 5.0, 10.0)
    found = filled(*values, bounds=bounds).snapshot().quantile(percent / 100)
    true = sorted(values)[ceil(Fraction(percent * len(values), 100)) - 1]
    high = min(bound for bound in bounds if true <= bound)
    low = max(bound for bound in (0.0, *bounds) if bound < high)
    assert found is not None
    assert low - 1e-9 <= found <= high + 1e-9


@pytest.mark.parametrize("bounds", [(), (2.0, 1.0), (1.0, 1.0)])
def test_bounds_must_rise(bounds: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="rise"):
        Histogram(bounds)

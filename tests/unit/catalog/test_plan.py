"""What a run has to read, and how a list is cut into price windows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.catalog.model import PriceWindow
from kkt_adapter.catalog.sync.plan import PageRow, Plan, Slice, pages_needed, split


def row(
    page: int, arrival: int = 1, *, scope: str = "", ids: tuple[str, ...] = (), total: int = 45
) -> PageRow:
    return PageRow(scope=scope, page=page, arrival=arrival, total=total, ids=ids)


PLAN = Plan(page_size=20, total=45, slices=(Slice(total=45),))


def test_pages_are_counted_up() -> None:
    assert [pages_needed(total, 20) for total in (0, 1, 20, 21, 15_420)] == [0, 1, 1, 2, 771]
    assert PLAN.pages_total == 3


def test_missing_pages_come_in_order() -> None:
    assert [key.number for key in PLAN.missing([row(2)])] == [1, 3]
    assert list(PLAN.missing([row(1), row(2), row(3)])) == []


def test_pages_that_arrived_before_the_list_moved_are_missing_again() -> None:
    moved = PLAN.with_slice(Slice(total=45, valid_from=5))
    assert [key.number for key in moved.missing([row(1, 4), row(2, 5), row(3, 6)])] == [1]
    assert [stored.page for stored in moved.valid([row(1, 4), row(2, 5), row(3, 6)])] == [2, 3]


def test_pages_past_the_end_of_a_shorter_list_do_not_count() -> None:
    shorter = PLAN.with_slice(Slice(total=20))
    assert [stored.page for stored in shorter.valid([row(1), row(2)])] == [1]


def test_pages_of_another_slicing_do_not_count() -> None:
    windows = Plan(page_size=20, total=45, slices=(Slice(window=PriceWindow(high=100), total=45),))
    assert windows.valid([row(1)]) == []
    assert [key.window for key in windows.missing([row(1)])] == [PriceWindow(high=100)] * 3


def test_a_plan_survives_being_stored() -> None:
    plan = Plan(
        page_size=20,
        total=99,
        slices=(
            Slice(total=3, valid_from=7),
            Slice(window=PriceWindow(low=5, high=None), total=60),
            Slice(window=PriceWindow(low=None, high=6), total=40),
        ),
    )
    assert Plan.from_json(plan.to_json()) == plan
    assert Plan.from_json("{}") == Plan()


def test_the_whole_list_is_cut_with_open_ends() -> None:
    low, high = split(None) or ()
    assert low.low is None and high.high is None
    assert low.high is not None and high.low is not None
    assert low.high > high.low


@given(st.integers(0, 10**6), st.integers(4, 10**6))
def test_halves_cover_their_window_whether_or_not_its_ends_count(low: int, width: int) -> None:
    window = PriceWindow(low=low, high=low + width)
    halves = split(window)
    assert halves is not None
    left, right = halves
    for price in {low, low + 1, low + width // 2, low + width // 2 + 1, low + width - 1, low + width}:
        inside = low < price < low + width
        if inside:  # strictly inside the window: strictly inside a half too
            assert _strictly(left, price) or _strictly(right, price)
        assert _loosely(left, price) or _loosely(right, price)
    for half in halves:
        assert half.low is not None and half.high is not None
        assert half.high - half.low < width


@pytest.mark.parametrize(
    "window", [PriceWindow(low=5, high=6), PriceWindow(low=5, high=7), PriceWindow(low=10**12)]
)
def test_a_window_that_cannot_be_cut_says_so(window: PriceWindow) -> None:
    assert split(window) is None


def _strictly(window: PriceWindow, price: int) -> bool:
    return (window.low is None or window.low < price) and (window.high is None or price < window.high)


def _loosely(window: PriceWindow, price: int) -> bool:
    return (window.low is None or window.low <= price) and (window.high is None or price <= window.high)

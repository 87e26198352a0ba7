"""Did a run see everything? The rule that decides about the sweep."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kkt_adapter.catalog.model import PriceWindow
from kkt_adapter.catalog.runs import RunReason
from kkt_adapter.catalog.sync.completeness import Complete, Final, Odd, ReadAgain, assess, doubtful
from kkt_adapter.catalog.sync.plan import PageRow, Plan, Slice

SIZE = 3


def read(pages: list[list[str]], totals: list[int] | None = None, loose: int = 0) -> list[PageRow]:
    """Pages as they arrived, in order; page 1 was asked for again at the very end."""
    total = sum(map(len, pages)) + loose
    said = totals or [total] * len(pages)
    rows = [
        PageRow(scope="", page=number, arrival=number, total=said[number - 1], ids=tuple(ids))
        for number, ids in enumerate(pages, 1)
    ]
    first = rows[0]
    rows[0] = PageRow(scope="", page=1, arrival=len(pages) + 1, total=said[-1], ids=first.ids, loose=loose)
    return rows


def plan(total: int) -> Plan:
    return Plan(page_size=SIZE, total=total, slices=(Slice(total=total),))


def final(rows: list[PageRow], *, total: int | None = None, moved: bool = False) -> dict[str, Final]:
    return {"": Final(arrival=rows[0].arrival, total=rows[0].total if total is None else total, moved=moved)}


def test_every_page_and_the_right_count_is_complete() -> None:
    rows = read([["1", "2", "3"], ["4", "5", "6"], ["7"]])
    decision = assess(plan(7), rows, final(rows), total=7)
    assert decision == Complete(products=7, plan=replace(plan(7), slices=(Slice(total=7),)))


def test_entries_without_an_id_count_too() -> None:
    rows = read([["1", "2"], ["4", "5", "6"], ["7"]], loose=1)
    assert isinstance(assess(plan(7), rows, final(rows), total=7), Complete)


def test_a_product_served_twice_makes_its_pages_odd() -> None:
    rows = read([["1", "2", "3"], ["3", "4", "5"], ["6", "7", "8"], ["9"]])
    decision = assess(plan(10), rows, final(rows), total=10)
    assert isinstance(decision, Odd)
    assert ([row.page for row in decision.pages], decision.reason) == ([1, 2], RunReason.DUPLICATES)


@pytest.mark.parametrize(
    ("pages", "odd"), [([["1", "2", "3"], ["4", "5"]], 2), ([["1", "2", "3"], ["4", "5", "6", "7"]], 2)]
)
def test_a_page_of_another_length_than_the_total_demands_is_odd(pages: list[list[str]], odd: int) -> None:
    rows = read(pages, totals=[6, 6])
    decision = assess(plan(6), rows, final(rows), total=6)
    assert isinstance(decision, Odd)
    assert ([row.page for row in decision.pages], decision.reason) == ([odd], RunReason.TOTAL_WRONG)


def test_a_list_that_shrank_to_one_page_ends_with_it() -> None:
    """What stood on the page behind is no part of a run that is complete without it."""
    rows = [
        PageRow(scope="", page=1, arrival=3, total=3, ids=("1", "2", "3")),
        PageRow(scope="", page=2, arrival=2, total=4, ids=("4",)),
    ]
    decision = assess(plan(4), rows, final(rows), total=3)
    assert isinstance(decision, Complete)
    assert [row.page for row in decision.plan.valid(rows)] == [1]


def test_a_total_cut_short_by_a_ceiling_is_counted_in_windows() -> None:
    slices = (
        Slice(window=PriceWindow(low=None, high=500), total=4),
        Slice(window=PriceWindow(low=499, high=None), total=4),
    )
    windows = Plan(page_size=SIZE, total=6, slices=slices, ceiling=2)
    rows = [
        PageRow(scope="-500", page=1, arrival=1, total=4, ids=("1", "2", "3")),
        PageRow(scope="-500", page=2, arrival=2, total=4, ids=("4",)),
        PageRow(scope="499-", page=1, arrival=3, total=4, ids=("5", "6", "7")),
        PageRow(scope="499-", page=2, arrival=4, total=4, ids=("8",)),
    ]
    said = {part.scope: Final(arrival=5, total=4) for part in slices}
    decision = assess(windows, rows, said, total=6)
    assert isinstance(decision, Complete)
    assert (decision.products, decision.plan.total) == (8, 8)
    assert not isinstance(assess(windows, rows, said, total=7), Complete)  # no ceiling explains this one


def test_pages_read_before_the_total_changed_are_read_again() -> None:
    """One left after page 1 was read: page 2 lacks what moved up, though the counts agree at the end."""
    rows = [
        PageRow(scope="", page=1, arrival=5, total=6, ids=("2", "3", "4")),
        PageRow(scope="", page=2, arrival=2, total=7, ids=("4", "5", "6")),
        PageRow(scope="", page=3, arrival=4, total=6, ids=()),
    ]
    decision = assess(plan(7), rows, final(rows), total=6)
    assert isinstance(decision, ReadAgain)
    assert [key.number for key in decision.plan.missing(rows)] == [2]


def test_a_total_that_changes_and_changes_back_is_still_a_move() -> None:
    rows = read([["1", "2", "3"], ["4", "5", "6"], ["7", "8", "9"], ["a"]], totals=[10, 9, 10, 10])
    decision = assess(plan(10), rows, final(rows), total=10)
    assert isinstance(decision, ReadAgain)
    assert [key.number for key in decision.plan.missing(rows)] == [2]


def test_a_first_page_with_other_products_at_the_end_makes_everything_stale() -> None:
    rows = read([["1", "2", "3"], ["4", "5", "6"]])
    decision = assess(plan(6), rows, final(rows, moved=True), total=6)
    assert isinstance(decision, ReadAgain)
    assert [key.number for key in decision.plan.missing(rows)] == [2]


def test_a_list_that_grew_needs_its_new_pages() -> None:
    rows = read([["1", "2", "3"], ["4", "5", "6"]], totals=[6, 6])
    rows[0] = PageRow(scope="", page=1, arrival=3, total=8, ids=rows[0].ids)
    decision = assess(plan(6), rows, final(rows), total=8)
    assert isinstance(decision, ReadAgain)
    assert [key.number for key in decision.plan.missing(rows)] == [2, 3]


@pytest.mark.parametrize(
    ("candidate", "in_doubt"),
    [
        ("05", False),  # before the first product: page 1 would show it
        ("12", False),  # inside page 1
        ("25", True),  # between page 1 and page 2
        ("35", False),
        ("45", True),
        ("99", False),  # behind the last product: the last page would show it
    ],
)
def test_absence_is_proven_inside_a_page_and_doubtful_between_pages(candidate: str, in_doubt: bool) -> None:
    rows = read([["10", "11", "20"], ["30", "31", "40"], ["50"]])
    assert doubtful([candidate], rows) == ([candidate] if in_doubt else [])


def test_in_a_list_without_order_every_absence_is_doubtful() -> None:
    assert doubtful(["12"], read([["20", "11", "10"], ["30"]])) == ["12"]
    assert doubtful(["12"], read([["10", "11", "20"], ["15"]])) == ["12"]


def test_in_price_windows_every_absence_is_doubtful() -> None:
    rows = [
        PageRow(scope="-500", page=1, arrival=1, total=2, ids=("10", "20")),
        PageRow(scope="499-", page=1, arrival=2, total=1, ids=("30",)),
    ]
    assert doubtful(["12"], rows) == ["12"]


def test_longer_ids_are_greater_numbers() -> None:
    assert doubtful(["95"], read([["9", "10"], ["100"]])) == ["95"]
    assert doubtful(["11"], read([["9", "12"], ["100"]])) == []


Move = Callable[[list[str], random.Random], list[str]]


def _leave(items: list[str], dice: random.Random) -> list[str]:
    gone = dice.randrange(len(items))
    return items[:gone] + items[gone + 1 :]


def _come(items: list[str], dice: random.Random) -> list[str]:
    return sorted([*items, f"{dice.randrange(1000, 9999)}"])


def _swap(items: list[str], dice: random.Random) -> list[str]:
    return _come(_leave(items, dice), dice)


@settings(max_examples=300)
@given(st.integers(0, 10**6), st.lists(st.sampled_from([_leave, _come, _swap]), min_size=1, max_size=4))
def test_nothing_that_exists_is_ever_taken_for_gone(seed: int, moves: list[Move]) -> None:
    """The list moves at random moments while its pages are read in random order, some again."""
    dice = random.Random(seed)
    before = sorted({f"{dice.randrange(1000, 9999)}" for _ in range(20)})
    items, always = list(before), set(before)
    seen: set[str] = set()
    current = plan(len(items))
    rows: dict[int, PageRow] = {}
    arrival = 0
    for _ in range(3):
        missing = [key.number for key in current.missing(rows.values())]
        dice.shuffle(missing)
        for page in [*missing, 1]:
            if moves and dice.random() < 0.3:
                items = moves.pop()(items, dice)
                always &= set(items)
            arrival += 1
            ids = tuple(items[(page - 1) * SIZE : page * SIZE])
            earlier = rows.get(page)
            rows[page] = PageRow(scope="", page=page, arrival=arrival, total=len(items), ids=ids)
            seen.update(ids)
        moved = earlier is not None and earlier.total == len(items) and earlier.ids != ids
        said = {"": Final(arrival=arrival, total=len(items), moved=moved)}
        decision = assess(current, rows.values(), said, total=len(items))
        if isinstance(decision, Complete):
            valid = decision.plan.valid(rows.values())
            listed = {product_id for row in valid for product_id in row.ids}
            absent = sorted(set(before) - listed)
            asked_for = seen.union(doubtful(absent, valid))  # what the run has met is asked for too
            assert not always.intersection(absent) - asked_for
            return
        if isinstance(decision, Odd):
            current = replace(current.afresh(arrival), total=len(items))
            current = current.with_slice(replace(current.slices[0], total=len(items)))
        else:
            current = decision.plan

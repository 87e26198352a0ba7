"""Kopecks and millionths: exact, half up, and readable back."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.kernel.money import (
    ONE,
    QUANTITY_SCALE,
    divide_half_up,
    kopecks,
    line_amount,
    quantity,
    quantity_text,
    rubles,
)

amounts = st.integers(min_value=0, max_value=10**13)  # 100 billion rubles: past any tag's range


@pytest.mark.parametrize(
    ("value", "expected"),
    [("97.75", 9775), ("0.005", 1), ("0.004", 0), ("1E+3", 100_000), ("-0.005", -1), ("0", 0)],
)
def test_rubles_become_kopecks_half_up(value: str, expected: int) -> None:
    assert kopecks(Decimal(value)) == expected


@given(st.integers(min_value=-(10**13), max_value=10**13))
def test_kopecks_survive_the_way_through_text(amount: int) -> None:
    assert kopecks(Decimal(rubles(amount))) == amount


@pytest.mark.parametrize(("amount", "text"), [(9775, "97.75"), (5, "0.05"), (-5, "-0.05"), (0, "0.00")])
def test_rubles_have_two_decimals(amount: int, text: str) -> None:
    assert rubles(amount) == text


@pytest.mark.parametrize(
    ("price", "amount", "expected"),
    [
        (10_000, ONE, 10_000),
        (9_990, 1_234_000, 12_328),  # 123.2766 rubles
        (1, 500_000, 1),  # half a kopeck rounds up
        (1, 499_999, 0),
        (100, 333_333, 33),
    ],
)
def test_line_amounts(price: int, amount: int, expected: int) -> None:
    assert line_amount(price, amount) == expected


@given(price=st.integers(0, 10**10), amount=st.integers(0, 10**12))
def test_a_line_amount_is_what_exact_decimals_give(price: int, amount: int) -> None:
    exact = Decimal(price) * Decimal(amount) / QUANTITY_SCALE

    assert line_amount(price, amount) == int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


@given(amounts, st.integers(1, 10**9))
def test_half_up_is_never_further_than_half_away(numerator: int, denominator: int) -> None:
    error = 2 * (divide_half_up(numerator, denominator) * denominator - numerator)

    assert -denominator < error <= denominator


@given(amounts)
def test_quantities_survive_the_way_through_text(amount: int) -> None:
    assert quantity(Decimal(quantity_text(amount))) == amount


@pytest.mark.parametrize(
    ("amount", "text"), [(1_500_000, "1.5"), (1, "0.000001"), (2_000_000, "2"), (0, "0")]
)
def test_quantity_text_is_as_short_as_it_can_be(amount: int, text: str) -> None:
    assert quantity_text(amount) == text


def test_a_seventh_decimal_is_refused() -> None:
    with pytest.raises(ValueError, match="six decimals"):
        quantity(Decimal("0.0000001"))

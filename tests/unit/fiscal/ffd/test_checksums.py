import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.fiscal.ffd.checksums import (
    inn_is_valid,
    registration_number_check,
    registration_number_is_valid,
)


@pytest.mark.parametrize(
    "inn", ["7702203276", "7704358518", "7704211201", "7802781104", "7707083893", "500100732259"]
)
def test_real_numbers_pass(inn: str):
    assert inn_is_valid(inn)


@pytest.mark.parametrize(
    ("inn", "why"),
    [
        ("7702203277", "last digit off by one"),
        ("7702203267", "two digits swapped"),
        ("500100732258", "second check digit of a person"),
        ("500100732249", "first check digit of a person"),
        ("", "nothing"),
        ("770220327", "nine digits"),
        ("77022032760", "eleven digits"),
        ("7702203276  ", "padding is not part of it"),
        ("77022O3276", "a letter"),
        ("٧٧٠٢٢٠٣٢٧٦", "digits, but not ASCII"),
        ("0000000000", "filler"),
        ("000000000000", "filler"),
    ],
)
def test_anything_else_fails(inn: str, why: str):
    assert not inn_is_valid(inn), why


@given(st.text(alphabet="0123456789", min_size=9, max_size=9), st.integers(0, 9), st.integers(1, 9))
def test_a_changed_check_digit_is_noticed(base: str, digit: int, shift: int):
    if inn_is_valid(f"{base}{digit}"):
        assert not inn_is_valid(f"{base}{(digit + shift) % 10}")


@given(st.text(alphabet="0123456789", min_size=9, max_size=9).filter(lambda t: t.strip("0")))
def test_every_base_has_exactly_one_check_digit(base: str):
    assert sum(inn_is_valid(f"{base}{d}") for d in range(10)) == 1


def test_the_check_part_of_a_registration_number_follows_from_owner_and_register():
    assert registration_number_check("0000000005", inn="7702203276", serial_number="000000000002") == "008570"


def test_leading_zeros_of_serial_number_and_inn_change_nothing():
    assert registration_number_check("0000000005", inn="007702203276", serial_number="2") == "008570"


def test_a_registration_number_is_checked_against_owner_and_register():
    assert registration_number_is_valid("0000000005008570", inn="7702203276", serial_number="2")
    assert not registration_number_is_valid("0000000005008571", inn="7702203276", serial_number="2")
    assert not registration_number_is_valid("0000000005008570", inn="7704358518", serial_number="2")
    assert not registration_number_is_valid("0000000005008570", inn="7702203276", serial_number="3")


@pytest.mark.parametrize("number", ["", "000000000500857", "00000000050085700", "000000000500857x"])
def test_a_registration_number_of_another_shape_is_not_valid(number: str):
    assert not registration_number_is_valid(number, inn="7702203276", serial_number="2")


def test_a_serial_number_too_long_for_the_rule_is_not_valid():
    assert not registration_number_is_valid("0000000005008570", inn="7702203276", serial_number="2" * 21)
    assert not registration_number_is_valid("0000000005008570", inn="7702203276", serial_number="№2")


@pytest.mark.parametrize("base", ["", "123456789", "12345678901", "12345678x0"])
def test_the_given_part_must_be_ten_digits(base: str):
    with pytest.raises(ValueError, match="ten digits"):
        registration_number_check(base, inn="7702203276", serial_number="2")

"""Rates by day, tax inside an amount, and the spellings of a rate."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.receipts import a_line, a_sale

from kkt_adapter.fiscal.ffd.vat import (
    CODE,
    PERCENT,
    PERIODS,
    RATE_OF_CODE,
    RateAge,
    VatRateUnknown,
    is_plain_rate_of_advance,
    parse_vat,
    rate_age,
    vat_differs,
    vat_inside,
)
from kkt_adapter.fiscal.model import ReceiptKind, VatRate

LAST_OF_2024, FIRST_OF_2025 = date(2024, 12, 31), date(2025, 1, 1)
LAST_OF_2025, FIRST_OF_2026 = date(2025, 12, 31), date(2026, 1, 1)

VALID, EARLY, LATE = RateAge.VALID, RateAge.EARLY, RateAge.LATE
SALE, REFUND = ReceiptKind.SALE, ReceiptKind.REFUND


def test_every_rate_has_a_code_a_percentage_and_a_period():
    assert set(CODE) == set(PERCENT) == set(PERIODS) == set(VatRate)
    assert sorted(CODE.values()) == list(range(1, 13))
    assert all(RATE_OF_CODE[CODE[rate]] is rate for rate in VatRate)


@pytest.mark.parametrize(
    ("rate", "day", "kind", "method", "age"),
    [
        # 22 replaces 20 with the year
        ("22", FIRST_OF_2026, SALE, 4, VALID),
        ("22", LAST_OF_2025, SALE, 4, EARLY),
        ("22/122", LAST_OF_2025, SALE, 3, EARLY),
        ("22/122", FIRST_OF_2026, SALE, 3, VALID),
        ("20", LAST_OF_2025, SALE, 4, VALID),
        ("20", FIRST_OF_2026, SALE, 4, LATE),
        ("20/120", LAST_OF_2025, SALE, 3, VALID),
        ("20/120", FIRST_OF_2026, SALE, 3, LATE),
        # what was sold with 20 is returned and paid off with 20; a correction takes the rate of its day
        ("20", FIRST_OF_2026, REFUND, 4, VALID),
        ("20/120", FIRST_OF_2026, REFUND, 3, VALID),
        ("20", FIRST_OF_2026, ReceiptKind.EXPENSE_REFUND, 4, VALID),
        ("20", FIRST_OF_2026, ReceiptKind.CORRECTION, 4, LATE),
        ("20", FIRST_OF_2026, SALE, 7, VALID),
        # buying from people is a new settlement, and credit (6) is not its payment (7)
        ("20", FIRST_OF_2026, ReceiptKind.EXPENSE, 4, LATE),
        ("20", FIRST_OF_2026, SALE, 6, LATE),
        # nothing can be returned with a rate that never was
        ("22", LAST_OF_2025, REFUND, 4, EARLY),
        ("22", LAST_OF_2025, SALE, 7, EARLY),
        # the simplified system pays VAT since 2025
        ("5", FIRST_OF_2025, SALE, 4, VALID),
        ("5", LAST_OF_2024, SALE, 4, EARLY),
        ("7/107", FIRST_OF_2025, SALE, 1, VALID),
        ("7/107", LAST_OF_2024, SALE, 1, EARLY),
        # these never change
        ("10", LAST_OF_2024, SALE, 4, VALID),
        ("10/110", FIRST_OF_2026, SALE, 1, VALID),
        ("0", date(2019, 1, 1), SALE, 4, VALID),
        ("none", date(2030, 1, 1), SALE, 4, VALID),
    ],
)
def test_a_rate_belongs_to_its_days(rate, day, kind, method, age):
    assert rate_age(VatRate(rate), day=day, kind=kind, method=method) is age


@pytest.mark.parametrize(
    ("amount_kop", "rate", "tax_kop"),
    [
        (12_200, "22", 2_200),
        (12_200, "22/122", 2_200),  # the same share: both are inside the amount
        (80_730, "22", 14_558),  # a published receipt of 2026: 807.30 with 145.58
        (10_050, "10", 914),  # 9.136 -> 9.14
        (25_000, "20", 4_167),  # 41.666 -> 41.67
        (3, "20", 1),  # 0.5 kopecks go up
        (2, "20", 0),  # 0.33
        (10_500, "5", 500),
        (10_700, "7/107", 700),
        (10_000, "0", 0),
        (10_000, "none", 0),
        (0, "22", 0),
    ],
)
def test_tax_is_taken_out_of_the_amount_half_up(amount_kop, rate, tax_kop):
    assert vat_inside(amount_kop, VatRate(rate)) == tax_kop


@given(st.integers(0, 2**40), st.sampled_from(VatRate))
def test_tax_is_never_more_than_half_a_kopeck_off(amount_kop, rate):
    exact = Fraction(amount_kop * PERCENT[rate], 100 + PERCENT[rate])
    assert -Fraction(1, 2) < vat_inside(amount_kop, rate) - exact <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("rate", "method", "plain"),
    [
        ("22", 1, True),
        ("20", 2, True),
        ("7", 3, True),
        ("22/122", 3, False),
        ("22", 4, False),
        ("0", 3, False),  # an export advance is not taxed
        ("none", 1, False),  # a seller without VAT has nothing to calculate
    ],
)
def test_an_advance_is_taxed_at_a_calculated_rate(rate, method, plain):
    assert is_plain_rate_of_advance(VatRate(rate), method) is plain


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        *[(rate.value, rate.value) for rate in VatRate],
        ("20%", "20"),
        (" 20 % ", "20"),
        ("20.0", "20"),
        ("20.00", "20"),
        ("20,0", "20"),
        ("vat20", "20"),
        ("VAT_20", "20"),
        ("vat-20", "20"),
        ("НДС 20%", "20"),
        ("nds10", "10"),
        ("0%", "0"),
        ("vat0", "0"),
        ("VAT22", "22"),
        ("22/122", "22/122"),
        ("20%/120%", "20/120"),
        ("vat20/120", "20/120"),
        ("vat122", "22/122"),
        ("Vat110", "10/110"),
        ("vat105", "5/105"),
        ("no_vat", "none"),
        ("NoVAT", "none"),
        ("NONE", "none"),
        ("without vat", "none"),
        ("Без НДС", "none"),
    ],
)
def test_spellings_of_a_rate(text, rate):
    assert parse_vat(text) is VatRate(rate)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "120",
        "6",
        "20.5",
        "0.2",
        "-5",
        "+20",
        "20/122",
        "22/120",
        "1e1",
        "vat",
        "abc",
        "20/120/1",
        "٢٠",  # digits, but not ours
        "20" * 100,
    ],
)
def test_what_is_no_rate_is_refused_in_both_languages(text):
    with pytest.raises(VatRateUnknown) as caught:
        parse_vat(text)
    assert "is not a VAT rate" in caught.value.text.en
    assert "не ставка НДС" in caught.value.text.ru
    assert len(caught.value.text.en) < 200


@pytest.mark.parametrize("text", ["18", "18%", "vat18", "18.0", "18/118", "vat118"])
def test_eighteen_percent_has_no_code_of_its_own_and_says_so(text):
    with pytest.raises(VatRateUnknown) as caught:
        parse_vat(text)
    assert "2019" in caught.value.text.en
    assert "2019" in caught.value.text.ru


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text):
    try:
        rate = parse_vat(text)
    except ValueError:
        return
    assert rate in VatRate


def test_a_refund_with_a_rate_its_sale_does_not_have_is_pointed_at():
    refund = a_sale(kind=REFUND, lines=(a_line(vat=VatRate.P20), a_line(vat=VatRate.P22)))
    warning = vat_differs(refund, frozenset({VatRate.P20, VatRate.P10}))
    assert warning is not None
    assert (warning.code, warning.field, warning.tag) == ("VAT_DIFFERS", "items.1.vat_rate", 1199)
    assert "10, 20" in warning.message.en


def test_a_refund_with_the_rates_of_its_sale_is_fine():
    refund = a_sale(kind=REFUND, lines=(a_line(vat=VatRate.P20),))
    assert vat_differs(refund, frozenset({VatRate.P20, VatRate.P10})) is None

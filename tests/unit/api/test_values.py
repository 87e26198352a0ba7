"""Single values: every accepted form, every refusal."""

from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kkt_adapter.api.schemas import values, words
from kkt_adapter.api.schemas.values import MAX_KOPECKS, MAX_QUANTITY, Refused
from kkt_adapter.fiscal.model import Operation, PaymentKind, ReceiptKind, VatRate


def refusal(reading: Callable[[object], Any], value: object) -> str:
    with pytest.raises(Refused) as refused:
        reading(value)
    assert refused.value.message.en
    assert refused.value.message.ru
    return refused.value.code


@pytest.mark.parametrize(
    ("written", "kopecks"),
    [
        (100, 10_000),
        (Decimal("100"), 10_000),
        (Decimal("0.01"), 1),
        (Decimal("97.75000000000001"), 9775),  # a float of a JavaScript till
        (Decimal("33.335"), 3334),  # half up
        (Decimal("33.3349999999999999999999999999999999999999"), 3333),  # rounded once, not twice
        (Decimal("0.005"), 1),
        (Decimal("1E+2"), 10_000),
        ("100.50", 10_050),
        (" 7 ", 700),
        ("+7", 700),
        ("007.10", 710),
        (MAX_KOPECKS // 100, MAX_KOPECKS // 100 * 100),
    ],
)
def test_money_becomes_kopecks(written: object, kopecks: int) -> None:
    assert values.amount(written) == kopecks


@pytest.mark.parametrize(
    ("written", "code"),
    [
        (0, "not_positive"),
        (-1, "not_positive"),
        (Decimal("-0.0"), "not_positive"),
        (Decimal("-0.001"), "not_positive"),
        (Decimal("0.0049"), "not_positive"),
        (Decimal("1E-400000"), "not_positive"),
        ("-5", "not_positive"),
        (Decimal("NaN"), "not_finite"),
        (Decimal("Infinity"), "not_finite"),
        (Decimal("-Infinity"), "not_finite"),
        (10**15, "too_large"),
        (10**4000, "too_large"),
        (-(10**4000), "not_positive"),
        (Decimal("1E+400000"), "too_large"),
        (Decimal("99999999999999999.99"), "too_large"),
        ("9" * 40, "too_large"),
        ("9" * 41, "not_a_number"),
        ("NaN", "not_a_number"),
        ("Infinity", "not_a_number"),
        ("1e2", "not_a_number"),
        ("1_000", "not_a_number"),
        ("1 000", "not_a_number"),
        ("100,50", "not_a_number"),
        ("١٢", "not_a_number"),
        ("0x10", "not_a_number"),
        ("", "not_a_number"),
        (True, "wrong_type"),
        (False, "wrong_type"),
        (None, "wrong_type"),
        ([100], "wrong_type"),
        ({"amount": 100}, "wrong_type"),
        (1.5, "wrong_type"),  # a binary float never gets here; if it does, it is not believed
    ],
)
def test_money_that_does_not_fit_is_refused(written: object, code: str) -> None:
    assert refusal(values.amount, written) == code


@given(st.decimals(min_value="0.01", max_value="99999999", places=4))
def test_money_is_rounded_half_up_whatever_form_it_has(number: Decimal) -> None:
    expected = int((number * 100).to_integral_value(ROUND_HALF_UP))
    assert values.amount(number) == values.amount(str(number)) == expected


def test_information_may_be_zero_but_not_negative() -> None:
    assert values.amount_or_zero(0) == values.amount_or_zero(Decimal("0.00")) == 0
    assert values.amount_or_zero("1.10") == 110
    assert refusal(values.amount_or_zero, -1) == "not_positive"
    assert refusal(values.amount_or_zero, False) == "wrong_type"


@pytest.mark.parametrize(
    ("written", "millionths"),
    [
        (1, 1_000_000),
        (Decimal("0.254"), 254_000),
        (Decimal("0.000001"), 1),
        (Decimal("1.5000000000"), 1_500_000),  # zeros are no decimals
        ("2.5", 2_500_000),
        (Decimal("1E+3"), 1_000_000_000),
        (MAX_QUANTITY // 1_000_000, MAX_QUANTITY // 1_000_000 * 1_000_000),
    ],
)
def test_a_quantity_becomes_millionths(written: object, millionths: int) -> None:
    assert values.quantity(written) == millionths


@pytest.mark.parametrize(
    ("written", "millionths"),
    [
        (Decimal("0.30000000000000004"), 300_000),  # 0.1 + 0.2
        (Decimal("2.9999999999999996"), 3_000_000),
        ("1.2100000000000002", 1_210_000),
        (Decimal("0.3333333333333333"), 333_333),
    ],
)
def test_the_noise_of_floating_point_is_rounded_away(written: object, millionths: int) -> None:
    assert values.quantity(written) == millionths


@pytest.mark.parametrize(
    ("written", "code"),
    [
        (0, "not_positive"),
        (-2, "not_positive"),
        (Decimal("0"), "not_positive"),
        (Decimal("0.0000001"), "too_many_decimals"),
        (Decimal("0.3333333"), "too_many_decimals"),
        (Decimal("0.00000001234567890123456"), "not_positive"),
        (Decimal("1E-999999"), "too_many_decimals"),
        (10**12, "too_large"),
        (Decimal("1E+999999"), "too_large"),
        (Decimal("NaN"), "not_finite"),
        ("one", "not_a_number"),
        (True, "wrong_type"),
        ([], "wrong_type"),
    ],
)
def test_a_quantity_that_does_not_fit_is_refused(written: object, code: str) -> None:
    assert refusal(values.quantity, written) == code


@pytest.mark.parametrize(
    ("written", "rate"),
    [
        *[(rate.value, rate) for rate in VatRate],
        (22, VatRate.P22),
        (20, VatRate.P20),
        (Decimal("20.0"), VatRate.P20),
        (Decimal("10"), VatRate.P10),
        (0, VatRate.P0),
        (Decimal("0.0"), VatRate.P0),
        ("20%", VatRate.P20),
        ("vat20", VatRate.P20),
        ("VAT10", VatRate.P10),
        ("20.0", VatRate.P20),
        ("vat0", VatRate.P0),
        ("no_vat", VatRate.NONE),
        ("None", VatRate.NONE),
        (None, VatRate.NONE),
        ("20/120", VatRate.P20_120),
    ],
)
def test_a_vat_rate_has_many_forms(written: object, rate: VatRate) -> None:
    assert values.vat_rate(written) is rate


@pytest.mark.parametrize(
    ("written", "code"),
    [
        (18, "unknown_value"),
        ("18%", "unknown_value"),
        (21, "unknown_value"),
        (Decimal("20.5"), "unknown_value"),
        (Decimal("1e1000000000"), "unknown_value"),
        (Decimal("-1e1000000000"), "unknown_value"),
        (-20, "unknown_value"),
        (10**4000, "unknown_value"),
        ("", "unknown_value"),
        ("twenty", "unknown_value"),
        ("\ud800", "unknown_value"),
        (Decimal("NaN"), "wrong_type"),
        (True, "wrong_type"),
        ({"type": "vat20"}, "wrong_type"),
    ],
)
def test_an_unknown_vat_rate_is_refused(written: object, code: str) -> None:
    assert refusal(values.vat_rate, written) == code


@pytest.mark.parametrize(
    ("reading", "written", "meant"),
    [
        (words.receipt_kind, "sale", ReceiptKind.SALE),
        (words.receipt_kind, "SELL", ReceiptKind.SALE),
        (words.receipt_kind, "Sell_Refund", ReceiptKind.REFUND),
        (words.receipt_kind, "buy", ReceiptKind.EXPENSE),
        (words.receipt_kind, "buy_refund", ReceiptKind.EXPENSE_REFUND),
        (words.receipt_kind, "CORRECTION", ReceiptKind.CORRECTION),
        (words.payment_kind, "Cash", PaymentKind.CASH),
        (words.payment_kind, "acquiring", PaymentKind.CARD),
        (words.payment_kind, "ELECTRONIC", PaymentKind.CARD),
        (words.payment_kind, "other", PaymentKind.OTHER),
        (words.operation, "expense_refund", Operation.EXPENSE_REFUND),
        (words.by_order, "order", True),
        (words.by_order, "self", False),
        (words.taxation, 1, 1),
        (words.taxation, "32", 32),
        (words.taxation, "usnIncomeOutcome", 4),
        (words.taxation, "usn_income", 2),
        (words.method, 4, 4),
        (words.method, Decimal("4.0"), 4),
        (words.method, "fullPayment", 4),
        (words.method, "full_payment", 4),
        (words.method, "CREDIT-PAYMENT", 7),
        (words.subject, 33, 33),
        (words.subject, "commodity", 1),
        (words.subject, "agent_commission", 11),
        (words.subject, "non-operating_gain", 15),
    ],
)
def test_a_word_has_many_spellings(reading: Callable[[object], Any], written: object, meant: object) -> None:
    assert reading(written) == meant


@pytest.mark.parametrize(
    ("reading", "written", "code"),
    [
        (words.receipt_kind, "return", "unknown_value"),
        (words.receipt_kind, "", "unknown_value"),
        (words.receipt_kind, 1, "wrong_type"),
        (words.payment_kind, "bitcoin", "unknown_value"),
        (words.payment_kind, ["cash"], "wrong_type"),
        (words.taxation, 3, "unknown_value"),  # two systems at once
        (words.taxation, 0, "unknown_value"),
        (words.taxation, True, "wrong_type"),
        (words.method, 8, "unknown_value"),
        (words.method, 10**4000, "unknown_value"),
        (words.method, "9" * 5000, "unknown_value"),
        (words.method, Decimal("NaN"), "unknown_value"),
        (words.subject, 28, "unknown_value"),
        (words.subject, "²", "unknown_value"),
        (words.subject, None, "wrong_type"),
    ],
)
def test_an_unknown_word_is_refused(reading: Callable[[object], Any], written: object, code: str) -> None:
    assert refusal(reading, written) == code


@pytest.mark.parametrize("written", [0, 11, 255, "0", "кг", "kg", "piece", "рулон"])
def test_a_measure_stays_as_the_till_wrote_it(written: object) -> None:
    assert values.unit(written) == str(written)


@pytest.mark.parametrize(
    "written", [-1, 256, 99, "", "a word of far too many letters", True, None, Decimal("1.5")]
)
def test_what_is_no_measure_is_refused(written: object) -> None:
    assert refusal(values.unit, written) in ("unknown_value", "wrong_type")


def test_text_keeps_its_characters_and_loses_its_line_breaks() -> None:
    assert values.text(40)("Кофе «Арабика» 250 г ☕") == "Кофе «Арабика» 250 г ☕"
    assert values.text(40)("a\tb\r\nc\nd") == "a b c d"


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("", "empty"),
        (" \t\n", "empty"),
        ("x" * 11, "too_long"),
        ("a\x00b", "bad_text"),
        ("a\x1b@b", "bad_text"),  # what a printer would take for a command
        ("a\ud800b", "bad_text"),
        (7, "wrong_type"),
        (None, "wrong_type"),
        (["a"], "wrong_type"),
    ],
)
def test_text_that_does_not_fit_is_refused(written: object, code: str) -> None:
    assert refusal(values.text(10), written) == code


def test_an_empty_optional_text_is_nothing_said() -> None:
    assert values.optional_text(5)("  ") is None
    assert refusal(values.optional_text(5), "123456") == "too_long"


def test_an_identifier_may_be_written_as_a_number() -> None:
    assert values.identifier(20)(1001) == "1001"
    assert refusal(values.identifier(20), 10**4000) == "wrong_type"
    assert refusal(values.identifier(20), True) == "wrong_type"
    assert values.text_or_number(20)(1_700_000_000_000) == "1700000000000"


@pytest.mark.parametrize("written", ["POS-001", "Касса 1", "x" * 64])
def test_a_till_has_a_visible_name(written: str) -> None:
    assert values.visible(64)(written) == written


@pytest.mark.parametrize("written", ["", " POS", "POS ", "a\nb", "a\u00a0b", "a\x00", "\ud800", "x" * 65])
def test_a_till_without_a_visible_name_is_refused(written: str) -> None:
    assert refusal(values.visible(64), written) in ("empty", "bad_text")


def test_a_mark_code_keeps_its_separators() -> None:
    for code in ("0104607428679131215&K)4p\x1d93dGVz", "код", "x" * 256, "a\r\n"):
        assert values.mark_code(code) == code  # what it is, the fiscal rules say
    for wrong in ("", "a\x00", "a\ud800", "x" * 1025):
        assert refusal(values.mark_code, wrong) == "bad_text"


def test_a_day_is_written_one_way() -> None:
    assert values.day("2026-03-01") == date(2026, 3, 1)
    for wrong in (
        "2026-02-30",
        "01.03.2026",
        "2026-3-1",
        "20260301",
        "2026-03-01T00:00:00Z",
        "",
        20260301,
        None,
    ):
        assert refusal(values.day, wrong) == "bad_date"


def test_a_fiscal_sign_is_digits() -> None:
    assert values.digits(10)("0123456789") == "0123456789"
    assert values.digits(10)(2718281828) == "2718281828"
    for wrong in ("", "12a", "²", "12345678901", 10**10, -1, True, None):
        assert refusal(values.digits(10), wrong) == "bad_text"


beyond = [Decimal(f"{sign}1e{by}1000000000") for sign in ("", "-") for by in ("", "-")]  # what JSON may hold
numbers = st.decimals(allow_nan=False) | st.sampled_from([Decimal("NaN"), *beyond])
anything: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@pytest.mark.parametrize(
    "reading",
    [
        values.amount,
        values.amount_or_zero,
        values.quantity,
        values.vat_rate,
        values.unit,
        values.text(10),
        values.optional_text(10),
        values.identifier(10),
        values.text_or_number(10),
        values.visible(10),
        values.mark_code,
        values.yes_or_no,
        values.day,
        values.digits(10),
        words.receipt_kind,
        words.payment_kind,
        words.operation,
        words.by_order,
        words.subject,
        words.method,
        words.taxation,
    ],
)
@given(value=anything)
@settings(max_examples=40)
def test_any_value_is_read_or_refused(reading: Callable[[object], Any], value: object) -> None:
    try:
        reading(value)
    except Refused as refused:
        assert refused.message.ru

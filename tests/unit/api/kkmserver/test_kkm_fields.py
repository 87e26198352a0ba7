"""Names, numbers and blanks as real clients write them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.api.doors.kkmserver.fields import LONGEST_KEPT, Fields, names
from kkt_adapter.api.doors.kkmserver.refusal import CommandRefused


@pytest.mark.parametrize("written", ["CashierVATIN", "CashierVatin", "cashiervatin", "CASHIERVATIN"])
def test_names_are_read_in_any_letter_case(written: str) -> None:
    assert Fields({written: "7707083893"}).text("CashierVATIN") == "7707083893"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("3.000", Decimal(3)),
        ("301.50000", Decimal("301.5")),
        ("301,50", Decimal("301.50")),
        ("1 000.00", Decimal(1000)),
        (" 7 ", Decimal(7)),
        (7, Decimal(7)),
        (Decimal("0.10"), Decimal("0.1")),
        ("0", Decimal(0)),
        ("", None),
        (None, None),
    ],
)
def test_numbers_come_as_numbers_and_as_text(written: object, read: Decimal | None) -> None:
    assert Fields({"Amount": written}).number("amount") == read


@pytest.mark.parametrize("written", ["abc", "1.2.3", "0x10", True, [], {}, "1e9", Decimal("Infinity")])
def test_what_is_no_number_is_refused_by_name(written: object) -> None:
    with pytest.raises(CommandRefused) as refused:
        Fields({"cash": written}, "CheckStrings[0].Register").number("Cash")
    assert "CheckStrings[0].Register.cash" in refused.value.text.ru


@pytest.mark.parametrize(
    ("written", "read"),
    [("true", True), ("0", False), (1, True), (False, False), ("", None), (None, None), ("False", False)],
)
def test_flags_come_as_text_too(written: object, read: bool | None) -> None:
    assert Fields({"NotPrint": written}).flag("NotPrint") is read


def test_a_barcode_may_be_a_number() -> None:
    assert Fields({"EAN13": 4607001771562}).text("EAN13") == "4607001771562"


def test_null_blocks_and_empty_lists_are_absent() -> None:
    fields = Fields({"AgentData": None, "GoodCodeData": [], "CheckStrings": [None, {"PrintText": None}]})
    assert fields.object("AgentData") is None
    assert fields.object("GoodCodeData") is None
    assert len(fields.objects("CheckStrings")) == 1


def test_a_name_twice_with_two_values_is_refused() -> None:
    with pytest.raises(CommandRefused):
        Fields({"Cash": 10, "cash": 20})
    assert Fields({"Cash": 10, "cash": 10}).number("Cash") == 10
    assert Fields({"Cash": None, "cash": 20}).number("Cash") == 20


def test_unknown_fields_are_told_and_not_refused() -> None:
    fields = Fields({"Cash": 1, "kassa_ip_port": "x", "InnKassa": 5})
    fields.money("Cash")
    assert sorted(fields.unknown()) == ["InnKassa", "kassa_ip_port"]


@given(st.one_of(st.integers(0, 10), st.integers(0, 10**12)))
def test_a_number_is_the_same_however_it_is_written(number: int) -> None:
    spellings = (number, str(number), Decimal(number), f"{number}.00", Decimal(number).scaleb(-2).scaleb(2))
    read = [Fields({"Amount": written}) for written in spellings]
    assert {fields.number("Amount") for fields in read} == {Decimal(number)}
    assert {fields.exact("Amount") for fields in read} == {Decimal(number)}
    assert {fields.whole("Amount") for fields in read} == {number}
    assert {fields.money("Amount") for fields in read} == {number * 100}
    assert [fields.sums(("Amount", "Cash")) for fields in read] == [[number * 100, 0]] * len(read)
    assert [fields.spelled(("Amount", "Cash")) for fields in read] == [[str(number), "0"]] * len(read)


def test_a_name_of_any_length_is_read_in_any_letter_case() -> None:
    for length in (LONGEST_KEPT, LONGEST_KEPT + 1):
        fields = Fields({"A" * length: 1})
        assert fields.has_any(names("a" * length))
        assert fields.number("a" * length) == 1

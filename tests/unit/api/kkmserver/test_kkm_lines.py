"""Price before and Amount after the discount, and everything else that a line says."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.api.doors.kkmserver.fields import Fields
from kkt_adapter.api.doors.kkmserver.lines import lines_of, split
from kkt_adapter.api.doors.kkmserver.refusal import CommandRefused
from kkt_adapter.kernel.money import Kopecks

MARK = "0104607001771562215Mrz?kLaT'tQ\u001d91EE06\u001d92dGVzdA=="


def _lines(**register: Any) -> list[dict[str, Any]]:
    return lines_of(Fields({"Name": "Кофе", **register}, "CheckStrings[0].Register"))


@pytest.mark.parametrize(
    ("quantity", "price", "amount", "lines"),
    [
        # as it is
        ("1", "100", "100", [("1", "100.00", "100.00")]),
        ("0.333", "100.00", "33.30", [("0.333", "100.00", "33.30")]),
        # discount: the unit price is what it really cost
        ("2", "100", "150", [("2", "75.00", "150.00")]),
        # the discount does not come out in kopecks
        ("3", "40", "100.00", [("2", "33.33", "66.66"), ("1", "33.34", "33.34")]),
        ("3", "33.33", "100.00", [("2", "33.33", "66.66"), ("1", "33.34", "33.34")]),
        ("7", "10", "0.05", [("6", "0.00", "0.00"), ("1", "0.05", "0.05")]),
        # a price with fractions of a kopeck, as programs calculate it
        ("3", "33.3333333", "99.99", [("3", "33.33", "99.99")]),
        # broken quantity: never split
        ("1.5", "100", "100", [("1.5", "66.67", "100.00")]),
        # only one of both
        ("2", "50", None, [("2", "50.00", "100.00")]),
        ("2", None, "100", [("2", "50.00", "100.00")]),
        # a gift
        ("1", "100", "0", [("1", "0.00", "0.00")]),
    ],
)
def test_price_before_and_amount_after_the_discount(
    quantity: str, price: str | None, amount: str | None, lines: list[tuple[str, str, str]]
) -> None:
    found = _lines(Quantity=quantity, Price=price, Amount=amount)
    wanted = [tuple(Decimal(number) for number in line) for line in lines]
    assert [(one["quantity"], one["price"], one["total"]) for one in found] == wanted


def test_the_price_before_stays_as_a_discount_on_the_slip() -> None:
    found = _lines(Quantity=3, Price=40, Amount=100)
    assert [one["discount"] for one in found] == [Decimal("13.34"), Decimal("6.66")]


def test_a_marked_line_is_never_split() -> None:
    found = _lines(Quantity=3, Price=40, Amount=100, GoodCodeData={"BarCode": MARK})
    assert len(found) == 1
    assert found[0]["total"] == Decimal("100.00")
    assert found[0]["mark_code"] == MARK


@given(
    quantity=st.integers(1, 500),
    amount=st.integers(0, 10_000_000),
    price=st.none() | st.integers(0, 100_000).map(lambda kop: Decimal(kop) / 100),
)
def test_no_kopeck_and_no_piece_is_lost_in_a_split(quantity: int, amount: int, price: Decimal | None) -> None:
    pieces = split(Decimal(quantity), price, Kopecks(amount), may_split=True)
    assert sum(one.amount_kop for one in pieces) == amount
    assert sum(one.quantity for one in pieces) == quantity
    for one in pieces:
        assert abs(Decimal(one.price_kop * one.quantity - one.amount_kop)) <= 1
        assert one.price_kop >= 0


@pytest.mark.parametrize(
    ("tax", "rate"),
    [
        (-1, "none"), ("-1", "none"), (0, "0"), ("10", "10"), (20, "20"), (22, "22"), (5, "5"), (7, "7"),
        (110, "10/110"), (120, "20/120"), (122, "22/122"), (105, "5/105"), (107, "7/107"),
    ],
)  # fmt: skip
def test_every_rate_of_the_clients(tax: object, rate: str) -> None:
    assert _lines(Quantity=1, Price=1, Tax=tax)[0]["vat_rate"] == rate


def test_no_tax_said_leaves_it_to_the_register() -> None:
    assert "vat_rate" not in _lines(Quantity=1, Price=1)[0]


@pytest.mark.parametrize("tax", [18, "18", 118, 21, 99])
def test_rates_that_are_none_are_refused_with_a_remedy(tax: object) -> None:
    with pytest.raises(CommandRefused) as refused:
        _lines(Quantity=1, Price=1, Tax=tax)
    assert "22" in refused.value.text.ru


def test_requisites_get_the_names_of_the_core() -> None:
    found = _lines(
        Quantity="1", Price="118.00", Amount="118.00", SignMethodCalculation="4", SignCalculationObject=1,
        MeasureOfQuantity="11", CountryOfOrigin=643, CustomsDeclaration="10702030/130218/0001234",
        ExciseAmount="1.50", AdditionalAttribute="extra", EAN13=4607001771562, Department=0,
    )[0]  # fmt: skip
    assert found["method"] == 4
    assert found["subject"] == 1
    assert found["unit"] == 11
    assert found["country"] == "643"
    assert found["customs_declaration"] == "10702030/130218/0001234"
    assert found["excise_tax"] == Decimal("1.50")
    assert found["line_attribute"] == "extra"
    assert found["sku"] == "4607001771562"


def test_an_agent_and_a_supplier() -> None:
    found = _lines(
        Quantity=1, Price=1, AgentSign=3,
        AgentData={"PayingAgentPhone": "+79991112233", "ReceivePaymentsOperatorPhone": "+7999, +7888",
                   "PayingAgentOperation": "", "MoneyTransferOperatorVATIN": None},
        PurveyorData={"PurveyorName": "ООО", "PurveyorVATIN": "7707083893", "PurveyorPhone": "+7495"},
    )[0]  # fmt: skip
    assert found["agent"] == {
        "type": "paying_subagent",
        "phones": ["+79991112233"],
        "operator_phones": ["+7999", "+7888"],
    }
    assert found["supplier"] == {"name": "ООО", "inn": "7707083893", "phones": ["+7495"]}


@pytest.mark.parametrize("agent", [None, "", -1])
def test_no_agent_is_no_agent(agent: object) -> None:
    found = _lines(Quantity=1, Price=1, AgentSign=agent, AgentData=None, PurveyorData={})
    assert "agent" not in found[0]
    assert "supplier" not in found[0]


def test_a_part_of_a_marked_pack() -> None:
    found = _lines(
        Quantity=3, PackageQuantity=10, Price=10, Amount=30, MeasureOfQuantity=0,
        GoodCodeData={"BarCode": MARK},
    )  # fmt: skip
    assert found[0]["mark_quantity"] == {"numerator": 3, "denominator": 10}
    assert (found[0]["quantity"], found[0]["price"]) == (1, Decimal("30.00"))


@pytest.mark.parametrize(
    ("code", "mark", "article"),
    [
        ({"BarCode": MARK}, MARK, None),
        ({"BarCode": "4607001771562", "ContainsSerialNumber": "false"}, None, "4607001771562"),
        ({"GTIN": "4607001771562", "SerialNumber": "abcDEF1"}, "010460700177156221abcDEF1", None),
        ({"BarCode": None, "GTIN": None}, None, None),
        (None, None, None),
    ],
)  # fmt: skip
def test_the_forms_of_a_marking_code(code: object, mark: str | None, article: str | None) -> None:
    found = _lines(Quantity=1, Price=1, GoodCodeData=code)[0]
    assert found.get("mark_code") == mark
    assert found.get("sku") == article


def test_the_old_hexadecimal_code_is_read_back() -> None:
    old = "44 4D 04 30 D4 06 70 2A 61 62 63 31"
    code = _lines(Quantity=1, Price=1, NomenclatureCode=old)[0]["mark_code"]
    assert code == f"01{0x0430D406702A:014d}21abc1"
    with pytest.raises(CommandRefused):
        _lines(Quantity=1, Price=1, NomenclatureCode="zz")


@pytest.mark.parametrize(
    "register",
    [
        {"Name": " ", "Quantity": 1, "Price": 1},
        {"Quantity": 0, "Price": 1},
        {"Quantity": -1, "Price": 1},
        {"Quantity": 1},
        {"Quantity": 1, "Price": -5},
        {"Quantity": 1, "Price": 5, "Amount": -5},
        {"Quantity": 1, "Price": 5, "AgentSign": 7},
    ],
)
def test_a_line_that_cannot_be_is_refused(register: dict[str, Any]) -> None:
    with pytest.raises(CommandRefused):
        _lines(**register)

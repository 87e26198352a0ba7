from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from kkt_adapter.api.schemas.findings import violation_of
from kkt_adapter.api.schemas.queries import Euros, Whole
from kkt_adapter.kernel.errors import Violation

HOUR: TypeAdapter[int] = TypeAdapter(Annotated[int, Whole(0, 23)])
PRICE: TypeAdapter[int] = TypeAdapter(Annotated[int, Euros()])


def finding(adapter: TypeAdapter[int], written: object) -> Violation:
    with pytest.raises(ValidationError) as refused:
        adapter.validate_python(written)
    return violation_of(refused.value.errors()[0], field="x")


@pytest.mark.parametrize(("written", "value"), [("0", 0), ("23", 23), ("07", 7), (9, 9)])
def test_digits_within_the_range_are_a_number(written: object, value: int) -> None:
    assert HOUR.validate_python(written) == value


@pytest.mark.parametrize(
    "written",
    [
        "24",
        "-1",
        "",
        " ",
        "x",
        "3.5",
        "3.0",
        "1e1",
        "1_0",
        " 3",
        "3 ",
        "٣",
        "0x1",
        "9" * 400,
        True,
        3.0,
        None,
    ],
)
def test_anything_else_is_refused_with_the_range(written: object) -> None:
    found = finding(HOUR, written)
    assert found.code == "out_of_range"
    assert "from 0 to 23" in found.message.en
    assert "от 0 до 23" in found.message.ru


@given(st.integers(min_value=0, max_value=10**14 - 1))
def test_euros_become_cents_exactly(cents: int) -> None:
    assert PRICE.validate_python(f"{cents // 100}.{cents % 100:02}") == cents


@pytest.mark.parametrize(
    ("written", "cents"), [("4.99", 499), ("5", 500), ("0", 0), ("4.9", 490), ("0.05", 5)]
)
def test_prices_are_written_with_up_to_two_decimals(written: str, cents: int) -> None:
    assert PRICE.validate_python(written) == cents


@pytest.mark.parametrize("written", ["", "-1", "4,99", "4.999", "1e3", "nan", "inf", ".5", "5.", "9" * 13])
def test_other_prices_are_refused(written: str) -> None:
    assert finding(PRICE, written).code == "not_an_amount"


def test_both_are_described_for_the_documentation() -> None:
    assert HOUR.json_schema() == {"type": "integer", "minimum": 0, "maximum": 23}
    assert PRICE.json_schema()["type"] == "string"

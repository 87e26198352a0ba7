"""What a fetched product means beside the stored one."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.support.catalog import made

from kkt_adapter.catalog.model import Product
from kkt_adapter.catalog.store.changes import FieldChange, StoredFields, StoreOutcome, compare


@dataclass(frozen=True)
class Row:
    digest: str
    generation: int
    status: str
    min_price: int | None
    retail_min_price: int | None
    retail_min_base_price: int | None
    qty: int
    available_to_buy: bool | None


def stored(product: Product, **changes: Any) -> StoredFields:
    row = Row(
        digest=product.digest,
        generation=1,
        status="active",
        min_price=product.min_price,
        retail_min_price=product.retail_min_price,
        retail_min_base_price=product.retail_min_base_price,
        qty=product.qty,
        available_to_buy=product.available_to_buy,
    )
    return replace(row, **changes)


def test_an_unknown_product_is_new_and_has_no_history() -> None:
    decision = compare(None, made(1), generation=1)
    assert decision.kind is StoreOutcome.NEW
    assert decision.history == ()


def test_an_equal_digest_is_unchanged() -> None:
    assert compare(stored(made(1)), made(1), generation=2).kind is StoreOutcome.UNCHANGED


def test_an_older_run_may_not_write_over_a_newer_one() -> None:
    decision = compare(stored(made(1), generation=3), made(1, qty=99), generation=2)
    assert decision.kind is StoreOutcome.OUTDATED


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"minPrice": "2.50"}, FieldChange("min_price", "200", "250")),
        ({"minPrice": None}, FieldChange("min_price", "200", None)),
        ({"qty": 0}, FieldChange("qty", "1", "0")),
        ({"availableToBuy": False}, FieldChange("available_to_buy", "true", "false")),
        ({"retail_min_price": 3}, FieldChange("retail_min_price", None, "300")),
        ({"retailMinBasePrice": 3.5}, FieldChange("retail_min_base_price", None, "350")),
    ],
)
def test_each_watched_field_gets_its_history(change: dict[str, Any], expected: FieldChange) -> None:
    if isinstance(change.get("retailMinBasePrice"), float):
        change = {"retailMinBasePrice": "3.5"}  # what the parser makes of a JSON number
    decision = compare(stored(made(1)), made(1, **change), generation=2)
    assert decision.kind is StoreOutcome.UPDATED
    assert decision.history == (expected,)


def test_another_name_is_a_visible_change_without_history() -> None:
    decision = compare(stored(made(1)), made(1, name="Other"), generation=2)
    assert decision.kind is StoreOutcome.UPDATED
    assert decision.history == ()


def test_a_product_that_comes_back_as_it_was_is_a_change_of_status() -> None:
    decision = compare(stored(made(1), status="vanished"), made(1), generation=2)
    assert decision.reappeared
    assert decision.history == (FieldChange("status", "vanished", "active"),)

"""Vendor JSON to our model."""

import json
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.catalog.g2a.wire import cents, parse_page, product
from kkt_adapter.catalog.model import BadItem
from kkt_adapter.kernel.errors import SourceMalformed

ENTRY: dict[str, Any] = {
    "id": "10000000000007",
    "name": "Pokémon",
    "slug": "/pokemon-i10000000000007",
    "type": "",
    "qty": "12",
    "minPrice": 9.25,
    "retail_min_price": 10,
    "retailMinBasePrice": None,
    "availableToBuy": False,
    "thumbnail": "",
    "images": ["https://images.example.com/1.jpg", {"url": "https://images.example.com/2.jpg"}, 7],
    "updated_at": "2026-01-02 03:04:05",
    "release_date": "2020-02-31",
    "region": "GLOBAL",
    "priceLimit": {"min": None, "max": "19.999"},
    "categories": [{"id": 109, "name": "Action"}, {"id": "110", "name": ""}],
    "videos": [{"type": "YOUTUBE", "url": "https://video.example.com/1"}],
    "restrictions": {"pegi_violence": True, "pegi_fear": "?"},
    "requirements": {"minimal": {"reqmemory": "4 GB", "reqother": ""}, "recommended": []},
    "a_field_of_tomorrow": {"x": [1]},
}


def page(*entries: Any, total: Any = 1, **more: Any) -> bytes:
    return json.dumps({"total": total, "page": 1, "docs": list(entries), **more}).encode()


def test_a_full_entry_becomes_a_product() -> None:
    (found,) = parse_page(page(ENTRY), number=1).products
    assert (found.id, found.name, found.type, found.qty) == ("10000000000007", "Pokémon", None, 12)
    assert (found.min_price, found.retail_min_price, found.retail_min_base_price) == (925, 1000, None)
    assert (found.price_limit_min, found.price_limit_max) == (None, 2000)  # half up from the text
    assert found.available_to_buy is False
    assert found.source_updated_at == "2026-01-02T03:04:05"
    assert found.release_date is None  # there is no such day
    assert found.category_ids == ("109", "110")
    assert found.category_names == ("Action",)
    details = json.loads(found.details)
    assert details["images"] == ["https://images.example.com/1.jpg", "https://images.example.com/2.jpg"]
    assert details["restrictions"] == {"violence": True}
    assert details["requirements"] == {"minimal": {"memory": "4 GB", "other": None}}
    assert details["thumbnail"] is None


def test_a_missing_optional_field_is_none() -> None:
    found = product({"id": 10_000_000_000_007, "name": "Bare"})
    assert found.id == "10000000000007"  # a number where others send text
    assert found.min_price is None
    assert found.available_to_buy is None
    assert found.qty == 0


@pytest.mark.parametrize("price", ["9.25", "9.250000001", "9.2500", 9.25, "925e-2"])
def test_the_same_price_written_differently_is_no_change(price: Any) -> None:
    body = json.dumps({"total": 1, "docs": [ENTRY | {"minPrice": price}]}).encode()
    usual = parse_page(page(ENTRY), number=1).products[0]
    assert parse_page(body, number=1).products[0].digest == usual.digest


def test_a_digest_stored_by_an_earlier_release_still_says_unchanged() -> None:
    (found,) = parse_page(page(ENTRY), number=1).products
    assert found.digest == "c0be97b983c370c7ee2d7d6c8ab2d897"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=200))
def test_the_wide_rest_is_the_json_text_that_every_reader_would_write(text: str) -> None:
    entry = ENTRY | {"images": [f"a{text}b"], "requirements": {"minimal": {"reqos": f"a{text}b"}}}
    (found,) = parse_page(page(entry), number=1).products
    again = json.dumps(json.loads(found.details), ensure_ascii=False, separators=(",", ":"))
    assert found.details == again


@pytest.mark.parametrize(
    ("written", "qty"), [("3.0", 3), ('"3.0"', 3), ("3e0", 3), ("3.000", 3), ('" 3 "', 3), ("3", 3)]
)
def test_a_whole_number_is_one_however_it_is_written(written: str, qty: int) -> None:
    body = f'{{"total": 1.0, "docs": [{{"id": 70.0, "name": "One", "qty": {written}}}]}}'
    found = parse_page(body.encode(), number=1)
    assert [(item.id, item.qty) for item in found.products] == [("70", qty)]
    assert found.total == 1


def test_another_type_of_a_category_id_is_no_change() -> None:
    text, number = (product(ENTRY | {"minPrice": 9, "categories": [{"id": key}]}) for key in ("109", 109))
    assert text.digest == number.digest


@given(
    st.one_of(
        *(st.decimals(min_value=0, max_value=10**9, places=places) for places in (0, 1, 2, 5)),
    )
)
def test_cents_are_the_decimal_text_rounded_half_up(value: Decimal) -> None:
    expected = int((value * 100).to_integral_value(rounding=ROUND_HALF_UP))
    assert cents(str(value)) == expected


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": ""}, "no id"),
        ({"id": None}, "no id"),
        ({"name": "  "}, "no name"),
        ({"name": None}, "no name"),
        ({"minPrice": "free"}, "minPrice is not a number"),
        ({"minPrice": True}, "minPrice is not a number"),
        ({"minPrice": [1]}, "minPrice is not a number"),
        ({"minPrice": -1}, "minPrice is out of range"),
        ({"minPrice": "1e300"}, "minPrice is out of range"),
        ({"minPrice": "NaN"}, "minPrice is not a number"),
        ({"retail_min_price": "1" * 30}, "retail_min_price is out of range"),
        ({"qty": -1}, "qty is not a whole number"),
        ({"qty": "many"}, "qty is not a whole number"),
        ({"qty": "1_0"}, "qty is not a whole number"),
        ({"qty": "٣"}, "qty is not a whole number"),
        ({"qty": 2.5}, "qty is not a whole number"),
        ({"minPrice": "1_0"}, "minPrice is not a number"),
        ({"priceLimit": {"min": "x"}}, "priceLimit.min is not a number"),
    ],
)
def test_an_unusable_entry_is_named_and_the_rest_is_kept(change: dict[str, Any], reason: str) -> None:
    found = parse_page(page(ENTRY | change, ENTRY, total=2), number=1)
    assert len(found.products) == 1
    assert found.entries == 2
    (bad,) = found.bad
    assert bad.reason.startswith(reason)
    assert bad.product_id == (None if "id" in change else ENTRY["id"])


@pytest.mark.parametrize("entry", [None, 5, "text", []])
def test_an_entry_that_is_no_object_is_skipped(entry: Any) -> None:
    found = parse_page(page(entry), number=1)
    assert found.bad == (BadItem(product_id=None, reason="the entry is not an object"),)


def test_ids_keep_the_order_served_with_those_of_unusable_entries() -> None:
    entries = [ENTRY | {"id": "3"}, ENTRY | {"id": "1", "name": ""}, ENTRY | {"id": ""}, ENTRY | {"id": "2"}]
    assert parse_page(page(*entries, total=4), number=1).ids == ("3", "1", "2")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>One moment</html>",
        b'{"total": 1, "docs": [{"id": "1"',
        b"[]",
        b"{}",
        b'{"total": 1}',
        b'{"docs": []}',
        b'{"docs": [], "total": -1}',
        b'{"docs": [], "total": "many"}',
        b'{"docs": {}, "total": 1}',
        b"[" * 100_000,
    ],
)
def test_what_is_not_an_answer_is_malformed(body: bytes) -> None:
    with pytest.raises(SourceMalformed):
        parse_page(body, number=1)


def test_what_a_database_refuses_does_not_reach_it() -> None:
    body = b'{"total":1,"docs":[{"id":"1","name":"a\\u0000b\\ud800c","slug":"\\ud83d\\ude00"}]}'
    (found,) = parse_page(body, number=1).products
    assert found.name == "ab?c"
    assert found.slug == "\U0001f600"  # a real pair stays a letter
    found.details.encode()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(sorted(ENTRY)) | st.text(), inner),
        max_leaves=20,
    )
)
def test_no_json_value_breaks_the_parser(value: Any) -> None:
    found = parse_page(page(value), number=1)
    assert found.entries == 1

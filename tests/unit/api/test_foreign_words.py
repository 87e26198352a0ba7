"""A fiscal word that nobody reads is never dropped in silence."""

import json
from typing import Any

import pytest

from kkt_adapter.api.schemas.names import foreign, forms
from kkt_adapter.api.schemas.receipt import read_receipt

Json = dict[str, Any]


def body(line: Json | None = None, **fields: Any) -> Json:
    return {
        "pos_id": "POS-001",
        "type": "sale",
        "items": [{"name": "Test", "price": 100, **(line or {})}],
        "payments": [{"type": "cash", "amount": 100}],
        **fields,
    }


def refused(wanted: Json, **settings: bool) -> list[tuple[str, str, str]]:
    found = read_receipt(json.dumps(wanted).encode(), **settings).sent.late
    return [(v.field, v.code, v.remedy.en if v.remedy else "") for v in found]


@pytest.mark.parametrize("word", sorted(foreign.LINE))
def test_a_word_of_another_interface_in_a_line_is_refused_with_ours(word: str) -> None:
    ((field, code, remedy),) = refused(body({word: "x"}))
    assert (field, code) == (f"items.0.{word}", "foreign_name")
    assert f"Send {foreign.LINE[word]} " in remedy


@pytest.mark.parametrize("word", sorted(foreign.RECEIPT))
def test_a_word_of_another_interface_in_a_receipt_is_refused_with_ours(word: str) -> None:
    ((field, code, remedy),) = refused(body() | {word: "x"})
    assert (field, code) == (word, "foreign_name")
    assert f"Send {foreign.RECEIPT[word]} " in remedy


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (foreign.LINE, forms.LINE.names),
        (foreign.RECEIPT, forms.RECEIPT.names),
        (foreign.CUSTOMER, forms.CUSTOMER.names),
        (foreign.CORRECTION, forms.CORRECTION.names),
    ],
)
def test_the_tables_point_to_names_we_read_and_hold_none_of_them(words: Json, names: Json) -> None:
    assert {ours.split(".")[0] for ours in words.values()} <= set(names)
    assert not set(words) & set(names)


def test_any_other_unknown_field_is_told() -> None:
    wanted = body({"colour": "red"}, comment="x", customer={"email": "a@b.ru", "shoe_size": 42})
    warnings = read_receipt(json.dumps(wanted).encode()).sent.told(())
    assert [(w.code, w.field) for w in warnings] == [
        ("FIELD_IGNORED", "comment"),
        ("FIELD_IGNORED", "customer.shoe_size"),
        ("FIELD_IGNORED", "items.0.colour"),
    ]


def test_a_setting_makes_it_a_refusal() -> None:
    wanted = body({"colour": "red"}, comment="x")
    found = refused(wanted, refuse_unknown=True)
    assert [(field, code) for field, code, _ in found] == [
        ("comment", "unknown_field"),
        ("items.0.colour", "unknown_field"),
    ]

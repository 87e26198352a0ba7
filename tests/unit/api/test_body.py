"""Bodies: exact, and without a way to hurt the process."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.api.body import json_object, shown
from kkt_adapter.api.problems import RequestInvalid


def test_numbers_keep_every_digit() -> None:
    read = json_object(b'{"a": 0.1, "b": 100.00000000000000000001, "c": 1e2, "d": 7, "e": 1.10}')
    assert read == {
        "a": Decimal("0.1"),
        "b": Decimal("100.00000000000000000001"),
        "c": Decimal(100),
        "d": 7,
        "e": Decimal("1.1"),
    }
    assert str(read["e"]) == "1.10"


def test_a_byte_order_mark_is_passed_over() -> None:
    assert json_object(b'\xef\xbb\xbf{"a": "\xd0\xb9"}') == {"a": "й"}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "malformed_json"),
        (b"   ", "malformed_json"),
        (b"{", "malformed_json"),
        (b'{"a": 1,}', "malformed_json"),
        (b"{'a': 1}", "malformed_json"),
        (b'{"a": 01}', "malformed_json"),
        (b'{"a": .5}', "malformed_json"),
        (b'{"a": +1}', "malformed_json"),
        (b'{"a": 1} {"b": 2}', "malformed_json"),
        (b'{"a": "\x01"}', "malformed_json"),
        (b'{"a": "\\x"}', "malformed_json"),
        (b'{"a": ' + b"9" * 5000 + b"}", "malformed_json"),
        (b'{"a": 1e' + b"9" * 30 + b"}", "malformed_json"),
        (b"a=1&b=2", "malformed_json"),
        (b'{"a": "\xff"}', "not_utf8"),
        ('{"a": "й"}'.encode("cp1251"), "not_utf8"),
        ('{"a": 1}'.encode("utf-16"), "not_utf8"),
        (b"[" * 100_000, "too_deep"),
        (b'{"a":' * 100_000, "too_deep"),
        (b"[]", "wrong_type"),
        (b"null", "wrong_type"),
        (b'"text"', "wrong_type"),
        (b"1", "wrong_type"),
        (b'{"a": 1, "a": 1}', "duplicate_field"),
        (b'{"a": {"b": 1, "c": 2, "b": 3}}', "duplicate_field"),
    ],
)
def test_what_is_not_one_json_object_is_refused(raw: bytes, code: str) -> None:
    with pytest.raises(RequestInvalid) as refusal:
        json_object(raw)
    assert [violation.code for violation in refusal.value.violations] == [code]


def test_a_name_written_twice_is_named() -> None:
    with pytest.raises(RequestInvalid) as refusal:
        json_object(b'{"items": [{"price": 1, "price": 100}]}')
    assert refusal.value.violations[0].field == "price"


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_left_to_the_field_it_stands_in(name: str) -> None:
    read = json_object(b'{"a": ' + name.encode() + b"}")
    assert not read["a"].is_finite()


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_a_refusal(raw: bytes) -> None:
    try:
        assert type(json_object(raw)) is dict
    except RequestInvalid as refusal:
        assert refusal.violations


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_any_object_is_read_as_it_was_written(document: dict[str, object]) -> None:
    assert json_object(json.dumps(document).encode()) == document


def test_a_name_is_shown_short_and_printable() -> None:
    assert shown("a\x00b\ud800") == "a?b?"
    assert len(shown("x" * 1000)) == 40

"""Texts that others wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.kernel.foreign_text import LIMIT, tidy, told_by_others


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Чек принят", "Чек принят"),
        ("one\ntwo\r\nthree\tfour", "one two three four"),
        ("one\u2028two\u2029three\x85four", "one two three four"),
        ("\x1b[31mred\x1b[0m \x9b2Jgone", "red gone"),
        ("abc\u202etxt.exe\u2066\u200f", "abctxt.exe"),
        ("nul\x00 bell\x07", "nul bell"),
        ("half \ud800 pair", "half ? pair"),
        ("x" * 300, "x" * (LIMIT - 1) + "…"),
        ("", ""),
    ],
)
def test_a_text_becomes_one_visible_line(text: str, shown: str) -> None:
    assert tidy(text) == shown


@given(st.text(max_size=2000), st.integers(min_value=1, max_value=300))
def test_whatever_comes_is_printable_and_bounded(text: str, limit: int) -> None:
    shown = tidy(text, limit=limit)
    assert len(shown) <= limit
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("buyer ivan.petrov@example.com is unknown", "ivan"),
        ("phone +7 (916) 123-45-67 refused", "123-45"),
        ("phone 89161234567 refused", "8916"),
        ('{"token": "abc123", "error": "bad"}', "abc123"),
        ("Authorization: Bearer aaa.bbb", "aaa"),
        ("api_key=zzz&x=1", "zzz"),
        ("eyJhbGciOi.eyJzdWIi.c2ln leaked", "eyJ"),
        ("signed with whsec_MTIz", "MTIz"),
    ],
)
def test_contacts_and_credentials_are_not_kept(text: str, gone: str) -> None:
    assert gone not in told_by_others(text)
    assert "***" in told_by_others(text)


def test_what_an_engineer_needs_stays() -> None:
    said = "FN 9999078902013267, FD 12345: wrong sum 150.00, INN 770123456789, 2026-11-29T10:00:00Z, code 14"
    assert told_by_others(said) == said

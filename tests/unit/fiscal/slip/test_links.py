"""Addresses of receipts: only who got one can open the page."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.fiscal.slip.buyer import masked_contact
from kkt_adapter.fiscal.slip.links import ReceiptLinks

ID = "01a22746-5a99-7d2a-9368-bb8f065e21d1"
LINKS = ReceiptLinks(secret=b"s" * 32, public_url="https://shop.example/kkt/")


def test_a_token_leads_back_to_its_receipt_and_is_always_the_same() -> None:
    token = LINKS.token(ID)
    assert LINKS.of(ID) == f"https://shop.example/kkt/r/{token}"
    assert LINKS.receipt_id(token) == ID
    assert ReceiptLinks(secret=b"s" * 32).token(ID) == token


@pytest.mark.parametrize("links", [ReceiptLinks(secret=b"s" * 32), ReceiptLinks(secret=b"s", enabled=False)])
def test_no_address_without_a_public_url_or_with_the_pages_off(links: ReceiptLinks) -> None:
    assert links.of(ID) is None


@pytest.mark.parametrize(
    ("answer", "has_one"),
    [
        (b'{"status":"printed","receipt_id":"%b","warnings":[]}', True),
        (b'{"status": "printed", "receipt_id": "%b", "warnings": []}', True),  # stored by an earlier version
        (b'{"status":"buffered","receipt_id":"%b","warnings":[]}', False),
    ],
)
def test_only_the_answer_of_a_printed_receipt_gets_its_page(answer: bytes, has_one: bool) -> None:
    told = answer % ID.encode()
    found = json.loads(LINKS.added_to(told))
    assert found.pop("receipt_url", None) == (LINKS.of(ID) if has_one else None)
    assert found == json.loads(told)
    assert replace(LINKS, public_url="").added_to(told) is told


@given(place=st.integers(0, 42), other=st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcxyz0189-_"))
def test_a_token_with_one_other_character_is_nobodys(place: int, other: str) -> None:
    token = LINKS.token(ID)
    changed = token[:place] + other + token[place + 1 :]
    assert (LINKS.receipt_id(changed) is None) is (changed != token)


@given(st.text(max_size=60))
def test_any_other_text_is_nobodys(text: str) -> None:
    assert LINKS.receipt_id(text) is None


def test_another_secret_makes_another_token() -> None:
    assert ReceiptLinks(secret=b"t" * 32).receipt_id(LINKS.token(ID)) is None


@pytest.mark.parametrize(
    ("contact", "shown"),
    [("ivan@mail.ru", "i•••@mail.ru"), ("+79161234567", "•••67"), ("@x", "•••@x"), ("123", "•••")],
)
def test_a_contact_is_masked(contact: str, shown: str) -> None:
    assert masked_contact(contact) == shown

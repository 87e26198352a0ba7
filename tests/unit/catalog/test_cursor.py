"""Cursors that only we can make."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.catalog.reads.cursor import LONGEST, CursorPlace, seal, unseal
from kkt_adapter.kernel.errors import InvalidInput

SECRET = b"k" * 32
PLACE = CursorPlace(revision=17, id="10000000000007")


_ids = st.text(st.characters(exclude_categories=["Cs"]), max_size=64)


@given(st.integers(0, 2**63 - 1), _ids)
def test_a_sealed_place_comes_back(revision: int, product_id: str) -> None:
    place = CursorPlace(revision=revision, id=product_id)
    assert unseal(seal(place, query="q", secret=SECRET), query="q", secret=SECRET) == place


def test_the_longest_cursor_that_we_make_is_taken() -> None:
    longest = CursorPlace(revision=2**63 - 1, id="\x01" * 64)
    cursor = seal(longest, query="q", secret=SECRET)
    assert len(cursor) <= LONGEST
    assert unseal(cursor, query="q", secret=SECRET) == longest


def test_a_cursor_belongs_to_its_query_and_its_database() -> None:
    cursor = seal(PLACE, query="q", secret=SECRET)
    for query, secret in (("other", SECRET), ("q", b"x" * 32)):
        with pytest.raises(InvalidInput):
            unseal(cursor, query=query, secret=secret)


@given(st.data())
def test_a_changed_cursor_is_refused(data: st.DataObject) -> None:
    sealed = base64.urlsafe_b64decode(seal(PLACE, query="q", secret=SECRET) + "==")
    place = data.draw(st.integers(0, len(sealed) - 1))
    changed = bytearray(sealed)
    changed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(InvalidInput):
        unseal(base64.urlsafe_b64encode(changed).decode(), query="q", secret=SECRET)


@pytest.mark.parametrize("cursor", ["", "x", "!!!", "ю", "AAAA", "A" * 5_000, "a b"])
def test_rubbish_is_refused_by_name(cursor: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        unseal(cursor, query="q", secret=SECRET)
    assert caught.value.facts["field"] == "cursor"

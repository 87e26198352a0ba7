"""Folding of names and filter values."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.catalog.store.search_forms import fold, list_key, name_key, query_words, value_key


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Pokémon: Let's Go", " pokemon let s go"),
        ("ВЕДЬМИН Лес 3", " ведьмин лес 3"),
        ("Ёлка", " елка"),  # people type ё as е
        ("Königreich", " konigreich"),
        ("STRASSE Straße", " strasse strasse"),
        ("  --  ", " "),
        ("snake_case", " snake case"),
    ],
)
def test_names_fold_to_plain_words(name: str, key: str) -> None:
    assert name_key(name) == key


@given(st.text(max_size=60))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert name_key(name_key(text)) == name_key(text)


@given(st.text(max_size=120))
def test_a_name_folds_as_a_whole_though_its_parts_are_folded_alone(text: str) -> None:
    assert name_key(text) == " " + " ".join(words_of(text))


def words_of(text: str) -> list[str]:
    return re.sub(r"[\W_]+", " ", fold(text)).split()


@given(st.text(alphabet="aBcДЁéÄß 1", min_size=1, max_size=30))
def test_a_name_is_found_by_its_own_words_in_any_case(name: str) -> None:
    for query in (name, name.upper(), name.lower()):
        assert all(f" {word}" in name_key(name) for word in query_words(query))


def test_only_the_first_words_of_an_endless_query_count() -> None:
    assert len(query_words("word " * 100)) == 12


def test_a_bar_in_a_category_cannot_forge_another_one() -> None:
    assert list_key(["a|b", "C"]) == "|a b|c|"
    assert list_key([]) == ""


def test_values_fold_spaces_and_case() -> None:
    assert value_key("  Blue   Harbor ") == "blue harbor"
    assert value_key(None) == ""
    assert fold("ASCII") == "ascii"

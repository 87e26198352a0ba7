"""Normal forms for searching: any case, any accent, Cyrillic and Latin alike, in both databases.

The databases compare plain text, so the folding happens here, once, when a product is stored, and the
same folding meets the words of a query.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

KEPT_VALUES = 2_048  # platforms, regions and their like are few and come again and again
KEPT_WORDS = 8_192  # so do the words of names, 200 bytes each
KEPT_LENGTH = 40  # of a word that is worth keeping
WORDS_LIMIT = 12  # words of a query that count
_NO_LETTERS = re.compile(r"[^\w]+|_+")


def fold(text: str) -> str:
    """Lower case without accents; ``ё`` is ``е``, ``Pokémon`` is ``pokemon``."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).casefold()


def name_key(name: str) -> str:
    """Folded words joined by single spaces, with a space before each: `` ведьмин 3``."""
    parts = [_kept_key(part) if len(part) <= KEPT_LENGTH else _key(part) for part in name.split()]
    return "".join(parts) or " "


def _key(text: str) -> str:
    words = _NO_LETTERS.sub(" ", fold(text)).split()
    return " " + " ".join(words) if words else ""


_kept_key = lru_cache(maxsize=KEPT_WORDS)(_key)  # white space takes no part in folding, so parts may go alone


def query_words(query: str) -> tuple[str, ...]:
    """The folded words of a query; a product matches when its name has words that begin like each."""
    return tuple(_NO_LETTERS.sub(" ", fold(query)).split()[:WORDS_LIMIT])


@lru_cache(maxsize=KEPT_VALUES)
def value_key(value: str | None) -> str:
    """A filter value: folded, outer and doubled spaces gone; empty for none."""
    return "" if value is None else " ".join(fold(value).split())


def category_key(value: str) -> str:
    """A filter value that may stand between bars."""
    return value_key(value).replace("|", " ")


def list_key(values: Iterable[str]) -> str:
    """Several filter values in one text, each between bars: ``|109|action|``."""
    keys = [category_key(value) for value in values]
    return f"|{'|'.join(keys)}|" if keys else ""

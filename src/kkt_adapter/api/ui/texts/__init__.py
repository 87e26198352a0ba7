"""Every text of the pages, in both languages side by side: nothing can be missing in one of them.

In: the name of a text. Out: it in the reader's language.
"""

from collections.abc import Mapping
from types import MappingProxyType

from kkt_adapter.api.negotiation import Language
from kkt_adapter.api.ui.texts import (
    audit,
    catalogue,
    common,
    facts,
    overview,
    questions,
    receipt,
    receipts,
    registers,
    sandbox,
    settings,
    shifts,
    shops,
)
from kkt_adapter.kernel.errors import Text

MODULES = (
    common,
    overview,
    receipts,
    receipt,
    questions,
    shifts,
    catalogue,
    registers,
    shops,
    audit,
    facts,
    settings,
    sandbox,
)


def _merged() -> Mapping[str, Text]:
    texts: dict[str, Text] = {}
    for module in MODULES:
        twice = texts.keys() & module.TEXTS.keys()
        if twice:
            raise ValueError(f"texts of the pages: {sorted(twice)} stand twice")
        texts |= module.TEXTS
    return MappingProxyType(texts)


TEXTS = _merged()


def say(key: str, language: Language, /, **values: object) -> str:
    """The text with its values filled in; a key that is not there is shown as it is."""
    text = TEXTS.get(key)
    if text is None:
        return key
    said = text.en if language == "en" else text.ru
    return said.format(**values) if values else said


def word(key: str, language: Language, /) -> str | None:
    """Like ``say`` for words that come from the data; None for one that is not there."""
    return say(key, language) if key in TEXTS else None

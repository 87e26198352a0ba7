"""Russian or English, by the locale of the terminal. Help texts stay English."""

import os
from collections.abc import Mapping

from kkt_adapter.kernel.errors import Text


def speaks_russian(environment: Mapping[str, str] | None = None) -> bool:
    """The first non-empty of LC_ALL, LC_MESSAGES and LANG decides (POSIX order); ``ru*`` is Russian."""
    found = os.environ if environment is None else environment
    wanted = next(filter(None, map(found.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return wanted.lower().startswith("ru")


def say(en: str, ru: str) -> str:
    """The sentence in the reader's language."""
    return ru if speaks_russian() else en


def said(text: Text) -> str:
    """The same for a text that comes in both languages."""
    return say(text.en, text.ru)

"""Texts that others wrote (an operator, a back office, a client), made fit to be stored, shown and logged.

A text may turn a terminal's writing direction, hide what follows it, break a line of a log in two or be
without end; and an operator's answer may repeat a buyer's contact or a token of ours.
"""

import re
from typing import Final

LIMIT: Final = 200  # characters of an answer that are worth keeping
HIDDEN: Final = "***"

_CSI = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]")  # ECMA-48: colours and cursor movements of a terminal
_SECRETS = re.compile(
    r"(?i)\bauthorization[\"']?\s*[:=]\s*[\"']?(?:(?:bearer|basic)\s+)?[^\s\"',;}]+"
    r"|\b(?:bearer|basic)\s+[\w.~+/=-]+"
    r"|\b[\w-]*(?:token|secret|password|passwd|api[_-]?key)[\w-]*[\"']?\s*[:=]\s*[\"']?[^\s\"',;&}]+"
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JSON Web Token
    r"|\bwhsec_[\w+/=-]+"
)
_CONTACTS = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|(?<!\d)(?:\+7|8|7)[\s(-]*9\d{2}[\s)-]*\d{3}[\s-]*\d{2}[\s-]*\d{2}(?!\d)"  # a Russian mobile number
    r"|\+\d[\d ()-]{8,16}\d"
)


def tidy(text: str, *, limit: int = LIMIT) -> str:
    """One line of visible characters, at most ``limit``; what was cut off ends with an ellipsis.

    Control characters, line and paragraph separators become spaces; direction marks and the like vanish.
    """
    if len(text) <= limit and text.isprintable():
        return text
    plain = _CSI.sub("", text[: 4 * limit])
    shown = "".join([c if c.isprintable() else _instead(c) for c in plain])
    shown = " ".join(shown.split())
    return shown if len(shown) <= limit and len(text) <= 4 * limit else shown[: limit - 1] + "…"


def without_persons(text: str) -> str:
    """The text without buyers' contacts and credentials."""
    return _CONTACTS.sub(HIDDEN, _SECRETS.sub(HIDDEN, text))


def told_by_others(text: str, *, limit: int = LIMIT) -> str:
    """What is kept of an answer's text: `tidy` and `without_persons`."""
    return tidy(without_persons(tidy(text, limit=4 * limit)), limit=limit)


def _instead(character: str) -> str:
    if character.isspace() or character < " " or "\x7f" <= character <= "\x9f":
        return " "
    return "?" if "\ud800" <= character <= "\udfff" else ""

"""Text that fits a fiscal document: CP866, printable, not longer than its tag.

What people type (typographic quotes, long dashes, the ruble sign, an emoji) has no place in CP866. It is
replaced by something a buyer can still read rather than refused; whoever sent it gets a warning.
"""

import codecs
import unicodedata

ITEM_NAME_LIMIT = 128  # tag 1030, every FFD version

_REPLACED = {
    **dict.fromkeys("«»„“”‟❝❞〝〞＂″", '"'),
    **dict.fromkeys("‘’‚‛‹›′´ʼ＇", "'"),
    **dict.fromkeys("‐‑‒–—―−﹘﹣－⁃", "-"),
    "₽": "руб.",
    "…": "...",
    "×": "x",
}
_TABLE = str.maketrans(_REPLACED)
_CP866 = codecs.charmap_build(bytes(range(256)).decode("cp866"))  # ten times as fast as encode("cp866")


def fits_cp866(text: str) -> bool:
    """Whether the text goes into a document as it is: printable characters of CP866 only."""
    if not text.isprintable():
        return False
    if text.isascii():
        return True
    try:
        codecs.charmap_encode(text, "strict", _CP866)
    except UnicodeEncodeError:
        return False
    return True


def to_cp866(text: str) -> str:
    """The nearest text in CP866: quotes, dashes, spaces and the ruble sign by their like, the rest by ?.

    Composed first, because some systems send й as и and a breve; marks without a width are dropped.
    The result may be longer than ``text``.
    """
    composed = unicodedata.normalize("NFC", text).translate(_TABLE)
    return "".join([_replacement(character) for character in composed])


def _replacement(character: str) -> str:
    if character.isprintable():
        try:
            character.encode("cp866")
        except UnicodeEncodeError:
            return "" if "\ufe00" <= character <= "\ufe0f" else "?"
        return character
    match unicodedata.category(character):
        case "Cf":  # zero-width joiners, soft hyphens, direction marks
            return ""
        case "Zs" | "Zl" | "Zp" | "Cc":  # other spaces, line breaks, tabs
            return " "
        case _:
            return "?"

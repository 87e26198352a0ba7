"""The body of a command, without the pictures that nobody prints: they are dropped while it is read.

A picture is Base64 in a member ``Image``; a receipt with some logos has megabytes of it. What is kept counts
against the limit of a door, what arrives against that of this one.
"""

import re
from typing import Final

RECEIVED_LIMIT_BYTES: Final = 8 * 1024 * 1024
KEPT_LIMIT_BYTES: Final = 1024 * 1024

_QUOTE_OR_ESCAPE = re.compile(rb'["\\]')
_BLANK: Final = b" \t\r\n"
_PICTURE: Final = b"image"
_LONGEST_NAME: Final = 16  # of a member that is looked at


def has_pictures(whole: bytes) -> bool:
    """Whether a whole JSON text may have something to drop."""
    return _PICTURE in whole.lower()


class PictureFilter:
    """Takes a JSON text in pieces of any size and gives it back with empty texts for pictures.

    It follows strings only: a text that stands before a colon is a name. JSON that is broken passes as it is.
    """

    def __init__(self) -> None:
        self._in_string = False
        self._escaped = False
        self._dropping = False
        self._text = bytearray()  # of the string at hand, while it may be a name
        self._last = b""  # the string that ended last, until something else than blanks follows
        self._picture_next = False  # a colon came after the name

    def feed(self, piece: bytes) -> bytes:
        """What remains of ``piece``."""
        kept: list[bytes] = []
        at, size = 0, len(piece)
        while at < size:
            at = self._inside(piece, at, kept) if self._in_string else self._outside(piece, at, kept)
        return b"".join(kept)

    def _outside(self, piece: bytes, at: int, kept: list[bytes]) -> int:
        quote = piece.find(b'"', at)
        end = len(piece) if quote < 0 else quote
        between = piece[at:end].strip(_BLANK)
        if between:
            self._picture_next = between == b":" and self._last.lower() == _PICTURE
            self._last = b""
        if quote < 0:
            kept.append(piece[at:])
            return len(piece)
        kept.append(piece[at : quote + 1])
        self._in_string, self._dropping, self._picture_next = True, self._picture_next, False
        self._text.clear()
        return quote + 1

    def _inside(self, piece: bytes, at: int, kept: list[bytes]) -> int:
        start = at
        if self._escaped:
            self._escaped = False
            at += 1
        found = _QUOTE_OR_ESCAPE.search(piece, at)
        end = len(piece) if found is None else found.start()
        if not self._dropping:
            kept.append(piece[start:end])
            self._text += piece[start : min(end, start + _LONGEST_NAME)]
        if found is None:
            return len(piece)
        if found[0] == b"\\":
            self._escaped = True
            if not self._dropping:
                kept.append(b"\\")
                self._text += b"\\"
            return end + 1
        kept.append(b'"')
        self._in_string = self._dropping = False
        self._last = bytes(self._text[: _LONGEST_NAME + 1])
        return end + 1

"""Mode and sub-mode of a device, as 10h and 11h tell them (docs/reference/shtrih-m.md, Modes)."""

DUMP = 1  # a document is being read with FF3A/FF3B; nothing else is possible
SHIFT_OPEN = 2
SHIFT_EXPIRED = 3  # more than 24 hours
SHIFT_CLOSED = 4
CONFIRM_DATE = 6
DOCUMENT_OPEN = 8
PRINTING_REPORTS = (0xB, 0xC)

PAPER_IDLE = 0
NO_PAPER = 1  # was noticed while nothing was printed
NO_PAPER_PRINTING = 2  # ran out in the middle
WAITS_FOR_CONTINUE = 3  # paper is back: B0h
PRINTING_REPORT = 4
PRINTING = 5

FLAG_COVER_OPEN = 1 << 10


def mode_of(byte: int) -> int:
    """The mode, without the kind of document in the high nibble."""
    return byte & 0x0F

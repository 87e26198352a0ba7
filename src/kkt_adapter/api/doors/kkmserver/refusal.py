"""What a command is refused with: the Status its clients know, and a text that says what to do.

Clients look for some letter runs in ``Error`` and act on them: one sends CloseShift when it reads the
nominative of the word for shift, and repeats at once on the first letters of the word for licence
(andreysam/kkmserver:src). ``harmless`` keeps them out of every text, also of one that a register wrote.
"""

import re
from enum import IntEnum
from typing import Final

from kkt_adapter.kernel.errors import Text


class Status(IntEnum):
    """``Status`` of an answer. The original's 4, 5 and 6 are never given: clients take 4 for final."""

    OK = 0
    RUNNING = 1
    ERROR = 2
    NOT_FOUND = 3  # command, device or asked IdCommand


PARSED_BY_CLIENTS: Final = ("смена", "лиценз")
"""Letter runs that may not stand in any text, in any letter case."""

_RUNS = re.compile("|".join(PARSED_BY_CLIENTS), re.IGNORECASE)
_INSTEAD = {"смена": "кассовый день", "лиценз": "разреш"}
LONGEST = 1000


class CommandRefused(Exception):
    """Nothing was done. ``code`` is a stable word in brackets at the end of the text."""

    def __init__(self, text: Text, *, code: str, status: Status = Status.ERROR) -> None:
        super().__init__(text.en)
        self.text = text
        self.code = code
        self.status = status


def harmless(text: str) -> str:
    """The text without the letter runs that clients act on, and at most ``LONGEST`` characters."""
    return _RUNS.sub(lambda found: _INSTEAD[found[0].lower()], text)[:LONGEST]


def refused(code: str, en: str, ru: str, *, status: Status = Status.ERROR) -> CommandRefused:
    return CommandRefused(Text(en, ru), code=code, status=status)

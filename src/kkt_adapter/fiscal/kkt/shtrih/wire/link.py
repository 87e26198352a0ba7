"""What both low-level protocols promise: a body out, the answer's body back, or ``LinkDown``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds and numbers of tries; the defaults are the vendor's driver's (docs/reference/shtrih-m.md)."""

    connect_s: float = 10.0
    byte_s: float = 3.0  # between two bytes, and for ENQ to be answered
    quiet_s: float = 0.1  # after a byte that makes no sense
    enquiries: int = 10
    frames: int = 3  # NAK to a frame, or a bad LRC in an answer, this often
    drains: int = 3  # answers that nobody asked for
    poll_s: float = 0.2  # between two looks at a device that prints
    printing_s: float = 90.0  # the longest that printing may take
    answer_scale: float = 1.0  # of the time-outs of commands; tests shorten them

    def answer_s(self, normal_s: float) -> float:
        return max(normal_s * self.answer_scale, self.byte_s)


class LinkDown(Exception):
    """No answer.

    ``sent`` False: the device has certainly not begun to execute the command. True: it may have; for a
    command that changes something only the FN and the device's state can tell.
    """

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.why = why
        self.sent = sent


class Link(Protocol):
    """One connection to one device. Commands are given one at a time. ``sending`` is called right before a
    frame goes out, each time that it does."""

    sending: Callable[[], None]

    async def connect(self) -> None:
        """Raises LinkDown, with ``sent`` False."""
        ...

    async def exchange(self, body: bytes, *, answer_s: float) -> bytes:
        """Raises LinkDown. An answer that was left over from an earlier command is never returned."""
        ...

    async def close(self) -> None: ...

"""How long something that was sent can still come to its end, although nobody waits for its answer any more.

Counted from the last frame that went out, not from the moment the device was asked whether it takes one: a
busy device may answer that much later.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kkt_adapter.fiscal.kkt.shtrih.wire.link import Link


class LateWork:
    """``late_s``: the longest that a device works on a command before it would have answered."""

    def __init__(self, link: Link, *, late_s: float, monotonic: Callable[[], float]) -> None:
        self._late_s = late_s
        self._monotonic = monotonic
        self._sent_at = monotonic()  # an earlier process may have sent something just before it ended
        self._frame_at = self._sent_at
        link.sending = self._frame_goes_out

    @property
    def settle_s(self) -> float:
        """What is left of that time for the last command that makes a document."""
        return max(self._sent_at + self._late_s - self._monotonic(), 0.0)

    def sending(self) -> None:
        """A command that makes a document is given to the link now."""
        self._sent_at = self._monotonic()

    @contextmanager
    def document(self) -> Iterator[None]:
        """Around everything that is sent for one document."""
        began = self._monotonic()
        try:
            yield
        finally:
            if self._sent_at >= began:
                self._sent_at = max(self._sent_at, self._frame_at)

    def _frame_goes_out(self) -> None:
        self._frame_at = self._monotonic()

"""Calls to a peer that have begun and not ended, so that who hangs is seen while it hangs.

A peer that does not answer costs each caller a whole deadline, and until that is over nothing has failed yet.
The age of the call in hand tells it earlier.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from kkt_adapter.kernel.clock import Clock


class InHand:
    """Event loop only. Bounded by the calls that run at once.

    ``silent`` are errors that are no answer: after one of them the next call counts from where that one
    began.
    """

    def __init__(self, clock: Clock, *, silent: tuple[type[Exception], ...] = ()) -> None:
        self._clock = clock
        self._silent: tuple[type[BaseException], ...] = (*silent, asyncio.CancelledError)
        self._begun: dict[object, float] = {}  # monotonic, in the order of beginning
        self._silent_since: float | None = None

    @contextmanager
    def call(self) -> Iterator[None]:
        """Around one call. Calls may overlap; their errors pass through."""
        token, now = object(), self._clock.monotonic()
        began = now if self._silent_since is None else self._silent_since
        self._begun[token] = began
        try:
            yield
        except self._silent:
            self._silent_since = began
            raise
        except BaseException:
            self._silent_since = None
            raise
        else:
            self._silent_since = None
        finally:
            del self._begun[token]

    @property
    def oldest_s(self) -> float:
        """For how many seconds the peer has owed an answer; 0.0 while no call runs."""
        return self._clock.monotonic() - min(self._begun.values()) if self._begun else 0.0

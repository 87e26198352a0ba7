"""Calls to a peer that have begun and not ended, so that a hanging peer is visible while it hangs.

A peer that does not answer costs each caller a whole deadline, and no call has failed before that is over.
The age of the oldest call in flight shows it earlier.
"""

import asyncio
from contextlib import AbstractContextManager

from kkt_adapter.kernel.clock import Clock


class InFlightCalls:
    """Event loop only. Bounded by the calls that run at once.

    ``silent`` are errors that are no answer: after one of them the next call counts from where that one
    began.
    """

    def __init__(self, clock: Clock, *, silent: tuple[type[Exception], ...] = ()) -> None:
        self._clock = clock
        self._silent: tuple[type[BaseException], ...] = (*silent, asyncio.CancelledError)
        self._begun: dict[object, float] = {}  # monotonic, in the order of beginning
        self._silent_since: float | None = None

    def call(self) -> AbstractContextManager[None]:
        """Around one call. Calls may overlap; their errors pass through."""
        return _Call(self)

    @property
    def oldest_s(self) -> float:
        """For how many seconds the peer has owed an answer; 0.0 while no call runs."""
        return self._clock.monotonic() - min(self._begun.values()) if self._begun else 0.0

    def _begin(self, call: object) -> None:
        self._begun[call] = self._clock.monotonic() if self._silent_since is None else self._silent_since

    def _end(self, call: object, error: type[BaseException] | None) -> None:
        began = self._begun.pop(call)
        silent = error is not None and issubclass(error, self._silent)
        self._silent_since = began if silent else None


class _Call(AbstractContextManager[None]):
    """One call; may be entered once."""

    __slots__ = ("_in_flight",)

    def __init__(self, in_flight: InFlightCalls) -> None:
        self._in_flight = in_flight

    def __enter__(self) -> None:
        self._in_flight._begin(self)

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self._in_flight._end(self, error)

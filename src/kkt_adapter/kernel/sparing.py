"""Work that grows with the number of registers, on pages that are asked for again and again."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

MANY = 50  # fewer cost little: their work is done each time
SHARE = 1 / 30  # of the time goes to the work of many at most
LONGEST_S = 0.25  # no outcome is kept for longer


class Sparing(Generic[T]):
    """Gives the outcome of ``work``: a new one for few registers, the last one for a moment with many."""

    def __init__(
        self,
        work: Callable[[], T],
        *,
        registers: Callable[[], int],
        now: Callable[[], float] = time.monotonic,
        spent: Callable[[], float] = time.thread_time,
    ) -> None:
        """``spent``: the thread's processor time, which does not grow while others have the processor."""
        self._work = work
        self._registers = registers
        self._now = now
        self._spent = spent
        self._kept: tuple[T] | None = None
        self._until = 0.0

    def __call__(self) -> T:
        if self._registers() < MANY:
            return self._work()
        if self._kept is not None and self._now() < self._until:
            return self._kept[0]
        before = self._spent()
        outcome = self._work()
        took_s = self._spent() - before
        self._kept, self._until = (outcome,), self._now() + min(took_s / SHARE, LONGEST_S)
        return outcome

""" "Something is due": an event or a timeout, whichever comes first."""

import asyncio
from collections.abc import Coroutine
from math import inf
from typing import Any, TypeVar

from kkt_adapter.kernel.clock import Clock

T = TypeVar("T")


async def happens_within(clock: Clock, seconds: float, *events: asyncio.Event) -> bool:
    """Wait until one of the events is set, at most ``seconds`` of ``clock`` (``inf``: without an end).

    True when an event is set, also when it was set before; false when the time is over. Clears nothing.
    """
    if any(event.is_set() for event in events):
        return True
    waiters: list[asyncio.Future[Any]] = [asyncio.ensure_future(event.wait()) for event in events]
    if seconds != inf:
        waiters.append(asyncio.ensure_future(clock.sleep(max(0.0, seconds))))
    try:
        await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in waiters:
            waiter.cancel()
        await asyncio.gather(*waiters, return_exceptions=True)
    return any(event.is_set() for event in events)


async def unless(work: Coroutine[Any, Any, T], *events: asyncio.Event) -> T | None:
    """The value of ``work``, or None when one of the events was set first: then the work is cancelled.

    Errors of the work come through; so does a cancellation from outside, after the work has cleaned up.
    """
    working = asyncio.ensure_future(work)
    waiters = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait([working, *waiters], return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, *waiters):
            task.cancel()
        await asyncio.gather(working, *waiters, return_exceptions=True)


class Wakeup:
    """Any number of calls to `wake` before the next `wait` is one waking; none is lost."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due = asyncio.Event()

    def wake(self) -> None:
        """Something is due; call it on the event loop."""
        self._due.set()

    async def wait(self, seconds: float, *, stop: asyncio.Event | None = None) -> bool:
        """Sleep until `wake`, ``stop`` or the timeout (seconds; may be ``inf``); true when woken by `wake`.

        One waiter at a time: the waking is consumed here. A wake that came while nobody waited is
        answered at once.
        """
        events = (self._due,) if stop is None else (self._due, stop)
        await happens_within(self._clock, seconds, *events)
        woken = self._due.is_set()
        self._due.clear()
        return woken

""" "Something is due": an event or a timeout, whichever comes first."""

import asyncio
from math import inf
from typing import Any

from kkt_adapter.kernel.clock import Clock


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

"""The only module that knows what time it is."""

import asyncio
import time
from datetime import UTC, datetime
from functools import partial
from typing import Protocol


class Clock(Protocol):
    """Wall time for records, monotonic time for durations.

    ``monotonic`` counts through suspend (CLOCK_BOOTTIME where the system has it), so that a lease does
    not look fresh after the machine slept.
    """

    def now(self) -> datetime:
        """Aware UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never runs backwards."""
        ...

    async def sleep(self, seconds: float) -> None: ...


_BOOTTIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)  # not every system has it


class SystemClock:
    """The machine's clocks, without a function of ours in between: a receipt reads them twenty times."""

    now = staticmethod(partial(datetime.now, UTC))
    monotonic = staticmethod(time.monotonic if _BOOTTIME is None else partial(time.clock_gettime, _BOOTTIME))

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

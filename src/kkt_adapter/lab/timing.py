"""Time that runs faster: one factor for every lease, time-out, back-off and interval of a node.

The product takes durations from its event loop and from its ``Clock``, and from nothing else that matters
here. A node of the lab gets a loop and a clock whose second is a ``1/scale`` of a real one, so that all
durations keep their proportions and no setting of the product has to know of the lab. Work and disks do not
get faster: under a scale of 10 a pause of 50 ms weighs like one of half a second.
"""

import asyncio
import selectors
import time
from datetime import UTC, datetime, timedelta

from kkt_adapter.kernel.clock import SystemClock


class LabLoop(asyncio.SelectorEventLoop):
    """An event loop whose time runs ``scale`` times as fast."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        super().__init__(_Selector(scale))

    def time(self) -> float:
        return super().time() * self._scale


class _Selector(selectors.DefaultSelector):
    def __init__(self, scale: float) -> None:
        super().__init__()
        self._scale = scale

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout if timeout is None or timeout <= 0 else timeout / self._scale)


class LabClock:
    """Implements ``Clock`` for a ``LabLoop`` of the same scale.

    All nodes of a lab count their wall time from one ``epoch`` (Unix seconds), also after a restart;
    ``offset_s`` is how far this node's wall clock is wrong, in its own seconds.
    """

    def __init__(self, *, scale: float, epoch: float, offset_s: float = 0.0) -> None:
        self.offset_s = offset_s
        self._scale = scale
        self._epoch = epoch
        self._begun = datetime.fromtimestamp(epoch, UTC)
        self._real = SystemClock()

    def now(self) -> datetime:
        passed_s = (time.time() - self._epoch) * self._scale
        return self._begun + timedelta(seconds=passed_s + self.offset_s)

    def monotonic(self) -> float:
        return self._real.monotonic() * self._scale

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

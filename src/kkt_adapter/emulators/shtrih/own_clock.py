"""The clock inside an emulated register: another one's time, and how far it was set apart from that."""

from datetime import datetime, timedelta

from kkt_adapter.kernel.clock import Clock


class OwnClock:
    """Implements ``Clock``. Setting it moves the wall time alone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.apart = timedelta(0)

    def now(self) -> datetime:
        return self._clock.now() + self.apart

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)

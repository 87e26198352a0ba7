"""How a print lane waits: for news, and for a time at most."""

import asyncio


class LaneWake:
    """One waiter, the lane's task. Not thread-safe: event loop only.

    Made for waits of a moment, one after each receipt: a clock that is set already and rings no later than
    wanted is left alone. So a wait may end early, and the lane looks again at what it waits for.
    """

    def __init__(self) -> None:
        self._news = asyncio.Event()
        self._clock: asyncio.TimerHandle | None = None

    def set(self) -> None:
        """There is something to look at; ends the present wait."""
        self._news.set()

    async def wait(self, seconds: float) -> None:
        """Until ``set``, or for ``seconds`` at most. What came before is not news any more."""
        self._news.clear()
        loop = asyncio.get_running_loop()
        if self._clock is None or self._clock.when() > loop.time() + seconds:
            self.stop()
            self._clock = loop.call_later(seconds, self._ring)
        await self._news.wait()

    def stop(self) -> None:
        """The clock rings no more."""
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _ring(self) -> None:
        self._clock = None
        self._news.set()

"""How long an answer is held: until the outcome, the end of the client's time, its leaving, or a stop."""

import asyncio
from functools import partial
from typing import Any

from kkt_adapter.kernel.clock import Clock


class Hold:
    """One held answer. ``over`` once nobody may wait for it any longer."""

    def __init__(self, clock: Clock, *, seconds: float) -> None:
        self._clock = clock
        self._until = clock.monotonic() + seconds
        self._ended = asyncio.Event()
        self._waiting: set[asyncio.Future[None]] = set()  # in ``wait_for``
        self.gone = False  # the client left: nobody gets the answer

    @property
    def over(self) -> bool:
        return self._ended.is_set() or self.left_s <= 0

    @property
    def left_s(self) -> float:
        return max(0.0, self._until - self._clock.monotonic())

    def leave(self) -> None:
        """The client has closed its connection."""
        self.gone = True
        self._end()

    def stop(self) -> None:
        """The service stops: answer now."""
        self._end()

    def _end(self) -> None:
        self._ended.set()
        for waiter in self._waiting:
            _wake(waiter)

    def at_least(self, seconds: float) -> None:
        """Go on for this long at least."""
        self._until = max(self._until, self._clock.monotonic() + seconds)

    def at_most(self, seconds: float) -> None:
        """Go on for this long at most."""
        self._until = min(self._until, self._clock.monotonic() + seconds)

    async def pause(self, seconds: float) -> None:
        """Wait so long, less when it is over before."""
        try:
            async with asyncio.timeout(min(seconds, self.left_s)):
                await self._ended.wait()
        except TimeoutError:
            pass

    async def wait_for(self, task: "asyncio.Task[Any]") -> bool:
        """Whether the task is done before this is over; it is not cancelled."""
        if task.done() or self._ended.is_set():
            return task.done()
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        wake = partial(_wake, waiter)
        self._waiting.add(waiter)
        timer = loop.call_later(self.left_s, wake)
        task.add_done_callback(wake)
        try:
            await waiter
        finally:
            task.remove_done_callback(wake)
            timer.cancel()
            self._waiting.discard(waiter)
        return task.done()


def _wake(waiter: "asyncio.Future[None]", _: object = None) -> None:
    if not waiter.done():
        waiter.set_result(None)


class Holds:
    """All answers that are held now."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: set[Hold] = set()
        self._stopped = False

    def open(self, seconds: float) -> Hold:
        """To be given back by ``close``."""
        hold = Hold(self._clock, seconds=seconds)
        if self._stopped:
            hold.stop()
        self._open.add(hold)
        return hold

    def close(self, hold: Hold) -> None:
        self._open.discard(hold)

    def stop(self) -> None:
        """End every hold, now and from now on."""
        self._stopped = True
        for hold in self._open:
            hold.stop()

    def __len__(self) -> int:
        return len(self._open)

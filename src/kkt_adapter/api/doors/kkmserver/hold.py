"""How long an answer is held: until the outcome, the end of the client's time, its leaving, or a stop."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any, TypeVar

from kkt_adapter.fiscal.printing.reply_waiters import Answer
from kkt_adapter.kernel.clock import Clock

T = TypeVar("T")


class Hold:
    """One held answer. ``over`` once nobody may wait for it any longer."""

    def __init__(self, clock: Clock, *, seconds: float) -> None:
        self._clock = clock
        self._until = clock.monotonic() + seconds
        self._ended = False
        self._waiting: set[asyncio.Future[Any]] = set()  # each brings None when this is over
        self.gone = False  # the client left: nobody gets the answer

    @property
    def over(self) -> bool:
        return self.left_s <= 0

    @property
    def left_s(self) -> float:
        return 0.0 if self._ended else max(0.0, self._until - self._clock.monotonic())

    def leave(self) -> None:
        """The client has closed its connection."""
        self.gone = True
        self._end()

    def stop(self) -> None:
        """The service stops: answer now."""
        self._end()

    def _end(self) -> None:
        self._ended = True
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
        await self._until_woken(asyncio.get_running_loop().create_future(), min(seconds, self.left_s))

    def answered(self, waiter: Answer) -> "Coroutine[Any, Any, str | None]":
        """What the wait brings, or None when it is over before."""
        return self._until_woken(waiter, self.left_s)

    async def wait_for(self, task: "asyncio.Task[Any]") -> bool:
        """Whether the task is done before this is over; it is not cancelled."""
        if task.done() or self._ended:
            return task.done()
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        wake = partial(_wake, waiter)
        task.add_done_callback(wake)
        try:
            await self._until_woken(waiter, self.left_s)
        finally:
            task.remove_done_callback(wake)
        return task.done()

    async def _until_woken(self, waiter: "asyncio.Future[T]", seconds: float) -> T:
        if self._ended:
            _wake(waiter)
            return waiter.result()
        timer = asyncio.get_running_loop().call_later(seconds, _wake, waiter)
        self._waiting.add(waiter)
        try:
            return await waiter
        finally:
            timer.cancel()
            self._waiting.discard(waiter)


def _wake(waiter: "asyncio.Future[Any]", _: object = None) -> None:
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

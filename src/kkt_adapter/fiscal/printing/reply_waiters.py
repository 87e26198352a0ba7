"""Requests that wait for their receipt's document, by receipt id.

The intake opens an entry before the receipt is stored, the lane closes it; a lane that prints a receipt
nobody waits for finds no entry and goes on. Everybody waits on a future of their own, so a request that is
cancelled takes nobody else along. Bounded by the requests in flight.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from kkt_adapter.kernel.clock import Clock

Answer = asyncio.Future[str | None]
"""The printed answer; None: not printed, see the row."""


class ReplyPatience(Protocol):
    """How long somebody waits for the document of a receipt that is stored."""

    @property
    def left_s(self) -> float:
        """0.0: no longer."""
        ...

    async def answered(self, waiter: Answer) -> str | None:
        """What the wait brings, or None when the patience is over before."""
        ...


class Within:
    """Patience for so many seconds from now on."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._until = clock.monotonic() + seconds

    @property
    def left_s(self) -> float:
        return max(0.0, self._until - self._clock.monotonic())

    async def answered(self, waiter: Answer) -> str | None:
        timer = asyncio.get_running_loop().call_later(self.left_s, _give_up, waiter)
        try:
            return await waiter
        finally:
            timer.cancel()


class Waiting:
    """Not thread-safe: event loop only."""

    def __init__(self, *, printed: Callable[[str], None] = lambda receipt_id: None) -> None:
        """``printed`` is told of every receipt that got its document, waited for or not; must be quick."""
        self._printed = printed
        self._waiters: dict[str, list[Answer]] = {}

    def open(self, receipt_id: str) -> Answer:
        """The wait of whoever stores this receipt."""
        return _joined(self._waiters.setdefault(receipt_id, []))

    def join(self, receipt_id: str) -> Answer | None:
        """One more wait for a receipt that is on its way in this process; None when it is not."""
        waiters = self._waiters.get(receipt_id)
        return None if waiters is None else _joined(waiters)

    def settle(self, receipt_id: str, answer: str | None) -> None:
        """Wake everybody who waits for this receipt."""
        if answer is not None:
            self._printed(receipt_id)
        for waiter in self._waiters.pop(receipt_id, ()):
            if not waiter.done():
                waiter.set_result(answer)

    def drop(self, receipt_id: str) -> None:
        """The intake gives up waiting; twins that still wait see the row's state."""
        self.settle(receipt_id, None)

    def __len__(self) -> int:
        return len(self._waiters)


def _joined(waiters: list[Answer]) -> Answer:
    waiter: Answer = asyncio.get_running_loop().create_future()
    waiters.append(waiter)
    return waiter


def _give_up(waiter: Answer) -> None:
    if not waiter.done():
        waiter.set_result(None)

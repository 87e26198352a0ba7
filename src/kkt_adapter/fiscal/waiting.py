"""Requests that wait for their receipt's document, by receipt id.

The desk opens an entry before the receipt is stored, the lane closes it; a lane that prints a receipt
nobody waits for finds no entry and goes on. Bounded by the requests in flight.
"""

import asyncio
from collections.abc import Callable


class Waiting:
    """Not thread-safe: event loop only."""

    def __init__(self, *, printed: Callable[[str], None] = lambda receipt_id: None) -> None:
        """``printed`` is told of every receipt that got its document, waited for or not; must be quick."""
        self._printed = printed
        self._futures: dict[str, asyncio.Future[str | None]] = {}

    def open(self, receipt_id: str) -> asyncio.Future[str | None]:
        """The future of this receipt's printed answer; None in it means "not printed, see the row"."""
        future = self._futures.get(receipt_id)
        if future is None:
            future = asyncio.get_running_loop().create_future()
            self._futures[receipt_id] = future
        return future

    def find(self, receipt_id: str) -> asyncio.Future[str | None] | None:
        return self._futures.get(receipt_id)

    def settle(self, receipt_id: str, answer: str | None) -> None:
        """Wake everybody who waits for this receipt."""
        if answer is not None:
            self._printed(receipt_id)
        future = self._futures.pop(receipt_id, None)
        if future is not None and not future.done():
            future.set_result(answer)

    def drop(self, receipt_id: str) -> None:
        """The desk gives up waiting; twins that still wait see the row's state."""
        self.settle(receipt_id, None)

    def __len__(self) -> int:
        return len(self._futures)

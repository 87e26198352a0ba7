"""Reads of one kind that many ask for at the same moment, as one job of a reading thread.

Hundreds of lanes take the same steps when the service starts. Each of them asks for its own rows; what they
ask within one turn of the loop, and while the answer before is still read, is read by one call.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy import Connection

from kkt_adapter.runtime.db.protocol import Database

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class ReadTogether(Generic[Item, Outcome]):
    """``await reads(item)`` is one read of ``item``; belongs to one event loop."""

    def __init__(
        self, database: Database, read: Callable[[Connection, Sequence[Item]], Sequence[Outcome]]
    ) -> None:
        """``read`` gives one outcome for each item, in their order. When it raises for several, it is called
        for each of them alone, so that nobody gets the error of another."""
        self._database = database
        self._read = read
        self._waiting: list[tuple[Item, asyncio.Future[Outcome]]] = []
        self._reading: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Outcome:
        """Raises what `Database.read` raises, and what reading this item raises."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_all())
        return await future

    async def _read_all(self) -> None:
        while self._waiting:
            asked, self._waiting = self._waiting, []
            await self._answer([one for one in asked if not one[1].done()])

    async def _answer(self, asked: list[tuple[Item, asyncio.Future[Outcome]]]) -> None:
        try:
            outcomes = await self._database.read(lambda conn: self._read(conn, [item for item, _ in asked]))
        except asyncio.CancelledError:
            for _, future in asked:
                future.cancel()
            raise
        except Exception as error:
            if len(asked) > 1:
                for one in asked:
                    await self._answer([one])
            else:
                _fail(asked, error)
            return
        for (_, future), outcome in zip(asked, outcomes, strict=True):
            if not future.done():  # its caller was cancelled
                future.set_result(outcome)


def _fail(asked: Sequence[tuple[object, asyncio.Future[Outcome]]], error: Exception) -> None:
    for _, future in asked:
        if not future.done():
            future.set_exception(error)

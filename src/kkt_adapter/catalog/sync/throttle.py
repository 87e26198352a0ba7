"""How a run gives way to receipts, with which it shares an event loop, an interpreter and the writer.

A page costs a few milliseconds of processor time: reading its JSON in the event loop, storing it in the
database's writer thread. While there are no receipts, both go on side by side, as fast as they can. As soon
as there are, one piece is done at a time, each small (one page a commit), and each is followed by a rest
that is much longer than the piece: so a receipt that comes meanwhile waits for one piece at most, and most
wait for none.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol, runtime_checkable

from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.db.protocol import Database

PAGES_A_COMMIT = 8
RECEIPTS_WITHIN_S = 2.0  # so long does a step of a receipt count as "now"
REST_TIMES = 15.0  # a rest is so many times as long as the piece before it, ...
REST_CAP_S = 0.15  # ... but no longer than this, whatever held the piece up


@runtime_checkable
class CountsItems(Protocol):
    """A database that tells how many items `Database.write_each` was given: steps of receipts."""

    items: int


class Throttle:
    """One for the runs of a process; over a database that counts nothing, it never gives way."""

    def __init__(self, db: Database, *, clock: Clock, always: bool = False) -> None:
        """``always``: give way all the time; for a process that cannot see the writes of the service."""
        self._always = always
        self._counts = db if isinstance(db, CountsItems) else None
        self._clock = clock
        self._turn = asyncio.Lock()
        self._items = 0  # as counted last
        self._busy_until = clock.monotonic()

    @property
    def pages_a_commit(self) -> int:
        return 1 if self._receipts_come() else PAGES_A_COMMIT

    @asynccontextmanager
    async def parsing(self) -> AsyncIterator[None]:
        """A piece of work in the event loop; between two of them everybody else has a turn."""
        async with self._turn:
            began = self._clock.monotonic()
            yield
            await self._rest(began)

    @asynccontextmanager
    async def storing(self) -> AsyncIterator[None]:
        """One write of a run."""
        if not self._receipts_come():
            yield
            return
        async with self._turn:
            began = self._clock.monotonic()
            yield
            await self._rest(began)

    async def _rest(self, began: float) -> None:
        if not self._receipts_come():
            await asyncio.sleep(0)
            return
        took_s = self._clock.monotonic() - began
        await self._clock.sleep(min(REST_CAP_S, REST_TIMES * took_s))

    def _receipts_come(self) -> bool:
        """Was there a step of a receipt a moment ago? Looks at the database's counter only."""
        if self._always or self._counts is None:
            return self._always
        now, items = self._clock.monotonic(), self._counts.items
        if items != self._items:
            self._items, self._busy_until = items, now + RECEIPTS_WITHIN_S
        return now < self._busy_until

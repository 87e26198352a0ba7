"""How a run gives way to receipts, with which it shares an event loop, an interpreter and the writer.

A page costs a few milliseconds of processor time: reading its JSON in the event loop, storing it in the
database's writer thread. While nobody else writes, both go on side by side, as fast as they can. As soon as
others write, one piece is done at a time, each small (one page a commit), and each is followed by a rest
that is longer than the piece: so a receipt that comes meanwhile waits for one piece at most.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar, runtime_checkable

from sqlalchemy import Connection

from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.database import Database

T = TypeVar("T")
Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

PAGES_A_COMMIT = 4
OTHERS_WITHIN_S = 2.0  # so long do writes of others count as "now"
OTHERS_WRITES = 2  # in that time; a receipt has two, a lease that is renewed has one
REST_TIMES = 10.0  # a rest is so many times as long as the piece before it, ...
REST_CAP_S = 0.1  # ... but no longer than this, whatever held the piece up


@runtime_checkable
class CountsWrites(Protocol):
    """A database that tells how many writes it was given."""

    @property
    def jobs(self) -> int: ...


class Courtesy:
    """One for the runs of a process; over a database that counts nothing, it never gives way."""

    def __init__(self, db: Database, *, clock: Clock, always: bool = False) -> None:
        """``always``: give way all the time; for a process that cannot see the writes of the service."""
        self._always = always
        self.db: Database = _OwnWrites(db, self)  # the same database; writes through it are ours
        self._counts = db if isinstance(db, CountsWrites) else None
        self._clock = clock
        self._turn = asyncio.Lock()
        self._own = 0  # writes of ours
        self._others = 0  # writes of others, as counted at _counted_at
        self._counted_at = clock.monotonic()
        self._busy_until = 0.0

    @property
    def pages_a_commit(self) -> int:
        return 1 if self._others_write() else PAGES_A_COMMIT

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
        if not self._others_write():
            yield
            return
        async with self._turn:
            began = self._clock.monotonic()
            yield
            await self._rest(began)

    def count_own(self) -> None:
        """A write of ours is queued."""
        self._own += 1

    async def _rest(self, began: float) -> None:
        if not self._others_write():
            await asyncio.sleep(0)
            return
        took_s = self._clock.monotonic() - began
        await self._clock.sleep(min(REST_CAP_S, REST_TIMES * took_s))

    def _others_write(self) -> bool:
        """Did others write a moment ago? Looks at the database's counter, so it costs nothing."""
        if self._always or self._counts is None:
            return self._always
        now, others = self._clock.monotonic(), self._counts.jobs - self._own
        if others - self._others >= OTHERS_WRITES:
            self._busy_until = now + OTHERS_WITHIN_S
        elif now - self._counted_at < OTHERS_WITHIN_S:
            return now < self._busy_until
        self._others, self._counted_at = others, now
        return now < self._busy_until


class _OwnWrites:
    """Implements `Database` by handing everything on; writes are counted as the catalogue's own."""

    def __init__(self, db: Database, courtesy: Courtesy) -> None:
        self.dialect = db.dialect
        self._db = db
        self._courtesy = courtesy

    async def read(self, fn: Callable[[Connection], T]) -> T:
        return await self._db.read(fn)

    async def write(self, fn: Callable[[Connection], T]) -> T:
        self._courtesy.count_own()
        return await self._db.write(fn)

    async def write_each(
        self, apply: Callable[[Connection, Sequence[Item]], Sequence[Outcome | Exception]], item: Item
    ) -> Outcome:
        self._courtesy.count_own()
        return await self._db.write_each(apply, item)

    async def close(self) -> None:
        await self._db.close()

"""Two processes that want the same lease of one database, under a clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.clock import ManualClock

from kkt_adapter.runtime.db.open import open_database
from kkt_adapter.runtime.db.postgres import PostgresDatabase, PostgresSettings
from kkt_adapter.runtime.db.sqlite import SqliteDatabase
from kkt_adapter.runtime.leases.database import DatabaseLeases
from kkt_adapter.runtime.leases.lease import Term
from kkt_adapter.runtime.leases.rows import metadata

NAME = "printing 0001"
PATIENCE_S = 60.0


@dataclass
class Nodes:
    """Two processes with a connection each to one database, one clock, and knowledge of who ended."""

    clock: ManualClock
    databases: tuple[SqliteDatabase | PostgresDatabase, SqliteDatabase | PostgresDatabase]
    ended: set[str] = field(default_factory=set)

    def leases(self, number: int) -> DatabaseLeases:
        return DatabaseLeases(
            self.databases[number],
            owner=f"node-{number}",
            clock=self.clock,
            holder_ended=self.ended.__contains__,
        )

    async def pass_time(self, seconds: int, *, sleepers: int) -> None:
        """Second by second, each time waiting until that many tasks sleep: all database work is done."""
        for _ in range(seconds):
            await self.clock.until_sleeping(sleepers)
            await self.clock.advance(1)
        await self.clock.until_sleeping(sleepers)


@asynccontextmanager
async def two_nodes(url: str, clock: ManualClock) -> AsyncIterator[Nodes]:
    settings = PostgresSettings(readers=1)
    first = open_database(url, postgres=settings)
    await first.write(metadata.create_all)
    second = open_database(url, postgres=settings)
    try:
        yield Nodes(clock, (first, second))
    finally:
        await first.close()
        await second.close()


async def held_until(lease: Any, leave: asyncio.Event, taken: asyncio.Future[Term]) -> None:
    async with lease.term() as term:
        taken.set_result(term)
        await leave.wait()

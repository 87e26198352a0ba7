"""A PostgreSQL server that goes away, and one that was never there."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.support.databases.statements import add_one, first_number
from tests.support.services import PostgresServer, postgres_server

from kkt_adapter.kernel.errors import StorageError
from kkt_adapter.runtime.db.postgres import PostgresDatabase, PostgresSettings


async def test_a_server_that_is_not_there_is_told_quickly() -> None:
    database = PostgresDatabase("postgresql://kkt@127.0.0.1:1/kkt")
    try:
        for attempt in (database.read(first_number), database.write(add_one)):
            with pytest.raises(StorageError, match="cannot be used"):
                async with asyncio.timeout(60):
                    await attempt
    finally:
        await database.close()


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    with tempfile.TemporaryDirectory(prefix="kkt-pg-") as home, postgres_server(Path(home)) as server:
        yield server


async def test_it_goes_on_after_the_server_was_restarted(own_server: PostgresServer) -> None:
    database = PostgresDatabase(own_server.url(), PostgresSettings(readers=1))
    try:
        await database.write(lambda c: c.execute(text("CREATE TABLE t (id INTEGER, n INTEGER)")))
        await database.write(lambda c: c.execute(text("INSERT INTO t VALUES (1, 0)")))
        own_server.stop()
        with pytest.raises(StorageError):
            await database.write(add_one)
        with pytest.raises(StorageError):
            await database.read(first_number)

        own_server.start()

        await database.write(add_one)
        assert await database.read(first_number) == 1
    finally:
        await database.close()

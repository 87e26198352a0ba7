"""A SQLite database in a file of its own, with one table."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.databases.statements import sql

from kkt_adapter.runtime.db.sqlite import SqliteDatabase


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "kkt.db"


@pytest.fixture
async def db(path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(path)
    await database.write(sql("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER UNIQUE, blob BLOB)"))
    try:
        yield database
    finally:
        await database.close()

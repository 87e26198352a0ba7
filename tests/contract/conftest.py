"""A database of either dialect with the tables of `tests.support.databases.notes`."""

import pytest
from tests.support.databases.notes import AnyDatabase, metadata


@pytest.fixture
async def db(database: AnyDatabase) -> AnyDatabase:
    await database.write(metadata.create_all)
    return database

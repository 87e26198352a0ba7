"""Fixtures for every part: databases of both dialects, private servers, a clock that stands still."""

import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine, text
from tests.support.clock import ManualClock
from tests.support.services import PostgresServer, RedisServer, postgres_server, redis_server

from kkt_adapter.runtime.db.open import open_database
from kkt_adapter.runtime.db.postgres import PostgresDatabase, PostgresSettings
from kkt_adapter.runtime.db.sqlite import SqliteDatabase

# No example fails because the machine is busy.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# A product in this process logs past `sys.stdout`: there stands what a command beside it says.
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A private PostgreSQL for the whole run; do not stop it."""
    with (
        tempfile.TemporaryDirectory(prefix="kkt-pg-") as directory,
        postgres_server(Path(directory)) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    """A private Redis for the whole run; do not stop it."""
    with (
        tempfile.TemporaryDirectory(prefix="kkt-redis-") as directory,
        redis_server(Path(directory)) as server,
    ):
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """An address whose search_path is an empty schema of this test alone."""
    schema = f"t{abs(hash(request.node.nodeid)):x}"
    engine = create_engine(postgres.url().replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    try:
        yield f"{postgres.url()}?options=-csearch_path%3D{schema}"
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each dialect in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'data' / 'kkt.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[SqliteDatabase | PostgresDatabase]:
    """An open database of each dialect in turn, without any table."""
    opened = open_database(database_url, postgres=PostgresSettings(readers=2))
    try:
        yield opened
    finally:
        await opened.close()

"""Running totals and the capacity they are held against, on a real database of each dialect."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, insert
from tests.support.rows import a_row

from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.counters import Fill, fill
from kkt_adapter.fiscal.store.runtime_settings import CAPACITY, drop_setting, read_setting, store_setting
from kkt_adapter.fiscal.store.tables import receipts
from kkt_adapter.runtime.db.migrate import migrate
from kkt_adapter.runtime.db.open import open_database
from kkt_adapter.runtime.db.postgres import PostgresDatabase, PostgresSettings
from kkt_adapter.runtime.db.sqlite import SqliteDatabase

NOW = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)


@pytest.fixture
async def migrated(database_url: str) -> AsyncIterator[SqliteDatabase | PostgresDatabase]:
    await asyncio.to_thread(migrate, database_url)
    opened = open_database(database_url, postgres=PostgresSettings(readers=2))
    try:
        await opened.write(counters.ensure)
        yield opened
    finally:
        await opened.close()


Db = SqliteDatabase | PostgresDatabase


async def test_totals_begin_at_nothing_and_are_made_once(migrated: Db) -> None:
    await migrated.write(counters.ensure)
    totals = await migrated.read(counters.read)
    assert totals == counters.Counts(
        total=0, pending=0, syncing=0, synced=0, failed=0, dlq_open=0, unprinted=0, print_failed=0
    )
    assert await migrated.read(counters.verify) == {}


async def test_totals_move_by_what_they_are_told(migrated: Db) -> None:
    await migrated.write(lambda c: counters.bump(c, total=3, pending=3, unprinted=3))
    await migrated.write(lambda c: counters.bump(c, pending=-1, syncing=1))
    totals = await migrated.read(counters.read)
    assert (totals.total, totals.pending, totals.syncing, totals.undelivered) == (3, 2, 1, 3)


async def test_a_difference_from_a_real_count_is_named(migrated: Db) -> None:
    def store(conn: Connection) -> None:
        conn.execute(insert(receipts), [a_row(1), a_row(2, status="synced", print_state="printed")])
        conn.execute(insert(receipts), [a_row(3, status="failed", print_state="print_failed")])

    await migrated.write(store)
    assert await migrated.read(counters.verify) == {
        "pending": (0, 1),
        "synced": (0, 1),
        "failed": (0, 1),
        "unprinted": (0, 1),
        "print_failed": (0, 1),
    }
    await migrated.write(
        lambda c: counters.bump(c, pending=1, synced=1, failed=1, unprinted=1, print_failed=1)
    )
    assert await migrated.read(counters.verify) == {}


async def test_attempt_numbers_are_given_once(migrated: Db) -> None:
    taken = await asyncio.gather(
        *(migrated.write(lambda c: counters.take_attempt_ids(c, 3)) for _ in range(10))
    )
    numbers = [first + i for first in taken for i in range(3)]
    assert sorted(numbers) == list(range(1, 31))


async def test_writers_at_once_lose_no_change(migrated: Db) -> None:
    await asyncio.gather(*(migrated.write(lambda c: counters.bump(c, pending=1)) for _ in range(40)))
    assert (await migrated.read(counters.read)).pending == 40


@pytest.mark.parametrize(
    ("undelivered", "capacity", "percent"),
    [(0, 50, 0.0), (1, 300, 0.33), (2, 3, 66.67), (50, 50, 100.0), (80, 50, 100.0), (1_000, 0, 0.0)],
)
def test_the_share_has_two_decimals_and_no_more_than_a_hundred(
    undelivered: int, capacity: int, percent: float
) -> None:
    totals = counters.Counts(
        total=0,
        pending=undelivered - undelivered // 2,
        syncing=undelivered // 2,
        synced=9,
        failed=9,
        dlq_open=0,
        unprinted=0,
        print_failed=0,
    )
    assert Fill(totals=totals, configured=capacity, capacity=capacity).percent == percent


async def test_a_capacity_that_was_set_goes_before_the_default(migrated: Db) -> None:
    assert (await migrated.read(lambda c: fill(c, default_capacity=100))).capacity == 100
    await migrated.write(lambda c: store_setting(c, CAPACITY, "300", at=NOW, by="anna"))
    assert (await migrated.read(lambda c: fill(c, default_capacity=100))).capacity == 300
    await migrated.write(lambda c: store_setting(c, CAPACITY, "0", at=NOW, by="anna"))
    assert (await migrated.read(lambda c: fill(c, default_capacity=100))).capacity == 0
    assert await migrated.write(lambda c: drop_setting(c, CAPACITY))
    assert not await migrated.write(lambda c: drop_setting(c, CAPACITY))
    assert await migrated.read(lambda c: read_setting(c, CAPACITY)) is None


async def test_a_setting_stored_by_two_at_once_has_one_value(migrated: Db) -> None:
    values = [str(n) for n in range(10)]
    await asyncio.gather(
        *(migrated.write(lambda c, v=v: store_setting(c, "x", v, at=NOW, by=None)) for v in values)  # type: ignore[misc]
    )
    assert await migrated.read(lambda c: read_setting(c, "x")) in values

"""What is special about the writer of SQLite: what waits becomes one group, and fails as a whole."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from tests.support.databases.statements import PATIENCE_S, apply_insert, sql, value_of

from kkt_adapter.kernel.errors import StorageError
from kkt_adapter.runtime.db.sqlite import SqliteDatabase
from kkt_adapter.runtime.db.sqlite_file import SqliteSettings
from kkt_adapter.runtime.db.statement_count import count_statements


async def while_held(db: SqliteDatabase, submit: Callable[[], Sequence[asyncio.Future[Any]]]) -> list[object]:
    """Queue what ``submit`` makes while the writer is busy, so that it becomes one group."""
    entered, go_on = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        entered.set()
        assert go_on.wait(PATIENCE_S)

    holding = asyncio.ensure_future(db.write(hold))
    assert await asyncio.to_thread(entered.wait, PATIENCE_S)
    waiting = submit()
    await asyncio.sleep(0)
    go_on.set()
    await holding
    return list(await asyncio.gather(*waiting, return_exceptions=True))


async def test_everything_that_waits_is_one_commit(db: SqliteDatabase) -> None:
    commits, jobs = db.commits, db.jobs

    await while_held(
        db,
        lambda: [
            *[asyncio.ensure_future(db.write(sql(f"INSERT INTO t(n) VALUES ({n})"))) for n in range(10)],
            *[asyncio.ensure_future(db.write_each(apply_insert, n)) for n in range(10, 20)],
        ],
    )

    assert db.commits - commits == 2  # the one that held the writer, and the group
    assert db.jobs - jobs == 21
    assert await db.read(value_of("SELECT count(*) FROM t")) == 20


async def test_a_batch_runs_at_the_place_of_its_first_item(db: SqliteDatabase) -> None:
    order: list[object] = []

    def write(name: str) -> asyncio.Future[object]:
        return asyncio.ensure_future(db.write(lambda connection: order.append(name)))

    def apply(connection: Connection, items: Sequence[str]) -> list[str | Exception]:
        order.append(list(items))
        return [*items]

    def each(item: str) -> asyncio.Future[object]:
        return asyncio.ensure_future(db.write_each(apply, item))

    await while_held(db, lambda: [write("a"), each("1"), write("b"), each("2"), write("c")])

    assert order == ["a", ["1", "2"], "b", "c"]


async def test_no_group_is_larger_than_its_limit(path: Path) -> None:
    db = SqliteDatabase(path, SqliteSettings(group_limit=4))
    try:
        groups = db.groups
        await while_held(db, lambda: [asyncio.ensure_future(db.write(sql("SELECT 1"))) for _ in range(10)])
        assert db.groups - groups == 4  # the holder, then 4 + 4 + 2
    finally:
        await db.close()


async def test_what_a_groups_callers_ask_for_next_is_one_commit_too(
    db: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "kkt_adapter.runtime.db.sqlite_writer.SETTLED_S", PATIENCE_S
    )  # however busy the machine
    commits = db.commits

    async def twice(number: int) -> None:
        await db.write_each(apply_insert, number)
        await db.write_each(apply_insert, 100 + number)

    await while_held(db, lambda: [asyncio.ensure_future(twice(number)) for number in range(10)])

    assert db.commits - commits == 3  # the one that held the writer, and two groups of ten
    assert await db.read(value_of("SELECT count(*) FROM t")) == 20


async def test_a_write_that_fails_alone_commits_nothing(db: SqliteDatabase) -> None:
    commits = db.commits

    with pytest.raises(Exception, match="no_such_table"):
        await db.write(sql("DELETE FROM no_such_table"))

    assert db.commits == commits


async def test_a_failed_commit_fails_everybody_in_the_group(db: SqliteDatabase) -> None:
    await db.write(sql("CREATE TABLE child (parent INTEGER REFERENCES t(id) DEFERRABLE INITIALLY DEFERRED)"))

    outcomes = await while_held(
        db,
        lambda: [
            asyncio.ensure_future(db.write(sql("INSERT INTO t(n) VALUES (1)"))),
            asyncio.ensure_future(db.write(sql("INSERT INTO child VALUES (99)"))),  # noticed at COMMIT
            asyncio.ensure_future(db.write_each(apply_insert, 2)),
        ],
    )

    assert [type(outcome) for outcome in outcomes] == [StorageError] * 3
    assert await db.read(value_of("SELECT count(*) FROM t")) == 0
    await db.write(sql("INSERT INTO t(n) VALUES (3)"))
    assert await db.read(value_of("SELECT n FROM t")) == 3


async def test_a_full_disk_fails_the_whole_group_and_heals(db: SqliteDatabase) -> None:
    def limit_pages(connection: Connection) -> None:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count={pages + 2}"))

    await db.write(limit_pages)  # holds until the connection is opened anew

    outcomes = await while_held(
        db,
        lambda: [
            asyncio.ensure_future(db.write(sql("INSERT INTO t(n) VALUES (1)"))),
            asyncio.ensure_future(db.write(sql("INSERT INTO t(n, blob) VALUES (2, zeroblob(1000000))"))),
            asyncio.ensure_future(db.write(sql("INSERT INTO t(n) VALUES (3)"))),
        ],
    )

    assert [type(outcome) for outcome in outcomes] == [StorageError] * 3
    assert "disk space" in str(outcomes[0])
    assert await db.read(value_of("SELECT count(*) FROM t")) == 0
    await db.write(sql("INSERT INTO t(n, blob) VALUES (4, zeroblob(1000000))"))  # there is space again


async def test_statements_are_counted_only_inside_the_block(db: SqliteDatabase) -> None:
    with count_statements(*db.engines) as counted:
        await db.write(sql("INSERT INTO t(n) VALUES (1)"))
        await db.write_each(apply_insert, 2)
        await db.read(value_of("SELECT count(*) FROM t"))
    await db.write(sql("INSERT INTO t(n) VALUES (3)"))

    assert counted.total == 3
    assert counted.by_text["SELECT count(*) FROM t"] == 1

"""What is special about PostgreSQL: conflicts between writers, and connections that are cut."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest
from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Table, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from tests.support.databases.statements import add_one, first_number

from kkt_adapter.kernel.errors import StorageError
from kkt_adapter.runtime.db.bulk import bulk_insert
from kkt_adapter.runtime.db.migrate import VERSION_TABLE
from kkt_adapter.runtime.db.postgres import PostgresDatabase, PostgresSettings
from kkt_adapter.runtime.db.statement_count import count_statements
from kkt_adapter.runtime.leases.database import check_term
from kkt_adapter.runtime.leases.rows import metadata


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(postgres_url)
    await database.write(lambda c: c.execute(text("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)")))
    await database.write(lambda c: c.execute(text("INSERT INTO t VALUES (1, 0), (2, 0)")))
    try:
        yield database
    finally:
        await database.close()


async def test_two_processes_lose_no_update_of_one_row(db: PostgresDatabase, postgres_url: str) -> None:
    other = PostgresDatabase(postgres_url)
    try:
        await asyncio.gather(*(node.write(add_one) for node in (db, other) for _ in range(40)))
    finally:
        await other.close()

    assert await db.read(first_number) == 80
    assert db.retries + other.retries > 0  # there were conflicts, and nobody saw them


async def test_processes_without_turns_that_wait_in_a_circle_both_get_through(
    db: PostgresDatabase, postgres_url: str
) -> None:
    both_have_one = threading.Barrier(2)

    def update_both(first: int, second: int) -> Callable[[Connection], None]:
        runs: list[int] = []

        def work(connection: Connection) -> None:
            runs.append(1)
            connection.execute(text("UPDATE t SET n = n + 1 WHERE id = :id"), {"id": first})
            if len(runs) == 1:
                both_have_one.wait(60)
            connection.execute(text("UPDATE t SET n = n + 1 WHERE id = :id"), {"id": second})

        return work

    other = PostgresDatabase(postgres_url)
    try:
        await asyncio.gather(db.write(update_both(1, 2)), other.write(update_both(2, 1)))
    finally:
        await other.close()

    assert await db.read(first_number) == 2
    assert db.retries + other.retries > 0


@pytest.fixture
async def turns(postgres_url: str) -> AsyncIterator[tuple[PostgresDatabase, PostgresDatabase]]:
    """Two processes on a migrated database: they take turns."""
    maker = PostgresDatabase(postgres_url)
    await maker.write(lambda c: c.execute(text(f"CREATE TABLE {VERSION_TABLE} (version_num TEXT)")))
    await maker.write(
        lambda c: c.execute(
            text("CREATE TABLE t (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n INTEGER)")
        )
    )
    await maker.close()
    nodes = PostgresDatabase(postgres_url), PostgresDatabase(postgres_url)
    try:
        yield nodes
    finally:
        for node in nodes:
            await node.close()


async def test_processes_that_take_turns_are_never_refused_and_share_commits(
    turns: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    await turns[0].write(lambda c: c.execute(text("INSERT INTO t (n) VALUES (0)")))

    await asyncio.gather(*(node.write(add_one) for node in turns for _ in range(100)))

    assert await turns[0].read(first_number) == 200
    assert turns[0].retries + turns[1].retries == 0
    assert turns[0].commits + turns[1].commits < 100


async def test_no_reader_passes_a_number_that_commits_later(
    turns: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    """The first process's COMMIT takes long; the other one's number is larger and must not be seen before."""
    slow_commit = (
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$",
        "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW WHEN (NEW.n = 1) EXECUTE FUNCTION slow()",
    )
    for statement in slow_commit:
        await turns[0].write(lambda c, s=statement: c.execute(text(s)))  # type: ignore[misc]
    numbered = asyncio.Event()
    loop = asyncio.get_running_loop()

    def insert(n: int) -> Callable[[Connection], int]:
        def work(connection: Connection) -> int:
            made = connection.execute(
                text("INSERT INTO t (n) VALUES (:n) RETURNING id"), {"n": n}
            ).scalar_one()
            loop.call_soon_threadsafe(numbered.set)
            return int(made)

        return work

    def after(last: int) -> Callable[[Connection], list[int]]:
        query = text("SELECT id FROM t WHERE id > :last ORDER BY id")
        return lambda c: [int(row.id) for row in c.execute(query, {"last": last})]

    async def read_on(seen: list[int]) -> None:
        while len(seen) < 2:
            seen += await turns[1].read(after(seen[-1] if seen else 0))

    slow = asyncio.create_task(turns[0].write(insert(1)))
    await numbered.wait()
    seen: list[int] = []
    first, second, _ = await asyncio.gather(slow, turns[1].write(insert(2)), read_on(seen))

    assert seen == [first, second]
    assert first < second


async def test_a_check_at_the_commit_fails_only_whose_it_was(
    turns: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    unique = "ALTER TABLE t ADD CONSTRAINT once UNIQUE (n) DEFERRABLE INITIALLY DEFERRED"
    await turns[0].write(lambda c: c.execute(text(unique)))
    values = (1, 2, 2, 3)

    outcomes = await asyncio.gather(
        *(turns[0].write(lambda c, n=n: c.execute(text(f"INSERT INTO t (n) VALUES ({n})"))) for n in values),  # type: ignore[misc]
        return_exceptions=True,
    )

    assert [isinstance(one, IntegrityError) for one in outcomes] == [False, False, True, False]


async def test_statements_that_nobody_waits_for_are_done_before_the_next_one_and_fail_with_their_job(
    turns: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    table = Table("t", MetaData(), Column("id", BigInteger), Column("n", Integer))
    insert = bulk_insert(table, table.c.n)
    await turns[0].write(lambda c: c.execute(text("ALTER TABLE t ADD CHECK (n < 100)")))

    def put(n: int) -> Callable[[Connection], int]:
        def work(connection: Connection) -> int:
            insert.put(connection, [(n + k,) for k in range(5)])
            count = connection.execute(text("SELECT count(*) FROM t WHERE n >= :n"), {"n": n}).scalar_one()
            insert.put(connection, [(n + 5,)])
            return int(count)

        return work

    outcomes = await asyncio.gather(
        *(turns[0].write(put(n)) for n in (10, 98, 95, 20)), return_exceptions=True
    )

    assert [isinstance(one, DBAPIError) for one in outcomes] == [False, True, True, False]
    stored = await turns[0].read(lambda c: [row.n for row in c.execute(text("SELECT n FROM t ORDER BY n"))])
    assert stored == [*range(10, 16), *range(20, 26)]


async def test_a_job_that_swallows_an_error_of_the_server_is_told_that_nothing_was_stored(
    turns: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    """The server answers the COMMIT of a failed transaction by rolling back, and calls that no error."""

    def swallow(connection: Connection) -> str:
        connection.execute(text("INSERT INTO t (n) VALUES (1)"))
        with suppress(DBAPIError):
            connection.execute(text("INSERT INTO nowhere VALUES (1)"))
        return "stored"

    outcomes = await asyncio.gather(
        turns[0].write(swallow),
        *(turns[0].write(lambda c: c.execute(text("INSERT INTO t (n) VALUES (2)"))) for _ in range(2)),
        return_exceptions=True,
    )

    assert [isinstance(one, DBAPIError) for one in outcomes] == [True, False, False], outcomes
    stored = await turns[1].read(lambda c: [row.n for row in c.execute(text("SELECT n FROM t"))])
    assert stored == [2, 2]


async def test_prepared_statements_are_prepared_anew_when_the_driver_has_dropped_all(
    turns: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    table = Table("t", MetaData(), Column("id", BigInteger), Column("n", Integer))
    insert = bulk_insert(table, table.c.n)

    async def put(n: int) -> None:
        assert await turns[0].write(lambda c: insert.run(c, [(n,), (n,)])) == 2

    for n in range(3):
        await put(n)
    for _ in range(8):  # often enough for the driver to prepare statements of its own
        await turns[0].write(lambda c: c.execute(text("SELECT count(*) FROM t")))
    with pytest.raises(DBAPIError):  # rolled back, whereupon the driver drops them
        await turns[0].write(lambda c: c.execute(text("INSERT INTO nowhere VALUES (1)")))
    await put(3)
    await turns[0].write(lambda c: c.execute(text("DEALLOCATE ALL")))  # behind our back
    await put(4)

    assert turns[0].retries == 1
    assert len(await turns[0].read(lambda c: c.execute(text("SELECT n FROM t")).all())) == 10


async def test_a_write_that_the_server_refuses_again_and_again_is_told_as_a_storage_error(
    db: PostgresDatabase, postgres_url: str
) -> None:
    impatient = PostgresDatabase(postgres_url, PostgresSettings(retry_s=0.05))
    refused = "DO $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '40001'; END $$"
    try:
        with pytest.raises(StorageError, match="Another process has been writing"):
            await impatient.write(lambda c: c.execute(text(refused)))
        await impatient.write(add_one)
    finally:
        await impatient.close()

    assert await db.read(first_number) == 1


async def test_sessions_end_on_their_own_when_a_process_stands_still(db: PostgresDatabase) -> None:
    wanted = {
        "idle_in_transaction_session_timeout": "10s",
        "statement_timeout": "30s",
        "lock_timeout": "10s",
        "synchronous_commit": "on",
    }

    def settings(connection: Connection) -> dict[str, str]:
        names = (
            "idle_in_transaction_session_timeout",
            "statement_timeout",
            "lock_timeout",
            "synchronous_commit",
        )
        return {name: connection.execute(text(f"SHOW {name}")).scalar_one() for name in names}

    assert await db.write(settings) == wanted


async def test_isolation_of_writes_and_reads(db: PostgresDatabase) -> None:
    def isolation(connection: Connection) -> tuple[str, str]:
        level = connection.execute(text("SHOW transaction_isolation")).scalar_one()
        return level, connection.execute(text("SHOW transaction_read_only")).scalar_one()

    assert await db.write(isolation) == ("serializable", "off")
    assert await db.read(isolation) == ("repeatable read", "on")


async def test_a_connection_that_was_cut_is_replaced_and_the_write_done(db: PostgresDatabase) -> None:
    def cut_all_others(connection: Connection) -> None:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'kkt-adapter' AND pid <> pg_backend_pid()"
            )
        )

    await asyncio.gather(*(db.write(add_one) for _ in range(10)), *(db.read(first_number) for _ in range(10)))
    await db.write(cut_all_others)

    await asyncio.gather(*(db.write(add_one) for _ in range(10)))
    assert await db.read(first_number) == 20


async def test_a_connection_cut_during_commit_leaves_the_outcome_open(
    db: PostgresDatabase,
) -> None:
    def break_at_commit(connection: Connection) -> None:
        connection.execute(
            text(
                "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()), pg_sleep(5); RETURN NULL; END $$"
            )
        )
        connection.execute(
            text(
                "CREATE CONSTRAINT TRIGGER cut AFTER UPDATE ON t DEFERRABLE INITIALLY DEFERRED "
                "FOR EACH ROW EXECUTE FUNCTION cut()"
            )
        )

    await db.write(break_at_commit)
    runs: list[int] = []

    def update(connection: Connection) -> None:
        runs.append(1)
        add_one(connection)

    with pytest.raises(StorageError, match="stored or not"):
        await db.write(update)

    assert len(runs) == 1  # it was not tried again: that could store it twice
    assert await db.read(first_number) == 0


async def test_a_takeover_waits_for_a_write_that_has_checked_its_term(
    db: PostgresDatabase, postgres_url: str
) -> None:
    await db.write(metadata.create_all)
    insert = "INSERT INTO leases VALUES ('lane', 'me', 1, 1, '', 0)"
    await db.write(lambda c: c.execute(text(insert)))
    take = "UPDATE leases SET owner = 'other', term = 2 WHERE name = 'lane' AND term = 1"
    checked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def fenced(connection: Connection) -> None:
        check_term(connection, "lane", "me", 1)
        loop.call_soon_threadsafe(checked.set)
        connection.execute(text("SELECT pg_sleep(0.1)"))
        connection.execute(text("UPDATE t SET n = 7 WHERE id = 1"))

    def take_over(connection: Connection) -> int:
        connection.execute(text(take))
        return int(connection.execute(text("SELECT n FROM t WHERE id = 1")).scalar_one())

    async def take_over_meanwhile() -> int:
        await checked.wait()
        return await db.write(take_over)

    _, seen = await asyncio.gather(db.write(fenced), take_over_meanwhile())

    assert seen == 7, "the new owner must see what the old term wrote"


async def test_statements_are_counted(db: PostgresDatabase) -> None:
    with count_statements(*db.engines) as counted:
        await db.write(add_one)
    assert counted.total == 2

"""What every `Database` promises of reads and writes, over SQLite and PostgreSQL."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from tests.support.databases.notes import (
    PATIENCE_S,
    PUT,
    AnyDatabase,
    Batches,
    Gate,
    add,
    all_notes,
    count,
    counter,
    kinds,
    metadata,
)

from kkt_adapter.kernel.errors import Overloaded, StorageError
from kkt_adapter.runtime.db.bulk import bulk, bulk_insert
from kkt_adapter.runtime.db.open import open_database
from kkt_adapter.runtime.db.postgres import PostgresSettings
from kkt_adapter.runtime.db.sqlite_file import SqliteSettings


async def test_a_write_that_came_back_is_there_to_read(db: AnyDatabase) -> None:
    number = await db.write(add("first"))

    assert number == 1
    assert await db.read(all_notes) == ["first"]


async def test_the_dialect_is_named(db: AnyDatabase) -> None:
    assert db.dialect == await db.read(lambda connection: connection.dialect.name)


async def test_a_failing_write_takes_back_its_own_work_alone(db: AnyDatabase) -> None:
    def fails_half_way(connection: Connection) -> None:
        add("never")(connection)
        raise KeyError("half way")

    outcomes = await asyncio.gather(
        db.write(add("before")),
        db.write(fails_half_way),
        db.write(add("after")),
        return_exceptions=True,
    )

    assert isinstance(outcomes[1], KeyError)
    assert sorted(await db.read(all_notes)) == ["after", "before"]


async def test_a_constraint_error_goes_to_its_caller(db: AnyDatabase) -> None:
    await db.write(add("once"))

    first, second = await asyncio.gather(
        db.write(add("once")), db.write(add("other")), return_exceptions=True
    )

    assert isinstance(first, IntegrityError)
    assert isinstance(second, int)


async def test_an_error_of_a_statement_that_nobody_waited_for_goes_to_its_caller_alone(
    db: AnyDatabase,
) -> None:
    """On PostgreSQL such statements go out with the COMMIT of their group."""

    def put(note: str) -> Callable[[Connection], None]:
        return lambda connection: PUT.put(connection, [(note,)])

    await db.write(add("there"))
    gate = Gate()
    blocker = asyncio.ensure_future(db.write(gate.work))
    await gate.reached()
    waiting = [asyncio.ensure_future(db.write(put(note))) for note in ("one", "there", "two")]
    await asyncio.sleep(0)
    gate.open()
    await blocker

    one, refused, two = await asyncio.gather(*waiting, return_exceptions=True)

    assert one is None and two is None
    assert type(refused).__name__ == "IntegrityError"  # the driver's own on SQLite
    assert set(await db.read(all_notes)) == {"there", "one", "two"}


async def test_a_statement_over_many_rows_keeps_every_value(db: AnyDatabase) -> None:
    """PostgreSQL gets them as the texts of arrays, where quotes, commas, braces and NULL mean something."""
    put = bulk_insert(kinds, *kinds.columns)
    look = bulk(
        (kinds.c.number,),
        lambda given: select(*kinds.columns).join(given, kinds.c.number == given.c.number),
    )
    rows = [
        (1, 'say "no"', b"\x00\xff", True, 1.5),
        (2, "a,b} {c", b"", False, -0.1),
        (-(2**62), "back\\slash\\\\", None, None, None),
        (4, None, b"\\x41", True, 1e30),
        (5, "NULL", b"NULL", False, 0.0),
        (6, "", b"'", None, 2.0),
        (7, " Чек №1\n\t€ 🧾 %s %% $1", b"\n", True, 3.0),
    ]

    def write(connection: Connection) -> tuple[list[Any], int]:
        put.put(connection, rows)
        asked = look.ask(connection, [(number,) for number, *_ in rows])
        changed = PUT.ask(connection, [("a",), ("b",), ("c",)])
        return asked.rows(), changed.count()

    found, changed = await db.write(write)

    assert sorted(found) == sorted(rows)
    assert changed == 3
    assert sorted(await db.read(lambda c: look.rows(c, [(one[0],) for one in rows]))) == sorted(rows)
    assert await db.read(lambda c: (look.rows(c, []), PUT.run(c, []))) == ([], 0)


async def test_error_texts_do_not_carry_the_values_of_the_row(db: AnyDatabase) -> None:
    await db.write(add("buyer@example.com"))

    with pytest.raises(IntegrityError) as caught:
        await db.write(add("buyer@example.com"))

    assert "[SQL parameters hidden" in str(caught.value)


async def test_a_cancelled_caller_does_not_cancel_its_write(db: AnyDatabase, database_url: str) -> None:
    gate = Gate()
    blocker = asyncio.ensure_future(db.write(gate.work))
    await gate.reached()
    doomed = asyncio.ensure_future(db.write(add("kept")))
    await asyncio.sleep(0)

    doomed.cancel()
    gate.open()
    await blocker

    await db.close()  # finishes what waits; nobody else would tell us when

    assert doomed.cancelled()
    reopened = open_database(database_url)
    try:
        assert await reopened.read(all_notes) == ["kept"]
    finally:
        await reopened.close()


async def test_a_read_sees_one_snapshot(db: AnyDatabase) -> None:
    first_look, go_on = threading.Event(), threading.Event()

    def look_twice(connection: Connection) -> tuple[int, int]:
        before = count(connection)
        first_look.set()
        assert go_on.wait(PATIENCE_S)
        return before, count(connection)

    reading = asyncio.ensure_future(db.read(look_twice))
    assert await asyncio.to_thread(first_look.wait, PATIENCE_S)
    await db.write(add("meanwhile"))
    go_on.set()

    assert await reading == (0, 0)
    assert await db.read(count) == 1


async def test_a_read_does_not_see_what_is_not_committed(db: AnyDatabase) -> None:
    gate = Gate()

    def add_and_wait(connection: Connection) -> None:
        add("in flight")(connection)
        gate.work(connection)

    writing = asyncio.ensure_future(db.write(add_and_wait))
    await gate.reached()
    seen = await db.read(count)
    gate.open()
    await writing

    assert seen == 0


async def test_a_read_cannot_write(db: AnyDatabase) -> None:
    with pytest.raises(Exception, match=r"readonly|read-only"):
        await db.read(add("sneaky"))

    assert await db.read(count) == 0


async def test_a_read_that_fails_leaves_the_next_one_alone(db: AnyDatabase) -> None:
    with pytest.raises(Exception, match="no_such_table"):
        await db.read(lambda connection: connection.execute(text("SELECT * FROM no_such_table")))

    assert await asyncio.gather(*(db.read(count) for _ in range(8))) == [0] * 8


async def test_a_savepoint_within_a_write_works(db: AnyDatabase) -> None:
    def tries(connection: Connection) -> str:
        add("outside")(connection)
        try:
            with connection.begin_nested():
                add("outside")(connection)
        except IntegrityError:
            return "refused"
        return "stored twice"

    answers = await asyncio.gather(db.write(tries), db.write(add("another")))

    assert answers[0] == "refused"
    assert sorted(await db.read(all_notes)) == ["another", "outside"]


async def test_work_that_ends_the_transaction_itself_is_refused(db: AnyDatabase) -> None:
    def cheats(connection: Connection) -> None:
        add("cheated")(connection)
        connection.rollback()

    with pytest.raises((StorageError, RuntimeError)):
        await db.write(cheats)

    await db.write(add("honest"))
    assert await db.read(all_notes) == ["honest"]


async def test_read_and_change_in_one_write_loses_no_update(db: AnyDatabase) -> None:
    await db.write(lambda connection: connection.execute(insert(counter).values(id=1, n=0)))

    def increment(connection: Connection) -> None:
        value = connection.execute(select(counter.c.n).where(counter.c.id == 1)).scalar_one()
        connection.execute(update(counter).where(counter.c.id == 1).values(n=value + 1))

    await asyncio.gather(*(db.write(increment) for _ in range(50)))

    assert await db.read(lambda connection: connection.execute(select(counter.c.n)).scalar_one()) == 50


async def test_stop_iteration_in_a_write_reaches_the_caller_as_an_error(db: AnyDatabase) -> None:
    def stops(connection: Connection) -> None:
        raise StopIteration

    with pytest.raises(RuntimeError, match="StopIteration"):
        await asyncio.wait_for(db.write(stops), PATIENCE_S)


async def test_close_finishes_what_waits_and_then_refuses(db: AnyDatabase) -> None:
    gate = Gate()
    waiting: list[asyncio.Future[Any]] = [asyncio.ensure_future(db.write(gate.work))]
    await gate.reached()
    waiting += [asyncio.ensure_future(db.write(add(f"n{number}"))) for number in range(5)]
    batches = Batches()
    waiting += [asyncio.ensure_future(db.write_each(batches.apply, f"m{number}")) for number in range(5)]
    await asyncio.sleep(0)

    closing = asyncio.ensure_future(db.close())
    await asyncio.sleep(0)
    gate.open()
    await closing

    assert len(await asyncio.gather(*waiting)) == 11
    for refused in (db.read(count), db.write(add("late")), db.write_each(batches.apply, "late")):
        with pytest.raises(StorageError):
            await refused
    await db.close()


async def test_more_writes_than_the_queue_takes_are_refused_and_the_others_done(database_url: str) -> None:
    gate = Gate()
    db = open_database(
        database_url,
        sqlite=SqliteSettings(queue_limit=3),
        postgres=PostgresSettings(queue_limit=3, readers=1),
    )
    try:
        await db.write(metadata.create_all)
        waiting: list[asyncio.Future[Any]] = [asyncio.ensure_future(db.write(gate.work))]
        await gate.reached()
        waiting += [asyncio.ensure_future(db.write(add(f"n{number}"))) for number in range(3)]
        await asyncio.sleep(0)

        with pytest.raises(Overloaded):
            await db.write(add("too many"))
        assert db.waiting == 3

        gate.open()
        await asyncio.gather(*waiting)
        assert await db.read(all_notes) == ["n0", "n1", "n2"]
    finally:
        gate.open()
        await db.close()


async def test_what_was_written_is_there_after_opening_again(database_url: str) -> None:
    first = open_database(database_url)
    await first.write(metadata.create_all)
    await first.write(add("kept"))
    await first.close()

    second = open_database(database_url)
    try:
        assert await second.read(all_notes) == ["kept"]
    finally:
        await second.close()

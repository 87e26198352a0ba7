"""What is special about the file of SQLite: who may open it, how it is locked, and what damages it."""

import asyncio
import shutil
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from tests.support.databases.statements import PATIENCE_S, apply_insert, sql, value_of

from kkt_adapter.kernel.errors import SettingsInvalid, StorageError
from kkt_adapter.runtime.db.open import open_database
from kkt_adapter.runtime.db.sqlite import SqliteDatabase
from kkt_adapter.runtime.db.sqlite_file import SqliteSettings, connect, prepare_file, raw_connection
from kkt_adapter.runtime.db.urls import sqlite_path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def log_exists(path: Path) -> bool:
    return Path(f"{path}-wal").exists()


def damage_rows(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    whole[8192:] = b"\xaa" * (len(whole) - 8192)  # the first pages, with the schema, stay readable
    path.write_bytes(whole)


async def test_a_lock_held_by_another_program_is_told_and_passes(path: Path, db: SqliteDatabase) -> None:
    await db.close()
    impatient = SqliteDatabase(path, SqliteSettings(busy_timeout_s=0.05))
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="Another program"):
            await impatient.write(sql("INSERT INTO t(n) VALUES (1)"))
        assert await impatient.read(value_of("SELECT count(*) FROM t")) == 0
        other.execute("ROLLBACK")
        await impatient.write(sql("INSERT INTO t(n) VALUES (1)"))
    finally:
        other.close()
        await impatient.close()


async def test_a_write_excludes_other_processes_from_its_beginning(path: Path, db: SqliteDatabase) -> None:
    """Else what it read could change under it, and the write would fail halfway."""
    other = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)

    def read_then_write(connection: Connection) -> str:
        connection.execute(text("SELECT count(*) FROM t")).scalar_one()
        try:
            other.execute("INSERT INTO t(n) VALUES (1)")
        except sqlite3.OperationalError as refused:
            connection.execute(text("INSERT INTO t(n) VALUES (2)"))
            return str(refused)
        return "the other one wrote"

    try:
        assert await db.write(read_then_write) == "database is locked"
    finally:
        other.close()


async def test_the_pragmas_are_those_of_the_contract(db: SqliteDatabase) -> None:
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "wal_autocheckpoint": 1000,
        "foreign_keys": 1,
        "busy_timeout": 5000,
        "temp_store": 2,  # MEMORY
    }

    def pragmas(connection: Connection) -> dict[str, object]:
        return {name: connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in wanted}

    assert await db.write(pragmas) == wanted
    assert await db.read(pragmas) == wanted


async def test_the_file_and_its_directory_are_for_the_owner_alone(path: Path, db: SqliteDatabase) -> None:
    assert mode(path.parent) == 0o700
    assert mode(path) == 0o600
    assert mode(Path(f"{path}-wal")) == 0o600


async def test_the_log_is_folded_into_the_file_at_the_end(path: Path, db: SqliteDatabase) -> None:
    await db.write(sql("INSERT INTO t(n) VALUES (1)"))
    assert log_exists(path)
    await db.close()

    assert not log_exists(path)


async def test_a_statement_that_nobody_has_collected_keeps_nothing_in_the_log(
    path: Path, db: SqliteDatabase
) -> None:
    """Its connection outlives its close, so the writer's is not the last one."""
    left: list[sqlite3.Cursor] = []

    def leave(conn: Connection) -> None:
        left.append(raw_connection(conn).execute("SELECT 1 UNION SELECT 2"))
        left[0].fetchone()

    await db.write(sql("INSERT INTO t(n) VALUES (1)"))
    await db.read(leave)
    await db.close()

    alone = path.with_name("alone.db")
    shutil.copy(path, alone)
    with closing(sqlite3.connect(alone)) as copy:
        assert copy.execute("SELECT count(*) FROM t").fetchone() == (1,)
    assert left


@pytest.mark.parametrize("content", [b"this is no database" * 200, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_damaged_file_is_refused_by_name_and_left_alone(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)

    with pytest.raises(StorageError) as caught:
        SqliteDatabase(path)

    assert str(path) in caught.value.detail.en
    assert "db restore" in caught.value.detail.en
    assert str(path) in caught.value.detail.ru
    assert path.read_bytes() == content


async def test_damage_that_shows_later_is_a_storage_error(path: Path, db: SqliteDatabase) -> None:
    for start in range(0, 2000, 500):
        await asyncio.gather(*(db.write_each(apply_insert, n) for n in range(start, start + 500)))
    await db.close()
    damage_rows(path)

    damaged = SqliteDatabase(path)
    try:
        with pytest.raises(StorageError, match="damaged"):
            await damaged.read(value_of("SELECT sum(n) FROM t"))
        with pytest.raises(StorageError, match="damaged"):
            await damaged.write(sql("UPDATE t SET n = n + 100000"))
    finally:
        await damaged.close()


def test_a_missing_file_beside_its_log_is_refused_as_opening_would_delete_the_log(path: Path) -> None:
    path.parent.mkdir()
    log = Path(f"{path}-wal")
    log.write_bytes(b"frames of a database that was moved away")

    with pytest.raises(StorageError, match=r"kkt\.db-wal is there"):
        SqliteDatabase(path)

    assert log.exists()
    assert not path.exists()


def test_a_missing_file_is_refused_where_it_must_exist(path: Path) -> None:
    with pytest.raises(StorageError, match="no database file"):
        prepare_file(path, must_exist=True)

    assert not path.parent.exists()


def test_a_directory_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        SqliteDatabase(tmp_path)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("sqlite:///kkt.db", Path("kkt.db")),
        ("sqlite:////var/lib/kkt/kkt.db", Path("/var/lib/kkt/kkt.db")),
        ("data/kkt.db", Path("data/kkt.db")),
        (Path("data/kkt.db"), Path("data/kkt.db")),
        ("postgresql://kkt@localhost/kkt", None),
    ],
)
def test_addresses_of_databases(address: str | Path, expected: Path | None) -> None:
    assert sqlite_path(address) == expected


@pytest.mark.parametrize(
    "address", ["", "sqlite://", "sqlite:///:memory:", "mysql://root:hunter2@localhost/kkt"]
)
def test_other_addresses_are_refused_without_showing_a_password(address: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        open_database(address)

    assert "hunter2" not in caught.value.detail.en + caught.value.detail.ru


def test_many_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    """Two services that start together: SQLite makes none of them wait while another begins the log."""
    threads, rounds = 8, 15
    failed: list[BaseException] = []

    def open_it(path: Path, gate: threading.Barrier) -> None:
        gate.wait(PATIENCE_S)
        try:
            connect(path, settings=SqliteSettings(), read_only=False).close()
        except BaseException as error:
            failed.append(error)

    for number in range(rounds):
        gate = threading.Barrier(threads)
        path = tmp_path / f"{number}.db"
        workers = [threading.Thread(target=open_it, args=(path, gate)) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(PATIENCE_S)
    assert failed == []


def test_who_writes_into_a_new_file_is_waited_for_but_no_longer_than_told(tmp_path: Path) -> None:
    """As a second service does that starts in the middle of the first one's first write."""
    path = tmp_path / "held.db"
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    holder.execute("CREATE TABLE t(n)")
    with pytest.raises(StorageError):
        connect(path, settings=SqliteSettings(busy_timeout_s=0.1), read_only=False)

    done = threading.Timer(0.3, lambda: holder.execute("COMMIT"))
    done.start()
    connect(path, settings=SqliteSettings(), read_only=False).close()
    done.join(PATIENCE_S)
    holder.close()

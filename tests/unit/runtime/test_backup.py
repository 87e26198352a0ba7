"""Copies of a database in use, and the way back."""

import asyncio
import sqlite3
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from kkt_adapter.kernel.errors import StorageError
from kkt_adapter.runtime.db.backup import back_up, backups, check, restore
from kkt_adapter.runtime.db.sqlite import SqliteDatabase

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
ROWS = 2000  # 500 bytes each: several steps of copying


def fill(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE t (id INTEGER PRIMARY KEY, filler BLOB)"))
    connection.execute(text("INSERT INTO t(filler) VALUES (randomblob(500))"), [{}] * ROWS)


def rows(path: Path) -> int:
    raw = sqlite3.connect(path)
    try:
        return int(raw.execute("SELECT count(*) FROM t").fetchone()[0])
    finally:
        raw.close()


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A closed database with rows."""
    file = tmp_path / "data" / "kkt.db"
    database = SqliteDatabase(file)
    await database.write(fill)
    await database.close()
    return file


async def test_a_backup_is_one_snapshot_while_writers_go_on(path: Path, tmp_path: Path) -> None:
    database = SqliteDatabase(path)
    pair = text("INSERT INTO t(filler) VALUES ('a'), ('b')")
    copying = asyncio.ensure_future(asyncio.to_thread(back_up, path, tmp_path / "backups", now=NOW))
    written = 0
    while not copying.done():
        await database.write(lambda connection: connection.execute(pair))
        written += 1
    copy = await copying
    await database.close()

    assert written > 0
    assert rows(path) == ROWS + 2 * written
    assert ROWS <= rows(copy) <= ROWS + 2 * written
    assert rows(copy) % 2 == 0  # never half of a transaction


async def test_a_backup_is_one_file_for_its_owner_named_by_time(path: Path, tmp_path: Path) -> None:
    copy = await asyncio.to_thread(back_up, path, tmp_path / "backups", now=NOW)

    assert copy.name == "kkt-20260302T030000000000Z.db"
    assert [file.name for file in copy.parent.iterdir()] == [copy.name]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert check(copy).ok


async def test_the_newest_copies_are_kept_and_other_files_left_alone(path: Path, tmp_path: Path) -> None:
    directory = tmp_path / "backups"
    directory.mkdir()
    (directory / "kkt-by-hand.db").write_text("somebody's own")
    (directory / "other-20200101T000000000000Z.db").write_text("another database's")

    made = [back_up(path, directory, now=NOW + timedelta(days=day), keep=3) for day in range(5)]

    assert backups(path, directory) == list(reversed(made[-3:]))
    assert len(list(directory.iterdir())) == 3 + 2


async def test_a_failed_backup_leaves_the_older_ones_and_no_draft(path: Path, tmp_path: Path) -> None:
    good = back_up(path, tmp_path / "backups", now=NOW, keep=1)
    damage(path)

    with pytest.raises(StorageError, match="was not made"):
        back_up(path, tmp_path / "backups", now=NOW + timedelta(days=1), keep=1)

    assert list(good.parent.iterdir()) == [good]


def damage(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    whole[20_000:60_000] = b"\xaa" * 40_000
    path.write_bytes(whole)


def replace_with_rubbish(path: Path) -> None:
    path.write_bytes(b"rubbish" * 1000)


async def test_a_check_finds_damage(path: Path) -> None:
    assert check(path).ok
    damage(path)

    report = check(path)

    assert not report.ok
    assert report.damage


async def test_a_check_finds_broken_references(path: Path) -> None:
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE child (parent INTEGER REFERENCES t(id))")
    raw.execute("INSERT INTO child VALUES (999999)")
    raw.commit()
    raw.close()

    report = check(path)

    assert report.broken_references == ("child: row 1 refers to a missing row of t",)
    assert not report.damage


def test_a_check_of_nothing_is_an_error_and_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no database file"):
        check(tmp_path / "kkt.db")
    assert not (tmp_path / "kkt.db").exists()


async def test_a_restore_brings_the_rows_back_and_keeps_the_old_file(path: Path, tmp_path: Path) -> None:
    copy = back_up(path, tmp_path / "backups", now=NOW)
    raw = sqlite3.connect(path)
    raw.execute("DELETE FROM t")
    raw.commit()
    raw.close()

    aside = restore(copy, path, now=NOW)

    assert rows(path) == ROWS
    assert aside is not None
    assert rows(aside) == 0
    assert copy.exists()
    database = SqliteDatabase(path)  # and it opens as a database of ours
    assert await database.read(count_rows) == ROWS
    await database.close()


def count_rows(connection: Connection) -> Any:
    return connection.execute(text("SELECT count(*) FROM t")).scalar_one()


async def test_a_restore_replaces_a_damaged_file(path: Path, tmp_path: Path) -> None:
    copy = back_up(path, tmp_path / "backups", now=NOW)
    replace_with_rubbish(path)

    restore(copy, path, now=NOW)

    assert rows(path) == ROWS


async def test_a_restore_where_there_was_no_file(path: Path, tmp_path: Path) -> None:
    copy = back_up(path, tmp_path / "backups", now=NOW)

    assert restore(copy, tmp_path / "data" / "new.db", now=NOW) is None
    assert rows(tmp_path / "data" / "new.db") == ROWS


async def test_a_restore_refuses_while_the_service_has_the_file_open(path: Path, tmp_path: Path) -> None:
    copy = back_up(path, tmp_path / "backups", now=NOW)
    database = SqliteDatabase(path)
    try:
        with pytest.raises(StorageError, match="in use"):
            restore(copy, path, now=NOW)
        assert await database.read(count_rows) == ROWS
    finally:
        await database.close()


async def test_a_restore_refuses_while_another_program_has_the_file_open(path: Path, tmp_path: Path) -> None:
    copy = back_up(path, tmp_path / "backups", now=NOW)
    shell = sqlite3.connect(path)
    shell.execute("SELECT count(*) FROM t").fetchone()
    try:
        with pytest.raises(StorageError, match="in use"):
            restore(copy, path, now=NOW)
    finally:
        shell.close()
    assert rows(path) == ROWS


async def test_a_damaged_backup_is_refused_and_nothing_changes(path: Path, tmp_path: Path) -> None:
    copy = back_up(path, tmp_path / "backups", now=NOW)
    damage(copy)

    with pytest.raises(StorageError, match="is damaged"):
        restore(copy, path, now=NOW)

    assert rows(path) == ROWS


def test_a_copy_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    missing = tmp_path / "data" / "buffer.db"
    with pytest.raises(StorageError):
        back_up(missing, tmp_path / "copies", now=datetime(2026, 3, 1, tzinfo=UTC))
    damaged = tmp_path / "buffer.db"
    damaged.write_bytes(b"no database at all" * 1000)
    with pytest.raises(StorageError):
        back_up(damaged, tmp_path / "copies", now=datetime(2026, 3, 1, tzinfo=UTC))
    assert [path.name for path in tmp_path.iterdir()] == ["buffer.db"]

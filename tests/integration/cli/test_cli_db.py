"""``kkt-adapter db`` on real files: copy while in use, put back, find what is wrong."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text, update
from tests.support.cli import run
from typer.testing import Result

from kkt_adapter.cli.database.commands import BACKUP_DIR, db_app
from kkt_adapter.fiscal.store import counters as counts
from kkt_adapter.fiscal.store.tables import counters
from kkt_adapter.runtime.db.backup import check
from kkt_adapter.runtime.db.migrate import migrate
from kkt_adapter.runtime.db.postgres import PostgresDatabase
from kkt_adapter.runtime.db.sqlite import SqliteDatabase
from kkt_adapter.settings import load_settings


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with a database as the service makes it."""
    monkeypatch.chdir(tmp_path)  # away from any kkt-adapter.toml
    for name in ("DATABASE_URL", "BUFFER_DB_PATH", "KKT_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    directory = tmp_path / "var"
    directory.mkdir()
    migrate(load_settings(overrides={"data_dir": directory}).database)
    change(directory, counts.ensure)
    return directory


@pytest.fixture
def in_use(data: Path) -> Iterator[SqliteDatabase]:
    """The database, open as by a running service."""
    database = SqliteDatabase(data / "buffer.db")
    yield database
    asyncio.run(database.close())


def change(data: Path, work: Callable[[Connection], None]) -> None:
    async def write() -> None:
        database = SqliteDatabase(data / "buffer.db")
        try:
            await database.write(work)
        finally:
            await database.close()

    asyncio.run(write())


def mark(data: Path, number: int) -> None:
    def write(connection: Connection) -> None:
        connection.execute(update(counters).values(next_seq=number))

    change(data, write)


def marked(data: Path) -> int:
    raw = sqlite3.connect(data / "buffer.db")
    try:
        return int(raw.execute("SELECT next_seq FROM counters").fetchone()[0])
    finally:
        raw.close()


def db(data: Path, *arguments: str, **environment: str) -> Result:
    return run(db_app, *arguments, KKT_DATA_DIR=str(data), **environment)


def test_a_copy_of_a_database_in_use_is_whole(data: Path, in_use: SqliteDatabase) -> None:
    result = db(data, "backup")
    assert result.exit_code == 0, result.stderr
    (copy,) = (data / BACKUP_DIR).glob("*.db")
    assert str(copy) in result.stdout
    assert check(copy).ok


def test_copies_made_by_hand_push_nothing_out(data: Path) -> None:
    for _ in range(9):
        assert db(data, "backup").exit_code == 0
    assert len(list((data / BACKUP_DIR).glob("*.db"))) == 9


def test_a_copy_gets_the_name_it_is_given(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "usb" / "before-update.db"
    assert db(data, "backup", str(target)).exit_code == 1  # no such directory
    target.parent.mkdir()
    assert db(data, "backup", str(target)).exit_code == 0
    assert check(target).ok
    assert [path.name for path in target.parent.iterdir()] == ["before-update.db"]


def test_a_copy_never_takes_the_place_of_a_file(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "precious.db"
    target.write_text("precious")
    result = db(data, "backup", str(target))
    assert (result.exit_code, target.read_text()) == (1, "precious")
    assert "exists already" in result.stderr


def test_restoring_brings_the_old_rows_back_and_keeps_the_new_ones_aside(data: Path, tmp_path: Path) -> None:
    mark(data, 7)
    copy = tmp_path / "copy.db"
    db(data, "backup", str(copy))
    mark(data, 8)
    result = db(data, "restore", str(copy), "--yes")
    assert result.exit_code == 0, result.stderr
    assert marked(data) == 7
    (aside,) = data.glob("buffer.db.replaced-*")
    assert aside.name in result.stdout


def test_restoring_is_refused_while_the_service_runs(data: Path, tmp_path: Path, in_use: object) -> None:
    copy = tmp_path / "copy.db"
    db(data, "backup", str(copy))
    result = db(data, "restore", str(copy), "--yes", LANG="ru_RU.UTF-8")
    assert result.exit_code == 1
    assert "Сначала остановите службу" in result.stderr
    assert not list(data.glob("buffer.db.replaced-*"))


def test_restoring_asks_before_it_replaces(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    db(data, "backup", str(copy))
    mark(data, 8)
    assert db(data, "restore", str(copy)).exit_code == 1  # nobody there to answer
    assert marked(data) == 8


def test_a_damaged_copy_is_not_put_back(data: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    result = db(data, "restore", str(damaged), "--yes")
    assert result.exit_code == 1
    assert "is damaged" in result.stderr


def test_a_sound_database_is_called_so(data: Path, in_use: object) -> None:
    result = db(data, "check")
    assert (result.exit_code, result.stderr, result.stdout) == (0, "", "The database is sound.\n")


def test_totals_that_disagree_with_the_receipts_are_named(data: Path) -> None:
    def spoil(connection: Connection) -> None:
        connection.execute(update(counters).values(pending=5))

    change(data, spoil)
    result = db(data, "check")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1].split() == ["pending", "5", "0"]


def test_a_broken_reference_is_found(data: Path) -> None:
    def spoil(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE parent (id INTEGER PRIMARY KEY)"))
        connection.execute(text("CREATE TABLE child (parent_id INTEGER REFERENCES parent (id))"))

    change(data, spoil)
    raw = sqlite3.connect(data / "buffer.db", isolation_level=None)
    raw.execute("INSERT INTO child VALUES (1)")  # foreign keys are off unless asked for
    raw.close()
    result = db(data, "check")
    assert result.exit_code == 1
    assert "missing row of parent" in result.stderr


@pytest.mark.parametrize("command", [("backup",), ("check",)])
def test_a_database_that_is_not_there_is_not_made(tmp_path: Path, command: tuple[str, ...]) -> None:
    result = run(db_app, *command, "--data-dir", str(tmp_path / "nowhere"))
    assert result.exit_code == 1
    assert "buffer" in result.stderr
    assert not (tmp_path / "nowhere" / "buffer.db").exists()


def test_a_database_without_our_tables_is_told(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    raw = sqlite3.connect(other)
    raw.execute("CREATE TABLE t (a)")
    raw.close()
    result = run(db_app, "check", BUFFER_DB_PATH=str(other))
    assert result.exit_code == 1
    assert "no tables of this version" in result.stderr


def test_totals_of_postgresql_are_counted_again(postgres_url: str) -> None:
    migrate(postgres_url)

    async def begin() -> None:
        database = PostgresDatabase(postgres_url)
        try:
            await database.write(counts.ensure)
        finally:
            await database.close()

    asyncio.run(begin())
    result = run(db_app, "check", DATABASE_URL=postgres_url)
    assert (result.exit_code, result.stderr, result.stdout) == (0, "", "The database is sound.\n")


@pytest.mark.parametrize("command", [("backup",), ("restore", "copy.db")])
def test_postgresql_is_left_to_its_own_tools(command: tuple[str, ...]) -> None:
    result = run(db_app, *command, DATABASE_URL="postgresql://kkt@127.0.0.1/kkt")
    assert result.exit_code == 1
    assert "pg_dump" in result.stderr


def test_a_setting_that_is_wrong_is_one_line(tmp_path: Path) -> None:
    result = run(db_app, "check", KKT_PORT="many")
    assert result.exit_code == 1
    assert "KKT_PORT" in result.stderr
    assert result.stderr.count("\n") == 1

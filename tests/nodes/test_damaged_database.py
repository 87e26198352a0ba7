"""A damaged database: the service does not start, says which file, touches nothing; a copy brings it back."""

import asyncio
import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.cli import run
from tests.support.processes.nodes import Node, all_delivered, books_agree, nodes, operator, surroundings
from typer.testing import Result

from kkt_adapter.cli.program import app
from kkt_adapter.kernel.errors import StorageError
from kkt_adapter.runtime.db import integrity
from kkt_adapter.runtime.db.integrity import refuse_damaged

pytestmark = pytest.mark.timeout(300)
PAGE_BYTES = 4096


def large(path: Path, *, rows: int) -> None:
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT UNIQUE)")
    rng = random.Random(1)
    raw.executemany("INSERT INTO t VALUES (?, ?)", ((n, f"{rng.random()}" * 40) for n in range(rows)))
    raw.commit()
    raw.close()


def spoil(path: Path, *, page: int) -> None:
    with path.open("r+b") as file:
        file.seek(page * PAGE_BYTES)
        file.write(b"\xa5" * PAGE_BYTES)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("buffer.db*") if path.suffix == ".db"}


async def command(*arguments: str, **environment: str) -> Result:
    return await asyncio.to_thread(run, app, *arguments, **environment)


PATIENT_S = 60.0
PATIENT_START = """
from kkt_adapter.cli import main
from kkt_adapter.runtime.db import integrity

integrity.AFTER_CLOSE_S = 30.0  # instead of 1 s, so that a busy machine finds the damage too
main()
"""


def serve(node: Node) -> tuple[int, str]:
    """A start that is expected to end by itself: exit code, and what it said."""
    ended = subprocess.run(
        [sys.executable, "-c", PATIENT_START, "serve", "--config", str(node.config), "--port", "0"],
        cwd=node.folder,
        env=node.surroundings(),
        capture_output=True,
        timeout=180,
        check=False,
    )
    return ended.returncode, ended.stderr.decode()


async def test_a_damaged_file_stops_the_start_by_name_and_a_copy_brings_everything_back(
    tmp_path: Path,
) -> None:
    async with operator() as ofd:
        node = Node(name="one", folder=tmp_path, environment=surroundings(tmp_path, ofd), tills=("A",))
        data = tmp_path / "data"
        database, copy = data / "buffer.db", tmp_path / "copy.db"
        settings = {"KKT_DATA_DIR": str(data), "KKT_CONFIG": str(node.config)}
        async with nodes(node):
            answers = await node.sell(20, till="A")
            await all_delivered(node)
            assert (await command("db", "backup", str(copy), **settings)).exit_code == 0
            answers += await node.sell(2, till="A", first=100)
            await all_delivered(node)
            assert node.terminate() == 0
            whole = database.read_bytes()
            pages = len(whole) // PAGE_BYTES

            for page, what in (
                (0, "its header"),
                (pages // 2, "a page in the middle"),
                (pages - 1, "its last"),
            ):
                database.write_bytes(whole)
                spoil(database, page=page)
                before = files(data)
                code, said = await asyncio.to_thread(serve, node)
                assert code == 2, f"{what}: {said}"
                assert str(database) in said
                assert "db restore" in said
                assert files(data) == before, f"{what}: the file was touched, or a new one was made"
            assert (await command("db", "check", **settings)).exit_code == 1
            found = await command("doctor", "--config", str(node.config), **settings)
            assert found.exit_code == 1
            assert "db restore" in found.stdout

            restored = await command("db", "restore", str(copy), "--yes", **settings)
            assert restored.exit_code == 0, restored.stderr
            assert list(data.glob("buffer.db.replaced-*")), "the damaged file is kept"
            node.start()
            await node.ready()
            again = await node.sell(20, till="A") + await node.sell(2, till="A", first=100)
            assert [a["fiscal_doc_id"] for a in again] == [a["fiscal_doc_id"] for a in answers]
            await all_delivered(node)
            await books_agree(node, again, ofd)


def test_what_cannot_be_read_in_time_does_not_hold_the_start_up(tmp_path: Path) -> None:
    path = tmp_path / "large.db"
    large(path, rows=20_000)
    assert refuse_damaged(path)
    assert not refuse_damaged(path, within_s=0.0)


def test_a_large_file_is_walked_by_a_process_that_can_be_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite before 3.41 cannot be told to stop while it walks through a table."""
    monkeypatch.setattr(integrity, "SMALL_BYTES", 0)
    path = tmp_path / "large.db"
    large(path, rows=20_000)
    assert refuse_damaged(path, within_s=PATIENT_S)
    assert not refuse_damaged(path, within_s=0.0)
    before = path.read_bytes()
    spoil(path, page=len(before) // PAGE_BYTES // 2)
    for damaged in (path.read_bytes(), b"this is no database" * 1000):
        path.write_bytes(damaged)
        with pytest.raises(StorageError) as caught:
            refuse_damaged(path, within_s=PATIENT_S)
        assert str(path) in caught.value.detail.en
        assert "db restore" in caught.value.detail.ru
        assert path.read_bytes() == damaged


def test_after_a_kill_more_of_the_file_is_looked_at_than_after_an_orderly_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.db"
    large(path, rows=20_000)
    monkeypatch.setattr(integrity, "AFTER_CLOSE_S", 0.0)
    assert not refuse_damaged(path)
    Path(f"{path}-wal").write_bytes(b"left behind by somebody who was killed")
    assert refuse_damaged(path)


def test_damage_in_a_log_that_was_not_folded_in_is_left_to_sqlite_which_drops_it(tmp_path: Path) -> None:
    """What a write-ahead log holds after a broken frame was never committed, as far as SQLite can tell."""
    path = tmp_path / "live.db"
    live = sqlite3.connect(path, isolation_level=None)
    live.execute("PRAGMA journal_mode=WAL")
    live.execute("CREATE TABLE t (a)")
    live.execute("INSERT INTO t VALUES (1)")
    copied = tmp_path / "copied.db"
    shutil.copy(path, copied)
    log = (tmp_path / "live.db-wal").read_bytes()
    Path(f"{copied}-wal").write_bytes(log[:-PAGE_BYTES] + b"\xa5" * PAGE_BYTES)
    live.close()

    assert refuse_damaged(copied)
    left = sqlite3.connect(copied)
    assert left.execute("SELECT count(*) FROM t").fetchone() == (0,)
    left.close()


def test_a_half_done_first_start_is_not_taken_for_damage(tmp_path: Path) -> None:
    """Killed before the database had its write-ahead log, it is rolled back by whoever opens it to write."""
    path, left = tmp_path / "first.db", tmp_path / "left.db"
    first = sqlite3.connect(path, isolation_level=None)
    first.execute("CREATE TABLE t (a)")
    first.execute("PRAGMA cache_size=5")
    first.execute("BEGIN")
    first.executemany("INSERT INTO t VALUES (?)", (("x" * 1000,) for _ in range(500)))
    shutil.copy(path, left)
    shutil.copy(f"{path}-journal", f"{left}-journal")
    first.close()

    assert not refuse_damaged(left)
    raw = sqlite3.connect(left)
    assert raw.execute("SELECT count(*) FROM t").fetchone() == (0,)
    raw.close()
    assert refuse_damaged(left)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_bytes(b"this is no database" * 1000)
    with pytest.raises(StorageError) as caught:
        refuse_damaged(path)
    assert str(path) in caught.value.detail.en
    assert "db restore" in caught.value.detail.ru


def test_a_database_that_is_still_to_be_made_and_a_server_are_nobody_s_damage(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    assert refuse_damaged(tmp_path / "missing.db")
    assert refuse_damaged(tmp_path / "empty.db")
    assert refuse_damaged("postgresql://kkt@127.0.0.1/kkt")
    assert not (tmp_path / "missing.db").exists()

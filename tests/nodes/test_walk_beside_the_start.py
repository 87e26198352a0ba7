"""A large database is walked while the rest of the service is imported, by a process that ends with it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kkt_adapter.kernel.errors import StorageError
from kkt_adapter.runtime.db import integrity
from kkt_adapter.runtime.db.integrity import Walk, begin_walk, refuse_damaged
from kkt_adapter.runtime.db.migrate import migrate

pytestmark = pytest.mark.timeout(120)  # bounds every wait for a pipe

PATIENT_S = 60.0
PAGE_BYTES = 4096
STUCK = "held = open({path!r}, 'w'); print('begun', file=held, flush=True); threading.Event().wait()\ntry:"
START = """
from kkt_adapter.cli import main
from kkt_adapter.runtime.db import integrity

integrity.SMALL_BYTES = 0
integrity.AFTER_CLOSE_S = 60.0
integrity.WALK = {walk!r}
main()
"""


@pytest.fixture(autouse=True)
def nothing_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrity, "SMALL_BYTES", 0)
    monkeypatch.setattr(integrity, "AFTER_CLOSE_S", PATIENT_S)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "buffer.db"
    path.parent.mkdir(mode=0o700)
    migrate(path)
    return path


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def stuck(fifo: Path) -> str:
    """A walk that says in ``fifo`` that it has begun, and comes to no end. Whoever reads it sees the end of
    the file when the walk's process is gone."""
    return integrity.WALK.replace("try:", STUCK.format(path=str(fifo)), 1)


def begun(path: Path) -> Walk:
    walk = begin_walk(path)
    assert walk is not None
    return walk


def spoil(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // PAGE_BYTES // 2 * PAGE_BYTES)
        file.write(b"\xa5" * PAGE_BYTES)


@contextmanager
def service(database: Path, *arguments: str, walk: str) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            START.format(walk=walk),
            "serve",
            "--data-dir",
            str(database.parent),
            *arguments,
        ],
        cwd=database.parent.parent,
        env={"PATH": "", "PYTHONPATH": os.pathsep.join(sys.path), "OFD_HOST": "127.0.0.1", "OFD_PORT": "9"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_what_a_walk_finds_that_was_begun_before_counts(database: Path) -> None:
    assert refuse_damaged(database, begun=begun(database))
    spoil(database)
    before = database.read_bytes()
    with pytest.raises(StorageError) as caught:
        refuse_damaged(database, begun=begun(database))
    assert str(database) in caught.value.detail.en
    assert database.read_bytes() == before


def test_the_time_counts_from_the_beginning(
    database: Path, fifo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(integrity, "AFTER_CLOSE_S", 0.0)
    monkeypatch.setattr(integrity, "WALK", stuck(fifo))
    walk = begun(database)
    assert not refuse_damaged(database, within_s=PATIENT_S, begun=walk)


def test_what_is_known_counts_though_the_time_is_over(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(integrity, "AFTER_CLOSE_S", 0.0)
    spoil(database)
    walk = begun(database)
    os.waitid(os.P_PID, walk._process.pid, os.WEXITED | os.WNOWAIT)  # its end, left to be looked at
    with pytest.raises(StorageError):
        refuse_damaged(database, begun=walk)


def test_a_file_that_took_the_place_of_the_walked_one_is_walked_itself(database: Path) -> None:
    whole = shutil.copy(database, database.with_name("whole.db"))
    spoil(database)
    walk = begun(database)
    Path(whole).replace(database)
    assert refuse_damaged(database, begun=walk)


def test_what_is_small_missing_or_a_server_s_begins_no_walk(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert begin_walk(database.with_name("missing.db")) is None
    assert begin_walk("postgresql://kkt@127.0.0.1/kkt") is None
    monkeypatch.setattr(integrity, "SMALL_BYTES", database.stat().st_size)
    assert begin_walk(database) is None


def test_a_damaged_large_file_stops_the_start_untouched(database: Path) -> None:
    spoil(database)
    before = {path.name: path.read_bytes() for path in database.parent.glob("*.db*")}
    with service(database, "--port", "0", "--demo", walk=integrity.WALK) as process:
        _, said = process.communicate(timeout=PATIENT_S)
    assert process.returncode == 2, said.decode()
    assert str(database) in said.decode()
    assert {name: (database.parent / name).read_bytes() for name in before} == before


def test_a_start_that_fails_ends_the_walk(database: Path, fifo: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with service(database, "--port", port, walk=stuck(fifo)) as process:
            assert fifo.read_text() == "begun\n"
            assert process.wait(PATIENT_S) == 2


def test_a_walk_ends_with_a_process_that_is_killed(database: Path, fifo: Path) -> None:
    with service(database, "--port", "0", "--demo", walk=stuck(fifo)) as process, fifo.open() as told:
        assert told.readline() == "begun\n"
        process.send_signal(signal.SIGKILL)
        assert told.read() == ""  # its end

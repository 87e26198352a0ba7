"""Locks that end with their process are a proof that it ended."""

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kkt_adapter.kernel.errors import StorageError
from kkt_adapter.runtime.file_lock import ProcessLocks, hold_alone, hold_shared

HOLDER = """
import sys
from pathlib import Path
from kkt_adapter.runtime.file_lock import ProcessLocks
lock = ProcessLocks(Path(sys.argv[1])).hold("other")
print("held", flush=True)
sys.stdin.read()
"""


def test_alone_excludes_everybody_and_shared_only_who_wants_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    first = hold_shared(path)
    assert first is not None
    second = hold_shared(path)
    assert second is not None
    assert hold_alone(path) is None
    first.release()
    assert hold_alone(path) is None
    second.release()
    alone = hold_alone(path)
    assert alone is not None
    assert hold_shared(path) is None
    alone.release()
    alone.release()


def test_a_process_that_was_killed_is_proven_ended(tmp_path: Path) -> None:
    locks = ProcessLocks(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert not locks.ended("other")
        process.kill()
        process.wait()
    assert locks.ended("other")
    assert locks.ended("other")  # looking does not use it up


def test_what_is_not_known_here_is_not_proven(tmp_path: Path) -> None:
    locks = ProcessLocks(tmp_path)

    assert not locks.ended("runs on another machine")
    assert not locks.ended("")
    assert not locks.ended("../escape")


def test_one_instance_id_is_held_once(tmp_path: Path) -> None:
    locks = ProcessLocks(tmp_path)
    held = locks.hold("me")
    with pytest.raises(StorageError, match="instance id"):
        locks.hold("me")
    held.release()
    locks.hold("me").release()


def test_old_files_of_ended_processes_move_aside_and_stay_a_proof(tmp_path: Path) -> None:
    locks = ProcessLocks(tmp_path)
    alive = locks.hold("alive")
    gone = [f"gone-{number}" for number in range(5)]
    for owner in gone:
        locks.hold(owner).release()

    locks.tidy(keep=0)

    assert [path.name for path in (tmp_path / "locks").iterdir() if path.is_file()] == ["alive"]
    assert all(locks.ended(owner) for owner in gone)
    assert not locks.ended("alive")
    assert not locks.others_alive("alive")
    alive.release()


def test_of_the_ended_only_so_many_are_remembered(tmp_path: Path) -> None:
    locks = ProcessLocks(tmp_path)
    for number in range(5):
        locks.hold(f"gone-{number}").release()
        os.utime(tmp_path / "locks" / f"gone-{number}", (number, number))

    locks.tidy(keep=1, remember=2)

    assert [number for number in range(5) if locks.ended(f"gone-{number}")] == [2, 3, 4]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "locks").write_text("a file where a directory should be")
    with pytest.raises(StorageError, match="Lock file"):
        ProcessLocks(tmp_path).hold("me")


def test_a_process_that_takes_its_file_while_another_tidies_is_not_taken_for_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the clock was set back the newest process has the oldest file."""
    locks, lock = ProcessLocks(tmp_path), fcntl.flock
    moments: list[int] = []

    def flock(descriptor: int, kind: int) -> None:
        if not moments:  # the file of ``new`` is made, and not locked yet
            moments.append(kind)
            ProcessLocks(tmp_path).tidy(keep=0)
        lock(descriptor, kind)

    monkeypatch.setattr(fcntl, "flock", flock)
    held = locks.hold("new")

    assert moments
    assert not locks.ended("new")
    assert locks.others_alive("somebody else")
    held.release()
    assert locks.ended("new")


def test_a_process_that_starts_while_its_file_is_looked_at_is_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = hold_alone(tmp_path / "locks" / "new")
    assert looking is not None
    monkeypatch.setattr(time, "sleep", lambda seconds: looking.release())
    ProcessLocks(tmp_path).hold("new").release()

"""Locks on files, held by the operating system for as long as a process lives.

They end with the process, however it ends, which is the proof that other processes ask for. These are
``flock`` locks: they belong to one opening of the file, so two objects of one process exclude each other
too, and closing another opening of the same file does not drop them.
"""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from kkt_adapter.kernel.errors import StorageError

DIRECTORY_MODE = 0o700  # receipts and buyers' contacts: for the service's user alone
FILE_MODE = 0o600
_LOOK_S = 0.01
_TRIES = 10  # each lost one is a file that was moved away at that very moment
_LOOKED_AT_S = 1.0  # far longer than another process holds the file of a process to see whether it has ended


class FileLock:
    """A lock that is held; it ends with `release` or with the process."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    def is_at_its_path(self) -> bool:
        """Is the file that is held still the one of that name?"""
        try:
            return self._descriptor is not None and os.path.samestat(
                os.fstat(self._descriptor), self.path.stat()
            )
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Let go; the file stays. May be called twice."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def hold_shared(path: Path) -> FileLock | None:
    """Hold ``path`` together with others; None when somebody holds it alone. Makes the file."""
    return _hold(path, fcntl.LOCK_SH)


def hold_alone(path: Path) -> FileLock | None:
    """Hold ``path`` with nobody else; None when anybody holds it. Makes the file."""
    return _hold(path, fcntl.LOCK_EX)


def wait_alone(path: Path, *, within_s: float) -> FileLock:
    """Hold ``path`` with nobody else, once those who hold it let go (blocking). Makes the file.

    Raises:
        StorageError: it cannot be made, or somebody still holds it after ``within_s`` seconds.
    """
    until = time.monotonic() + within_s
    while (held := hold_alone(path)) is None:
        if time.monotonic() >= until:
            raise StorageError(
                f"Another process holds {path}, and does not let go of it.",
                f"Другой процесс держит {path} и не отпускает его.",
            )
        time.sleep(_LOOK_S)
    return held


def _hold(path: Path, kind: int) -> FileLock | None:
    """Another process may move the file away between its opening and the lock (``ProcessLocks.tidy``): then
    the lock would be one on a file that nobody looks at."""
    for _ in range(_TRIES):
        held = _hold_once(path, kind)
        if held is None or held.is_at_its_path():
            return held
        held.release()
    return None


def _hold_once(path: Path, kind: int) -> FileLock | None:
    try:
        path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        raise StorageError(
            f"Lock file {path} cannot be made: {error.strerror}.",
            f"Не удаётся создать файл блокировки {path}: {error.strerror}.",
        ) from error
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return FileLock(descriptor, path)


class ProcessLocks:
    """Proof of life of processes that share a data directory: ``<data>/locks/<owner>``.

    A process holds the file named after its instance id from before it takes its first lease until it
    ends. `ended` is then a proof, not a guess: the system lets the file go only when the process is gone.
    The proof outlives the file: `tidy` moves old ones to ``<data>/locks/ended``, as an attempt of a process
    may stay open over many starts, until its register answers.
    """

    def __init__(self, data: Path) -> None:
        self._directory = data / "locks"
        self._ended = self._directory / "ended"

    def hold(self, owner: str) -> FileLock:
        """Hold the file of this process; release it when everything else has stopped.

        Raises:
            StorageError: the directory cannot be written, or another process has this instance id.
        """
        until = time.monotonic() + _LOOKED_AT_S
        while (held := hold_alone(self._directory / owner)) is None:
            if time.monotonic() >= until:
                raise StorageError(
                    f"Another process runs with the instance id {owner}.",
                    f"Уже работает другой процесс с идентификатором {owner}.",
                )
            time.sleep(_LOOK_S)
        return held

    def ended(self, owner: str) -> bool:
        """Is the process of ``owner`` proven to have ended? False also when it is not known here (blocking).

        A file that is not there proves nothing: the process may run on another machine.
        """
        path = self._directory / owner
        if not owner or "/" in owner:
            return False
        if not path.is_file():
            return (self._ended / owner).is_file()
        held = hold_alone(path)
        if held is None:
            return False
        held.release()
        return True

    def others_alive(self, owner: str) -> bool:
        """Does any process but ``owner`` hold its file here? (blocking)"""
        if not self._directory.is_dir():
            return False
        names = (path.name for path in self._directory.iterdir() if path.is_file())
        return any(name != owner and not self.ended(name) for name in names)

    def tidy(self, *, keep: int = 50, remember: int = 10_000) -> None:
        """Move the files of ended processes aside but for the ``keep`` newest, so that `others_alive` looks
        at few; of those moved only the ``remember`` newest stay (blocking).
        """
        if not self._directory.is_dir():
            return
        for path in _newest_first(self._directory)[keep:]:
            # Held until it is moved: one that only looks old, as the clock was set back, may be the file of a
            # process that is about to take it.
            held = hold_alone(path)
            if held is not None:
                self._ended.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
                with suppress(FileNotFoundError):  # another process tidies too
                    path.rename(self._ended / path.name)
                held.release()
        if self._ended.is_dir():
            for path in _newest_first(self._ended)[remember:]:
                path.unlink(missing_ok=True)


def _newest_first(directory: Path) -> list[Path]:
    made = []
    for path in directory.iterdir():
        with suppress(FileNotFoundError):
            if path.is_file():
                made.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(made, reverse=True)]

"""Is a SQLite file whole? Looked at before every start: a damaged one is not worked on, and never replaced.

SQLite meets damage only where it reads, and a service that starts on a damaged file may sell for hours before
it does. So its pages are walked first (``quick_check``), for as long as a start may take: longer when the
last process did not close it, as then a power cut or a full disk may have been at work. A large file is
walked by another process, beside the imports of this one (`begin_walk`). The daily copy is read back whole,
however large it is. SQLite keeps no checksums of its pages: a changed letter inside a stored text is not
found by this or by anything else here.
"""

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from kkt_adapter.kernel.errors import StorageError
from kkt_adapter.runtime.db.sqlite_file import BUSY_TIMEOUT_S, explain
from kkt_adapter.runtime.db.urls import sqlite_path
from kkt_adapter.runtime.log import get_logger

AFTER_CLOSE_S = 1.0  # of a start; some gigabytes that are in memory, or a small file on a busy machine
AFTER_CRASH_S = 2.0  # of the 5 s in which a start is to be over; a gigabyte and more
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
LOOK_EVERY_OPS = 1000  # of SQLite's virtual machine, between two looks at the clock
SMALL_BYTES = 16 * 1024 * 1024  # walked in less time than another process takes to begin

READ_S = 1.0  # what an ended walk has said lies in a pipe already

WALK = """
import os, sqlite3, sys, threading

def end_with_the_parent():
    os.read(0, 1)
    os._exit(255)

threading.Thread(target=end_with_the_parent, daemon=True).start()
try:
    raw = sqlite3.connect(sys.argv[1], uri=True, timeout=float(sys.argv[2]))
    print(raw.execute("PRAGMA quick_check(1)").fetchone()[0])
except sqlite3.Error as error:
    print(error)
    sys.exit(getattr(error, "sqlite_errorcode", 0) & 0xFF or 255)
"""


class Walk:
    """A walk through one file by a process of its own, which can be ended: SQLite before 3.41 looks neither
    at the clock nor at an interruption while it walks through one table, and that may take a minute.

    That process ends with ours, however ours ends: it waits for the end of a pipe that only we hold open.
    """

    def __init__(self, path: Path, *, within_s: float) -> None:
        """Begin it; it may take ``within_s`` seconds from now on.

        Raises:
            OSError: there is no process for it.
        """
        self._give_up = time.monotonic() + within_s
        self._file = _file_id(path)
        command = [sys.executable, "-I", "-c", WALK, _address(path), str(BUSY_TIMEOUT_S)]
        ours, self._held = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603
                command, stdin=ours, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        except BaseException:
            os.close(self._held)
            raise
        finally:
            os.close(ours)

    def is_of(self, path: Path) -> bool:
        """Not of one that has been replaced since, as by a restored copy."""
        return self._file == _file_id(path)

    def found(self) -> str:
        """Wait for its end (blocking): the first thing that is wrong, in SQLite's words, or ``ok``.

        Raises:
            sqlite3.Error: as the walk did, or its time is over.
        """
        try:
            ended = self._process.poll() is not None
            left = READ_S if ended else max(0.0, self._give_up - time.monotonic())
            said, complained = self._process.communicate(timeout=left)
        except subprocess.TimeoutExpired:
            raise sqlite3.OperationalError("interrupted") from None
        finally:
            self.end()
        if self._process.returncode == 0:
            return said.strip()
        walked = sqlite3.DatabaseError(said.strip() or complained.strip()[-200:])
        walked.sqlite_errorcode = self._process.returncode
        raise walked

    def end(self) -> None:
        """Whether it has come to its end or not; once more changes nothing."""
        if self._held < 0:
            return
        os.close(self._held)
        self._held = -1
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()


def begin_walk(url: str | Path) -> Walk | None:
    """Begin what `refuse_damaged` waits for, for as long as the last close of the file deserves.

    None where there is nothing that would be worth a process: a small file or none, a server, and a machine
    that has no process for it.

    Raises:
        SettingsInvalid: it is no address of a database.
    """
    path = sqlite_path(url)
    try:
        if path is None or path.stat().st_size <= SMALL_BYTES:
            return None
        return Walk(path, within_s=_deserved_s(path))
    except OSError:
        return None  # `refuse_damaged` tries again, and tells


def refuse_damaged(url: str | Path, *, within_s: float | None = None, begun: Walk | None = None) -> bool:
    """Walk through the pages of a SQLite database (blocking), for ``within_s`` seconds at most (None: as long
    as its last close deserves). ``begun``: a walk through it that was begun before; it is ended.

    Changes nothing, not even by folding a log into the file; it may be in use. Returns whether all of it was
    seen: True also for a file that is still to be made, and for PostgreSQL, which guards its own.

    Raises:
        StorageError: it is damaged; the text names the file and what to do.
    """
    path = sqlite_path(url)
    try:
        if path is None or not path.exists() or path.stat().st_size == 0:
            return True
        within_s = _deserved_s(path) if within_s is None else within_s
        return _refuse_damaged(path, within_s, begun if begun is not None and begun.is_of(path) else None)
    finally:
        if begun is not None:
            begun.end()


def _refuse_damaged(path: Path, within_s: float, begun: Walk | None) -> bool:
    try:
        found = _quick_check(path, within_s=within_s) if begun is None else begun.found()
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGED:
            raise _named(explain(error, path), path) from error
        # Out of time, held by another, or to be rolled back first, which reading alone may not do: the next
        # one to open it finds out.
        get_logger("database").info("database_seen_in_part", file=path.name, reason=str(error))
        return False
    if found != "ok":
        get_logger("database").error("database_damaged", file=path.name, found=found)
        raise _named(explain(_damaged(), path), path)
    return True


def _deserved_s(path: Path) -> float:
    return AFTER_CLOSE_S if _was_closed(path) else AFTER_CRASH_S


def _was_closed(path: Path) -> bool:
    """Whoever closes a database as the last one folds its log in."""
    log = Path(f"{path}-wal")
    return not log.exists() or log.stat().st_size == 0


def _quick_check(path: Path, *, within_s: float) -> str:
    """As `Walk.found`; a small file is walked here."""
    if path.stat().st_size > SMALL_BYTES:
        try:
            return Walk(path, within_s=within_s).found()
        except OSError as error:
            raise sqlite3.OperationalError(f"no process for it: {error.strerror}") from error
    give_up = time.monotonic() + within_s
    raw = sqlite3.connect(_address(path), uri=True, timeout=BUSY_TIMEOUT_S)
    try:
        raw.set_progress_handler(lambda: time.monotonic() > give_up, LOOK_EVERY_OPS)
        return str(raw.execute("PRAGMA quick_check(1)").fetchone()[0])
    finally:
        raw.close()


def _address(path: Path) -> str:
    return f"{path.resolve().as_uri()}?mode=ro"


def _file_id(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _damaged() -> sqlite3.Error:
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _named(reason: StorageError, path: Path) -> StorageError:
    """With the whole path, as whoever starts the service needs it."""
    return StorageError(
        f"{path}: {reason.detail.en} Nothing was changed.", f"{path}: {reason.detail.ru} Файл не изменён."
    )

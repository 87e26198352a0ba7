"""Is a SQLite file whole? Looked at before every start: a damaged one is not worked on, and never replaced.

SQLite meets damage only where it reads, and a service that starts on a damaged file may sell for hours before
it does. So its pages are walked first (``quick_check``), for as long as a start may take: longer when the
last process did not close it, as then a power cut or a full disk may have been at work. The daily copy is
read back whole, however large it is. SQLite keeps no checksums of its pages: a changed letter inside a stored
text is not found by this or by anything else here.
"""

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

_WALK = """
import sqlite3, sys

try:
    raw = sqlite3.connect(sys.argv[1], uri=True, timeout=float(sys.argv[2]))
    print(raw.execute("PRAGMA quick_check(1)").fetchone()[0])
except sqlite3.Error as error:
    print(error)
    sys.exit(getattr(error, "sqlite_errorcode", 0) & 0xFF or 255)
"""


def refuse_damaged(url: str | Path, *, within_s: float | None = None) -> bool:
    """Walk through the pages of a SQLite database (blocking), for ``within_s`` seconds at most (None: as long
    as its last close deserves).

    Changes nothing, not even by folding a log into the file; it may be in use. Returns whether all of it was
    seen: True also for a file that is still to be made, and for PostgreSQL, which guards its own.

    Raises:
        StorageError: it is damaged; the text names the file and what to do.
    """
    path = sqlite_path(url)
    if path is None or not path.exists() or path.stat().st_size == 0:
        return True
    if within_s is None:
        within_s = AFTER_CLOSE_S if _was_closed(path) else AFTER_CRASH_S
    try:
        found = _quick_check(path, give_up=time.monotonic() + within_s)
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


def _was_closed(path: Path) -> bool:
    """Whoever closes a database as the last one folds its log in."""
    log = Path(f"{path}-wal")
    return not log.exists() or log.stat().st_size == 0


def _quick_check(path: Path, *, give_up: float) -> str:
    """The first thing that is wrong, in SQLite's words, or ``ok``.

    A large file is walked by a process of its own, which can be ended: SQLite before 3.41 looks neither at
    the clock nor at an interruption while it walks through one table, and that may take a minute.
    """
    address = f"{path.resolve().as_uri()}?mode=ro"
    if path.stat().st_size > SMALL_BYTES:
        return _quick_check_elsewhere(address, within_s=max(0.0, give_up - time.monotonic()))
    raw = sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S)
    try:
        raw.set_progress_handler(lambda: time.monotonic() > give_up, LOOK_EVERY_OPS)
        return str(raw.execute("PRAGMA quick_check(1)").fetchone()[0])
    finally:
        raw.close()


def _quick_check_elsewhere(address: str, *, within_s: float) -> str:
    """Raises sqlite3.Error as the walk did, or when the time is over."""
    command = [sys.executable, "-I", "-c", _WALK, address, str(BUSY_TIMEOUT_S)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=within_s, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise sqlite3.OperationalError("interrupted") from None
    except OSError as error:
        raise sqlite3.OperationalError(f"no process for it: {error.strerror}") from error
    if done.returncode == 0:
        return done.stdout.strip()
    walked = sqlite3.DatabaseError(done.stdout.strip() or done.stderr.strip()[-200:])
    walked.sqlite_errorcode = done.returncode
    raise walked


def _damaged() -> sqlite3.Error:
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _named(reason: StorageError, path: Path) -> StorageError:
    """With the whole path, as whoever starts the service needs it."""
    return StorageError(
        f"{path}: {reason.detail.en} Nothing was changed.", f"{path}: {reason.detail.ru} Файл не изменён."
    )

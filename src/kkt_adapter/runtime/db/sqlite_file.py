"""One SQLite file: where it lives, how a connection to it is set up, and what its errors mean to a person.

Transactions are ours: connections are opened in the driver's autocommit mode (``isolation_level=None``),
so nothing begins behind our back, and whoever uses one says BEGIN. A file that cannot be read as a
database is refused by name and left as it is; it is never replaced by a new one.
"""

import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from kkt_adapter.kernel.errors import DatabaseHeld, StorageError
from kkt_adapter.runtime.file_lock import DIRECTORY_MODE, FILE_MODE, FileLock, hold_shared

T = TypeVar("T")

BUSY_PAUSE_S = 0.02  # between two tries where SQLite does not wait by itself
BUSY_TIMEOUT_S = 5.0  # data.md#database: busy_timeout=5000
WRITER_CACHE_KIB = 4 * 1024  # what a group touches; an older page of the one random index is copied again
READER_CACHE_KIB = 256  # a miss is a copy from the system's cache, as quick; several readers keep pages twice
WAL_SIZE_LIMIT_BYTES = 64 * 1024 * 1024  # what is left of the WAL file after a checkpoint, at most
CACHED_STATEMENTS = 512  # prepared statements a connection keeps

# Primary result codes after which a transaction cannot be trusted any more (SQLite documentation, "Result
# and Error Codes"; "BEGIN TRANSACTION", section 3 lists those that may roll back by themselves).
_FATAL = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_INTERRUPT,
    }
)
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteSettings:
    """How the file is used; ``synchronous=FULL`` is not a setting."""

    wal_autocheckpoint_pages: int = 1000
    busy_timeout_s: float = BUSY_TIMEOUT_S
    queue_limit: int = 10_000  # writes that may wait; one more is refused as Overloaded
    read_queue_limit: int = 1_000  # reads that may wait
    readers: int = 3  # reader threads, each with a connection of its own
    group_limit: int = 512  # jobs in one commit at most, so that the first is not kept waiting by the last


def prepare_file(path: Path, *, must_exist: bool = False) -> None:
    """Make sure that ``path`` is a database file we may open, creating an empty one (and its directory).

    Raises:
        StorageError: the file is damaged, is not a database, cannot be read, is missing though a
            write-ahead log of it lies there (opening would delete that log), or is missing and
            ``must_exist``.
    """
    log = Path(f"{path}-wal")
    try:
        empty = not path.exists() or path.stat().st_size == 0
        if empty and log.exists() and log.stat().st_size > 0:
            raise StorageError(
                f"Database file {path} is missing or empty, but its log {log.name} is there. "
                "Nothing was touched: put the file back beside its log, or move the log away and "
                "restore a backup with `kkt-adapter db restore`.",
                f"Файл базы данных {path} отсутствует или пуст, но рядом лежит его журнал {log.name}. "
                "Ничего не изменено: верните файл на место или уберите журнал и "
                "восстановите резервную копию командой `kkt-adapter db restore`.",
            )
        if not path.exists():
            if must_exist:
                raise StorageError(f"There is no database file {path}.", f"Нет файла базы данных {path}.")
            path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, FILE_MODE))
    except OSError as error:
        raise StorageError(
            f"Database file {path} cannot be used: {error.strerror}. Check the owner and the rights of its "
            "directory.",
            f"Файл базы данных {path} недоступен: {error.strerror}. Проверьте владельца и права каталога.",
        ) from error
    _read_header(path)


def lock_path(path: Path) -> Path:
    """Held (shared) by every process that has the database open; replacing it needs this file alone."""
    return Path(f"{path}.lock")


def hold_open(path: Path) -> FileLock:
    """Say that this process has the database open, until released.

    Raises:
        StorageError: the database is being replaced by a backup just now.
    """
    held = hold_shared(lock_path(path))
    if held is None:
        raise StorageError(
            f"Database file {path} is being restored from a backup; start again when that is done.",
            f"Файл базы данных {path} восстанавливается из копии; запустите снова, когда это закончится.",
        )
    return held


def connect(path: Path, *, settings: SqliteSettings, read_only: bool) -> sqlite3.Connection:
    """A connection with the PRAGMAs of data.md#database, in autocommit mode.

    It may be handed from one thread to another; only one thread may use it at a time.

    Raises:
        StorageError: the file cannot be used as a database in WAL mode.
    """
    try:
        raw = sqlite3.connect(
            path,
            timeout=settings.busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=CACHED_STATEMENTS,
        )
    except sqlite3.Error as error:
        raise explain(error, path) from error
    try:
        mode = _switch_to_wal(raw, within_s=settings.busy_timeout_s)
        if mode != "wal":
            raise StorageError(
                f"Database file {path} cannot use a write-ahead log (mode is {mode}). "
                "Put it on a local disk.",
                f"Для файла базы данных {path} не включается журнал WAL (режим {mode}). Разместите его на "
                "локальном диске.",
            )
        cache_kib = READER_CACHE_KIB if read_only else WRITER_CACHE_KIB
        for pragma in (
            "synchronous=FULL",
            f"wal_autocheckpoint={settings.wal_autocheckpoint_pages}",
            f"journal_size_limit={WAL_SIZE_LIMIT_BYTES}",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            f"cache_size=-{cache_kib}",
            f"query_only={'ON' if read_only else 'OFF'}",
        ):
            raw.execute(f"PRAGMA {pragma}")
        raw.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        raw.close()
        raise explain(error, path) from error
    except StorageError:
        raw.close()
        raise
    return raw


def _switch_to_wal(raw: sqlite3.Connection, *, within_s: float) -> str:
    """The mode after it. Of several that open a new file at once, SQLite lets all but one fail without
    waiting, whatever the busy timeout: so they ask again."""
    return when_free(lambda: str(raw.execute("PRAGMA journal_mode=WAL").fetchone()[0]), within_s=within_s)


def when_free(ask: Callable[[], T], *, within_s: float) -> T:
    """What ``ask`` gives, asked again for so long while another process holds the file (blocking)."""
    until = time.monotonic() + within_s
    while True:
        try:
            return ask()
        except (sqlite3.Error, DBAPIError) as error:
            if _primary_code(error) not in _BUSY or time.monotonic() > until:
                raise
        time.sleep(BUSY_PAUSE_S)


def sqlite_engine(path: Path, *, settings: SqliteSettings, read_only: bool) -> Engine:
    """Core over `connect`; it begins no transaction in the file: say BEGIN on the raw connection."""
    return create_engine(
        "sqlite+pysqlite://",
        creator=lambda: connect(path, settings=settings, read_only=read_only),
        poolclass=NullPool,
        hide_parameters=True,  # receipts and buyers' contacts stay out of error texts
    )


def raw_connection(connection: Connection) -> sqlite3.Connection:
    """The driver's own connection below a Core one."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw


def is_fatal(error: BaseException) -> bool:
    """Did the file or the machine fail, rather than the statement?"""
    return _primary_code(error) in _FATAL


def explain(error: BaseException, path: Path) -> StorageError:
    """What a person reads when the file fails in use: its name and the remedy, no directories."""
    if isinstance(error, StorageError):
        return type(error)(error.detail.en, error.detail.ru)
    code, name = _primary_code(error), path.name
    if code in _DAMAGED:
        return StorageError(
            f"Database file {name} is damaged or is not a database. Stop the service, keep a copy of the "
            "file, look at it with `kkt-adapter db check` and restore the newest backup with "
            "`kkt-adapter db restore`.",
            f"Файл базы данных {name} повреждён или не является базой данных. Остановите службу, "
            "сохраните копию файла, проверьте его командой `kkt-adapter db check` и "
            "восстановите последнюю резервную копию командой `kkt-adapter db restore`.",
        )
    if code == sqlite3.SQLITE_FULL:
        return StorageError(
            f"No space for database file {name}: free some disk space.",
            f"Нет места для файла базы данных {name}: освободите место на диске.",
        )
    if code in _BUSY:
        return DatabaseHeld(
            f"Another program holds database file {name}. Close it; the service goes on by itself.",
            f"Файл базы данных {name} занят другой программой. Закройте её; служба продолжит работу сама.",
        )
    return StorageError(
        f"Database file {name} cannot be used ({_plain(error)}). Check the disk and the rights of the file.",
        f"Файл базы данных {name} недоступен ({_plain(error)}). Проверьте диск и права на файл.",
    )


def _read_header(path: Path) -> None:
    """Refuse a damaged file with its whole path, as whoever starts the service needs it."""
    try:
        raw = sqlite3.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT_S)
        try:
            raw.execute("SELECT count(*) FROM sqlite_master").fetchone()
        finally:
            raw.close()
    except sqlite3.Error as error:
        reason = explain(error, path)
        raise StorageError(
            f"{path}: {reason.detail.en} Nothing was changed.",
            f"{path}: {reason.detail.ru} Файл не изменён.",
        ) from error


def _primary_code(error: BaseException) -> int | None:
    original = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(original, "sqlite_errorcode", None)
    return (
        code & 0xFF if isinstance(code, int) else None
    )  # extended codes keep the primary one in the low byte


def _plain(error: BaseException) -> str:
    return str(error.orig if isinstance(error, DBAPIError) else error)

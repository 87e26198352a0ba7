"""Copies of a SQLite file: make one while the service runs, check one, put one back.

A copy counts only when it was read back whole (``integrity_check``). A database that is replaced is moved
aside, never deleted. All functions block: call them in a thread. PostgreSQL has its own tools
(``pg_dump``, base backups).
"""

import os
import re
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kkt_adapter.kernel.errors import StorageError
from kkt_adapter.runtime.db.sqlite_file import lock_path
from kkt_adapter.runtime.file_lock import FILE_MODE, hold_alone

KEEP = 7  # data.md#backup: daily, 7 kept
STEP_PAGES = 1024  # 4 MiB at a time, so that the disk serves commits in between
STEP_PAUSE_S = 0.005
FINDINGS_LIMIT = 20  # of each kind; a damaged file can have thousands
_STAMP = "%Y%m%dT%H%M%S%fZ"  # sorts by time
_NAME = re.compile(r"\d{8}T\d{12}Z$")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What is wrong with a database file; nothing when both are empty."""

    damage: tuple[str, ...]  # SQLite's own words, or why the file cannot be read
    broken_references: tuple[str, ...]  # "table: row 12 refers to a missing row of parent"

    @property
    def ok(self) -> bool:
        return not self.damage and not self.broken_references


def back_up(database: Path, directory: Path, *, now: datetime, keep: int = KEEP) -> Path:
    """Copy a database in use to ``directory``, check the copy, and delete all but the ``keep`` newest.

    The copy is one snapshot; writers go on meanwhile. Returns the file, named after ``now`` (aware UTC).

    Raises:
        StorageError: no copy was made, or it did not pass the check; older copies are left alone.
    """
    if keep < 1:
        raise ValueError("at least the new copy is kept")
    if not database.is_file():
        raise StorageError(f"There is no database file {database}.", f"Нет файла базы данных {database}.")
    target = directory / f"{database.stem}-{now.strftime(_STAMP)}.db"
    draft = target.with_suffix(".draft")
    is_new = not directory.exists()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, FILE_MODE))
        try:
            _copy(database, draft)
            report = check(draft)
            if not report.ok:
                raise _failed(target.name, "; ".join(report.damage + report.broken_references))
            _flush(draft)
            draft.rename(target)
            _flush(directory)
        finally:
            draft.unlink(missing_ok=True)
            if is_new and not target.exists():
                directory.rmdir()  # a copy that failed leaves nothing behind
        past = [copy for copy in backups(database, directory) if copy.name <= target.name]
        for old in past[keep:]:  # one named after a later time was made by a clock that was wrong
            old.unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        raise _failed(target.name, str(error)) from error
    return target


def backups(database: Path, directory: Path) -> list[Path]:
    """The copies of ``database`` in ``directory``, newest first."""
    if not directory.is_dir():
        return []
    prefix = f"{database.stem}-"
    return sorted(
        (
            path
            for path in directory.glob("*.db")
            if path.stem.startswith(prefix) and _NAME.fullmatch(path.stem.removeprefix(prefix))
        ),
        key=lambda path: path.name,
        reverse=True,
    )


def check(database: Path) -> CheckReport:
    """Read a whole file and say what is wrong with it; it may be in use. Takes seconds per gigabyte.

    Raises:
        StorageError: there is no such file.
    """
    if not database.is_file():
        raise StorageError(f"There is no database file {database}.", f"Нет файла базы данных {database}.")
    try:
        raw = _open(database)
        try:
            rows = raw.execute(f"PRAGMA integrity_check({FINDINGS_LIMIT})").fetchall()
            damage = tuple(str(row[0]) for row in rows if row[0] != "ok")
            broken = tuple(
                f"{table}: row {row} refers to a missing row of {parent}"
                for table, row, parent, _ in raw.execute("PRAGMA foreign_key_check").fetchmany(FINDINGS_LIMIT)
            )
        finally:
            raw.close()
    except sqlite3.Error as error:
        return CheckReport(damage=(str(error),), broken_references=())
    return CheckReport(damage=damage, broken_references=broken)


def restore(backup: Path, database: Path, *, now: datetime) -> Path | None:
    """Put ``backup`` in the place of ``database``, which nobody may have open.

    The backup is checked first and stays where it is. Returns where the old file (with its log) went, or
    None when there was none.

    Raises:
        StorageError: the backup is missing or damaged, or the database is in use; nothing was changed.
    """
    report = check(backup)
    if not report.ok:
        raise StorageError(
            f"Backup {backup.name} is damaged: {'; '.join(report.damage + report.broken_references)}. "
            "Take an older one.",
            f"Резервная копия {backup.name} повреждена. Возьмите более раннюю.",
        )
    held = hold_alone(lock_path(database))
    if held is None or _open_elsewhere(database):
        if held is not None:
            held.release()
        raise StorageError(
            f"Database {database.name} is in use. Stop the service first.",
            f"База данных {database.name} используется. Сначала остановите службу.",
        )
    draft = database.with_name(f"{database.name}.draft")
    try:
        shutil.copyfile(backup, draft)
        draft.chmod(FILE_MODE)
        _flush(draft)
        aside = _move_aside(database, now)
        draft.rename(database)
        _flush(database.parent)
    except OSError as error:
        raise StorageError(
            f"Restoring {database.name} failed: {error.strerror}.",
            f"Не удалось восстановить {database.name}: {error.strerror}.",
        ) from error
    finally:
        draft.unlink(missing_ok=True)
        held.release()
    return aside


def _copy(database: Path, draft: Path) -> None:
    source = _open(database)
    target = sqlite3.connect(draft, isolation_level=None)
    try:
        source.execute("BEGIN")  # one snapshot: without it, every commit of the service restarts the copy
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        source.backup(target, pages=STEP_PAGES, sleep=STEP_PAUSE_S)
        source.execute("ROLLBACK")
        target.execute("PRAGMA journal_mode=DELETE")  # one file, with no log beside it
    finally:
        target.close()
        source.close()


def _open(database: Path) -> sqlite3.Connection:
    """A connection that changes nothing and makes no file."""
    raw = sqlite3.connect(
        f"{database.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=5.0
    )
    raw.execute("PRAGMA query_only=ON")
    return raw


def _open_elsewhere(database: Path) -> bool:
    """Has a program that does not know our lock file, such as the sqlite3 shell, a readable file open?

    Leaving WAL mode needs the file alone, and as a side effect folds the log into it.
    """
    if not database.is_file() or database.stat().st_size == 0:
        return False
    raw = sqlite3.connect(database, isolation_level=None, timeout=0.0)
    try:
        raw.execute("PRAGMA journal_mode=DELETE").fetchone()
    except sqlite3.OperationalError as error:
        return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    except sqlite3.DatabaseError:
        return False  # damaged: that is why it is being replaced
    finally:
        raw.close()
    return False


def _move_aside(database: Path, now: datetime) -> Path | None:
    if not database.exists():
        return None
    aside = database.with_name(f"{database.name}.replaced-{now.strftime(_STAMP)}")
    for suffix in ("-wal", "-shm", ""):
        part = Path(f"{database}{suffix}")
        if part.exists():
            part.rename(f"{aside}{suffix}")
    return aside


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failed(name: str, reason: str) -> StorageError:
    return StorageError(
        f"Backup {name} was not made: {reason}.", f"Резервная копия {name} не создана: {reason}."
    )

"""The file of one virtual FN: its documents, the operator's confirmations, and where it stands.

An FN keeps what it has signed over a power cut, so a document and the state after it are one transaction of
this file alone. The file is opened by one process at a time (``filelock.py``) and begun once: a small marker
beside it (``<name>.fn.json``) says that the FN has lived, so that a file that is lost or replaced is an error
and never a new FN with old numbers.

Plain ``sqlite3`` rather than the product's database: a device has a storage and commits of its own.
"""

import json
import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kkt_adapter.fiscal.kkt.virtual import schema
from kkt_adapter.fiscal.kkt.virtual.records import (
    RecordedDocument,
    StoredConfirmation,
    ZReport,
    document_row,
    fn_of_row,
    fn_row,
    state_of_row,
    state_row,
    z_report_of_row,
    z_report_row,
)
from kkt_adapter.fiscal.kkt.virtual.refusals import damaged
from kkt_adapter.fiscal.kkt.virtual.state import FnLimits, FnState
from kkt_adapter.fiscal.model import Registration
from kkt_adapter.kernel.ids import FnNumber
from kkt_adapter.runtime.file_lock import FILE_MODE

QUICK_CHECK_BYTES = 16 * 1024 * 1024  # files up to this size are checked whole when they are opened
CACHE_KIB = 128  # of pages; an FN writes at the end of its file and reads what it wrote last
MARKER = ".fn.json"  # how a marker's name ends
BUSY_TIMEOUT_S = 5.0  # how long a reader from outside (a shell, a backup) may be in the way


class FnStore:
    """An open file, used from one thread. Reads and writes raise ``sqlite3.Error``; after one the store is to
    be closed and opened anew, because only the file can tell whether a failed write is in it."""

    def __init__(self, path: Path, connection: sqlite3.Connection, *, fsync: bool) -> None:
        self.path = path
        self._db = connection
        self._fsync = fsync

    @classmethod
    def open(cls, path: Path, *, fsync: bool, check_whole: bool = True) -> "FnStore":
        """Open the file, or a blank one when there never was an FN of this name.

        ``fsync`` off: the last documents may be lost in a power cut (not when the process ends, however); it
        is for tests and measurements, where the virtual FN stands for a device with a memory of its own.
        ``check_whole`` off: this process has checked every page before.

        Raises:
            FnDamaged: lost, damaged, not an FN, or of a later version; the text names the file.
        """
        if not path.exists() and _marker(path).exists():
            raise damaged(path, "the file is gone, although this FN has lived (see the marker beside it)")
        try:
            # It holds buyers' contacts, and SQLite gives its side files the mode of the file.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE_MODE))
            connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        except OSError as error:
            raise damaged(path, str(error.strerror)) from error
        except sqlite3.Error as error:
            raise damaged(path, str(error)) from error
        store = cls(path, connection, fsync=fsync)
        try:
            store._prepare(check_whole=check_whole)
        except sqlite3.Error as error:
            store.close()
            raise damaged(path, str(error)) from error
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """May be called twice."""
        try:
            self._db.close()
        except sqlite3.Error:
            pass  # what was committed stays committed

    @property
    def is_blank(self) -> bool:
        """No FN has begun in this file."""
        return not self._number("PRAGMA user_version")

    def begin(
        self, registration: Registration, limits: FnLimits, first: RecordedDocument, state: FnState
    ) -> None:
        """Write the schema, the registration report and the first state as one transaction."""
        with _Transaction(self._db):
            self._db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            self._run(schema.TABLES)
            self._run([f"PRAGMA user_version = {schema.VERSION}"])
            self._db.execute(schema.INSERT_FN, fn_row(registration, limits))
            self._db.execute(schema.INSERT_STATE, state_row(state))
            self._db.execute(schema.INSERT_FENCE)
            self._db.execute(schema.INSERT_DOCUMENT, document_row(first))

    def mark(self, fn_number: FnNumber, *, database: str | None = None) -> None:
        """Leave the marker beside the file, or compare it with the one that is there. ``database``: the
        identity of the database that this FN works with, kept there too.

        Raises:
            KktUnavailable: the marker tells of another FN, or cannot be read or written.
        """
        marker = _marker(self.path)
        try:
            if not marker.exists():
                write_marker(marker, fn_number, database=database, fsync=self._fsync)
                return
            told = json.loads(marker.read_text(encoding="utf-8"))
            lived = told["fn_number"]
            if lived == fn_number and database is not None and told.get("database") != database:
                write_marker(marker, fn_number, database=database, fsync=self._fsync)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise damaged(marker, f"its marker cannot be used ({type(error).__name__})") from error
        if lived != fn_number:
            raise damaged(self.path, f"it holds FN {fn_number}, but the marker beside it tells of FN {lived}")

    def load(self) -> tuple[Registration, FnLimits, FnState, int]:
        """Registration, limits, state, and the highest lease term seen.

        Raises:
            KktUnavailable: the contents are damaged or contradict each other.
        """
        fn, row, fence = (
            self._row(sql) for sql in (schema.SELECT_FN, schema.SELECT_STATE, schema.SELECT_FENCE)
        )
        if fn is None or row is None or fence is None or row[0] != self._number(schema.SELECT_LAST):
            raise damaged(self.path, "its state and its documents contradict each other")
        try:
            return *fn_of_row(fn), state_of_row(row), int(fence[0])
        except (ValueError, TypeError, KeyError) as error:
            raise damaged(self.path, str(error)) from error

    def append(self, message: bytes, state: FnState) -> None:
        """Store the document that has led to ``state``, and the state, durably."""
        self._db.execute(schema.INSERT_NEXT_DOCUMENT, (*state_row(state), message))

    def append_z_report(self, message: bytes, state: FnState, kept: ZReport) -> None:
        """Likewise for the document that has closed a shift, with what the shift had counted."""
        with _Transaction(self._db):
            self.append(message, state)
            self._db.execute(schema.INSERT_Z_REPORT, z_report_row(state.fd_number, kept))

    def confirm(self, confirmation: StoredConfirmation) -> None:
        """Store the operator's confirmation of the oldest waiting document; the state moves on with it."""
        self._db.execute(schema.INSERT_CONFIRMATION, confirmation.row())

    def remember_term(self, term: int) -> None:
        self._db.execute(schema.UPDATE_FENCE, (term,))

    def count_cash(self, *, put_in: int, taken_out: int) -> None:
        self._db.execute(schema.UPDATE_DRAWER, (put_in, taken_out))

    def cash_counts(self) -> tuple[int, int]:
        """How often cash was put in and taken out in the FN's life."""
        put_in, taken_out = self._row(schema.SELECT_DRAWER)
        return int(put_in), int(taken_out)

    def document(self, fd_number: int) -> RecordedDocument | None:
        row = self._row(schema.SELECT_DOCUMENT, fd_number)
        return None if row is None else RecordedDocument.of_row(fd_number, row)

    def z_report(self, fd_number: int) -> ZReport | None:
        row = self._row(schema.SELECT_Z_REPORT, fd_number)
        return None if row is None else z_report_of_row(row)

    def confirmation(self, fd_number: int) -> StoredConfirmation | None:
        row = self._row(schema.SELECT_CONFIRMATION, fd_number)
        return None if row is None else StoredConfirmation.of_row(row)

    def _prepare(self, *, check_whole: bool) -> None:
        version, known = self._number("PRAGMA user_version"), schema.VERSION
        if version > known:
            raise damaged(self.path, f"it is of version {version}, this program knows {known}")
        if version and self._number("PRAGMA application_id") != schema.APPLICATION_ID:
            raise damaged(self.path, "it is not the file of a virtual FN")
        if not version and (
            _marker(self.path).exists() or self._number("SELECT count(*) FROM sqlite_master")
        ):
            raise damaged(self.path, "it is empty or foreign, although this FN has lived")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._db.execute(f"PRAGMA synchronous = {'FULL' if self._fsync else 'OFF'}")
        if check_whole and version and self.path.stat().st_size <= QUICK_CHECK_BYTES:
            found = self._row("PRAGMA quick_check(1)")
            if found is None or found[0] != "ok":
                raise damaged(self.path, str(found and found[0]))
        if 0 < version < known:
            with _Transaction(self._db):
                for older in range(version, known):
                    self._run(schema.UPGRADES[older])
                self._run([f"PRAGMA user_version = {known}"])

    def _run(self, statements: Iterable[str]) -> None:
        for statement in statements:
            self._db.execute(statement)

    def _row(self, sql: str, *args: Any) -> Any:
        return self._db.execute(sql, args).fetchone()

    def _number(self, sql: str) -> int:
        return int(self._row(sql)[0] or 0)


class _Transaction:
    """Several statements or none. SQLite may have rolled back by itself; the error goes on in any case."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._db.execute("COMMIT")
        elif self._db.in_transaction:
            self._db.execute("ROLLBACK")


def markers(folder: Path) -> list[tuple[str, str | None]]:
    """FN number and database of every FN that has lived in ``folder``; of an older program's: None. A marker
    that cannot be read is left out: the FN it belongs to says so when it is opened."""
    told = (marker(path) for path in sorted(folder.glob(f"*{MARKER}")))
    return [(fn_number, database) for fn_number, database in told if fn_number is not None]


def marker(path: Path) -> tuple[str | None, str | None]:
    """FN number and database of one marker; nothing when it cannot be read."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return str(told["fn_number"]), told.get("database")
    except (OSError, ValueError, TypeError, KeyError):
        return None, None


def write_marker(path: Path, fn_number: str, *, database: str | None, fsync: bool = True) -> None:
    """Raises OSError."""
    draft = path.with_suffix(".tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, FILE_MODE)
        json.dump({"fn_number": fn_number, "database": database}, file)
        file.flush()
        if fsync:
            os.fsync(file.fileno())
    draft.replace(path)


def _marker(path: Path) -> Path:
    return path.with_suffix(MARKER)

"""The memory of one FN: its file, and a copy of the state that is in it.

The invariant guarded here: the copy changes only after the file has. When a write fails, or the file turns
out damaged, the copy is thrown away and everything is read again with the next command.

The copy answers most questions, so the file itself is open only while documents are made or read: an open one
costs a quarter of a megabyte, which hundreds of resting registers need not hold.
"""

from collections.abc import Callable
from pathlib import Path
from sqlite3 import Error as SqliteError
from typing import TypeVar

from kkt_adapter.fiscal.ffd.tlv import TlvError
from kkt_adapter.fiscal.kkt.virtual.documents import Scribe, read_document
from kkt_adapter.fiscal.kkt.virtual.filelock import FnFileLock
from kkt_adapter.fiscal.kkt.virtual.records import RecordedDocument, StoredConfirmation, ZReport
from kkt_adapter.fiscal.kkt.virtual.refusals import damaged, maybe_stored, not_open, not_stored, term_over
from kkt_adapter.fiscal.kkt.virtual.state import FnLimits, FnState, with_confirmation
from kkt_adapter.fiscal.kkt.virtual.store import FnStore
from kkt_adapter.fiscal.model import Registration
from kkt_adapter.fiscal.ofd.frame import FrameError
from kkt_adapter.kernel.errors import KktUnavailable
from kkt_adapter.runtime.file_lock import DIRECTORY_MODE

T = TypeVar("T")

InitialState = Callable[[], tuple[Registration, FnLimits, RecordedDocument, FnState]]
"""What a new FN starts with: called once in its life."""


class FnMemory:
    """Open from ``open`` to ``close``; in between the file belongs to this process alone.

    ``registration``, ``limits``, ``state``, ``scribe`` and ``term`` are valid after ``ready``. Every method
    may raise KktUnavailable: not open, or the file cannot be used; nothing was done.
    """

    registration: Registration
    limits: FnLimits
    state: FnState
    scribe: Scribe
    term: int  # the highest lease term seen

    def __init__(
        self, path: Path, *, fsync: bool, initial: InitialState, database: str | None = None
    ) -> None:
        self.path = path
        self._database = database
        self._fsync = fsync
        self._initial = initial
        self._lock = FnFileLock(path.with_suffix(".lock"))
        self._open = False
        self._copied = False  # False while open: read everything again
        self._store: FnStore | None = None  # None while open: nobody needs the file now
        self._used = False  # the file was read or written since ``rest``
        self._behind: RecordedDocument | None = None  # the document after the last one that was confirmed

    def open(self) -> None:
        """Take the file and read it; begin the FN if there never was one. May be called twice.

        Raises:
            KktUnavailable: another process holds it (``holder_pid``), or the file is lost or damaged.
        """
        if not self._open:
            try:
                self.path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            except OSError as error:
                raise damaged(self.path, str(error)) from error
            self._lock.take()
            self._open = True
        try:
            self.ready()
        except BaseException:
            self.close()
            raise
        self._close_file()

    def rest(self) -> None:
        """Close the file, not the FN, if nobody has used it since the last call."""
        if not self._used:
            self._close_file()
        self._used = False

    def close(self) -> None:
        """Give the file back. May be called twice."""
        self._forget()
        self._open = False
        self._lock.release()

    def ready(self) -> FnState:
        """Where the FN stands; reads the file when there is no copy."""
        if not self._copied:
            self._read_all(whole=True)
        return self.state

    def document(self, fd_number: int) -> RecordedDocument | None:
        return self._read(lambda store: store.document(fd_number))

    def waiting_document(self, fd_number: int) -> RecordedDocument | None:
        """Like ``document``, of the oldest that waits: the last confirmation has read it already."""
        found = self._behind
        return found if found is not None and found.fd_number == fd_number else self.document(fd_number)

    def z_report(self, fd_number: int) -> ZReport | None:
        return self._read(lambda store: store.z_report(fd_number))

    def confirmation(self, fd_number: int) -> StoredConfirmation | None:
        return self._read(lambda store: store.confirmation(fd_number))

    def append(self, message: bytes, after: FnState, *, z_report: ZReport | None = None) -> None:
        """Store the document that leads to the state ``after``.

        Raises:
            KktUnavailable: it is not in the file.
            KktOutcomeUnknown: the write failed and the file cannot be read again now.
        """
        store = self._file()
        try:
            if z_report is None:
                store.append(message, after)
            else:
                store.append_z_report(message, after, z_report)
        except SqliteError as error:
            self._settle(after, error)
            return
        self.state = after

    def confirm(self, confirmation: StoredConfirmation) -> None:
        """Store the confirmation of the oldest waiting document; the one behind it moves up."""
        behind = self.document(confirmation.fd_number + 1)
        self._write(lambda store: store.confirm(confirmation))
        self._behind = behind
        self.state = with_confirmation(self.state, None if behind is None else behind.made_at)

    def count_cash(self, *, into: bool) -> None:
        """One more movement of cash."""
        self._write(lambda store: store.count_cash(put_in=int(into), taken_out=int(not into)))

    def cash_counts(self) -> tuple[int, int]:
        return self._read(lambda store: store.cash_counts())

    def fence(self, term: int) -> None:
        """Let this lease term in, and remember it when it is the highest so far.

        Raises:
            LeaseLost: a higher one was seen.
        """
        self.ready()
        if term < self.term:
            raise term_over(term, seen_term=self.term)
        if term > self.term:
            self._write(lambda store: store.remember_term(term))
            self.term = term

    def _file(self) -> FnStore:
        """The open file. One that has rested is read again: it has the last word."""
        if self._store is None or not self._copied:
            self._read_all(whole=not self._copied)
        assert self._store is not None
        self._used = True
        return self._store

    def _read_all(self, *, whole: bool) -> None:
        if not self._open:
            raise not_open()
        self._forget()
        self._store = self._load(whole=whole)
        self._copied = True

    def _load(self, *, whole: bool) -> FnStore:
        store = FnStore.open(self.path, fsync=self._fsync, check_whole=whole)
        try:
            if store.is_blank:
                store.begin(*self._initial())
            self.registration, self.limits, self.state, self.term = store.load()
            self.scribe = Scribe(self.registration)
            store.mark(self.registration.fn_number, database=self._database)
            _check_last(store, self.registration, self.state)
        except (SqliteError, FrameError, TlvError, ValueError) as error:
            store.close()
            raise damaged(self.path, str(error)) from error
        except BaseException:
            store.close()
            raise
        return store

    def _read(self, ask: Callable[[FnStore], T]) -> T:
        store = self._file()
        try:
            return ask(store)
        except (SqliteError, ValueError) as error:
            self._forget()
            raise damaged(self.path, str(error)) from error

    def _write(self, write: Callable[[FnStore], None]) -> None:
        store = self._file()
        try:
            write(store)
        except SqliteError as error:
            self._forget()
            raise not_stored(self.path, str(error)) from error

    def _settle(self, after: FnState, cause: SqliteError) -> None:
        """A document's write failed: look into the file whether it is there. It is ours alone, so what is
        missing now will not appear later; a document that is there after all has been made."""
        self._forget()
        try:
            self.ready()
        except KktUnavailable:
            raise maybe_stored(self.path, after.fd_number, str(cause)) from cause
        if self.state.fd_number < after.fd_number:
            raise not_stored(self.path, str(cause)) from cause

    def _forget(self) -> None:
        self._close_file()
        self._copied = False

    def _close_file(self) -> None:
        self._behind = None
        if self._store is not None:
            self._store.close()
            self._store = None


def _check_last(store: FnStore, registration: Registration, state: FnState) -> None:
    """The last document is whole and is the one the state tells of."""
    stored = store.document(state.fd_number)
    if stored is None:
        raise _contradiction(store, state.fd_number)
    last = read_document(stored.message, confirmed=False)
    if (last.fn_number, last.fd_number) != (registration.fn_number, state.fd_number):
        raise _contradiction(store, state.fd_number)


def _contradiction(store: FnStore, fd_number: int) -> KktUnavailable:
    return damaged(store.path, f"document {fd_number} is not the one that should be there")

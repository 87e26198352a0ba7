"""The one thread that writes to a SQLite file, committing in groups.

It takes everything that waits, runs it in one transaction, commits once, answers everybody, and looks
again. No write waits for company: alone, it is committed at once; under load the group is what came in
while the last one was being flushed to disk, and what its callers asked for when they had their answers.

Guarded here: a job that fails takes back its own work only, and nobody is answered before the commit is
on disk. After a failed COMMIT, or an error that ends the transaction (disk full, I/O), nothing of the
group is there, and every caller in it is told so.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, RootTransaction

from kkt_adapter.runtime.db.job_threads import closed, overloaded
from kkt_adapter.runtime.db.jobs import DatabaseJob, answer, arrange, drop, keep, run_unit
from kkt_adapter.runtime.db.sqlite_file import explain, is_fatal, raw_connection

SETTLED_S = 0.02  # a loop that is busy for longer is not waited for


class _GroupLost(Exception):
    """The transaction is gone; ``cause`` says why."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


class SqliteWriter:
    """Owns the writing connection. ``commits``, ``groups``, ``jobs`` only grow; any thread may read them."""

    def __init__(self, engine: Engine, path: Path, *, queue_limit: int, group_limit: int) -> None:
        self.commits = 0  # transactions that reached the disk
        self.groups = 0  # transactions begun for a group
        self.jobs = 0  # jobs taken from the queue
        self._engine = engine
        self._path = path
        self._queue_limit = queue_limit
        self._group_limit = group_limit
        self._waiting: deque[DatabaseJob] = deque()
        self._changed = threading.Condition(threading.Lock())
        self._idle = False
        self._settled = threading.Event()  # the callers of the last group have gone on
        self._closing = False
        self._connection: Connection | None = engine.connect()
        self._thread = threading.Thread(target=self._serve, name=f"writer {path.name}", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Jobs in the queue, not counting the group that is being written."""
        return len(self._waiting)

    def submit(self, job: DatabaseJob) -> None:
        """Queue a job; never blocks for longer than the thread needs to take its group.

        Raises:
            Overloaded: the queue is full.
            StorageError: the database is closed.
        """
        with self._changed:
            if self._closing:
                raise closed()
            if len(self._waiting) >= self._queue_limit:
                raise overloaded(len(self._waiting))
            self._waiting.append(job)
            if self._idle:
                self._changed.notify()

    def finish(self) -> None:
        """Take no more jobs; the thread ends when the queue is empty. May be called twice."""
        with self._changed:
            self._closing = True
            self._changed.notify()

    def join(self) -> None:
        """Wait (blocking) until the thread has ended."""
        self._thread.join()

    def _serve(self) -> None:
        while group := self._take():
            self.jobs += len(group)
            try:
                self._run(group)
            except _GroupLost as lost:
                self._drop_connection()
                for job in group:
                    job.value, job.error = None, explain(lost.cause, self._path)
                    job.error.__cause__ = lost.cause
            except BaseException as error:  # a fault of our own: the callers must hear of it, and we go on
                self._drop_connection()
                for job in group:
                    job.value, job.error = None, error
            self._answer(group)
            del group
        self._fold()
        self._drop_connection()

    def _fold(self) -> None:
        """Bring the log into the file, so that the file alone is whole when the service has ended.

        The last close does that too, but none is the last while a statement that nobody has collected yet
        keeps its connection. Waits for nobody: what others still read stays in the log.
        """
        if self._connection is not None:
            with suppress(Exception):  # a full disk, a damaged file: the log keeps what was committed
                raw = raw_connection(self._connection)
                raw.execute("PRAGMA busy_timeout = 0")
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _answer(self, group: list[DatabaseJob]) -> None:
        """Wake the callers, and under load let them ask for what comes next before the next group is taken:
        their tasks would compete with it for the interpreter's lock, and come too late for it."""
        if len(group) == 1:
            answer(group)
            return
        self._settled.clear()
        answer(group, settled=self._settled.set)
        self._settled.wait(SETTLED_S)

    def _take(self) -> list[DatabaseJob]:
        """The next group; empty when the database was closed."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._idle = True
                self._changed.wait()
                self._idle = False
            if len(self._waiting) <= self._group_limit:
                group = list(self._waiting)
                self._waiting.clear()
                return group
            return [self._waiting.popleft() for _ in range(self._group_limit)]

    def _run(self, group: list[DatabaseJob]) -> None:
        units = arrange(group)
        if self._run_together(units):
            return
        if len(units) == 1:
            units = [[job] for job in units[0]]
        with _Transaction(self._connect()) as transaction:
            self.groups += 1
            for unit in units:
                self._run_among_others(transaction, unit)
            transaction.commit()
        self.commits += 1

    def _run_together(self, units: list[list[DatabaseJob]]) -> bool:
        """All units without savepoints, which copy every page they touch; false when one has failed among
        others: nothing is there then, and they must be run one by one."""
        with _Transaction(self._connect()) as transaction:
            self.groups += 1
            outcomes = []
            for unit in units:
                try:
                    outcomes.append(transaction.guard(partial(run_unit, transaction.connection, unit)))
                except _GroupLost:
                    raise
                except BaseException as error:
                    if len(units) > 1 or len(unit) > 1:
                        return False
                    unit[0].error = error
                    return True
            for unit, done in zip(units, outcomes, strict=True):
                keep(unit, done)
            transaction.commit()
        self.commits += 1
        return True

    def _run_among_others(self, transaction: "_Transaction", unit: list[DatabaseJob]) -> None:
        try:
            keep(unit, transaction.nested(lambda: run_unit(transaction.connection, unit)))
        except _GroupLost:
            raise
        except BaseException as error:
            if len(unit) == 1:
                unit[0].error = error
                return
            for job in unit:  # the batch failed as a whole: find out whose item it was
                self._run_among_others(transaction, [job])

    def _connect(self) -> Connection:
        if self._connection is None:
            try:
                self._connection = self._engine.connect()
            except Exception as error:
                raise _GroupLost(error) from error
        return self._connection

    def _drop_connection(self) -> None:
        """Close the connection; the next group opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            drop(connection)


class _Transaction:
    """One transaction of the group, rolled back unless `commit` was called."""

    __slots__ = ("_core", "_raw", "connection")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._raw = raw_connection(connection)
        self._core: RootTransaction

    def __enter__(self) -> "_Transaction":
        try:
            self._core = self.connection.begin()
            self._raw.execute("BEGIN IMMEDIATE")
        except Exception as error:
            raise _GroupLost(error) from error
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._raw.in_transaction:
                self._raw.execute("ROLLBACK")
            if self._core.is_active:
                self._core.rollback()
        except Exception as error:
            raise _GroupLost(error) from error

    def commit(self) -> None:
        try:
            self._core.commit()
        except Exception as error:
            raise _GroupLost(error) from error

    def nested(self, work: Callable[[], Sequence[Any]]) -> Sequence[Any]:
        """Run ``work`` in a savepoint."""
        self._raw.execute("SAVEPOINT job")
        try:
            value = self.guard(work)
        except _GroupLost:
            raise
        except BaseException:
            self._raw.execute("ROLLBACK TO job")
            self._raw.execute("RELEASE job")
            raise
        self._raw.execute("RELEASE job")
        return value

    def guard(self, work: Callable[[], Sequence[Any]]) -> Sequence[Any]:
        """Run ``work``, and tell its own error from one that ended the transaction of everybody."""
        try:
            value = work()
        except BaseException as error:
            if not self._alive() or is_fatal(error):
                raise _GroupLost(error) from error
            raise
        if not self._alive():
            raise _GroupLost(RuntimeError("a database job ended the transaction it was given"))
        return value

    def _alive(self) -> bool:
        return self._raw.in_transaction and self._core.is_active

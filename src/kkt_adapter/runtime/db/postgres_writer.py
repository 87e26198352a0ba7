"""The one thread that writes to PostgreSQL, committing in groups, and taking turns with other processes.

**Groups.** As on SQLite everything that waits runs in one transaction, in the order of arrival, and shares
one commit; alone, a write is committed at once.

**Turns.** Before a transaction sees anything it takes the turn: a lock on a table that every migrated
database has, held until its commit is on disk and visible. So write transactions of all processes follow one
another, as those of one SQLite file do:

* none is refused because somebody else wrote the same rows meanwhile (they still run at SERIALIZABLE, so one
  that takes no turns, of an older version or by hand, cannot break them either: then they run again);
* numbers (seq, event ids) become visible in the order in which they were given, so a reader who has passed
  one will not miss a smaller one that commits later.

What waits for the turn joins the group: under load the wait makes groups larger, not more.
"""

import random
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, RootTransaction, text
from sqlalchemy.exc import DBAPIError

from kkt_adapter.kernel.errors import StorageError
from kkt_adapter.runtime.db.job_threads import closed, overloaded
from kkt_adapter.runtime.db.jobs import DatabaseJob, answer, arrange, drop, keep, run_unit
from kkt_adapter.runtime.db.migrate import VERSION_TABLE
from kkt_adapter.runtime.db.postgres_errors import (
    LOCK_TIMEOUT,
    RUN_AGAIN,
    away,
    held_by_others,
    is_away,
    outcome_unknown,
    state,
)
from kkt_adapter.runtime.db.postgres_pipeline import begin_with, flush, forget, round_trips

FIRST_PAUSE_S = 0.002  # before a refused transaction runs again; doubled each time, with jitter
LONGEST_PAUSE_S = 0.2
SETTLED_S = 0.02  # a loop that is busy for longer is not waited for
TAKE_TURN = f"LOCK TABLE {VERSION_TABLE} IN SHARE ROW EXCLUSIVE MODE"  # the only lock that sees nothing
HAS_TURNS = text("SELECT to_regclass(:name) IS NOT NULL")


class _CommitLost(Exception):
    """The connection broke during COMMIT: stored or not, nobody knows here."""


class _CommitRefused(Exception):
    """The server refused the COMMIT for something that is not the order of transactions."""


class _UnitFailed(Exception):
    """One unit among others raised; nothing of the group is there."""


class PostgresWriter:
    """Owns the writing connection. The counts only grow; any thread may read them."""

    def __init__(self, engine: Engine, *, queue_limit: int, group_limit: int, retry_s: float) -> None:
        self.commits = 0  # transactions that the server confirmed
        self.retries = 0  # transactions that the server refused and that ran again
        self._engine = engine
        self._queue_limit = queue_limit
        self._group_limit = group_limit
        self._retry_s = retry_s
        self._waiting: deque[DatabaseJob] = deque()
        self._changed = threading.Condition(threading.Lock())
        self._idle = False
        self._settled = threading.Event()  # the callers of the last group have gone on
        self._closing = False
        self._connection: Connection | None = None
        self._has_turns = False
        self._thread = threading.Thread(target=self._serve, name="postgres writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Jobs in the queue, not counting the group that is being written."""
        return len(self._waiting)

    @property
    def round_trips(self) -> int:
        """Of the present connection: how often something was sent and its answer waited for."""
        return 0 if self._connection is None else round_trips(self._connection)

    def submit(self, job: DatabaseJob) -> None:
        """Queue a job; does not block.

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
        while self._wait():
            group: list[DatabaseJob] = []
            self._serve_group(group)
            self._answer(group)
        self._close()

    def _wait(self) -> bool:
        """Until something waits; False: the database was closed."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._idle = True
                self._changed.wait()
                self._idle = False
            return bool(self._waiting)

    def _take(self, group: list[DatabaseJob]) -> None:
        """Fill the group with what waits now. One that was taken already stays as it is."""
        if not group:
            with self._changed:
                group += [self._waiting.popleft() for _ in range(min(len(self._waiting), self._group_limit))]

    def _answer(self, group: list[DatabaseJob]) -> None:
        """Wake the callers, and under load let them ask for what comes next: see ``SqliteWriter``."""
        if len(group) == 1:
            answer(group)
            return
        self._settled.clear()
        answer(group, settled=self._settled.set)
        self._settled.wait(SETTLED_S)

    def _serve_group(self, group: list[DatabaseJob]) -> None:
        """Take a group and give each of its jobs its outcome."""
        try:
            try:
                self._commit_together(group)
            except _CommitRefused as refused:
                if len(group) == 1:
                    raise refused.__cause__ or refused from None
                for job in group:  # a check at the COMMIT fails for all: find out whose it was
                    self._serve_group([job])
        except BaseException as error:
            self._take(group)
            for job in group:
                job.value, job.error = None, error
                if isinstance(error, StorageError) and len(group) > 1:
                    job.error = StorageError(error.detail.en, error.detail.ru)
                    job.error.__cause__ = error

    def _commit_together(self, group: list[DatabaseJob]) -> None:
        try:
            self._commit(group, savepoints=False)
        except _UnitFailed:
            self._commit(group, savepoints=True)

    def _commit(self, group: list[DatabaseJob], *, savepoints: bool) -> None:
        """Run the group until the server takes it.

        Raises:
            StorageError: it cannot be reached, others write all the time, or nobody knows whether it took it.
        """
        give_up = time.monotonic() + self._retry_s
        pause_s = FIRST_PAUSE_S
        while True:
            fresh = self._connection is None
            try:
                self._once(group, savepoints=savepoints)
                return
            except _CommitLost as error:
                self._close()
                raise outcome_unknown() from error
            except DBAPIError as error:
                if is_away(error):
                    self._close()
                    if fresh:
                        raise away(error) from error
                    continue
                found = state(error)
                waits_for_turn = found == LOCK_TIMEOUT and not group
                if found not in RUN_AGAIN and not waits_for_turn:
                    raise
                if time.monotonic() >= give_up:
                    raise held_by_others(self._retry_s) from error
            self.retries += 1
            time.sleep(pause_s * random.uniform(0.5, 1.5))
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _once(self, group: list[DatabaseJob], *, savepoints: bool) -> None:
        connection = self._connect()
        forget(connection)
        transaction = connection.begin()
        try:
            if self._has_turns:
                begin_with(connection, TAKE_TURN)
            self._take(group)
            for job in group:  # of an earlier run, which the server refused
                job.value = job.error = None
            units = arrange(group)
            if savepoints:
                self._run_apart(connection, transaction, units)
            else:
                self._run_together(connection, transaction, units)
        except BaseException:
            if transaction.is_active:
                forget(connection)
                transaction.rollback()
            raise
        try:
            transaction.commit()
        except DBAPIError as error:
            if is_away(error):
                raise _CommitLost from error
            transaction.rollback()  # a refused COMMIT leaves it the connection's current transaction
            if state(error) in RUN_AGAIN:
                raise
            raise _CommitRefused from error
        self.commits += 1

    def _run_together(
        self, connection: Connection, transaction: RootTransaction, units: Sequence[list[DatabaseJob]]
    ) -> None:
        """All units; their outcomes are written down when the last one has run. Statements that nobody waited
        for go out with the COMMIT."""
        alone = len(units) == 1 and len(units[0]) == 1
        outcomes: list[list[Any]] = []
        for unit in units:
            try:
                outcomes.append(run_unit(connection, unit))
                _check(transaction)
            except BaseException as error:
                if alone or _is_everybodys(error):
                    raise
                raise _UnitFailed from error
        for unit, done in zip(units, outcomes, strict=True):
            keep(unit, done)

    def _run_apart(
        self, connection: Connection, transaction: RootTransaction, units: Sequence[list[DatabaseJob]]
    ) -> None:
        """Each unit in a savepoint, so that one that fails takes back its own work only; a batch that fails
        as a whole once more, item by item, to find out whose it was."""
        for unit in units:
            try:
                with connection.begin_nested():
                    done = _run_whole(connection, unit)
                keep(unit, done)
                _check(transaction)
            except BaseException as error:
                if _is_everybodys(error) or not transaction.is_active:
                    raise
                if len(unit) == 1:
                    unit[0].value, unit[0].error = None, error
                else:
                    self._run_apart(connection, transaction, [[job] for job in unit])

    def _connect(self) -> Connection:
        if self._connection is None or self._connection.closed or self._connection.invalidated:
            self._close()
            made = self._engine.connect()
            try:
                with made.begin():
                    self._has_turns = bool(made.execute(HAS_TURNS, {"name": VERSION_TABLE}).scalar())
            except BaseException:
                drop(made)
                raise
            self._connection = made
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            drop(connection)


def _is_everybodys(error: BaseException) -> bool:
    """Whether it ended the transaction of the whole group, rather than one job's work."""
    return isinstance(error, DBAPIError) and (is_away(error) or state(error) in RUN_AGAIN)


def _check(transaction: RootTransaction) -> None:
    if not transaction.is_active:
        raise RuntimeError("a database job ended the transaction it was given")


def _run_whole(connection: Connection, unit: list[DatabaseJob]) -> list[Any]:
    """A unit whose statements have all been sent; none of them waits when it fails."""
    try:
        done = run_unit(connection, unit)
        flush(connection)
        return done
    except BaseException:
        forget(connection)
        raise

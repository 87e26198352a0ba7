"""The `Database` protocol over PostgreSQL: threads with one connection each, psycopg underneath.

Writers on SQLite never overlap, and the rooms' functions are written for that. Here they do overlap, so a
write runs at isolation SERIALIZABLE: its effect is as if writes came one after another. What that costs
is that the server may refuse a transaction which it cannot place in such an order (40001), or which waits
in a circle (40P01). Nothing of it was stored then, and it runs again. **A function given to** ``write``
**may therefore run more than once**; like any function of a connection alone, it does not notice.

After a lost connection a read, and a write that had not come to its COMMIT, run again on a new one. A
connection lost *during* COMMIT leaves the outcome unknown: StorageError, and the caller has to look.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from kkt_adapter.kernel.errors import StorageError
from kkt_adapter.runtime.db.job_threads import JobThreads
from kkt_adapter.runtime.db.jobs import DatabaseJob, drop, keep, run_unit
from kkt_adapter.runtime.db.urls import postgres_address

T = TypeVar("T")
Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

IDLE_TRANSACTION_S = 10  # architecture 8: a stopped process must not keep a lease row locked for longer
RUN_AGAIN = frozenset({"40001", "40P01"})  # serialization_failure, deadlock_detected: nothing was stored
# Shutting down, crashed, starting up, too many connections: the server, not the statement.
SERVER_AWAY = frozenset({"57P01", "57P02", "57P03", "53300", "58030"})
FIRST_PAUSE_S = 0.002  # before a refused transaction runs again; doubled each time, with jitter
LONGEST_PAUSE_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresSettings:
    writers: int = 4  # writing threads, a connection each
    readers: int = 4  # reading threads, a connection each
    queue_limit: int = 10_000  # writes that may wait
    read_queue_limit: int = 1_000  # reads that may wait
    batch_limit: int = 512  # items of one `write_each` call
    connect_s: int = 5
    statement_s: int = 30
    lock_s: int = 10  # waiting for somebody else's row
    retry_s: float = 10.0  # how long a refused transaction is tried again


class PostgresDatabase:
    """Connects when first used, and again after a restart of the server; `close` ends the threads."""

    dialect = "postgresql"

    def __init__(self, url: str, settings: PostgresSettings | None = None) -> None:
        """``url`` is ``postgresql://user@host/name``; nothing is sent yet.

        Raises:
            SettingsInvalid: it is not such an address.
            StorageError: the driver is not installed (extra ``postgres``).
        """
        chosen = settings or PostgresSettings()
        engine = _engine(url, chosen)
        writing = engine.execution_options(isolation_level="SERIALIZABLE")
        reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self.engines = (writing, reading)
        self.commits = 0  # transactions that the server confirmed
        self.items = 0  # given to `write_each`
        self.retries = 0  # transactions that the server refused and that ran again
        self._retry_s = chosen.retry_s
        self._writers = JobThreads(
            name="postgres writer",
            threads=chosen.writers,
            queue_limit=chosen.queue_limit,
            batch_limit=chosen.batch_limit,
            worker=lambda: _Writer(writing, self),
        )
        self._readers = JobThreads(
            name="postgres reader",
            threads=chosen.readers,
            queue_limit=chosen.read_queue_limit,
            batch_limit=1,
            worker=lambda: _Reader(reading),
        )

    @property
    def waiting(self) -> int:
        """Writes that no thread has taken yet."""
        return self._writers.waiting

    async def read(self, fn: Callable[[Connection], T]) -> T:
        job = DatabaseJob(asyncio.get_running_loop().create_future(), work=fn)
        self._readers.submit(job)
        return cast(T, await job.future)

    async def write(self, fn: Callable[[Connection], T]) -> T:
        """See `Database.write`; ``fn`` may run more than once, of which one commits."""
        job = DatabaseJob(asyncio.get_running_loop().create_future(), work=fn)
        self._writers.submit(job)
        return cast(T, await job.future)

    async def write_each(
        self, apply: Callable[[Connection, Sequence[Item]], Sequence[Outcome | Exception]], item: Item
    ) -> Outcome:
        """See `Database.write_each`. One call of an ``apply`` runs at a time; what comes meanwhile waits
        for the next one."""
        self.items += 1
        job = DatabaseJob(asyncio.get_running_loop().create_future(), apply=apply, item=item)
        self._writers.submit(job)
        return cast(Outcome, await job.future)

    async def close(self) -> None:
        """Finish what waits, then close; cancelling leaves the threads to finish by themselves."""
        self._writers.finish()
        self._readers.finish()
        await asyncio.to_thread(self._join)

    def _join(self) -> None:
        self._readers.join()
        self._writers.join()


class _CommitLost(Exception):
    """The connection broke during COMMIT: stored or not, nobody knows here."""


class _Thread:
    """One thread's connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            drop(connection)

    def _connect(self) -> Connection:
        if self._connection is None or self._connection.closed or self._connection.invalidated:
            self.close()
            self._connection = self._engine.connect()
        return self._connection

    def _fresh(self) -> bool:
        return self._connection is None


class _Reader(_Thread):
    def run(self, unit: list[DatabaseJob]) -> None:
        for job in unit:
            try:
                job.value = self._read(job)
            except BaseException as error:
                job.error = error

    def _read(self, job: DatabaseJob) -> Any:
        assert job.work is not None
        while True:
            fresh = self._fresh()
            try:
                connection = self._connect()
                with connection.begin():
                    return job.work(connection)
            except DBAPIError as error:
                if not _is_away(error):
                    raise
                self.close()
                if fresh:
                    raise _away(error) from error


class _Writer(_Thread):
    def __init__(self, engine: Engine, database: PostgresDatabase) -> None:
        super().__init__(engine)
        self._database = database

    def run(self, unit: list[DatabaseJob]) -> None:
        try:
            keep(unit, self._commit(unit))
        except StorageError as error:
            for job in unit:
                job.error = StorageError(error.detail.en, error.detail.ru)
                job.error.__cause__ = error
        except BaseException as error:
            if len(unit) == 1:
                unit[0].error = error
                return
            for job in unit:  # the batch failed as a whole: find out whose item it was
                self.run([job])

    def _commit(self, unit: list[DatabaseJob]) -> list[Any]:
        give_up = time.monotonic() + self._database._retry_s
        pause_s = FIRST_PAUSE_S
        while True:
            fresh = self._fresh()
            try:
                return self._once(unit)
            except _CommitLost as error:
                self.close()
                raise _outcome_unknown() from error
            except DBAPIError as error:
                if _is_away(error):
                    self.close()
                    if fresh:
                        raise _away(error) from error
                    continue
                if _state(error) not in RUN_AGAIN or time.monotonic() >= give_up:
                    raise
            self._database.retries += 1
            time.sleep(pause_s * random.uniform(0.5, 1.5))
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _once(self, unit: list[DatabaseJob]) -> list[Any]:
        connection = self._connect()
        transaction = connection.begin()
        try:
            outcomes = run_unit(connection, unit)
            if not transaction.is_active:
                raise RuntimeError("a database job ended the transaction it was given")
        except BaseException:
            if transaction.is_active:
                transaction.rollback()
            raise
        try:
            transaction.commit()
        except DBAPIError as error:
            if _is_away(error):
                raise _CommitLost from error
            transaction.rollback()  # a refused COMMIT leaves it the connection's current transaction
            raise
        self._database.commits += 1
        return outcomes


def _engine(url: str, settings: PostgresSettings) -> Engine:
    address, theirs = postgres_address(url)
    options = " ".join(
        (
            f"-c idle_in_transaction_session_timeout={IDLE_TRANSACTION_S * 1000}",
            f"-c statement_timeout={settings.statement_s * 1000}",
            f"-c lock_timeout={settings.lock_s * 1000}",
            "-c synchronous_commit=on",
            theirs,
        )
    )
    try:
        return create_engine(
            address,
            poolclass=NullPool,
            hide_parameters=True,  # receipts and buyers' contacts stay out of error texts
            connect_args={
                "options": options,
                "connect_timeout": settings.connect_s,
                "application_name": "kkt-adapter",
                "keepalives_idle": 10,  # notice a vanished server within about half a minute
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 30_000,
            },
        )
    except ModuleNotFoundError as error:
        raise StorageError(
            "PostgreSQL needs the package psycopg: pip install --require-hashes -r locks/service.txt.",
            "Для PostgreSQL нужен пакет psycopg: pip install --require-hashes -r locks/service.txt.",
        ) from error


def _state(error: DBAPIError) -> str | None:
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else None


def _is_away(error: DBAPIError) -> bool:
    """Did the connection break, or could none be made?"""
    state = _state(error)
    return error.connection_invalidated or state in SERVER_AWAY or (state is None and _operational(error))


def _operational(error: DBAPIError) -> bool:
    return any(kind.__name__ == "OperationalError" for kind in type(error.orig).__mro__)


def _away(error: DBAPIError) -> StorageError:
    lines = str(error.orig).strip().splitlines()
    reason = lines[0] if lines else "no answer"
    return StorageError(
        f"The PostgreSQL server cannot be used ({reason}). The service goes on when it is back.",
        f"Сервер PostgreSQL недоступен ({reason}). Служба продолжит работу, когда он вернётся.",
    )


def _outcome_unknown() -> StorageError:
    return StorageError(
        "The connection to PostgreSQL broke during the commit: it may be stored or "
        "not. Look before trying again.",
        "Связь с PostgreSQL прервалась во время фиксации: данные могли "
        "сохраниться или нет. Проверьте перед повтором.",
    )

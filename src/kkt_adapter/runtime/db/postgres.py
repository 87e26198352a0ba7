"""The `Database` protocol over PostgreSQL: one thread that writes, some that read, psycopg underneath.

Writers on SQLite never overlap, and the rooms' functions are written for that. Here those of one process do
not either, and several processes take turns (``postgres_writer``); a write runs at isolation SERIALIZABLE all
the same, so that its effect is as if writes came one after another whoever else writes. What that may cost is
that the server refuses a transaction which it cannot place in such an order (40001), or which waits in a
circle (40P01). Nothing of it was stored then, and it runs again. **A function given to** ``write`` **may
therefore run more than once**; like any function of a connection alone, it does not notice.

After a lost connection a read, and a write that had not come to its COMMIT, run again on a new one. A
connection lost *during* COMMIT leaves the outcome unknown: StorageError, and the caller has to look.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from kkt_adapter.kernel.errors import StorageError
from kkt_adapter.runtime.db.job_threads import JobThreads
from kkt_adapter.runtime.db.jobs import DatabaseJob, drop
from kkt_adapter.runtime.db.postgres_errors import away, is_away
from kkt_adapter.runtime.db.urls import postgres_address

T = TypeVar("T")
Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

IDLE_TRANSACTION_S = 10  # architecture 8: a stopped process must not keep a lease row locked for longer


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresSettings:
    readers: int = 4  # reading threads, a connection each
    queue_limit: int = 10_000  # writes that may wait
    read_queue_limit: int = 1_000  # reads that may wait
    group_limit: int = 512  # writes of one transaction
    connect_s: int = 5
    statement_s: int = 30
    lock_s: int = 10  # waiting for the turn, or for somebody else's row
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
        from kkt_adapter.runtime.db.postgres_pipeline import use_pipelines  # with the driver, which is there
        from kkt_adapter.runtime.db.postgres_writer import PostgresWriter

        use_pipelines(engine)
        writing = engine.execution_options(isolation_level="SERIALIZABLE")
        reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self.engines = (writing, reading)
        self.items = 0  # given to `write_each`
        self._writer = PostgresWriter(
            writing,
            queue_limit=chosen.queue_limit,
            group_limit=chosen.group_limit,
            retry_s=chosen.retry_s,
        )
        self._readers = JobThreads(
            name="postgres reader",
            threads=chosen.readers,
            queue_limit=chosen.read_queue_limit,
            worker=lambda: _Reader(reading),
        )

    @property
    def waiting(self) -> int:
        """Writes that no group has taken yet."""
        return self._writer.waiting

    @property
    def commits(self) -> int:
        """Transactions that the server confirmed."""
        return self._writer.commits

    @property
    def round_trips(self) -> int:
        """How often the writing connection has waited for the server since it was made."""
        return self._writer.round_trips

    @property
    def retries(self) -> int:
        """Transactions that the server refused and that ran again."""
        return self._writer.retries

    async def read(self, fn: Callable[[Connection], T]) -> T:
        job = DatabaseJob(asyncio.get_running_loop().create_future(), work=fn)
        self._readers.submit(job)
        return cast(T, await job.future)

    async def write(self, fn: Callable[[Connection], T]) -> T:
        """See `Database.write`; ``fn`` may run more than once, of which one commits."""
        job = DatabaseJob(asyncio.get_running_loop().create_future(), work=fn)
        self._writer.submit(job)
        return cast(T, await job.future)

    async def write_each(
        self, apply: Callable[[Connection, Sequence[Item]], Sequence[Outcome | Exception]], item: Item
    ) -> Outcome:
        """See `Database.write_each`."""
        self.items += 1
        job = DatabaseJob(asyncio.get_running_loop().create_future(), apply=apply, item=item)
        self._writer.submit(job)
        return cast(Outcome, await job.future)

    async def close(self) -> None:
        """Finish what waits, then close; cancelling leaves the threads to finish by themselves."""
        self._writer.finish()
        self._readers.finish()
        await asyncio.to_thread(self._join)

    def _join(self) -> None:
        self._readers.join()
        self._writer.join()


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
    def run(self, job: DatabaseJob) -> None:
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
                if not is_away(error):
                    raise
                self.close()
                if fresh:
                    raise away(error) from error


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
                "client_encoding": "UTF8",
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

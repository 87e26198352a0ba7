"""The `Database` protocol over one SQLite file: one writer thread, a few reader threads.

The loop only queues work and awaits futures; every statement runs in one of these threads, each with a
connection of its own, so readers see their snapshot while the writer commits (WAL).
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine

from kkt_adapter.runtime.db.job_threads import JobThreads
from kkt_adapter.runtime.db.jobs import DatabaseJob, drop
from kkt_adapter.runtime.db.sqlite_file import (
    SqliteSettings,
    explain,
    hold_open,
    is_fatal,
    prepare_file,
    raw_connection,
    sqlite_engine,
)
from kkt_adapter.runtime.db.sqlite_writer import SqliteWriter

T = TypeVar("T")
Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class SqliteDatabase:
    """Opens the file at once (blocking, milliseconds) and starts its threads; `close` ends them.

    Values returned by jobs must be plain: a lazy cursor does not outlive its transaction.
    """

    dialect = "sqlite"

    def __init__(self, path: Path, settings: SqliteSettings | None = None) -> None:
        """Open ``path``, making an empty file (and its directory, mode 0700) when there is none.

        Raises:
            StorageError: the file is damaged, not a database, or not accessible; it is left as it is.
        """
        chosen = settings or SqliteSettings()
        self.path = path
        self.items = 0  # given to `write_each` since the start
        self._held = hold_open(path)
        try:
            prepare_file(path)
            self._open(path, chosen)
        except BaseException:
            self._held.release()
            raise

    def _open(self, path: Path, chosen: SqliteSettings) -> None:
        writing = sqlite_engine(path, settings=chosen, read_only=False)
        reading = sqlite_engine(path, settings=chosen, read_only=True)
        self.engines = (writing, reading)
        self._writer = SqliteWriter(
            writing, path, queue_limit=chosen.queue_limit, group_limit=chosen.group_limit
        )
        self._readers = JobThreads(
            name=f"reader {path.name}",
            threads=chosen.readers,
            queue_limit=chosen.read_queue_limit,
            worker=lambda: _Reader(reading, path),
        )

    @property
    def commits(self) -> int:
        """Commits that reached the disk since the start."""
        return self._writer.commits

    @property
    def groups(self) -> int:
        """Write transactions begun since the start; a group whose only job failed is not a commit."""
        return self._writer.groups

    @property
    def jobs(self) -> int:
        """Writes taken from the queue since the start."""
        return self._writer.jobs

    @property
    def waiting(self) -> int:
        """Writes that wait for the next group."""
        return self._writer.waiting

    async def read(self, fn: Callable[[Connection], T]) -> T:
        job = DatabaseJob(asyncio.get_running_loop().create_future(), work=fn)
        self._readers.submit(job)
        return cast(T, await job.future)

    async def write(self, fn: Callable[[Connection], T]) -> T:
        job = DatabaseJob(asyncio.get_running_loop().create_future(), work=fn)
        self._writer.submit(job)
        return cast(T, await job.future)

    async def write_each(
        self, apply: Callable[[Connection, Sequence[Item]], Sequence[Outcome | Exception]], item: Item
    ) -> Outcome:
        """See `Database.write_each`. The batch runs at the place of its first item in the group."""
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
        self._writer.join()  # last: closing the last connection folds the log into the file
        self._held.release()


class _Reader:
    """One reading thread's connection, opened when it is first needed."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self._engine = engine
        self._path = path
        self._connection: Connection | None = None

    def run(self, job: DatabaseJob) -> None:
        try:
            self._connection = self._connection or self._engine.connect()
            job.value = _read(self._connection, job)
        except BaseException as error:
            job.error = error
            if is_fatal(error):
                job.error = explain(error, self._path)
                job.error.__cause__ = error
                self.close()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            drop(connection)


def _read(connection: Connection, job: DatabaseJob) -> Any:
    assert job.work is not None
    raw = raw_connection(connection)
    with connection.begin() as transaction:
        raw.execute("BEGIN")
        try:
            return job.work(connection)
        finally:
            if transaction.is_active:
                transaction.rollback()
            if raw.in_transaction:
                raw.execute("ROLLBACK")

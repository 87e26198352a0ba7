"""Fewer round trips to PostgreSQL: statements whose results nobody waits for travel with the next one.

A transaction of a group is some thirty statements, most of them INSERTs. Sent one by one, each waits for its
answer; here they wait in the connection and go out together, in their order, with the first statement
whose answer is needed, in one pipeline (psycopg 3). An error of a deferred statement is raised there, too,
within the same transaction. Whoever ends a transaction calls ``flush`` before.
"""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.types.numeric import Int8Dumper
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

PREPARED = 400  # statements that the server keeps ready for one connection


class PipelineConnection(psycopg.Connection[Any]):
    """A connection of the driver that can hold statements back."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.deferred: list[tuple[str, Any]] = []
        self.prepared_max = PREPARED
        self.cursor_factory = _Cursor
        # One type for all whole numbers: else each mixture of sizes is a statement of its own to the server.
        self.adapters.register_dumper(int, Int8Dumper)

    def begin_with(self, statement: str) -> None:
        """Begin a transaction with a statement whose answer nobody reads, in one round trip. Raises
        psycopg.Error."""
        if not psycopg.Pipeline.is_supported():
            self.execute(statement)
            return
        with self.pipeline():
            self.execute(statement)

    def defer(self, parts: Sequence[tuple[str, Any]]) -> None:
        """Send these with the next statement."""
        self.deferred += parts

    def together(self, parts: Sequence[tuple[str, Any]]) -> "list[psycopg.Cursor[Any]]":
        """What waits, and then these: their cursors. Raises psycopg.Error: of any of them."""
        before, self.deferred = self.deferred, []
        calls = [*before, *parts]
        if len(calls) <= 1 or not psycopg.Pipeline.is_supported():
            return [self.execute(*call) for call in calls][len(before) :]
        with self.pipeline():
            cursors = [self.execute(*call) for call in calls]
        return cursors[len(before) :]


class _Cursor(psycopg.Cursor[Any]):
    """Sends what waits before its own statement."""

    def execute(self, *given: Any, **named: Any) -> "_Cursor":
        self._send_deferred()
        return super().execute(*given, **named)

    def executemany(self, *given: Any, **named: Any) -> None:
        self._send_deferred()
        super().executemany(*given, **named)

    def _send_deferred(self) -> None:
        connection = self.connection
        if isinstance(connection, PipelineConnection) and connection.deferred:
            connection.together(())


def use_pipelines(engine: Engine) -> None:
    """Have the engine connect with ``PipelineConnection``."""

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, record: Any, given: Any, named: Any) -> PipelineConnection:
        return PipelineConnection.connect(*given, **named)


def pipeline_of(conn: Connection) -> PipelineConnection | None:
    """None: somebody listens to the statements, which they see only one by one."""
    found = conn.connection.driver_connection
    if not isinstance(found, PipelineConnection) or conn.engine.dispatch.before_cursor_execute:
        return None
    return found


def together(
    conn: Connection, pipeline: PipelineConnection, parts: Sequence[tuple[str, Any]]
) -> "list[psycopg.Cursor[Any]]":
    """Raises DBAPIError."""
    try:
        return pipeline.together(parts)
    except psycopg.Error as error:
        raise DBAPIError(
            "a group of statements", None, error, hide_parameters=True, connection_invalidated=pipeline.broken
        ) from error


def begin_with(conn: Connection, statement: str) -> None:
    """See ``PipelineConnection.begin_with``; ``conn`` has begun and sent nothing yet. Raises DBAPIError."""
    pipeline = pipeline_of(conn)
    if pipeline is None:
        conn.exec_driver_sql(statement)
        return
    try:
        pipeline.begin_with(statement)
    except psycopg.Error as error:
        raise DBAPIError(
            statement, None, error, hide_parameters=True, connection_invalidated=pipeline.broken
        ) from error


def flush(conn: Connection) -> None:
    """Send what waits. Call it before a transaction or a savepoint ends. Raises DBAPIError."""
    found = conn.connection.driver_connection
    if isinstance(found, PipelineConnection) and found.deferred:
        together(conn, found, ())


def forget(conn: Connection) -> None:
    """Drop what waits: its transaction is rolled back."""
    if conn.closed or conn.invalidated:
        return
    found = conn.connection.driver_connection
    if isinstance(found, PipelineConnection):
        found.deferred.clear()

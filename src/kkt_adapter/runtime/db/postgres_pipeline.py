"""Fewer round trips to PostgreSQL: statements are handed over at once and sent together.

A transaction of a group is some twenty statements. Here they wait in the connection and go out in their
order when the first answer among them is read, or with the COMMIT: one write to the socket and one wait,
during which alone Python's global lock is given away. (psycopg's own pipeline does both for every statement.)
So this speaks through ``psycopg.pq``, in libpq's pipeline mode. After an error the server skips the rest, the
COMMIT too; the error is raised where the statements are sent.

Each text is prepared when a connection first uses it, under a name of ours.
"""

from collections.abc import Generator, Sequence
from typing import Any, TypeAlias

import psycopg
from psycopg import pq
from psycopg.adapt import Transformer
from psycopg.errors import InFailedSqlTransaction, error_from_result
from psycopg.types.numeric import Int8Dumper
from psycopg.waiting import Ready, Wait
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

PREPARED = 400  # statements of Core that the server keeps ready for one connection
COMMIT = b"COMMIT"
NOT_PREPARED = "26000"  # invalid_sql_statement_name
FINE = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)

Parameters: TypeAlias = Sequence[bytes | None]


class Handed:
    """The answer of a statement that was handed over (`bulk.AskedRows`); reading it sends all that waits."""

    __slots__ = ("_connection", "parameters", "result", "sql")

    def __init__(self, connection: "PipelineConnection", sql: bytes, parameters: Parameters) -> None:
        self._connection = connection
        self.sql = sql
        self.parameters = parameters
        self.result: pq.abc.PGresult | None = None

    def rows(self) -> list[tuple[Any, ...]]:
        result = self._sent()
        reading = Transformer(self._connection)
        reading.set_pgresult(result)
        return reading.load_rows(0, result.ntuples, tuple)

    def count(self) -> int:
        return self._sent().command_tuples or 0

    def _sent(self) -> "pq.abc.PGresult":
        if self.result is None:
            send(self._connection)
        assert self.result is not None, "its transaction was rolled back"
        return self.result


class PipelineConnection(psycopg.Connection[Any]):
    """A connection of the driver that can hold statements back."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.round_trips = 0  # of a transaction's statements and its end
        self._waiting: list[Handed] = []
        self._ready: dict[bytes, bytes] = {}  # prepared: text -> name
        self._names = 0
        self.prepared_max = PREPARED
        self.cursor_factory = _Cursor
        # One type for all whole numbers: else each mixture of sizes is a statement of its own to the server.
        self.adapters.register_dumper(int, Int8Dumper)

    @property
    def waits(self) -> bool:
        """Has anything been handed over that was not sent?"""
        return bool(self._waiting)

    def ask(self, sql: bytes, parameters: Parameters = ()) -> Handed:
        """Hand over a statement with ``$1`` for its parameters, which are in the server's text form and have
        no NUL. It is sent later, in the transaction that is open then, or begins one."""
        asked = Handed(self, sql, parameters)
        self._waiting.append(asked)
        return asked

    def send(self, end: bytes | None = None) -> None:
        """Send what waits, and ``end``, a command. Raises psycopg.Error: the first error among them."""
        waiting, self._waiting = self._waiting, []
        with self.lock:
            self.wait(self._exchange(waiting, end))

    def forget(self) -> None:
        """Drop what waits: its transaction, or its savepoint, is rolled back."""
        self._waiting.clear()

    def commit(self) -> None:
        """With what waits, in one round trip.

        Raises:
            psycopg.Error: nothing is stored, or the connection broke. Also when the transaction had failed
                before, which the server answers by rolling back without an error.
        """
        if not psycopg.Pipeline.is_supported():
            super().commit()
            return
        if self.pgconn.transaction_status == pq.TransactionStatus.IDLE and not self._waiting:
            return
        try:
            self.send(COMMIT)
        except psycopg.Error:
            if not self.closed:
                self.rollback()  # who commits takes the transaction for over
            raise

    def rollback(self) -> None:
        self.forget()
        self.round_trips += 1
        super().rollback()

    def _exchange(self, waiting: Sequence[Handed], end: bytes | None) -> Generator[Wait, Ready | int, None]:
        self.round_trips += 1
        self.pgconn.enter_pipeline_mode()
        try:
            expected = self._hand_over(waiting, end)
            self.pgconn.pipeline_sync()
            results = yield from _results(self.pgconn)
        except BaseException:
            self.pgconn.finish()  # nobody knows what it would answer next
            raise
        if self.pgconn.status == pq.ConnStatus.OK:
            self.pgconn.exit_pipeline_mode()
        self._understand(expected, results)

    def _hand_over(self, waiting: Sequence[Handed], end: bytes | None) -> "list[Handed | _Prepared | bytes]":
        """Give everything to libpq; what its results will belong to."""
        conn, expected = self.pgconn, list[Handed | _Prepared | bytes]()
        if conn.transaction_status == pq.TransactionStatus.IDLE and not self.autocommit:
            begin = self._begin()
            conn.send_query_params(begin, None)
            expected.append(begin)
        new: dict[bytes, bytes] = {}
        for asked in waiting:
            name = self._ready.get(asked.sql) or new.get(asked.sql)
            if name is None:
                self._names += 1
                name = new[asked.sql] = b"kkt%d" % self._names
                conn.send_prepare(name, asked.sql)
                expected.append((asked.sql, name))
            conn.send_query_prepared(name, asked.parameters)
            expected.append(asked)
        if end is not None:
            conn.send_query_params(end, None)
            expected.append(end)
        return expected

    def _begin(self) -> bytes:
        parts = ["BEGIN"]
        if self.isolation_level is not None:
            level = psycopg.IsolationLevel(self.isolation_level)
            parts.append(f"ISOLATION LEVEL {level.name.replace('_', ' ')}")
        if self.read_only is not None:
            parts.append("READ ONLY" if self.read_only else "READ WRITE")
        return " ".join(parts).encode()

    def _understand(
        self, expected: "Sequence[Handed | _Prepared | bytes]", results: "Sequence[pq.abc.PGresult]"
    ) -> None:
        for what, result in zip(expected, results, strict=False):  # a connection that is ended says so once
            if result.status not in FINE:
                error = error_from_result(result)
                if error.sqlstate == NOT_PREPARED:
                    self._ready.clear()
                raise error
            if isinstance(what, Handed):
                what.result = result
            elif isinstance(what, tuple):
                text, name = what
                self._ready[text] = name
            elif what == COMMIT and result.command_status != COMMIT:
                raise InFailedSqlTransaction("the transaction had failed before its COMMIT")
        if len(results) < len(expected):
            raise psycopg.OperationalError("the server ended the connection")

    def _deallocate(self, name: bytes | None) -> Generator[Wait, Ready | int, None]:
        """The driver drops its own prepared statements, or (None) all there are: ours, too."""
        if name is None:
            self._ready.clear()
        yield from super()._deallocate(name)


_Prepared: TypeAlias = tuple[bytes, bytes]


def _results(conn: "pq.abc.PGconn") -> "Generator[Wait, Ready | int, list[pq.abc.PGresult]]":
    """Send what libpq holds and read everything up to the end of the pipeline."""
    while conn.flush():
        if (yield Wait.RW) & Ready.R:
            conn.consume_input()
    found: list[pq.abc.PGresult] = []
    while True:
        while conn.is_busy():
            if (yield Wait.R):
                try:
                    conn.consume_input()
                except psycopg.OperationalError:
                    if found and found[-1].status not in FINE:
                        return found  # the server has said why
                    raise
        result = conn.get_result()
        if result is not None:
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                return found
            found.append(result)
        elif conn.status != pq.ConnStatus.OK:
            return found


class _Cursor(psycopg.Cursor[Any]):
    """Sends what waits before its own statement."""

    def execute(self, *given: Any, **named: Any) -> "_Cursor":
        self._send_before()
        return super().execute(*given, **named)

    def executemany(self, *given: Any, **named: Any) -> None:
        self._send_before()
        super().executemany(*given, **named)

    def _send_before(self) -> None:
        connection = self.connection
        if isinstance(connection, PipelineConnection):
            connection.round_trips += 1
            if connection.waits:
                connection.send()


def use_pipelines(engine: Engine) -> None:
    """Have the engine connect with ``PipelineConnection``."""

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, record: Any, given: Any, named: Any) -> PipelineConnection:
        return PipelineConnection.connect(*given, **named)


def pipeline_of(conn: Connection) -> PipelineConnection | None:
    """None: somebody listens to the statements, which they see only one by one; or libpq is older than 14."""
    found = conn.connection.driver_connection
    if not isinstance(found, PipelineConnection) or conn.engine.dispatch.before_cursor_execute:
        return None
    return found if psycopg.Pipeline.is_supported() else None


def send(pipeline: PipelineConnection) -> None:
    """Send what waits. Raises DBAPIError."""
    try:
        pipeline.send()
    except psycopg.Error as error:
        raise DBAPIError.instance(
            "a group of statements",
            None,
            error,
            psycopg.Error,
            hide_parameters=True,
            connection_invalidated=pipeline.broken,
        ) from error


def begin_with(conn: Connection, statement: str) -> None:
    """Begin a transaction with a statement whose answer nobody reads, in one round trip; ``conn`` has begun
    and sent nothing yet. Raises DBAPIError."""
    pipeline = pipeline_of(conn)
    if pipeline is None:
        conn.exec_driver_sql(statement)
    else:
        pipeline.ask(statement.encode())
        send(pipeline)


def flush(conn: Connection) -> None:
    """Send what waits. Call it before a savepoint ends. Raises DBAPIError."""
    found = conn.connection.driver_connection
    if isinstance(found, PipelineConnection) and found.waits:
        send(found)


def forget(conn: Connection) -> None:
    """Drop what waits: its transaction is rolled back."""
    if conn.closed or conn.invalidated:
        return
    found = conn.connection.driver_connection
    if isinstance(found, PipelineConnection):
        found.forget()


def round_trips(conn: Connection) -> int:
    """How often the connection has waited for an answer; 0 when it is closed."""
    if conn.closed or conn.invalidated:
        return 0
    found = conn.connection.driver_connection
    return found.round_trips if isinstance(found, PipelineConnection) else 0

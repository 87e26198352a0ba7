"""One statement for many rows, written in Core, compiled once.

The hot path works on groups. A driver's ``executemany`` steps through SQLite row by row and gives Python's
global lock away at every row, which a busy event loop is slow to give back; and Core prepares every
execution anew. A ``Bulk`` statement carries its rows as one VALUES list: one call into the driver, whose
work runs without the lock. Groups are cut into parts of fixed sizes, so that a connection prepares a few
texts of each statement and keeps them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BindParameter,
    ColumnClause,
    ColumnElement,
    Connection,
    Dialect,
    Executable,
    Subquery,
    Table,
    bindparam,
    column,
    insert,
    select,
    values,
)

from kkt_adapter.runtime.db.sqlite_file import raw_connection

if TYPE_CHECKING:
    from kkt_adapter.runtime.db.postgres_pipeline import PipelineConnection

PARTS = (32, 24, 16, 12, 8, 6, 4, 3, 2, 1)  # rows in one statement
SERVER_PARTS = (
    32,
    16,
    8,
    4,
    2,
    1,
)  # the parts of a group share one round trip; each text is kept by the server

Columns = Sequence[ColumnClause[Any]]
Values = Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class _Positions:
    """A compiled statement whose parameters go by position: constants, the rows, constants."""

    sql: str
    before: tuple[Any, ...]
    after: tuple[Any, ...]

    def call(self, flat: Iterable[Any]) -> tuple[str, Any]:
        return self.sql, (*self.before, *flat, *self.after)


@dataclass(frozen=True, slots=True)
class _Names:
    """A compiled statement whose parameters go by name."""

    sql: str
    names: tuple[str, ...]  # row by row
    constants: dict[str, Any]

    def call(self, flat: Iterable[Any]) -> tuple[str, Any]:
        return self.sql, dict(zip(self.names, flat, strict=True)) | self.constants


class Bulk:
    """A statement over any number of rows.

    Rows are tuples in the order of ``columns``, in the form the database stores: times as whole milliseconds
    (``millis``), enumerations as text. Nothing converts them on the way.
    """

    def __init__(
        self, columns: Columns, build: Callable[[Sequence[Sequence[BindParameter[Any]]]], Executable]
    ) -> None:
        """``build`` makes the statement for as many rows of parameters as it is given; no IN over a list,
        which Core writes out only when it executes."""
        self._columns = tuple(columns)
        self._build = build

    def run(self, conn: Connection, rows: Values) -> int:
        """Execute; returns how many rows were changed."""
        return sum(done.rowcount for done in _execute(conn, self._parts(conn, rows)))

    def put(self, conn: Connection, rows: Values) -> None:
        """``run`` for whom it is enough that it is done before the transaction ends: on a server it costs no
        round trip of its own, and an error is raised by a later statement of the transaction."""
        parts = self._parts(conn, rows)
        pipeline = _pipeline(conn)
        if pipeline is None:
            _execute(conn, parts)
        else:
            pipeline.defer(parts)

    def rows(self, conn: Connection, rows: Values) -> list[tuple[Any, ...]]:
        """Execute a query; the answers of all parts, one after the other, as stored."""
        return [tuple(row) for done in _execute(conn, self._parts(conn, rows)) for row in done]

    def _parts(self, conn: Connection, rows: Values) -> list[tuple[str, Any]]:
        compiled: dict[Any, _Positions | _Names] = conn.info
        parts: list[tuple[str, Any]] = []
        start, left = 0, len(rows)
        for size in PARTS if conn.dialect.name == "sqlite" else SERVER_PARTS:
            while left >= size:
                statement = compiled.get((self, size))
                if statement is None:
                    statement = compiled[self, size] = self._compile(conn, size)
                parts.append(statement.call(chain.from_iterable(rows[start : start + size])))
                start += size
                left -= size
        return parts

    def _compile(self, conn: Connection, size: int) -> _Positions | _Names:
        parameters = [
            [bindparam(f"{c.name}_{number}", type_=c.type) for c in self._columns] for number in range(size)
        ]
        names = tuple(parameter.key for row in parameters for parameter in row)
        compiled = self._build(parameters).compile(dialect=_by_position(conn))  # type: ignore[attr-defined]
        ours = set(names)
        constants = {name: value for name, value in compiled.params.items() if name not in ours}
        if compiled.positiontup is None:
            return _Names(str(compiled), names, constants)
        order = tuple(compiled.positiontup)
        start = order.index(names[0])
        end = start + len(names)
        if order[start:end] != names:
            raise TypeError("a bulk statement must use its rows once and whole")
        before, after = order[:start], order[end:]
        return _Positions(
            str(compiled), tuple(constants[name] for name in before), tuple(constants[name] for name in after)
        )


def _execute(conn: Connection, parts: Sequence[tuple[str, Any]]) -> list[Any]:
    """The drivers themselves where nobody listens to statements: half of Core's share is the bookkeeping of
    results that are not there."""
    if conn.dialect.name == "sqlite":
        direct = not conn.engine.dispatch.before_cursor_execute
        execute: Callable[[str, Any], Any] = raw_connection(conn).execute if direct else conn.exec_driver_sql
        return [execute(*part) for part in parts]
    pipeline = _pipeline(conn)
    if pipeline is None:
        return [conn.exec_driver_sql(*part) for part in parts]
    from kkt_adapter.runtime.db.postgres_pipeline import together

    return together(conn, pipeline, parts)


def _pipeline(conn: Connection) -> "PipelineConnection | None":
    if conn.dialect.name == "sqlite":
        return None
    from kkt_adapter.runtime.db.postgres_pipeline import pipeline_of  # with its driver

    return pipeline_of(conn)


def _by_position(conn: Connection) -> Dialect:
    """The connection's dialect with parameters that go by position: PostgreSQL's driver is quicker with them
    than with names."""
    if conn.dialect.name == "sqlite":
        return conn.dialect
    known: dict[Any, Any] = conn.info
    if "by position" not in known:
        kind: Any = type(conn.dialect)
        known["by position"] = kind(paramstyle="format")
    found: Dialect = known["by position"]
    return found


def bulk_insert(table: Table, *columns: ColumnClause[Any]) -> Bulk:
    """INSERT of whole rows."""

    def build(parameters: Sequence[Sequence[BindParameter[Any]]]) -> Executable:
        named = [dict(zip((c.name for c in columns), row, strict=True)) for row in parameters]
        return insert(table).inline().values(named)

    return Bulk(columns, build)


def bulk(columns: Columns, statement: Callable[[Subquery], Executable]) -> Bulk:
    """A statement that joins the rows, which it gets as the table expression ``given``."""

    def build(parameters: Sequence[Sequence[BindParameter[Any]]]) -> Executable:
        rows: list[tuple[ColumnElement[Any], ...]] = [tuple(row) for row in parameters]
        # Nested, because SQLite's driver counts changed rows only if UPDATE is the first word.
        listed = values(*wanted, name="listed").data(rows).cte("listed", nesting=True)
        return statement(select(listed).subquery("given"))

    wanted = [column(c.name, c.type) for c in columns]
    return Bulk(wanted, build)

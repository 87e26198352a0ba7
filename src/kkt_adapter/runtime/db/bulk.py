"""One statement for many rows, written in Core, compiled once.

The hot path works on groups. A driver's ``executemany`` steps through SQLite row by row and gives Python's
global lock away at every row, which a busy event loop is slow to give back; and Core prepares every
execution anew. A ``Bulk`` statement carries all its rows: one call into the driver, whose work runs without
the lock. For SQLite they are a VALUES list, and groups are cut into parts of fixed sizes, so that a
connection prepares a few texts of each statement and keeps them. PostgreSQL gets an array for each column:
one text for any number of rows (``postgres_arrays``).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnClause,
    ColumnElement,
    Connection,
    Dialect,
    Executable,
    FromClause,
    Insert,
    Subquery,
    Table,
    bindparam,
    column,
    func,
    insert,
    select,
    values,
)

from kkt_adapter.runtime.db.postgres_arrays import Literal, array_of, plain
from kkt_adapter.runtime.db.sqlite_file import raw_connection

if TYPE_CHECKING:
    from kkt_adapter.runtime.db.postgres_pipeline import PipelineConnection

PARTS = (32, 24, 16, 12, 8, 6, 4, 3, 2, 1)  # rows in one statement

Columns = Sequence[ColumnClause[Any]]
Values = Sequence[tuple[Any, ...]]
SomeInsert = TypeVar("SomeInsert", bound=Insert)


class AskedRows(Protocol):
    """What a statement brought; on PostgreSQL it may still wait to be sent, and reading it sends it."""

    def rows(self) -> list[tuple[Any, ...]]:
        """As stored. Raises DBAPIError: of this statement, or of one that waited before it."""
        ...

    def count(self) -> int:
        """Of the rows that were changed; raises as ``rows`` does."""
        ...


@dataclass(frozen=True, slots=True)
class Given:
    """The rows of a statement while it is built: a VALUES list, or an array for each column."""

    columns: Columns
    parameters: Sequence[Sequence[BindParameter[Any]]]  # row by row, or one for each column
    arrays: bool

    def table(self) -> Subquery:
        """For statements that join the rows."""
        return select(self._listed()).subquery("given")

    def into(self, into: SomeInsert) -> SomeInsert:
        """An INSERT of whole rows."""
        if self.arrays:
            return into.from_select([c.name for c in self.columns], select(self._listed()))
        names = [c.name for c in self.columns]
        return into.inline().values([dict(zip(names, row, strict=True)) for row in self.parameters])

    def _listed(self) -> FromClause:
        wanted = [column(c.name, c.type) for c in self.columns]
        if self.arrays:
            (arrays,) = self.parameters
            return func.unnest(*arrays).table_valued(*wanted, name="listed").render_derived(name="listed")
        rows: list[tuple[ColumnElement[Any], ...]] = [tuple(row) for row in self.parameters]
        # Nested, because SQLite's driver counts changed rows only if UPDATE is the first word.
        return values(*wanted, name="listed").data(rows).cte("listed", nesting=True)


@dataclass(frozen=True, slots=True)
class _Positions:
    """A compiled statement whose parameters go by position: constants, the rows, constants."""

    sql: str
    before: tuple[Any, ...]
    after: tuple[Any, ...]

    def call(self, flat: Iterable[Any]) -> tuple[str, Any]:
        return self.sql, (*self.before, *flat, *self.after)


@dataclass(frozen=True, slots=True)
class _Arrays:
    """A compiled statement of PostgreSQL: constants, an array for each column, constants."""

    sql: str  # as Core's dialect writes it
    numbered: bytes  # as the server knows it: $1, $2
    before: tuple[Any, ...]
    after: tuple[Any, ...]
    sent_before: tuple[bytes | None, ...]
    sent_after: tuple[bytes | None, ...]
    literals: tuple[Literal, ...]

    def written(self, rows: Values) -> list[str]:
        return [write(one) for write, one in zip(self.literals, zip(*rows, strict=True), strict=True)]


class _Done:
    """The answer of a statement that was executed at once."""

    __slots__ = ("_count", "_rows")

    def __init__(self, cursors: Iterable[Any]) -> None:
        self._rows: list[tuple[Any, ...]] = []
        self._count = 0
        for done in cursors:
            found = _found(done)
            self._rows += found
            self._count += len(found) if found else max(done.rowcount, 0)

    def rows(self) -> list[tuple[Any, ...]]:
        return self._rows

    def count(self) -> int:
        return self._count


class Bulk:
    """A statement over any number of rows.

    Rows are tuples in the order of ``columns``, in the form the database stores: times as whole milliseconds
    (``millis``), enumerations as text. Nothing converts them on the way.
    """

    def __init__(self, columns: Columns, build: Callable[[Given], Executable]) -> None:
        """``build`` makes the statement over the rows that it is given, which it uses once; no IN over a
        list, which Core writes out only when it executes."""
        self._columns = tuple(columns)
        self._build = build

    def run(self, conn: Connection, rows: Values) -> int:
        """Execute; returns how many rows were changed."""
        return self.ask(conn, rows).count()

    def put(self, conn: Connection, rows: Values) -> None:
        """``run`` for whom it is enough that it is done before the transaction ends: on a server it costs no
        round trip of its own, and an error is raised by a later statement or by the COMMIT."""
        if conn.dialect.name == "sqlite":
            for _ in self._parts(conn, rows):
                pass
        else:
            self._ask(conn, rows)

    def rows(self, conn: Connection, rows: Values) -> list[tuple[Any, ...]]:
        """Execute a query; its answers, as stored."""
        return self.ask(conn, rows).rows()

    def ask(self, conn: Connection, rows: Values) -> AskedRows:
        """Execute, and look at the answer later: on a server all that was asked and put until then takes one
        round trip."""
        if conn.dialect.name == "sqlite":
            return _Done(self._parts(conn, rows))
        return self._ask(conn, rows)

    def _parts(self, conn: Connection, rows: Values) -> Iterator[Any]:
        """Execute on SQLite, by the driver itself where nobody listens to statements: half of Core's share is
        the bookkeeping of results that are not there."""
        direct = not conn.engine.dispatch.before_cursor_execute
        execute: Callable[[str, Any], Any] = raw_connection(conn).execute if direct else conn.exec_driver_sql
        compiled: dict[Any, _Positions] = conn.info
        start, left = 0, len(rows)
        for size in PARTS:
            while left >= size:
                statement = compiled.get((self, size))
                if statement is None:
                    statement = compiled[self, size] = self._compile(conn.dialect, size)
                yield execute(*statement.call(chain.from_iterable(rows[start : start + size])))
                start += size
                left -= size

    def _ask(self, conn: Connection, rows: Values) -> AskedRows:
        if not rows:
            return _Done(())
        statement: _Arrays | None = conn.info.get(self)
        if statement is None:
            statement = conn.info[self] = self._compile_arrays(_by_position(conn))
        arrays = statement.written(rows)
        pipeline = _pipeline(conn)
        if pipeline is None:
            every = (*statement.before, *arrays, *statement.after)
            return _Done((conn.exec_driver_sql(statement.sql, every),))
        sent = (*statement.sent_before, *(one.encode() for one in arrays), *statement.sent_after)
        return pipeline.ask(statement.numbered, sent)

    def _compile(self, dialect: Dialect, size: int) -> _Positions:
        parameters = [
            [bindparam(f"{c.name}_{number}", type_=c.type) for c in self._columns] for number in range(size)
        ]
        given = Given(self._columns, parameters, arrays=False)
        return _positions(self._build(given), dialect, [one.key for row in parameters for one in row])

    def _compile_arrays(self, dialect: Dialect) -> _Arrays:
        kinds = [array_of(c.type) for c in self._columns]
        parameters = [
            bindparam(f"{c.name}_0", type_=ARRAY(element))
            for c, (element, _) in zip(self._columns, kinds, strict=True)
        ]
        given = Given(self._columns, [parameters], arrays=True)
        found = _positions(self._build(given), dialect, [one.key for one in parameters])
        return _Arrays(
            sql=found.sql,
            numbered=_numbered(found.sql).encode(),
            before=found.before,
            after=found.after,
            sent_before=tuple(map(plain, found.before)),
            sent_after=tuple(map(plain, found.after)),
            literals=tuple(literal for _, literal in kinds),
        )


def _positions(statement: Executable, dialect: Dialect, names: Sequence[str]) -> _Positions:
    """Raises TypeError: the rows are not used once and whole."""
    compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
    order = tuple(compiled.positiontup)
    start = order.index(names[0])
    end = start + len(names)
    if order[start:end] != tuple(names):
        raise TypeError("a bulk statement must use its rows once and whole")
    given = compiled.params
    return _Positions(
        str(compiled),
        tuple(given[name] for name in order[:start]),
        tuple(given[name] for name in order[end:]),
    )


def _numbered(sql: str) -> str:
    """The text with $1, $2 in place of the driver's ``%s``."""
    number = iter(range(1, sql.count("%s") + 1))
    return re.sub("%s|%%", lambda found: f"${next(number)}" if found[0] == "%s" else "%", sql)


def _found(done: Any) -> list[tuple[Any, ...]]:
    """The rows of a driver's cursor, or of a result of Core; none of a statement that brings none."""
    brings = done.returns_rows if hasattr(done, "returns_rows") else done.description is not None
    return [tuple(row) for row in done] if brings else []


def _pipeline(conn: Connection) -> "PipelineConnection | None":
    from kkt_adapter.runtime.db.postgres_pipeline import pipeline_of  # with its driver

    return pipeline_of(conn)


def _by_position(conn: Connection) -> Dialect:
    """The connection's dialect with parameters that go by position: PostgreSQL's driver is quicker with them
    than with names."""
    known: dict[Any, Any] = conn.info
    if "by position" not in known:
        kind: Any = type(conn.dialect)
        known["by position"] = kind(paramstyle="format")
    found: Dialect = known["by position"]
    return found


def bulk_insert(table: Table, *columns: ColumnClause[Any]) -> Bulk:
    """INSERT of whole rows."""
    return Bulk(columns, lambda given: given.into(insert(table)))


def single(columns: Columns, statement: Callable[[Mapping[str, ColumnElement[Any]]], Executable]) -> Bulk:
    """A statement that always gets one row: on SQLite its values, by column, stand in it directly. The rows
    of ``bulk`` are a table that SQLite makes and fills first."""

    def build(given: Given) -> Executable:
        if given.arrays:
            table = given.table()
            return statement({c.name: table.c[c.name] for c in columns})
        (row,) = given.parameters
        return statement({c.name: value for c, value in zip(columns, row, strict=True)})

    return Bulk(columns, build)


def bulk(columns: Columns, statement: Callable[[Subquery], Executable]) -> Bulk:
    """A statement that joins the rows, which it gets as the table expression ``given``."""
    return Bulk(columns, lambda given: statement(given.table()))

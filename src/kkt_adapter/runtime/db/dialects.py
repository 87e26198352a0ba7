"""What the two databases call differently. PostgreSQL's dialect of SQLAlchemy is loaded with the first such
database only: it brings all of its drivers along, 3 MB.
"""

from collections.abc import Callable
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Index, Table, TextClause, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.schema import SchemaItem


def partial_index(
    name: str, *columns: ColumnElement[Any], where: TextClause | ColumnElement[bool], unique: bool = False
) -> Index:
    """Over the rows for which ``where`` is true.

    ``Index`` has a keyword for PostgreSQL, but naming it loads the dialect, whichever database is used. Here
    the dialect is told when the table is made.
    """
    index = Index(name, *columns, sqlite_where=where, unique=unique)
    assert index.table is not None, "give it columns of a table"

    def tell(table: SchemaItem, connection: Connection, **_: Any) -> None:
        if connection.dialect.name == "postgresql":
            index.dialect_options["postgresql"]["where"] = where

    event.listen(index.table, "before_create", tell)
    return index


def insert_of(dialect: str) -> Callable[[Table], Insert]:
    """The ``insert`` of this dialect, which knows ``on_conflict_do_update``; both spell it alike."""
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return cast(Callable[[Table], Insert], postgresql.insert)
    return sqlite.insert

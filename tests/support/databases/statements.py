"""Statements as work for a database."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, text

PATIENCE_S = 60.0


def sql(statement: str) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        connection.execute(text(statement))

    return work


def value_of(statement: str) -> Callable[[Connection], object]:
    return lambda connection: connection.execute(text(statement)).scalar_one()


def apply_insert(connection: Connection, items: Sequence[int]) -> list[int | Exception]:
    connection.execute(text("INSERT INTO t(n) VALUES (:n)"), [{"n": item} for item in items])
    return [*items]


def add_one(connection: Connection) -> None:
    n = connection.execute(text("SELECT n FROM t WHERE id = 1")).scalar_one()
    connection.execute(text("UPDATE t SET n = :n WHERE id = 1"), {"n": n + 1})


def first_number(connection: Connection) -> int:
    value: int = connection.execute(text("SELECT n FROM t WHERE id = 1")).scalar_one()
    return value

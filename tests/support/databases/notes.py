"""Three small tables for the tests of a `Database`, work on them, and work that waits or fails."""

import asyncio
import threading
from collections.abc import Callable, Sequence

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    func,
    insert,
    select,
)

from kkt_adapter.runtime.db.bulk import bulk_insert
from kkt_adapter.runtime.db.postgres import PostgresDatabase
from kkt_adapter.runtime.db.sqlite import SqliteDatabase

AnyDatabase = SqliteDatabase | PostgresDatabase
PATIENCE_S = 60.0  # before a test that waits for a thread gives up

metadata = MetaData()
notes = Table(
    "notes", metadata, Column("id", Integer, primary_key=True), Column("text", String(50), unique=True)
)
counter = Table(
    "counter", metadata, Column("id", Integer, primary_key=True), Column("n", Integer, nullable=False)
)
PUT = bulk_insert(notes, notes.c.text)
kinds = Table(
    "kinds",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("words", Text),
    Column("content", LargeBinary),
    Column("yes", Boolean),
    Column("share", Float),
)


def add(note: str) -> Callable[[Connection], int]:
    def work(connection: Connection) -> int:
        number: int = connection.execute(insert(notes).values(text=note).returning(notes.c.id)).scalar_one()
        return number

    return work


def all_notes(connection: Connection) -> list[str]:
    return list(connection.execute(select(notes.c.text).order_by(notes.c.id)).scalars())


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(notes)).scalar_one()


class Gate:
    """Work that holds a database thread until it is opened."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self._open = threading.Event()

    def work(self, connection: Connection) -> None:
        self.entered.set()
        assert self._open.wait(PATIENCE_S)

    def open(self) -> None:
        self._open.set()

    async def reached(self) -> None:
        assert await asyncio.to_thread(self.entered.wait, PATIENCE_S)


class Batches:
    """An ``apply`` that notes its calls; an item ``bad...`` breaks the call, ``odd...`` only itself."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def apply(self, connection: Connection, items: Sequence[str]) -> list[str | Exception]:
        self.calls.append(list(items))
        outcomes: list[str | Exception] = []
        for item in items:
            if item.startswith("odd"):
                outcomes.append(ValueError(item))
                continue
            connection.execute(insert(notes).values(text=item))
            outcomes.append(item.upper())
        if any(item.startswith("bad") for item in items):
            raise LookupError("one of the items is bad")
        return outcomes

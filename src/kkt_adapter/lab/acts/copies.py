"""Copies of the nodes' database, made while they work, and put in its place while none does."""

import asyncio
import shutil
import signal
import sqlite3
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, text

from kkt_adapter.lab.servers import PostgresServer
from kkt_adapter.runtime.db.backup import back_up, restore
from kkt_adapter.runtime.db.identity import Decided, Decision, change_memory
from kkt_adapter.runtime.db.open import open_database
from kkt_adapter.runtime.db.postgres import PostgresSettings

KEEP = 1000  # copies of a run


class Copies(Protocol):
    async def make(self) -> None:
        """Of the database as it is now; the only one that ``put_back`` knows."""
        ...

    async def put_back(self, *, decided: bool) -> None:
        """In the place of whatever is there. ``decided``: as `db restore` does it."""
        ...

    async def delete(self) -> None:
        """The database, as if it had never been."""
        ...

    async def delete_log(self) -> bool:
        """What was not yet in the database itself; is the rest a whole database?"""
        ...

    async def texts(self, query: str) -> frozenset[str]:
        """The one column of a query."""
        ...


class FileCopies:
    """Implements ``Copies`` for SQLite."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._copy: Path | None = None

    async def make(self) -> None:
        folder = self._file.parent / "lab-copies"
        self._copy = await asyncio.to_thread(back_up, self._file, folder, now=datetime.now(UTC), keep=KEEP)

    async def put_back(self, *, decided: bool) -> None:
        await asyncio.to_thread(self._put_back, decided=decided)

    def _put_back(self, *, decided: bool) -> None:
        copy, folder, now = self._copy, self._file.parent, datetime.now(UTC)
        assert copy is not None
        restore(copy, self._file, now=now)
        if decided:
            decision = Decision(
                what=Decided.RESTORE, by="lab", reason="act of the lab", at=now.isoformat(), file=copy.name
            )
            change_memory(folder, lambda memory: replace(memory, decision=decision))

    async def delete(self) -> None:
        self._delete("", "-wal", "-shm")

    async def delete_log(self) -> bool:
        self._delete("-wal", "-shm")
        return await asyncio.to_thread(self._is_whole)

    def _delete(self, *endings: str) -> None:
        for ending in endings:
            with suppress(FileNotFoundError):
                self._file.with_name(self._file.name + ending).unlink()

    def _is_whole(self) -> bool:
        """One that does not know itself, as its first rows were in the log, must not be started with."""
        with suppress(sqlite3.Error), closing(self._open()) as raw:
            raw.execute("SELECT count(*) FROM receipts").fetchone()
            known = raw.execute("SELECT count(*) FROM identity").fetchone() == (1,)
            return known and bool(raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)])
        return False

    async def texts(self, query: str) -> frozenset[str]:
        return await asyncio.to_thread(self._texts, query)

    def _texts(self, query: str) -> frozenset[str]:
        with closing(self._open()) as raw:
            return frozenset(found for (found,) in raw.execute(query))

    def _open(self) -> sqlite3.Connection:
        """The file alone, that nobody writes."""
        return sqlite3.connect(f"file:{self._file}?mode=ro&immutable=1", uri=True)


class ServerCopies:
    """Implements ``Copies`` for PostgreSQL: its files, copied while it is down."""

    def __init__(self, server: PostgresServer, *, url: str) -> None:
        self._server = server
        self._url = url
        self._copy = server.data.with_name("copy")

    async def make(self) -> None:
        await self._while_down(self._server.data, self._copy)

    async def put_back(self, *, decided: bool) -> None:
        await self._while_down(self._copy, self._server.data)

    async def delete(self) -> None:
        await self._server.stop(signal.SIGINT)
        await asyncio.to_thread(shutil.rmtree, self._server.data)
        await self._server.initialise()
        await self._server.start()

    async def delete_log(self) -> bool:
        raise NotImplementedError("a server's log is part of it")

    async def _while_down(self, source: Path, target: Path) -> None:
        await self._server.stop(signal.SIGINT)
        await asyncio.to_thread(shutil.rmtree, target, ignore_errors=True)
        await self._server.run("cp", "-a", str(source), str(target))
        await self._server.start()

    async def texts(self, query: str) -> frozenset[str]:
        def read(connection: Connection) -> frozenset[str]:
            return frozenset(found for (found,) in connection.execute(text(query)))

        database = open_database(self._url, postgres=PostgresSettings(readers=1))
        try:
            return await database.read(read)
        finally:
            await database.close()

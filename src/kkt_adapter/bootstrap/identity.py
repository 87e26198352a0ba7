"""Is the database the one that belongs here? Asked before a start writes (``runtime/db/identity.py``)."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, create_engine, func, inspect, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from kkt_adapter.fiscal.housekeeping.database_mark import doubt_fns, went_back
from kkt_adapter.fiscal.kkt.virtual.store import MARKER, marker, markers, write_marker
from kkt_adapter.fiscal.printing.registration import PREFIX as REGISTRATION
from kkt_adapter.fiscal.store import counters as totals
from kkt_adapter.fiscal.store import events
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.fiscal.store.tables import config, counters, documents
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.kernel.ids import random_id
from kkt_adapter.runtime.auth import secret
from kkt_adapter.runtime.db import identity
from kkt_adapter.runtime.db.backup import backups
from kkt_adapter.runtime.db.identity import (
    Around,
    DatabaseFound,
    DirectoryMemory,
    Found,
    Identity,
    IdentityStart,
    LivedFn,
    Memory,
    StartRefused,
    change_memory,
    judge,
    load_memory,
    refusal,
)
from kkt_adapter.runtime.db.open import open_database
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.db.sqlite_file import BUSY_TIMEOUT_S, explain, when_free
from kkt_adapter.runtime.db.urls import sqlite_path
from kkt_adapter.runtime.log import get_logger
from kkt_adapter.settings import Settings

OUR_TABLES = frozenset({"receipts", "counters", "documents", "alembic_version"})
SERVER = "PostgreSQL"
HELD_S = 60.0  # how long a start waits for a process that holds the file, frozen ones too


def look_around(settings: Settings) -> Around:
    """What lies around the place of the database (blocking, a few small files).

    Raises:
        SettingsInvalid: the memory of the data directory is damaged.
    """
    path = sqlite_path(settings.database)
    return Around(
        memory=load_memory(settings.data_dir),
        fns=tuple(LivedFn(fn_number=fn, database=whose) for fn, whose in markers(settings.fn_dir)),
        secret=(settings.data_dir / secret.FILE_NAME).exists(),
        copies=0 if path is None else len(backups(path, settings.copies_dir)),
    )


def refuse_another_file(settings: Settings, around: Around) -> None:
    """Before a SQLite file is opened to write (blocking). PostgreSQL is looked at when it is open.

    Raises:
        SettingsInvalid: it is not the database that belongs here.
        StorageError: it cannot be read.
    """
    path = sqlite_path(settings.database)
    if path is None:
        return
    if (settings.database_url or settings.buffer_db_path) and not path.parent.is_dir():
        raise SettingsInvalid(
            f"Database {path}: there is no directory {path.parent}. Mount the disk, or make the directory.",
            f"База данных {path}: нет каталога {path.parent}. Подключите диск или создайте каталог.",
        )
    _ensure(str(path), judge(look_at_file(path, around.fns), around))


async def examine(settings: Settings) -> IdentityStart | StartRefused:
    """What a start would do now; changes nothing.

    Raises:
        SettingsInvalid: the data directory's memory is damaged. StorageError: the database cannot be read.
    """
    around = await asyncio.to_thread(look_around, settings)
    path = sqlite_path(settings.database)
    if path is not None:
        return judge(await asyncio.to_thread(look_at_file, path, around.fns), around)
    database = open_database(settings.database)
    try:
        return judge(await database.read(lambda c: look(c, around.fns)), around)
    finally:
        await database.close()


def look_at_file(path: Path, fns: Sequence[LivedFn]) -> Found:
    """What a SQLite file is, without changing it (blocking).

    Raises:
        StorageError: it cannot be read.
    """
    if not path.exists() or path.stat().st_size == 0:
        return Found(kind=DatabaseFound.MISSING)
    try:
        return when_free(lambda: _look_once(path, fns), within_s=HELD_S)
    except (DBAPIError, sqlite3.Error) as error:
        raise explain(error, path) from error


def _look_once(path: Path, fns: Sequence[LivedFn]) -> Found:
    try:
        return _look_at_file(path, fns, mode="ro")
    except DBAPIError as error:
        if not isinstance(error.orig, sqlite3.OperationalError):
            raise
        return _look_at_file(path, fns, mode="rw")  # something to roll back first


def _look_at_file(path: Path, fns: Sequence[LivedFn], *, mode: str) -> Found:
    address = f"{path.resolve().as_uri()}?mode={mode}"
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S),
        poolclass=NullPool,
    )
    try:
        with engine.connect() as conn:
            return look(conn, fns)
    finally:
        engine.dispose()


def look(conn: Connection, fns: Sequence[LivedFn]) -> Found:
    """Only reads; works with the schema of any version."""
    tables = set(inspect(conn).get_table_names())
    if not tables:
        return Found(kind=DatabaseFound.MISSING)
    if not tables >= OUR_TABLES:
        return Found(kind=DatabaseFound.FOREIGN)
    known = identity.read(conn) if identity.identity.name in tables else None
    if known is not None:
        return Found(kind=DatabaseFound.OURS, identity=known, used=True)
    accepted = conn.execute(select(func.max(counters.c.next_seq))).scalar_one() or 0
    wrote = conn.execute(select(documents.c.fd_number).limit(1)).first() is not None
    knows = [fn.fn_number for fn in fns if _knows(conn, fn.fn_number)]
    return Found(kind=DatabaseFound.OURS, used=accepted > 1 or wrote, knows=knows)


def _knows(conn: Connection, fn_number: str) -> bool:
    made = select(documents.c.fd_number).where(documents.c.fn_number == fn_number).limit(1)
    read = select(config.c.name).where(
        config.c.name.startswith(REGISTRATION), config.c.value.contains(f'"{fn_number}"')
    )
    return conn.execute(made).first() is not None or conn.execute(read.limit(1)).first() is not None


async def settle_identity(
    settings: Settings, around: Around, *, database: Database, clock: Clock
) -> tuple[Identity, DirectoryMemory]:
    """Once the schema is there: make, keep or renew the identity, and have the data directory and the FNs
    remember it.

    Raises:
        SettingsInvalid: it is not the database that belongs here, or the data directory cannot be written.
    """
    path = sqlite_path(settings.database)
    found = await database.read(lambda c: look(c, around.fns))
    start = _ensure(SERVER if path is None else str(path), judge(found, around))
    if path is not None and start is IdentityStart.GO_ON and around.memory.known is None:
        start = _of_unknown_age(found)
    fresh = random_id()
    pooled = grouped(settings)

    def write(conn: Connection) -> Identity:
        totals.ensure(conn)
        written = _write(conn, start, around.memory, fresh=fresh, clock=clock)
        if _may_be_older(conn, around.memory.known, written):
            doubt_fns(conn, pooled, at=clock.now())
        return written

    now = await database.write(write)
    if start is not IdentityStart.GO_ON:
        get_logger("database").info("database_identity", start=start.value, uuid=now.uuid, epoch=now.epoch)
    try:
        if start is IdentityStart.BEGUN:
            _take_over(settings.fn_dir, now)
        begun = start is IdentityStart.BEGUN
        memory = change_memory(
            settings.data_dir,
            lambda memory: Memory(known=now.or_later(memory.known), fns={} if begun else memory.fns),
        )
    except OSError as error:
        raise SettingsInvalid(
            f"data_dir (KKT_DATA_DIR) = {settings.data_dir}: {error.strerror}",
            f"data_dir (KKT_DATA_DIR) = {settings.data_dir}: {error.strerror}",
        ) from error
    return now, DirectoryMemory(settings.data_dir, memory)


def _ensure(place: str, start: IdentityStart | StartRefused) -> IdentityStart:
    if isinstance(start, StartRefused):
        raise refusal(place, start)
    return start


def _write(conn: Connection, start: IdentityStart, memory: Memory, *, fresh: str, clock: Clock) -> Identity:
    at, known, decision = clock.now(), memory.known, memory.decision
    if start is IdentityStart.WENT_BACK and known is not None:
        return went_back(conn, known, identity.read(conn), at=at)
    now = identity.settle(conn, start, known, fresh=fresh, at=at)
    told = {
        IdentityStart.BEGUN: EventType.DATABASE_BEGUN,
        IdentityStart.RESTORED: EventType.DATABASE_RESTORED,
    }.get(start)
    if told is not None:
        facts: events.EventFacts = {"reason": "the data directory does not remember this database"}
        if decision is not None:
            facts = {
                "by": decision.by,
                "reason": decision.reason,
                "decided_at": decision.at,
                "file": decision.file,
            }
        entry = events.entry(told, at, level=EventLevel.WARNING, uuid=now.uuid, epoch=now.epoch, **facts)
        events.write(conn, [entry])
    return now


def grouped(settings: Settings) -> frozenset[str]:
    """The registers that belong to groups."""
    return frozenset(register_id for group in settings.group for register_id in group.registers)


def _of_unknown_age(found: Found) -> IdentityStart:
    """A file that its data directory does not remember: a copy that was put there by hand, or the memory is
    lost. Unless its very first start made it just now, it counts as restored: the FNs may hold more than it
    knows."""
    began_here = found.identity is None or found.identity.changes <= 1
    return IdentityStart.GO_ON if began_here else IdentityStart.RESTORED


def _may_be_older(conn: Connection, before: Identity | None, now: Identity) -> bool:
    """May the FNs hold what this database has lost? It is not the state that this data directory has seen
    last. One that it sees for the first time counts unless it never held a receipt.

    Written down in the commit that settles the identity: once the data directory remembers that, nobody asks
    again.
    """
    if before is None:
        return totals.read(conn).total > 0
    return (before.uuid, before.epoch) != (now.uuid, now.epoch)


def _take_over(folder: Path, now: Identity) -> None:
    """FNs of the database before belong to the new one; each begins with the last document that it has."""
    for path in folder.glob(f"*{MARKER}"):
        fn_number, database = marker(path)
        if fn_number is not None and database != now.uuid:
            write_marker(path, fn_number, database=now.uuid)

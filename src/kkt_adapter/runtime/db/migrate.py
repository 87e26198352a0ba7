"""Bring the schema to the newest revision, before anything else opens the database.

One Alembic line serves both dialects. All pending revisions run in one transaction, so a crash leaves the
old schema; two nodes that start together take turns (SQLite's write lock, an advisory lock in PostgreSQL)
and the second finds nothing left to do. On SQLite foreign keys are off meanwhile, as a rebuilt table is
dropped and renamed, and are checked before the commit.
"""

import io
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from kkt_adapter.kernel.errors import StorageError
from kkt_adapter.runtime.db.sqlite_file import (
    SqliteSettings,
    explain,
    hold_open,
    prepare_file,
    raw_connection,
    sqlite_engine,
)
from kkt_adapter.runtime.db.urls import postgres_address, sqlite_path

SCRIPTS = Path(__file__).parent.parent / "migrations"
CONNECT_S = 10  # to a PostgreSQL server
OTHER_NODE_S = 60.0  # how long to wait for another node that is migrating the same database
ADVISORY_LOCK = 0x6B6B745F  # "kkt_"; any number that every node agrees on


def migrate(url: str | Path, *, scripts: Path = SCRIPTS) -> None:
    """Upgrade the database at ``url`` to the newest revision (blocking); nothing to do is success.

    ``url`` is ``sqlite:///file``, ``postgresql://...`` or a path. A missing SQLite file is created.

    Raises:
        StorageError: the database belongs to a newer program, is damaged, or cannot be reached.
    """
    with _exclusive(url) as connection:
        refuse_newer(connection, scripts=scripts)
        command.upgrade(_config(connection, scripts), "heads")


def revision(url: str | Path) -> str | None:
    """The revision a database is at, or None when it has no schema yet (blocking)."""
    with _exclusive(url) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def refuse_newer(connection: Connection, *, scripts: Path = SCRIPTS) -> None:
    """Only reads.

    Raises:
        StorageError: the database is at a revision that this program does not know.
    """
    known = ScriptDirectory.from_config(_config(connection, scripts))
    for head in MigrationContext.configure(connection).get_current_heads():
        try:
            known.get_revision(head)
        except CommandError as error:
            raise StorageError(
                f"The database is at revision {head}, which this program does not know: "
                "it was opened by a newer version. Install that version again, or "
                "restore a backup made before the upgrade.",
                f"База данных имеет версию схемы {head}, неизвестную этой программе: её открывала более "
                "новая версия. Верните новую версию программы или восстановите резервную копию, "
                "сделанную до обновления.",
            ) from error


def _config(connection: Connection, scripts: Path) -> Config:
    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


@contextmanager
def _exclusive(url: str | Path) -> Iterator[Connection]:
    """A connection in a transaction that no other migration shares; commits when the block ends well."""
    path = sqlite_path(url)
    transaction = _postgres(str(url)) if path is None else _sqlite(path)
    with transaction as connection:
        yield connection


@contextmanager
def _sqlite(path: Path) -> Iterator[Connection]:
    held = hold_open(path)
    settings = replace(SqliteSettings(), busy_timeout_s=OTHER_NODE_S)
    engine = sqlite_engine(path, settings=settings, read_only=False)
    try:
        prepare_file(path)
        with engine.connect() as connection:
            raw = raw_connection(connection)
            raw.execute("PRAGMA foreign_keys=OFF")  # has no effect inside a transaction
            with connection.begin():
                raw.execute("BEGIN IMMEDIATE")
                yield connection
                broken = raw.execute("PRAGMA foreign_key_check").fetchall()
                if broken:
                    tables = ", ".join(sorted({row[0] for row in broken}))
                    raise StorageError(
                        f"The upgrade of {path.name} was taken back: rows of {tables} refer to missing rows.",
                        f"Обновление {path.name} отменено: строки таблиц {tables} ссылаются "
                        "на отсутствующие строки.",
                    )
    except (DBAPIError, sqlite3.Error) as error:
        raise explain(error, path) from error
    finally:
        engine.dispose()
        held.release()


@contextmanager
def _postgres(url: str) -> Iterator[Connection]:
    address, options = postgres_address(url)
    engine = create_engine(
        address,
        poolclass=NullPool,
        connect_args={
            "connect_timeout": CONNECT_S,
            "options": f"-c lock_timeout={int(OTHER_NODE_S * 1000)} {options}",
        },
    )
    try:
        with engine.connect() as connection, connection.begin():
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
            yield connection
    except DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no answer"
        raise StorageError(
            f"The upgrade of the PostgreSQL database failed: {reason}",
            f"Не удалось обновить базу данных PostgreSQL: {reason}",
        ) from error
    finally:
        engine.dispose()

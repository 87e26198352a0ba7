"""Bring the schema to the newest revision, before anything else opens the database.

One Alembic line serves both dialects. All pending revisions run in one transaction, so a crash leaves the
old schema; two nodes that start together take turns (SQLite's write lock, an advisory lock in PostgreSQL)
and the second finds nothing left to do. On SQLite foreign keys are off meanwhile, as a rebuilt table is
dropped and renamed, and are checked before the commit.

Alembic is loaded only when there is something to do: a service that starts beside an up-to-date database
saves its ten megabytes.
"""

import io
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, create_engine, inspect, text
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

if TYPE_CHECKING:
    from alembic.config import Config

SCRIPTS = Path(__file__).parent.parent / "migrations"
CONNECT_S = 10  # to a PostgreSQL server
OTHER_NODE_S = 60.0  # how long to wait for another node that is migrating the same database
VERSION_TABLE = "alembic_version"
ADVISORY_LOCK = 0x6B6B745F  # "kkt_"; any number that every node agrees on


def migrate(url: str | Path, *, scripts: Path = SCRIPTS) -> None:
    """Upgrade the database at ``url`` to the newest revision (blocking); nothing to do is success.

    ``url`` is ``sqlite:///file``, ``postgresql://...`` or a path. A missing SQLite file is created.

    Raises:
        StorageError: the database belongs to a newer program, is damaged, or cannot be reached.
    """
    with _exclusive(url) as connection:
        refuse_newer(connection, scripts=scripts)
        if _revision(connection) != revisions(scripts)[-1]:
            _upgrade(connection, scripts)


def revision(url: str | Path) -> str | None:
    """The revision a database is at, or None when it has no schema yet (blocking)."""
    with _exclusive(url) as connection:
        return _revision(connection)


def revisions(scripts: Path = SCRIPTS) -> list[str]:
    """All that this program knows, oldest first: the name of each file begins with its revision."""
    return sorted(path.stem.partition("_")[0] for path in (scripts / "versions").rglob("[0-9]*.py"))


def refuse_newer(connection: Connection, *, scripts: Path = SCRIPTS) -> None:
    """Only reads.

    Raises:
        StorageError: the database is at a revision that this program does not know.
    """
    at = _revision(connection)
    if at is not None and at not in revisions(scripts):
        raise StorageError(
            f"The database is at revision {at}, which this program does not know: "
            "it was opened by a newer version. Install that version again, or "
            "restore a backup made before the upgrade.",
            f"База данных имеет версию схемы {at}, неизвестную этой программе: её открывала более "
            "новая версия. Верните новую версию программы или восстановите резервную копию, "
            "сделанную до обновления.",
        )


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one_or_none()  # noqa: S608


def alembic_config(scripts: Path = SCRIPTS) -> "Config":
    """How Alembic reads the line of revisions, which stands in a folder for each release."""
    from alembic.config import Config

    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("recursive_version_locations", "true")
    return config


def _upgrade(connection: Connection, scripts: Path) -> None:
    from alembic import command

    config = alembic_config(scripts)
    config.attributes["connection"] = connection
    command.upgrade(config, "heads")


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
            # Alembic is loaded, and revisions compute, between statements: longer than a server may allow.
            connection.execute(
                text(f"SET LOCAL idle_in_transaction_session_timeout = {int(OTHER_NODE_S * 1000)}")
            )
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

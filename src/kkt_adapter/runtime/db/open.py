"""From an address to a `Database`."""

from pathlib import Path
from typing import TYPE_CHECKING

from kkt_adapter.runtime.db.sqlite import SqliteDatabase
from kkt_adapter.runtime.db.sqlite_file import SqliteSettings
from kkt_adapter.runtime.db.urls import sqlite_path

if TYPE_CHECKING:
    from kkt_adapter.runtime.db.postgres import PostgresDatabase, PostgresSettings


def open_database(
    url: str | Path, *, sqlite: SqliteSettings | None = None, postgres: "PostgresSettings | None" = None
) -> "SqliteDatabase | PostgresDatabase":
    """Open ``sqlite:///file``, a path, or ``postgresql://...``; run `migrate` on it first.

    Of the two settings the one that fits is used.

    Raises:
        SettingsInvalid: the address is not usable.
        StorageError: the SQLite file is damaged or not accessible. A PostgreSQL server is not asked yet.
    """
    path = sqlite_path(url)
    if path is None:
        from kkt_adapter.runtime.db.postgres import PostgresDatabase  # with SQLAlchemy's dialect, 3 MB

        return PostgresDatabase(str(url), postgres)
    return SqliteDatabase(path, sqlite)

"""An empty SQLite database of today's schema, made once per test process: tests begin with a copy of it.

The migrations themselves are tested in `tests/unit/runtime/test_migrate.py` and
`tests/integration/runtime/test_upgrade.py`. A product that finds the newest schema has nothing to migrate, so
every other test saves what the migrations cost.
"""

import os
import tempfile
from functools import cache
from pathlib import Path

from kkt_adapter.runtime.db.migrate import migrate
from kkt_adapter.runtime.db.urls import sqlite_path
from kkt_adapter.runtime.file_lock import DIRECTORY_MODE, FILE_MODE
from kkt_adapter.settings import Settings


def migrated(url: str | Path) -> None:
    """As `migrate`, for a database that is to be made: a SQLite file is copied instead of built."""
    path = sqlite_path(url)
    if path is None or path.exists():
        migrate(url)
    else:
        put_ready(path)


def put_ready(path: Path) -> None:
    """Make the file, and its directory, as the service would leave them after the migrations."""
    path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE), "wb") as file:
        file.write(_empty_database())


def spare_migrations(settings: Settings) -> None:
    """A product that starts in an empty place finds its database made, but never used."""
    path = sqlite_path(settings.database)
    if path is not None and path.parent == settings.data_dir and not settings.data_dir.exists():
        put_ready(path)


@cache
def _empty_database() -> bytes:
    with tempfile.TemporaryDirectory(prefix="kkt-ready-") as directory:
        path = Path(directory) / "kkt.db"
        migrate(path)
        return path.read_bytes()

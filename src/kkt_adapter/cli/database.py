"""Commands that work on the database directly, beside a running service or without one."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.runtime.database import Database
from kkt_adapter.runtime.migrate import migrate
from kkt_adapter.runtime.open import open_database

T = TypeVar("T")

DEFAULT_DIR = Path("data")
DATABASE_FILE = "kkt.db"

DataDir = Annotated[
    Path,
    typer.Option("--data-dir", envvar="KKT_DATA_DIR", help="Where the service keeps its data."),
]


def database_address(data_dir: Path) -> str | Path:
    """DATABASE_URL, else BUFFER_DB_PATH, else the file in the data directory."""
    url = os.environ.get("DATABASE_URL") or os.environ.get("BUFFER_DB_PATH")
    return url or data_dir / DATABASE_FILE


def run_on_database(data_dir: Path, work: Callable[[Database], Awaitable[T]]) -> T:
    """Bring the schema up to date, do the work, close. An error of ours is one line and exit code 1."""
    try:
        return asyncio.run(_on_database(database_address(data_dir), work))
    except AdapterError as error:
        typer.echo(error.detail.ru if _speaks_russian() else error.detail.en, err=True)
        raise typer.Exit(1) from error


async def _on_database(address: str | Path, work: Callable[[Database], Awaitable[T]]) -> T:
    await asyncio.to_thread(migrate, address)
    db = open_database(address)
    try:
        return await work(db)
    finally:
        await db.close()


def _speaks_russian() -> bool:
    wanted = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return wanted.startswith("ru")

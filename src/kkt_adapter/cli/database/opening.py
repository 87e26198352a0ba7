"""Commands that work on the database directly, beside a running service or without one."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from kkt_adapter.bootstrap.identity import look_around, refuse_another_file
from kkt_adapter.cli.screen import complain
from kkt_adapter.cli.texts import said
from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.runtime.db.migrate import migrate
from kkt_adapter.runtime.db.open import open_database
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.settings import load_settings

T = TypeVar("T")

FAILED = 1  # exit code

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", envvar="KKT_DATA_DIR", help="Where the service keeps its data.", show_default="var"
    ),
]


def run_on_database(data_dir: Path | None, work: Callable[[Database], Awaitable[T]]) -> T:
    """Bring the schema up to date, do the work, close. An error of ours is one line and exit code 1.

    The database is the one that the service would use with the same configuration; in the place of a lost one
    none is made.
    """
    try:
        settings = load_settings(overrides={"data_dir": data_dir})
        refuse_another_file(settings, look_around(settings))
        return asyncio.run(_on_database(settings.database, work))
    except AdapterError as error:
        complain(said(error.detail))
        raise typer.Exit(FAILED) from error


async def _on_database(address: str, work: Callable[[Database], Awaitable[T]]) -> T:
    await asyncio.to_thread(migrate, address)
    database = open_database(address)
    try:
        return await work(database)
    finally:
        await database.close()

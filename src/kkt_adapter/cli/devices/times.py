"""What the receipts of a register have cost at the device, from the rows of its attempts."""

import asyncio
from collections.abc import Iterator

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from kkt_adapter.fiscal.kkt.command_times import CommandTime
from kkt_adapter.fiscal.printing.attempt_commands import Commands, newest_commands
from kkt_adapter.fiscal.printing.device_times import (
    RECEIPTS_KEPT,
    DeviceTimes,
    DeviceTimesShown,
    Spread,
)
from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.runtime.db.open import open_database
from kkt_adapter.runtime.db.urls import sqlite_path
from kkt_adapter.settings import Settings

DATABASE_S = 10.0  # to answer


def times_of(settings: Settings, register_id: str) -> DeviceTimesShown | None:
    """Over its newest receipts; None: nothing is known, or the database cannot be read."""
    path = sqlite_path(settings.database)
    if path is not None and not path.exists():
        return None
    try:
        receipts = asyncio.run(_read(settings.database, register_id))
    except (AdapterError, SQLAlchemyError, TimeoutError):
        return None
    times = DeviceTimes()
    for commands in receipts:
        times.add(CommandTime(name, ms) for name, each in commands.items() for ms in each)
    return times.shown()


async def _read(address: str, register_id: str) -> list[Commands]:
    def newest(conn: Connection) -> list[Commands]:
        return newest_commands(conn, register_id, limit=RECEIPTS_KEPT)

    database = open_database(address)
    try:
        async with asyncio.timeout(DATABASE_S):
            return await database.read(newest)
    finally:
        await database.close()


def as_lines(times: DeviceTimesShown | None) -> Iterator[tuple[str, str]]:
    """Name and value of each line."""
    if times is None:
        yield "receipt at the device", "no receipts yet"
        return
    yield "receipt at the device", _shown(times.receipt)
    for name, spread in times.commands:
        yield f"  {name}", _shown(spread)


def _shown(spread: Spread) -> str:
    return (
        f"p50 {spread.p50_ms} ms, p95 {spread.p95_ms} ms, p99 {spread.p99_ms} ms, "
        f"longest {spread.max_ms} ms ({spread.count})"
    )

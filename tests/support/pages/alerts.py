"""The running product with alerts that come and go at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.product import Product, product

from kkt_adapter.emulators.ofd import OfdEmulator
from kkt_adapter.fiscal.alerts import rows as alert_rows

QUICK: dict[str, Any] = {"alert_interval_s": 0.05, "response_budget_s": 0.3}


@asynccontextmanager
async def watched(folder: Path, **settings: Any) -> AsyncIterator[Product]:
    async with product(folder, **(QUICK | settings)) as running:
        yield running


@asynccontextmanager
async def operator() -> AsyncIterator[OfdEmulator]:
    ofd = OfdEmulator()
    await ofd.start()
    try:
        yield ofd
    finally:
        await ofd.stop()


async def rows(running: Product) -> list[alert_rows.Notice]:
    """Oldest first."""
    return list(reversed(await running.read(alert_rows.history)))


async def over(running: Product, code: str) -> None:
    async def ended() -> bool:
        found = [row for row in await rows(running) if row.code == code]
        return bool(found) and all(row.ended_at is not None for row in found)

    await running.until(ended)

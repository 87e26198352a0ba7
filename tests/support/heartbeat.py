"""The product beside a strict back office."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.erp import back_office, event_ids, office
from tests.support.product import Product, product

from kkt_adapter.emulators.erp import ErpEmulator

QUICK: dict[str, Any] = {"network_interval_s": 0.05, "network_least_s": 0.0}


@asynccontextmanager
async def with_back_office(
    folder: Path, *, timeout_s: float = 20.0, **settings: Any
) -> AsyncIterator[tuple[Product, ErpEmulator]]:
    async with back_office() as erp:
        offices = (office(erp.url, interval_s=0.05, timeout_s=timeout_s),)
        async with product(folder, **(QUICK | {"back_office": offices} | settings)) as running:
            yield running, erp


async def told(running: Product, erp: ErpEmulator) -> None:
    """The back office has every event of now."""

    async def all_there() -> bool:
        return bool(sorted(erp.book.stored) == await running.read(event_ids))

    await running.until(all_there)

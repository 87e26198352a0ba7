"""Delivery at work: its endpoint and lane, receipts that were tried, and passes by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.support.product import TILL, Product

from kkt_adapter.emulators.ofd import OfdFault, OfdFaultMode
from kkt_adapter.fiscal.delivery.endpoint import Endpoint
from kkt_adapter.fiscal.delivery.lanes.relay import RelayLane
from kkt_adapter.fiscal.store import counters
from kkt_adapter.settings import Transport

HTTP: Any = {"ofd_transport": Transport.HTTP, "wake_on_receipt": False}


def endpoint(running: Product) -> Endpoint:
    (only,) = running.services.worker._endpoints()
    return only


async def relay_lane(running: Product) -> RelayLane:
    (lane,) = await running.services.worker._lanes()
    assert isinstance(lane, RelayLane)
    return lane


async def attempted(running: Product, receipt_id: str, times: int) -> bool:
    return bool((await running.receipt(receipt_id))["retry_count"] >= times)


async def forced_through(running: Product) -> bool:
    await running.call("POST", "/v1/kkt/buffer/sync?force=true")
    totals = await running.read(counters.read)
    return bool(totals.undelivered == 0)


async def sold_unsent(running: Product, n: int, *, till: str = TILL) -> list[str]:
    """Receipts that were printed while the operator was away, and the way to it closed."""
    return [answer["receipt_id"] for answer in await running.sell(n, till=till)]


async def refuse(running: Product, receipt_id: str, code: int = 422, **more: Any) -> None:
    await running.ofd.set_faults(OfdFault(mode=OfdFaultMode.CODE, code=code, receipt_id=receipt_id, **more))


async def breaker_is(running: Product, state: str) -> bool:
    return bool((await running.status())["cb_state"] == state)


@asynccontextmanager
async def paused(running: Product) -> AsyncIterator[None]:
    """No pass of its own while the block prepares one."""
    async with running.services.worker._passing:
        yield


async def forced(running: Product) -> dict[str, Any]:
    """A manual pass that ignores due times; waits for the scheduled one in its way."""
    while True:
        answer = await running.call("POST", "/v1/kkt/buffer/sync?force=true")
        if answer.status_code == 200:
            shown: dict[str, Any] = answer.json()
            return shown
        assert answer.json()["code"] == "SYNC_IN_PROGRESS"
        await asyncio.sleep(0.01)


async def all_tried(running: Product, ids: list[str]) -> bool:
    rows = [await running.receipt(receipt_id) for receipt_id in ids]
    return all(row["retry_count"] for row in rows)

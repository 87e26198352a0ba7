"""The breaker of delivery over HTTP: what opens it, and what closes it."""

import asyncio
from functools import partial
from pathlib import Path

from tests.support.delivery import HTTP, all_tried, breaker_is, endpoint, paused, sold_unsent
from tests.support.product import Product, product, virtual_registers

from kkt_adapter.emulators.ofd import OfdFault, OfdFaultMode


async def test_five_channel_failures_open_the_breaker_and_rejections_do_not(tmp_path: Path) -> None:
    tills = tuple(f"T{i}" for i in range(6))
    async with product(tmp_path, registers=virtual_registers(*tills), breaker_open_s=60.0, **HTTP) as running:
        async with paused(running):
            ids = [answer["receipt_id"] for answer in await running.sell_at_once(12, tills=tills)]
            await running.ofd.set_faults(OfdFault(mode=OfdFaultMode.CODE, code=422))
        await running.until(partial(all_tried, running, ids))
        assert (await running.status())["cb_state"] == "CLOSED"
        await running.ofd.set_faults(OfdFault(mode=OfdFaultMode.CODE, code=503))
        await running.until(partial(breaker_is, running, "OPEN"))
        await running.until(partial(nothing_on_its_way, running))
        tried = sum(endpoint(running).stats.errors.values())
        await asyncio.sleep(0.5)
        assert sum(endpoint(running).stats.errors.values()) == tried


async def nothing_on_its_way(running: Product) -> bool:
    """What was being sent when the breaker opened has failed by then, too."""
    return int((await running.status())["syncing"]) == 0


async def test_a_rejection_is_a_good_probe(tmp_path: Path) -> None:
    """The operator refuses, so it is alive: a half-open breaker closes on it."""
    async with product(tmp_path, breaker_failures=1, breaker_open_s=0.2, **HTTP) as running:
        async with paused(running):
            ids = await sold_unsent(running, 2)
            await running.ofd.set_faults(OfdFault(mode=OfdFaultMode.CODE, code=503))
        await running.until(partial(breaker_is, running, "OPEN"))
        await running.ofd.set_faults(OfdFault(mode=OfdFaultMode.CODE, code=422))
        await running.until(partial(breaker_is, running, "CLOSED"))
        rows = [await running.receipt(receipt_id) for receipt_id in ids]
        assert any("http_422" in (row["last_error"] or "") for row in rows)
        await running.repair_operator()
        await running.delivered()


async def test_a_half_open_breaker_with_nothing_to_send_asks_the_health_call(tmp_path: Path) -> None:
    async with product(tmp_path, breaker_failures=1, breaker_open_s=0.2, **HTTP) as running:
        await running.break_operator("code", code=503, count=1)
        (receipt_id,) = await sold_unsent(running, 1)
        await running.until(partial(breaker_is, running, "CLOSED"))
        row = await running.state_of(receipt_id, status="synced")
        assert row["retry_count"] == 1

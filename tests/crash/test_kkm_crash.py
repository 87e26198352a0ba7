"""A till of KkmServer over kill -9: its cashier presses again with a new IdCommand."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.support.books import archive
from tests.support.doors.kkm import SECRET, execute, result, sale
from tests.support.doors.shops import STAMP, receipt
from tests.support.processes.service import ServiceProcess, service_process
from tests.support.product import sale as native_sale

from kkt_adapter.emulators.ofd import OfdEmulator
from kkt_adapter.fiscal.kkt.virtual.identity import SELLER_INN

pytestmark = [pytest.mark.crash, pytest.mark.timeout(300)]

SHOP = f'[[shop]]\nid = "till"\nlogin = "till"\nsecret = "{SECRET}"\ngroups = ["A"]\n'
KEY = "1001"  # what shops use
GOODS_150 = [{"Register": {"Name": "Чай", "Quantity": 1, "Price": 150.0, "Amount": 150.0, "Tax": -1}}]


def _receipts(service: ServiceProcess) -> int:
    return sum(one.total_kop is not None for one in archive(service.settings.fn_dir, "A"))


async def test_a_press_after_a_kill_prints_nothing_twice(tmp_path: Path) -> None:
    ofd = OfdEmulator()
    await ofd.start()
    try:
        async with service_process(tmp_path, tills=("A",), ofd=ofd, KKT_VIRTUAL_LATENCY="0.3") as service:
            await _sell_over_kills(service)
    finally:
        await ofd.stop()


async def _sell_over_kills(service: ServiceProcess) -> None:
    service.config.write_text(service.config.read_text() + SHOP)
    service.start()
    await service.ready()
    async with httpx2.AsyncClient(base_url=service.base_url, timeout=60) as client:
        first = await execute(client, sale("first"), path="/Execute/async")
        assert first["Status"] == 1, first
        service.kill()
        service.start()
        await service.ready()
        pressed = await execute(client, sale("second"))
        assert (pressed["Status"], "[just_registered]" in pressed["Error"]) == (2, True), pressed
        assert _receipts(service) == 1
        found = await result(client, "first")
        assert (found["Status"], found["Rezult"]["Status"]) == (0, 0)
        again = await execute(client, sale("first"))
        assert (again["Status"], again["CheckNumber"]) == (0, found["CheckNumber"])
        assert _receipts(service) == 1
        await _same_text_through_every_door(service, client)


async def _same_text_through_every_door(service: ServiceProcess, client: httpx2.AsyncClient) -> None:
    """ "1001" is a key of three shops; the service is killed while it prints for all of them."""
    native: dict[str, Any] = {"json": native_sale(till="A"), "headers": {"Idempotency-Key": KEY}}
    body = {"external_id": KEY, "timestamp": STAMP, "receipt": receipt(SELLER_INN)}

    async def sell_online() -> httpx2.Response:
        login = {"login": "till", "pass": SECRET}
        token = (await client.post("/v5/getToken", json=login)).json()["token"]
        return await client.post("/v5/A/sell", json=body, headers={"Token": token})

    uuid = (await sell_online()).json()["uuid"]
    pressed = await execute(client, sale(KEY, Cash=150, CheckStrings=GOODS_150), path="/Execute/async")
    assert pressed["Status"] == 1, pressed
    posting = asyncio.create_task(client.post("/v1/kkt/receipt", **native))
    await asyncio.sleep(0)  # it is on its way, or not: both must come out right
    service.kill()
    with contextlib.suppress(httpx2.HTTPError):
        await posting
    service.start()
    await service.ready()
    assert (await sell_online()).json()["uuid"] == uuid
    repeated = await execute(client, sale(KEY, Cash=150, CheckStrings=GOODS_150))
    assert repeated["Status"] == 0, repeated
    assert (await client.post("/v1/kkt/receipt", **native)).status_code == 200
    async with asyncio.timeout(60):
        while _receipts(service) < 4:  # noqa: ASYNC110 - the last one is being printed
            await asyncio.sleep(0.1)
    assert (await sell_online()).json()["uuid"] == uuid
    assert _receipts(service) == 4

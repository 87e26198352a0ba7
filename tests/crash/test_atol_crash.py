"""A web shop over kill -9: it repeats what it got no answer to, asks for the report, and is called back."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.api.doors.test_shop_callbacks import Receiver, receiver
from tests.support.books import archive
from tests.support.doors.shops import SECRET, STAMP, receipt
from tests.support.processes.service import ServiceProcess, service_process

from kkt_adapter.emulators.ofd import OfdEmulator

pytestmark = [pytest.mark.crash, pytest.mark.timeout(300)]

SHOP = f"""
[[group]]
id = "main"
registers = ["A", "B"]
[[shop]]
id = "web"
login = "shop"
secret = "{SECRET}"
groups = ["main"]
callback_hosts = ["127.0.0.1"]
"""


def _receipts(service: ServiceProcess) -> int:
    folder = service.settings.fn_dir
    return sum(one.total_kop is not None for name in ("A", "B") for one in archive(folder, name))


class WebShop:
    def __init__(self, client: httpx2.AsyncClient, url: str) -> None:
        self.client = client
        self.url = url
        self.inn = ""

    async def token(self) -> dict[str, str]:
        answer = await self.client.post("/v5/getToken", json={"login": "shop", "pass": SECRET})
        return {"Token": answer.json()["token"]}

    async def company(self) -> str:
        """The INN of the registers, as the refusal of another one names it; the lanes open meanwhile."""
        self.inn = "7707083893"
        for _ in range(300):
            error = (await self.sell("inn"))["error"]
            if error["code"] == 2009:
                return str(error["text"].partition("группы (")[2].partition(")")[0])
            assert error["code"] == 50, error
            await asyncio.sleep(0.1)
        raise AssertionError("no register has told")

    async def sell(self, external_id: str) -> Any:
        body = {
            "external_id": external_id,
            "timestamp": STAMP,
            "receipt": receipt(self.inn),
            "service": {"callback_url": self.url},
        }
        answer = await self.client.post("/v5/main/sell", json=body, headers=await self.token())
        return answer.json()

    async def done(self, uuid: str) -> Any:
        async with asyncio.timeout(60):
            while True:
                answer = await self.client.get(f"/v5/main/report/{uuid}", headers=await self.token())
                if answer.json()["status"] != "wait":
                    return answer.json()
                await asyncio.sleep(0.1)


async def until(check: Callable[[], bool]) -> None:
    for _ in range(600):
        if check():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("not within a minute")


async def test_a_shop_over_kills_gets_one_receipt_for_each_key(tmp_path: Path) -> None:
    ofd = OfdEmulator()
    await ofd.start()
    try:
        async with (
            receiver() as told,
            service_process(tmp_path, tills=("A", "B"), ofd=ofd, KKT_VIRTUAL_LATENCY="0.3") as service,
        ):
            service.config.write_text(service.config.read_text() + SHOP)
            await _sell_over_kills(service, told)
    finally:
        await ofd.stop()


async def _sell_over_kills(service: ServiceProcess, told: Receiver) -> None:
    service.start()
    await service.ready()
    async with httpx2.AsyncClient(base_url=service.base_url, timeout=60) as client:
        shop = WebShop(client, told.url)
        shop.inn = await shop.company()

        uuid = (await shop.sell("1001"))["uuid"]
        service.kill()  # between the answer to the registration and the register's
        service.start()
        await service.ready()
        again = await shop.sell("1001")
        assert (again["uuid"], again["error"]["code"]) == (uuid, 33)
        assert (await shop.done(uuid))["status"] == "done"

        selling = asyncio.create_task(shop.sell("1002"))
        await asyncio.sleep(0.05)  # whether it was stored by then does not matter
        service.kill()
        await asyncio.gather(selling, return_exceptions=True)
        service.start()
        await service.ready()
        second = (await shop.sell("1002"))["uuid"]
        assert (await shop.done(second))["status"] == "done"
        assert _receipts(service) == 2
        await until(lambda: {one["uuid"] for one in told.got} == {uuid, second})
        assert {one["status"] for one in told.got} == {"done"}

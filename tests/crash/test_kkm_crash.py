"""A till of KkmServer over kill -9: its cashier presses again with a new IdCommand."""

from pathlib import Path

import httpx2
import pytest
from tests.support.kkm import SECRET, execute, result, sale
from tests.support.product import ServiceProcess, archive, service_process

from kkt_adapter.emulators.ofd import OfdEmulator

pytestmark = [pytest.mark.crash, pytest.mark.timeout(120)]

SHOP = f'[[shop]]\nid = "till"\nlogin = "till"\nsecret = "{SECRET}"\ngroups = ["A"]\n'


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

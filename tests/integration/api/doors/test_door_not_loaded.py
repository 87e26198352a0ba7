"""A door whose code cannot be had in time: clients read an answer that they know."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.doors import kkm
from tests.support.doors.shops import client_of, shop_settings
from tests.support.product import Product, product

from kkt_adapter.api import late
from kkt_adapter.fiscal.store.tables import receipts

REPORT = "/possystem/v4/main/report/8a1b6f0e-0000-4000-8000-000000000001"


@pytest.mark.parametrize("fails", [False, True])
async def test_what_a_door_answers_before_it_is_loaded(fails: bool, tmp_path: Path) -> None:
    async with product(tmp_path, shop=(shop_settings(), kkm.shop())) as running:
        go_on = threading.Event()
        with pytest.MonkeyPatch.context() as held:
            held.setattr(late, "WAIT_S", 0.05)
            for way in running.services.app.state.services.doors:
                build = way.door._build

                def slow(build: Callable[[], object] = build) -> object:
                    if fails and not go_on.is_set():
                        raise ImportError("gone")
                    assert go_on.wait(60)
                    return build()

                held.setattr(way.door, "_build", slow)
            try:
                await _told(running)
            finally:
                go_on.set()
        await _works(running)


async def _told(running: Product) -> None:
    for version in (4, 5):
        token = await running.client.post(f"/possystem/v{version}/getToken", json={})
        error = token.json()["error"]
        assert (token.status_code, error["code"], error["type"]) == (500, 50, "system"), token.text
        assert token.content.isascii()
        assert token.json().get("status" if version == 5 else "code") in ("fail", 2)
    sale = await running.client.post("/possystem/v4/main/sell", json={})
    assert (sale.status_code, sale.json()["status"], sale.json()["uuid"]) == (500, "fail", None)
    assert "external_id" in sale.json()["error"]["text"]
    report = await running.client.get(REPORT)
    assert (report.status_code, report.json()["status"]) == (500, "wait")
    assert report.json()["uuid"] == REPORT.rpartition("/")[2]
    pressed = await kkm.execute(running.client, kkm.sale("x"))
    assert (pressed["Status"], "[not_loaded]" in pressed["Error"]) == (2, True), pressed
    assert not await running.read(lambda c: c.execute(receipts.select()).all())


async def _works(running: Product) -> None:
    """Once it is loaded the same requests are carried out."""
    web = await client_of(running)
    assert web.token
    pressed = await kkm.execute(running.client, kkm.sale("x"))
    assert pressed["Status"] == 0, pressed

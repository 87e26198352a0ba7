"""Every refusal of the edge through both doors, in the form of each, and nothing stored."""

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.support.doors import kkm
from tests.support.doors.kkm import execute, sale
from tests.support.doors.shops import Client, client_of, shop_settings
from tests.support.product import Product, product

from kkt_adapter.api.edge import Edge
from kkt_adapter.api.rate import RateLimit
from kkt_adapter.fiscal.intake.accept import ReceiptIntake
from kkt_adapter.fiscal.store.tables import receipts
from kkt_adapter.kernel.errors import StorageError

FULL = 50
FORM = {"uuid", "timestamp", "status", "error"}
PAGE = "https://till.example"


class Doors:
    """The same sale through both, each with a key of its own."""

    def __init__(self, running: Product, web: Client) -> None:
        self.running = running
        self.web = web

    async def refused(self, *, atol: tuple[int, int], execute_code: str) -> None:
        """``atol``: HTTP status and code; ``execute_code``: the word at the end of Error, with Status 2."""
        before = await self._stored()
        answer = await self.web.sell("refused")
        found = answer.json()
        assert set(found) == FORM, found
        assert (answer.status_code, found["error"]["code"], found["status"]) == (*atol, "fail"), found
        assert found["error"]["text"]
        pressed = await execute(self.running.client, sale("refused"))
        assert (pressed["Status"], pressed["Error"].rpartition(" ")[2]) == (2, f"[{execute_code}]"), pressed
        for run in ("смена", "лиценз"):
            assert run not in pressed["Error"].lower()
        assert await self._stored() == before

    async def _stored(self) -> int:
        return len(await self.running.read(lambda c: c.execute(receipts.select()).all()))


async def _storage(doors: Doors, patch: pytest.MonkeyPatch) -> None:
    async def broken(*given: Any, **more: Any) -> Any:
        raise StorageError("disk I/O error", "ошибка диска")

    patch.setattr(ReceiptIntake, "_commit", broken)
    answer = await doors.web.sell("refused")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, 50)
    assert "не принят" not in answer.json()["error"]["text"], "nobody knows that"
    pressed = await execute(doors.running.client, sale("refused"))
    assert (pressed["Status"], bool(pressed["Error"])) == (1, True), "it may be on disk all the same"


def _edge(running: Product) -> Edge:
    return running.services.app.edge


async def _overload(doors: Doors, patch: pytest.MonkeyPatch) -> None:
    edge = _edge(doors.running)
    patch.setattr(edge, "_in_flight", edge._settings.max_in_flight)
    await doors.refused(atol=(500, 50), execute_code="overloaded")


async def _host(doors: Doors, patch: pytest.MonkeyPatch) -> None:
    doors.running.client.headers["Host"] = "evil.example"
    answer = await doors.web.sell("refused")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, 14)
    pressed = await kkm.post(doors.running.client, sale("refused"))
    assert (pressed.status_code, pressed.json()["Status"]) == (200, 2), "its clients do not read others"


async def _size(doors: Doors, patch: pytest.MonkeyPatch) -> None:
    large = "x" * (1024 * 1024)
    answer = await doors.web.sell("refused", large=large)
    assert (answer.status_code, answer.json()["error"]["code"], set(answer.json())) == (400, 40, FORM)
    pressed = await execute(doors.running.client, sale("refused", Large=large))
    assert (pressed["Status"], "[body_too_large]" in pressed["Error"]) == (2, True), pressed
    for page, may_read in ((PAGE, True), ("https://evil.example", False)):
        from_page = await kkm.post(doors.running.client, sale("refused", Large=large), Origin=page)
        assert ("access-control-allow-origin" in from_page.headers) is may_read, "a page can show why"


async def _too_often(doors: Doors, patch: pytest.MonkeyPatch) -> None:
    """Whoever asks too often waits; no client of theirs knows 429."""
    patch.setattr(_edge(doors.running), "_door_rate", RateLimit(doors.running.clock, per_s=20))
    asked: list[Awaitable[httpx2.Response]] = [doors.web.post({}) for _ in range(25)]
    asked += [kkm.post(doors.running.client, {"Command": "GetLineLength"}) for _ in range(25)]
    statuses = {answer.status_code for answer in await asyncio.gather(*asked)}
    assert statuses == {400, 200}, "an empty document is refused by its form, a question is answered"


async def test_refusals_of_the_edge_have_the_doors_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with product(tmp_path, shop=(shop_settings(), kkm.shop(origins=(PAGE,)))) as running:
        doors = Doors(running, await client_of(running))
        for what in (_size, _storage, _overload, _too_often, _host):
            with monkeypatch.context() as patch:
                await what(doors, patch)


async def test_refusals_of_a_full_and_of_a_resting_adapter_have_the_doors_form(tmp_path: Path) -> None:
    shops = (shop_settings(), kkm.shop())
    async with product(tmp_path, shop=shops, capacity=FULL, sync_interval_s=600) as running:
        doors = Doors(running, await client_of(running))
        await running.break_operator("down")
        await running.sell_at_once(FULL)
        await doors.refused(atol=(500, 50), execute_code="buffer_full")
        await running.call("POST", "/v1/pos/maintenance", {"reason": "x", "estimated_duration_minutes": 5})
        await doors.refused(atol=(500, 50), execute_code="maintenance")

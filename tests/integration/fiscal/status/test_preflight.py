"""``GET /v1/kkt/ready``: each reason, made to happen on the real product."""

import asyncio
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.support.product import Product, product, sale, virtual_registers

from kkt_adapter.api.schemas.answers.registers import ReadinessShown
from kkt_adapter.fiscal.kkt.virtual import FaultPlan
from kkt_adapter.fiscal.status import readiness
from kkt_adapter.fiscal.status.readiness import KNOWN_S, NotReady
from kkt_adapter.runtime.disk import DiskMark
from kkt_adapter.settings import GroupSettings

POOL: dict[str, Any] = {
    "registers": (
        *virtual_registers("K1", "K2"),
        *virtual_registers("K3", automatic_shift=False),
    ),
    "group": (GroupSettings(id="main", registers=("K1", "K2")),),
}


async def reason(running: Product, **query: str) -> Any:
    found = await running.get("/v1/kkt/ready", **query)
    assert found["ready"] is (found["reason"] is None)
    assert found["detail"]
    return found["reason"]


async def aside(running: Product, register_id: str, how: str) -> None:
    answer = await running.call("POST", f"/v1/kkt/registers/{register_id}/{how}", {"reason": "x"})
    assert answer.status_code == 200


async def test_every_reason_of_a_register_and_of_a_group(tmp_path: Path) -> None:
    async with product(tmp_path, response_budget_s=0.05, **POOL) as running:
        assert await reason(running, pos_id="nobody") == "unknown_till"
        assert await reason(running) == "unknown_till"  # several registers: one must be named
        for till in ("K1", "K2"):

            async def opened(till: str = till) -> bool:
                return await reason(running, pos_id=till) is None

            await running.until(opened)

        async def its_shift_is_missed() -> bool:
            return bool(await reason(running, pos_id="K3") == "shift")

        await running.until(its_shift_is_missed)
        assert (await running.get("/v1/kkt/ready", group="main"))["register_id"] == "K1"

        await aside(running, "K1", "hold")
        assert await reason(running, pos_id="K1") == "hold"
        assert (await running.get("/v1/kkt/ready", group="main"))["register_id"] == "K2"
        await aside(running, "K2", "drain")
        assert await reason(running, group="main") == "hold"
        await aside(running, "K1", "release")
        await aside(running, "K2", "release")

        for plan, said in (
            (FaultPlan(paper_out=True), "paper"),
            (FaultPlan(cover_open=True), "paper"),
            (FaultPlan(fn_full=True), "fn"),
            (FaultPlan(unreachable=True), "register"),
        ):
            running.faults("K1").set(plan)
            running.lane("K1").session.looked_at = float("-inf")
            running.wake("K1")

            async def told(said: str = said) -> bool:
                return bool(await reason(running, pos_id="K1") == said)

            await running.until(told)
            assert await reason(running, group="main") is None
            running.faults("K1").clear()
            running.lane("K1")._look_now = True
            running.wake("K1")

            async def ready() -> bool:
                return await reason(running, pos_id="K1") is None

            await running.until(ready)

        await running.call("POST", "/v1/pos/maintenance", {"reason": "x", "estimated_duration_minutes": 5})
        shown = await running.get("/v1/kkt/ready", group="main")
        assert (shown["reason"], shown["ready"]) == ("maintenance", False)
        assert shown["until"] > shown["checked_at"]
        english = await running.call("GET", "/v1/kkt/ready?group=main", **{"Accept-Language": "en"})
        assert english.json()["detail"] == shown["detail"] == "Maintenance: x"
        russian = await running.call("GET", "/v1/kkt/ready?group=main", **{"Accept-Language": "ru, en;q=0.9"})
        assert russian.json()["detail"] == "Обслуживание: x"


async def test_a_full_buffer(tmp_path: Path) -> None:
    async with product(tmp_path, capacity=50, sync_interval_s=600) as running:
        await running.break_operator("down")
        await running.sell_at_once(50)
        assert await reason(running) == "buffer"
        refused = await running.post(sale())
        assert refused.json()["code"] == "BUFFER_FULL"


class SilentDatabase:
    async def read(self, work: Any) -> Any:
        await asyncio.Event().wait()


async def test_it_tells_what_is_known_while_the_database_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with product(tmp_path) as running:
        await running.sell()
        assert await reason(running) is None
        with monkeypatch.context() as patch:
            patch.setattr(DiskMark, "is_low", property(lambda self: True))
            assert await reason(running) == "disk"
        preflight: Any = running.services.app.state.services.preflight
        monkeypatch.setattr(readiness, "PATIENCE_S", 0.01)
        with monkeypatch.context() as patch:
            patch.setattr(preflight, "_db", SilentDatabase())
            assert await reason(running) is None, "as it was a moment ago"
            patch.setattr(preflight, "_known_at", preflight._known_at - KNOWN_S)
            assert await reason(running) == "storage"
            preflight._reading.cancel()


def test_the_list_of_reasons_is_closed() -> None:
    told = ReadinessShown.__annotations__["reason"].__origin__
    assert {name for part in get_args(told) for name in get_args(part)} == set(NotReady)


@pytest.mark.parametrize("name", ["pos_id", "group"])
@pytest.mark.parametrize("text", ["%01x", "%20", "a" * 65])
async def test_what_cannot_be_a_name_is_refused_as_by_every_route(
    tmp_path: Path, name: str, text: str
) -> None:
    async with product(tmp_path) as running:
        here = await running.call("GET", f"/v1/kkt/ready?{name}={text}")
        there = await running.call("GET", f"/v1/kkt/receipts?pos_id={text}")
        assert (here.status_code, there.status_code) == (422, 422)
        assert here.json()["errors"] == [{**there.json()["errors"][0], "field": name}]

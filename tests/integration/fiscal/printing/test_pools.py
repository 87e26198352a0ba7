"""Groups of registers over the real product: one receipt per key, whatever becomes of the registers."""

from collections import Counter
from pathlib import Path
from typing import Any

from tests.support.product import Product, product, sale, virtual_registers

from kkt_adapter.settings import GroupSettings

GROUP = "main"
POOL: dict[str, Any] = {
    "registers": virtual_registers("K1", "K2"),
    "group": (GroupSettings(id=GROUP, registers=("K1", "K2")),),
}


async def aside(running: Product, register_id: str, how: str) -> Any:
    answer = await running.call("POST", f"/v1/kkt/registers/{register_id}/{how}", {"reason": "лента"})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def registers_of(running: Product, answers: list[Any]) -> list[str]:
    return [(await running.receipt(answer["receipt_id"]))["register_id"] for answer in answers]


async def test_a_group_sells_under_its_own_name_and_spreads_by_queue(tmp_path: Path) -> None:
    async with product(tmp_path, virtual_latency_s=0.05, **POOL) as running:
        first = await running.post(sale(till=GROUP), key="one-key")
        assert first.json()["status"] == "printed", first.text
        again = await running.post(sale(till=GROUP), key="one-key")
        assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
        stored = await running.receipt(first.json()["receipt_id"])
        assert (stored["pos_id"], stored["register_id"]) == (GROUP, "K1")
        many = await running.sell_at_once(20, tills=(GROUP,))
        assert set(Counter(await registers_of(running, many)).values()) == {10}
        await running.delivered()
        await running.check_books()


async def test_a_held_register_gives_its_waiting_receipts_away_and_keeps_what_it_began(
    tmp_path: Path,
) -> None:
    async with product(tmp_path, virtual_latency_s=0.3, response_budget_s=0.05, **POOL) as running:
        await running.sell_at_once(8, tills=(GROUP,))
        held = await aside(running, "K1", "hold")
        assert held["hold"]["mode"] == "hold"
        assert held["moved"] in (3, 4)  # of four; one may have been begun
        await running.delivered()
        await running.check_books(in_order=False)
        assert await registers_of(running, await running.sell(2, till=GROUP)) == ["K2", "K2"]
        await running.restart()
        shown = {one["register_id"]: one for one in (await running.get("/v1/kkt/status"))["registers"]}
        assert shown["K1"]["hold"]["reason"] == "лента"
        assert shown["K2"]["hold"] is None
        assert await registers_of(running, await running.sell(1, till=GROUP)) == ["K2"]
        assert (await aside(running, "K1", "release"))["hold"] is None
        assert await registers_of(running, await running.sell(1, till=GROUP)) == ["K1"]
        refused = await running.call("POST", "/v1/kkt/registers/K1/release", {"reason": "x"})
        assert refused.status_code == 409


async def test_a_till_of_a_held_register_waits_and_one_of_a_drained_register_is_refused(
    tmp_path: Path,
) -> None:
    async with product(tmp_path, response_budget_s=0.05, **POOL) as running:
        await aside(running, "K1", "hold")
        waits = await running.post(sale(till="K1"))
        assert waits.json()["status"] == "buffered"
        assert "лента" in waits.json()["message"]
        await aside(running, "K1", "drain")
        await running.state_of(waits.json()["receipt_id"], print_state="printed")
        refused = await running.post(sale(till="K1"))
        assert (refused.status_code, refused.json()["reason"]) == (503, "DRAINED")
        assert await registers_of(running, await running.sell(1, till=GROUP)) == ["K2"]
        await aside(running, "K2", "drain")
        refused = await running.post(sale(till=GROUP))
        assert (refused.status_code, refused.json()["reason"]) == (503, "DRAINED")
        await aside(running, "K2", "hold")
        (waiting,) = await running.sell(1, till=GROUP)
        assert waiting["status"] == "buffered"
        await aside(running, "K1", "release")
        done = await running.state_of(waiting["receipt_id"], print_state="printed")
        assert done["register_id"] == "K1"

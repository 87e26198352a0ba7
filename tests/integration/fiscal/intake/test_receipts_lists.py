"""Lists of receipts and of events: pages, filters, cursors."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.support.product import Product, product, virtual_registers


async def test_pages_lead_through_all_receipts_newest_first_once(tmp_path: Path) -> None:
    async with product(tmp_path, registers=virtual_registers("A", "B")) as running:
        await running.sell_at_once(25, tills=("A", "B"))
        seen: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        for _ in range(10):
            page = await running.get("/v1/kkt/receipts", limit=10, **cursor)
            seen.extend(page["items"])
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        ids = [row["id"] for row in seen]
        assert len(ids) == len(set(ids)) == 25
        stamps = [(row["hlc"]["local_time"], row["hlc"]["logical_counter"]) for row in seen]
        assert stamps == sorted(stamps, reverse=True)
        only_a = await running.get("/v1/kkt/receipts", pos_id="A", limit=100)
        assert {row["pos_id"] for row in only_a["items"]} == {"A"}
        assert len(only_a["items"]) == 13


async def test_lists_are_filtered_by_both_states_and_time(tmp_path: Path) -> None:
    async with product(tmp_path, response_budget_s=0.1) as running:
        await running.sell(2)
        await running.delivered()
        await running.break_operator("down")
        await running.sell(1)
        running.break_register(paper_out=True)
        (waiting,) = await running.sell(1)
        count = partial(listed, running)
        assert await count(status="synced") == 2
        assert await count(print_state="printed") == 3
        assert await count(status="failed") == await count(print_state="print_failed") == 0
        assert await count(status="pending", print_state="printed") + await count(status="syncing") == 1
        created = (await running.receipt(waiting["receipt_id"]))["created_at"]
        assert await count(since=created) == 1
        assert await count(since="2100-01-01T00:00:00Z") == 0


async def listed(running: Product, **query: str) -> int:
    return len((await running.get("/v1/kkt/receipts", **query))["items"])


@pytest.mark.parametrize("cursor", ["x", "s1", "czk5OTk5OTk5OTk5OTk5OTk5OTk5", "cy0x", "c1_0"])
async def test_a_cursor_that_was_never_given_is_refused(running: Product, cursor: str) -> None:
    answer = await running.call("GET", f"/v1/kkt/receipts?cursor={cursor}")
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR")


async def test_events_are_listed_by_page_level_type_and_time(running: Product) -> None:
    await running.sell(3)
    await running.delivered()
    logs = await running.get("/v1/kkt/buffer/logs", type="receipt_added", limit=2)
    assert (logs["total"], logs["page"], logs["limit"], len(logs["items"])) == (3, 1, 2, 2)
    second = await running.get("/v1/kkt/buffer/logs", type="receipt_added", limit=2, page=2)
    assert len(second["items"]) == 1
    assert set(second["items"][0]) == {"timestamp", "level", "event", "receipt_id", "message", "metadata"}
    assert (await running.get("/v1/kkt/buffer/logs", level="error"))["total"] == 0
    assert (await running.get("/v1/kkt/buffer/logs", since="2100-01-01T00:00:00Z"))["items"] == []
    kinds = {item["event"] for item in (await running.get("/v1/kkt/buffer/logs", limit=500))["items"]}
    assert {"receipt_added", "receipt_printed", "receipt_synced", "shift_opened", "sync_completed"} <= kinds


async def test_a_pass_without_receipts_writes_no_event(running: Product) -> None:
    await running.sell(1)
    await running.delivered()

    async def a_pass_adds_nothing() -> bool:
        """Events of what was before may still be on their way to the log."""
        before = (await running.get("/v1/kkt/buffer/logs"))["total"]
        last = (await running.get("/v1/kkt/worker/status"))["last_pass"]["at"]
        await running.until(partial(another_pass, running, last))
        return bool((await running.get("/v1/kkt/buffer/logs"))["total"] == before)

    await running.until(a_pass_adds_nothing)
    assert await a_pass_adds_nothing()


async def another_pass(running: Product, last: str) -> bool:
    return bool((await running.get("/v1/kkt/worker/status"))["last_pass"]["at"] != last)

"""The worker that delivers: what it tells of itself, passes by hand, and its breaker."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

from tests.support.delivery import breaker_is
from tests.support.product import Product, product

from kkt_adapter.fiscal.store import counters


async def test_the_worker_tells_what_it_does(running: Product) -> None:
    await running.sell(2)
    await running.delivered()

    async def pass_is_told() -> bool:
        status = await running.get("/v1/kkt/worker/status")
        return status["last_success_at"] is not None and not status["lock"]["held"]

    await running.until(pass_is_told)
    status = await running.get("/v1/kkt/worker/status")
    assert (status["running"], status["task_status"]) == (True, "running")
    assert (status["consecutive_failures"], status["pending"]) == (0, 0)
    assert set(status["lock"]) == {"backend", "held"}
    assert status["lock"]["backend"] == "process"
    assert status["next_run_at"] is not None
    assert set(status["last_pass"]) == {"at", "synced", "failed", "skipped", "duration_seconds"}
    last = (await running.status())["last_sync"]
    assert set(last) == {"timestamp", "synced_count", "failed_count", "duration_seconds"}
    await running.services.supervisor.stop()
    stopped = await running.get("/v1/kkt/worker/status")
    assert (stopped["running"], stopped["task_status"]) == (False, "completed")
    assert (await running.call("GET", "/ready")).status_code == 503


async def test_a_sync_by_hand_delivers_what_waits(tmp_path: Path) -> None:
    async with product(tmp_path, wake_on_receipt=False, sync_interval_s=3600) as running:
        await running.until(partial(first_pass_is_over, running))
        await running.sell(5)
        assert (await running.read(counters.read)).pending == 5
        result = (await running.call("POST", "/v1/kkt/buffer/sync")).json()
        assert (result["status"], result["synced"], result["failed"], result["remaining"]) == (
            "completed",
            5,
            0,
            0,
        )
        assert set(result) == {
            "status",
            "synced",
            "failed",
            "skipped",
            "remaining",
            "duration_seconds",
            "message",
        }
        again = (await running.call("POST", "/v1/kkt/buffer/sync")).json()
        assert (again["status"], again["synced"]) == ("completed", 0)
        await running.check_books()


async def first_pass_is_over(running: Product) -> bool:
    return (await running.get("/v1/kkt/worker/status"))["last_pass"] is not None


async def test_a_sync_by_hand_is_skipped_while_the_breaker_is_open_unless_it_is_forced(
    tmp_path: Path,
) -> None:
    async with product(tmp_path, breaker_failures=1, breaker_open_s=3600.0) as running:
        await running.break_operator("down")
        await running.sell(3)
        await running.until(partial(breaker_is, running, "OPEN"))
        await running.repair_operator()
        skipped = await synced_by_hand(running)
        assert (skipped["status"], skipped["synced"], skipped["remaining"]) == ("skipped", 0, 3)
        done = await synced_by_hand(running, force=True)
        assert (done["status"], done["synced"], done["remaining"]) == ("completed", 3, 0)
        assert await breaker_is(running, "CLOSED")
        await running.check_books()


async def test_a_forced_probe_that_fails_leaves_the_breaker_open(tmp_path: Path) -> None:
    async with product(tmp_path, breaker_failures=1, breaker_open_s=3600.0) as running:
        await running.break_operator("down")
        (answer,) = await running.sell(1)
        await running.until(partial(breaker_is, running, "OPEN"))
        before = (await running.receipt(answer["receipt_id"]))["retry_count"]
        await synced_by_hand(running, force=True)
        assert await breaker_is(running, "OPEN")
        assert (await running.receipt(answer["receipt_id"]))["retry_count"] == before


async def synced_by_hand(running: Product, *, force: bool = False) -> dict[str, Any]:
    while True:
        answer = await running.call("POST", f"/v1/kkt/buffer/sync?force={str(force).lower()}")
        if answer.status_code == 200:
            shown: dict[str, Any] = answer.json()
            return shown
        assert answer.json()["code"] == "SYNC_IN_PROGRESS"
        await asyncio.sleep(0.01)


async def test_two_passes_never_run_at_once(running: Product) -> None:
    await running.sell(1)
    await running.delivered()
    await running.break_operator("slow", delay_s=2.0)
    await running.sell(1)

    async def under_way() -> bool:
        return running.services.worker._passing.locked()

    await running.until(under_way)
    refused = await running.call("POST", "/v1/kkt/buffer/sync")
    assert (refused.status_code, refused.json()["code"]) == (409, "SYNC_IN_PROGRESS")
    await running.delivered()


async def test_the_breaker_can_be_closed_by_hand(tmp_path: Path) -> None:
    async with product(tmp_path, breaker_failures=1, breaker_open_s=3600.0) as running:
        await running.break_operator("down")
        await running.sell(1)
        await running.until(partial(breaker_is, running, "OPEN"))
        assert (await running.get("/v1/health"))["status"] == "degraded"
        await running.repair_operator()
        answer = await running.call("POST", "/v1/kkt/circuit_breaker/reset")
        assert answer.json()["circuit_breaker_state"] == "CLOSED"
        await running.delivered()

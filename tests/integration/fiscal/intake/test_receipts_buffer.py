"""The buffer from outside: capacity, disk, maintenance, refunds, lists, events, worker, sync, health."""

import asyncio
import shutil
from collections import namedtuple
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from tests.support.product import (
    PATIENCE_S,
    TILL,
    Product,
    ShiftedClock,
    product,
    sale,
    virtual_registers,
)

from kkt_adapter.fiscal.intake.checks import ReceiptChecks
from kkt_adapter.fiscal.store import counters
from kkt_adapter.kernel.errors import StorageError
from kkt_adapter.runtime.disk import DiskMark


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Product]:
    async with product(tmp_path) as one:
        yield one


# --- capacity and disk -----------------------------------------------------------------------------------


async def test_a_full_buffer_refuses_and_opens_with_the_first_delivered_receipt(tmp_path: Path) -> None:
    async with product(tmp_path, capacity=50) as running:
        await running.break_operator("down")
        await running.sell_at_once(50)
        documents = len(running.archive())
        refused = await running.post()
        assert refused.status_code == 503
        problem = refused.json()
        assert (problem["code"], problem["reason"]) == ("BUFFER_FULL", "CAPACITY")
        assert "Buffer full: 50/50" in problem["detail"]
        assert refused.headers["retry-after"] == "60"
        status = await running.status()
        assert (status["percent_full"], status["current_queued"]) == (100.0, 50)
        assert len(running.archive()) == documents, "nothing is printed"
        assert (await running.get("/v1/health"))["status"] == "unhealthy"

        await running.repair_operator()
        await running.delivered()
        assert (await running.post()).status_code == 200
        await running.check_books()


async def test_clients_at_once_never_push_the_buffer_over_its_capacity(tmp_path: Path) -> None:
    async with product(tmp_path, capacity=50) as running:
        await running.break_operator("down")
        answers = await asyncio.gather(*(running.post() for _ in range(80)))
        assert sum(a.status_code == 200 for a in answers) == 50
        assert {a.json()["code"] for a in answers if a.status_code != 200} == {"BUFFER_FULL"}
        assert (await running.read(counters.read)).undelivered == 50


async def test_a_new_capacity_works_at_once_and_outlives_a_restart(tmp_path: Path) -> None:
    async with product(tmp_path, capacity=50) as running:
        await running.break_operator("down")
        await running.sell_at_once(50)
        assert (await running.post()).status_code == 503
        changed = await running.call("PATCH", "/v1/admin/buffer", {"capacity": 300})
        assert changed.json() == {
            "capacity": 300,
            "configured_capacity": 50,
            "previous_capacity": 50,
            "current_queued": 50,
            "percent_full": 16.67,
        }
        assert (await running.post()).status_code == 200
        await running.restart()
        assert (await running.status())["total_capacity"] == 300
        assert (await running.call("PATCH", "/v1/admin/buffer", {"capacity": 50})).status_code == 200
        assert (await running.post()).json()["code"] == "BUFFER_FULL"
        assert (await running.call("PATCH", "/v1/admin/buffer", {"capacity": 0})).status_code == 200
        assert (await running.post()).status_code == 200
        assert (await running.call("PATCH", "/v1/admin/buffer", {"capacity": 49})).status_code == 422


async def test_a_full_disk_refuses_receipts_before_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with product(tmp_path, disk_low_mb=200) as running:
        await sells_above_the_mark_only(running, monkeypatch)


@pytest.mark.parametrize("broken", ["never low", "not asked"])
async def test_a_product_that_does_not_keep_the_low_mark_is_caught(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken variants. The lab has none of this: its disk is the machine's own, and its mark is off."""
    if broken == "never low":
        monkeypatch.setattr(DiskMark, "is_low", property(lambda self: False))
    else:
        monkeypatch.setattr(ReceiptChecks, "_refuse_on_low_disk", lambda self: None)
    async with product(tmp_path, disk_low_mb=200) as running:
        with pytest.raises(AssertionError):
            await sells_above_the_mark_only(running, monkeypatch)
        assert await running.read(stored) == 1


def stored(conn: Connection) -> int:
    return counters.read(conn).total


async def sells_above_the_mark_only(running: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a mark of 200 MB: nothing is stored at 199 MB, and the next receipt is taken at 201 MB."""
    usage = namedtuple("usage", "total used free")
    disk = running.services.intake._checks._disk
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 0, 199 * 10**6))
    disk._looked_at = float("-inf")
    refused = await running.post()
    assert refused.status_code == 503
    assert (refused.json()["code"], refused.json()["reason"]) == ("BUFFER_FULL", "DISK")
    assert "Buffer full" in refused.json()["detail"]
    assert await running.read(stored) == 0
    assert (await running.get("/v1/health"))["status"] == "unhealthy"  # nobody sells
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 0, 201 * 10**6))
    disk._looked_at = float("-inf")
    assert (await running.post()).status_code == 200
    assert (await running.get("/v1/health"))["status"] == "healthy"


async def test_health_is_degraded_before_the_buffer_is_full(tmp_path: Path) -> None:
    async with product(tmp_path, capacity=50, breaker_failures=1000) as running:
        await running.break_operator("down")
        await running.sell_at_once(44)
        assert (await running.get("/v1/health"))["status"] == "healthy"
        await running.sell(1)
        assert (await running.get("/v1/health"))["status"] == "degraded"
        await running.sell_at_once(5)
        assert (await running.get("/v1/health"))["status"] == "unhealthy"


async def test_whoever_spoke_last_decides_the_capacity(tmp_path: Path) -> None:
    async with product(tmp_path, capacity=500) as running:

        async def capacities() -> tuple[int, int]:
            status = await running.status()
            return status["total_capacity"], status["configured_capacity"]

        await running.call("PATCH", "/v1/admin/buffer", {"capacity": 60})
        assert await capacities() == (60, 500)
        await running.restart()
        assert await capacities() == (60, 500)
        await running.restart(capacity=700)
        assert await capacities() == (700, 700)
        await running.call("PATCH", "/v1/admin/buffer", {"capacity": 80})
        assert await capacities() == (80, 700)


# --- maintenance -----------------------------------------------------------------------------------------


async def test_maintenance_says_how_long_to_wait_and_alarms_when_it_is_over(tmp_path: Path) -> None:
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock) as running:
        assert (await running.get("/v1/pos/maintenance"))["maintenance"] is False
        wanted = {"reason": "new FN", "estimated_duration_minutes": 30}
        await running.call("POST", "/v1/pos/maintenance", wanted)
        refused = await running.post()
        assert refused.status_code == 503
        assert 1700 < int(refused.headers["retry-after"]) <= 1800
        said = await running.get("/v1/pos/maintenance")
        assert (said["reason"], said["overdue"]) == ("new FN", False)
        assert (await running.get("/v1/health"))["status"] == "degraded"
        assert "MAINTENANCE_OVERDUE" not in [a["code"] for a in (await running.status())["alerts"]]

        clock.ahead = timedelta(minutes=31)

        assert (await running.post()).headers["retry-after"] == "60"
        assert (await running.get("/v1/pos/maintenance"))["overdue"] is True
        assert "MAINTENANCE_OVERDUE" in [a["code"] for a in (await running.status())["alerts"]]
        await running.call("DELETE", "/v1/pos/maintenance")
        assert (await running.post()).status_code == 200


async def test_maintenance_refuses_receipts_and_delivery_goes_on(running: Product) -> None:
    await running.break_operator("down")
    await running.sell(2)
    wanted = {"reason": "update", "estimated_duration_minutes": 10}
    assert (await running.call("POST", "/v1/pos/maintenance", wanted)).status_code == 200
    refused = await running.post()
    assert (refused.status_code, refused.json()["code"]) == (503, "MAINTENANCE")
    assert "update" in refused.json()["detail"]
    await running.repair_operator()
    await running.delivered()
    await running.restart()
    assert (await running.post()).json()["code"] == "MAINTENANCE", "it outlives a restart"
    assert (await running.call("DELETE", "/v1/pos/maintenance")).status_code == 200
    assert (await running.post()).status_code == 200
    assert (await running.call("DELETE", "/v1/pos/maintenance")).status_code == 409


# --- refunds ---------------------------------------------------------------------------------------------


async def test_a_refund_waits_until_its_sale_is_delivered(running: Product) -> None:
    await running.break_operator("down")
    (sold,) = await running.sell(1)
    names = (
        sold["receipt_id"],
        sold["fiscal_doc_id"],
        str(sold["fiscal_doc"]["fiscal_doc_number"]),
    )
    for name in names:
        check = await running.call("POST", "/v1/pos/refund", {"original_fiscal_doc_id": name})
        assert check.status_code == 409
        shown = check.json()
        assert (shown["allowed"], shown["sync_status"] in ("pending", "syncing")) == (False, True)
        assert "not synced" in shown["reason"]
        assert shown["buffer_count"] == 1
    for name in names[:2]:
        refused = await running.post(sale(type="refund", original_receipt_id=name))
        assert (refused.status_code, refused.json()["code"]) == (409, "REFUND_BLOCKED")

    await running.repair_operator()
    await running.delivered()
    check = await running.call("POST", "/v1/pos/refund", {"original_fiscal_doc_id": names[1]})
    assert (check.status_code, check.json()["allowed"], check.json()["sync_status"]) == (200, True, "synced")
    refund = await running.post(sale(type="refund", original_fiscal_doc_id=names[1]))
    assert refund.json()["status"] == "printed"
    await running.delivered()
    await running.check_books()


async def test_a_sale_that_is_not_known_here_may_be_refunded(running: Product) -> None:
    for name in ("elsewhere", "9999078902013267-17", "17", "9" * 60):
        check = await running.call("POST", "/v1/pos/refund", {"original_fiscal_doc_id": name})
        assert (check.status_code, check.json()["sync_status"]) == (200, "not_found"), name
    refund = await running.post(sale(type="refund", original_receipt_id="elsewhere"))
    assert refund.json()["status"] == "printed"


@pytest.mark.parametrize("body", [{}, {"original_fiscal_doc_id": ""}, {"original_fiscal_doc_id": None}])
async def test_a_refund_check_without_a_sale_is_a_bad_request(running: Product, body: dict[str, Any]) -> None:
    answer = await running.call("POST", "/v1/pos/refund", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")


async def test_the_rule_of_refunds_can_be_switched_off(tmp_path: Path) -> None:
    async with product(tmp_path, refund_requires_synced=False) as running:
        await running.break_operator("down")
        (sold,) = await running.sell(1)
        refund = await running.post(sale(type="refund", original_receipt_id=sold["receipt_id"]))
        assert refund.json()["status"] == "printed"


# --- lists and events ------------------------------------------------------------------------------------


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


# --- the worker ------------------------------------------------------------------------------------------


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


async def breaker_is(running: Product, state: str) -> bool:
    return bool((await running.status())["cb_state"] == state)


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


# --- health ----------------------------------------------------------------------------------------------


async def test_health_names_every_part(running: Product) -> None:
    await running.sell(1)
    await running.delivered()
    report = await running.get("/v1/health")
    assert report["status"] == "healthy"
    assert set(report["components"]) >= {
        "buffer",
        "circuit_breaker",
        "database",
        "kkt",
        "ofd",
        "odoo",
        "sync_worker",
        "redis",
    }
    assert {"status", "percent_full", "dlq_size", "pending"} <= set(report["components"]["buffer"])
    assert {"state", "failure_count", "success_count", "last_failure"} <= set(
        report["components"]["circuit_breaker"]
    )
    database = report["components"]["database"]
    assert (database["status"], database["type"], database["mode"]) == ("ok", "SQLite", "WAL")


async def test_an_unusable_database_is_the_only_reason_for_503(
    running: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(fn: Any) -> Any:
        raise StorageError("disk I/O error")

    await running.sell(1)
    monkeypatch.setattr(running.services.database, "read", broken)
    answer = await running.call("GET", "/v1/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")
    assert (await running.call("GET", "/ready")).status_code == 503
    assert (await running.call("GET", "/health")).status_code == 200
    posted = await running.post(sale(till="NOWHERE"))  # whether its key is known cannot be told
    assert (posted.status_code, posted.json()["code"]) == (503, "STORAGE_ERROR")


async def test_many_dead_letters_are_degraded_and_then_unhealthy(running: Product) -> None:
    for letters, expected in ((0, "healthy"), (50, "healthy"), (51, "degraded"), (101, "unhealthy")):
        await running.services.database.write(
            partial(set_dead_letters, letters)
        )  # the running total alone: health reads nothing else
        assert (await running.get("/v1/health"))["status"] == expected, letters


def set_dead_letters(n: int, conn: Any) -> None:
    counters.bump(conn, dlq_open=n - counters.read(conn).dlq_open)


async def test_a_lane_outlives_a_database_that_is_away_for_a_while(
    running: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that was accepted is forgotten by the lane when its reads and writes fail."""
    await running.sell(1)
    database = running.services.database
    write = database.write

    failed = asyncio.Event()

    async def failing(fn: Any) -> Any:
        failed.set()
        raise StorageError("disk full")

    async def waits_for_paper() -> bool:
        unprinted = (await running.read(counters.read)).unprinted
        return unprinted == 1 and running.lane().trouble is not None

    running.break_register(paper_out=True)
    posting = asyncio.create_task(running.sell(1))
    await running.until(waits_for_paper)
    monkeypatch.setattr(database, "write", failing)
    running.faults().clear()
    async with asyncio.timeout(PATIENCE_S):
        await failed.wait()
    await asyncio.sleep(0.2)  # and again
    monkeypatch.setattr(database, "write", write)
    await posting
    await running.delivered()
    (after,) = await running.sell(1)
    assert after["status"] == "printed"
    await running.check_books()
    assert running.services.supervisor.states[f"lane:{TILL}"].restarts == 0

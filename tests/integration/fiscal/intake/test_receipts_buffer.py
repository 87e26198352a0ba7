"""The buffer from outside: capacity, disk, maintenance, and health."""

import asyncio
import shutil
from collections import namedtuple
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from tests.support.product import PATIENCE_S, TILL, Product, ShiftedClock, product, sale

from kkt_adapter.fiscal.intake.checks import ReceiptChecks
from kkt_adapter.fiscal.store import counters
from kkt_adapter.kernel.errors import StorageError
from kkt_adapter.runtime.disk import DiskMark


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

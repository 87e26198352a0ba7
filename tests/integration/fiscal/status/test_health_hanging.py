"""Health while everybody hangs: it answers at once, and names each of them."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Connection
from tests.support.erp import back_office, office
from tests.support.processes.service import ServiceProcess, service_process
from tests.support.product import PATIENCE_S, Product, ShiftedClock, product, sale

from kkt_adapter.emulators.erp import ErpFault, ErpFaultMode
from kkt_adapter.emulators.ofd import OfdEmulator
from kkt_adapter.emulators.ofd import OfdFault as OfdFault
from kkt_adapter.emulators.ofd import OfdFaultMode as OfdFaultMode
from kkt_adapter.kernel.ids import random_id
from kkt_adapter.runtime.db.sqlite_file import SqliteSettings

HANGS_S = 240.0  # a database, unless it is let go: longer than anything that must not wait for it
NAMED_WITHIN_S = 40.0  # generous: a pass waits for Redis first, and two processors are shared
EVERYBODY = {"kkt:POS-001", "redis"}  # the others have names with addresses: ofd:..., odoo:...


@asynccontextmanager
async def says_nothing() -> AsyncIterator[int]:
    """A port that accepts and never answers."""
    over = asyncio.Event()

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    server = await asyncio.start_server(keep, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        over.set()
        server.close()


async def post(client: httpx2.AsyncClient) -> httpx2.Response:
    return await client.post("/v1/kkt/receipt", json=sale(), headers={"Idempotency-Key": random_id()})


def named(report: dict[str, Any]) -> bool:
    troubled = set(report["trouble"])
    peers = {name.partition(":")[0] for name in troubled}
    return troubled >= EVERYBODY and {"ofd", "odoo"} <= peers


async def ask(client: httpx2.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/v1/health")
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    return report


async def test_health_names_everybody_who_hangs(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        ofd = OfdEmulator()
        await ofd.start()
        stack.push_async_callback(ofd.stop)
        await ofd.set_faults(OfdFault(mode=OfdFaultMode.HANG))
        erp = await stack.enter_async_context(back_office())
        await erp.set_faults(ErpFault(mode=ErpFaultMode.HANG))
        redis_port = await stack.enter_async_context(says_nothing())
        service = await stack.enter_async_context(service_process(tmp_path, tills=("POS-001",), ofd=ofd))
        await with_documents(service)
        service.environment |= {
            "OFD_TIMEOUT": "10",
            "KKT_RESPONSE_BUDGET": "1",
            "KKT_VIRTUAL_LATENCY": "60",  # a command at the register hangs, up to its deadline
            "HEARTBEAT_URL": erp.url,
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(redis_port),
        }
        service.start()
        await service.ready()
        client = await stack.enter_async_context(
            httpx2.AsyncClient(base_url=service.base_url, timeout=NAMED_WITHIN_S)
        )
        selling = asyncio.create_task(post(client))
        report = await until_named(client)
        assert (await selling).json()["status"] == "buffered"
    parts = report["components"]
    assert parts["kkt"]["registers"]["POS-001"] in ("hanging", "KKT_UNAVAILABLE")
    assert parts["ofd"]["status"] in ("hanging", "failing", "down")
    assert parts["odoo"]["status"] in ("hanging", "failing", "down")
    assert parts["redis"]["status"] in ("hanging", "lost")
    assert parts["sync_worker"]["status"] == "running"


async def with_documents(service: ServiceProcess) -> None:
    """A first run leaves documents that wait for the operator."""
    service.start()
    await service.ready()
    async with httpx2.AsyncClient(base_url=service.base_url, timeout=20) as client:
        assert (await post(client)).json()["status"] == "printed"
    assert await asyncio.to_thread(service.terminate) == 0


async def until_named(client: httpx2.AsyncClient) -> dict[str, Any]:
    """The report that names everybody. Between two tries nobody hangs for a moment."""
    until = time.monotonic() + NAMED_WITHIN_S
    while not named(report := await ask(client)):
        assert time.monotonic() < until, report
        await asyncio.sleep(0.05)
    return report


async def test_health_waits_for_nobody_who_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the database it is suspended nowhere, while no call that hangs has come to its end."""
    clock = ShiftedClock()
    async with says_nothing() as redis_port, back_office() as erp:
        offices = (office(erp.url, interval_s=0.05, timeout_s=60.0),)
        redis: dict[str, Any] = {"redis_host": "127.0.0.1", "redis_port": redis_port}
        slow: dict[str, Any] = {"response_budget_s": 0.05, "ofd_timeout_s": 600.0}
        async with product(tmp_path, clock=clock, back_office=offices, **redis, **slow) as running:
            await running.break_operator("hang")
            await erp.set_faults(ErpFault(mode=ErpFaultMode.HANG))
            await running.sell(1)
            (endpoint,) = running.services.worker._endpoints()
            (target,) = running.services.heartbeat.targets
            await in_flight(running, lambda: endpoint.calls.oldest_s > 0)
            running.break_register(hang=True)
            await running.sell(1)
            hanging = (running.lane().session.calls, endpoint.calls, target.calls)
            summary = running.services.app.state.core.summary
            taken = await summary._snapshots.recent(wait_s=PATIENCE_S)

            async def recent(*, wait_s: float) -> Any:
                return taken

            await in_flight(running, lambda: all(calls.oldest_s > 0 for calls in hanging))
            clock.leap(5.1)
            with monkeypatch.context() as patch, pytest.raises(StopIteration) as answered:
                patch.setattr(summary._snapshots, "recent", recent)
                summary.health().send(None)
            report = answered.value.value
            assert {peer.partition(":")[0] for peer in report.trouble} >= {"kkt", "ofd", "odoo"}
            assert all(calls.oldest_s > 5 for calls in hanging)
            running.faults().clear()
            await running.break_operator("down")  # cuts what hangs, so that the end need not wait for it


async def words(running: Product) -> dict[str, Any]:
    found: dict[str, Any] = (await running.get("/v1/health"))["components"]
    return found


async def test_a_register_is_named_while_its_command_hangs_and_until_it_answers(tmp_path: Path) -> None:
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock, response_budget_s=0.05) as running:
        await running.sell(1)
        await running.delivered()
        running.break_register(hang=True)
        await running.sell(1)
        calls = running.lane().session.calls
        await in_flight(running, lambda: calls.oldest_s > 0)
        assert (await words(running))["kkt"]["registers"] == {"POS-001": "ok"}  # a slip takes a while
        clock.leap(5.1)
        kkt = (await words(running))["kkt"]
        assert (kkt["status"], kkt["registers"]) == ("hanging", {"POS-001": "hanging"})
        assert (await running.get("/v1/health"))["trouble"] == ["kkt:POS-001"]
        running.faults().clear()
        await running.delivered()
        assert (await running.get("/v1/health"))["trouble"] == []


async def test_an_operator_is_named_while_a_delivery_hangs(tmp_path: Path) -> None:
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock, ofd_timeout_s=60.0) as running:
        await running.break_operator("hang")
        await running.sell(1)
        (endpoint,) = running.services.worker._endpoints()
        await in_flight(running, lambda: endpoint.calls.oldest_s > 0)
        clock.leap(3.1)
        ofd = (await words(running))["ofd"]
        assert ofd["status"] == "hanging"
        assert [one["status"] for one in ofd["endpoints"].values()] == ["hanging"]
        assert (await running.get("/v1/health"))["trouble"] == [f"ofd:{endpoint.name}"]
        await running.break_operator("down")  # cuts what hangs, so that the end need not wait for it


async def in_flight(running: Product, check: Callable[[], bool]) -> None:
    async def checked() -> bool:
        return check()

    await running.until(checked)


async def test_a_database_that_hangs_delays_health_by_a_moment_and_is_then_down(tmp_path: Path) -> None:
    clock, release = ShiftedClock(), threading.Event()
    async with product(tmp_path, clock=clock, alert_interval_s=60.0) as running:
        await running.sell(1)
        await running.delivered()
        begun = threading.Semaphore(0)

        def hang(conn: Connection) -> None:
            begun.release()
            release.wait(HANGS_S)

        threads = SqliteSettings().readers
        blocked = [asyncio.create_task(running.read(hang)) for _ in range(16)]
        try:
            for _ in range(threads):
                assert await asyncio.to_thread(begun.acquire, timeout=PATIENCE_S)
            before = await running.get("/v1/health")
            for _ in range(3):
                answer = await asyncio.wait_for(running.call("GET", "/v1/health"), PATIENCE_S)
                assert answer.json()["components"]["buffer"] == before["components"]["buffer"]
            clock.leap(10.1)
            answer = await asyncio.wait_for(running.call("GET", "/v1/health"), PATIENCE_S)
            assert (answer.status_code, answer.json()["components"]["database"]["status"]) == (503, "down")
            assert answer.json()["trouble"] == ["database"]
            assert len([t for t in asyncio.all_tasks() if "Snapshots" in repr(t)]) <= 1  # it is asked once
        finally:
            release.set()
            await asyncio.gather(*blocked)
        assert (await running.call("GET", "/v1/health")).status_code == 200

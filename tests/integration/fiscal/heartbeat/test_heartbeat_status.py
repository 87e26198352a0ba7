"""What the heartbeat tells of the shop and of itself: tills, back offices, the mode of the network."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.support.api import client_of
from tests.support.erp import back_office, fresh_database, office
from tests.support.heartbeat import told, with_back_office
from tests.support.product import PATIENCE_S, Product, product, sale

from kkt_adapter.emulators.erp import ErpFault, ErpFaultMode
from kkt_adapter.emulators.ofd import OfdFaultMode as OfdFault
from kkt_adapter.fiscal.heartbeat.payload import Sender
from kkt_adapter.fiscal.heartbeat.points import Points
from kkt_adapter.fiscal.heartbeat.service import Heartbeat
from kkt_adapter.fiscal.printing.registers import Registers
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.kernel.ids import random_id
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.database import DatabaseLeases


async def test_the_points_say_how_each_till_is(tmp_path: Path) -> None:
    async with with_back_office(tmp_path, response_budget_s=0.2) as (running, erp):
        await running.sell(1)
        running.break_register(paper_out=True)
        await running.break_operator(OfdFault.DOWN)
        buffered = await running.post(sale())
        assert buffered.json()["status"] == "buffered"
        points = running.services.heartbeat._points

        async def seen() -> Any:
            points._read_at = None  # do not wait for the next reading
            (beat,) = erp.book.last.values()
            (point,) = beat.points
            return point if point.device.state == "paper_out" and point.buffer.pending else None

        point = await running.until(seen)
        assert point.pos_id == "POS-001"
        assert point.device.shift.state == "open"
        assert point.device.serial_number
        assert point.buffer.oldest_pending_at is not None


async def test_the_status_names_each_back_office_and_the_worst_one_first(tmp_path: Path) -> None:
    async with with_back_office(tmp_path) as (running, _):
        before = await running.get("/v1/kkt/heartbeat/status")
        assert (before["configured"], before["running"]) == (True, True)
        status = await online(running)
        assert status["consecutive_successes"] >= 2
        assert status["last_error"] is None
        assert status["last_success_at"].endswith("Z")
        assert [target["name"] for target in status["targets"]] == ["erp"]
        health = await running.get("/v1/health")
        assert health["components"]["odoo"]["status"] == "ok"


async def test_without_a_back_office_the_status_says_so(tmp_path: Path) -> None:
    async with product(tmp_path) as running:
        status = await running.get("/v1/kkt/heartbeat/status")
        assert (status["configured"], status["running"], status["state"]) == (False, False, "unknown")
        assert (await running.get("/v1/health"))["components"]["odoo"]["status"] == "not_configured"


async def test_a_back_office_that_is_away_degrades_the_mode_and_hinders_no_sale(tmp_path: Path) -> None:
    async with with_back_office(tmp_path, timeout_s=0.6) as (running, erp):
        await online(running)
        await mode(running, "online")
        await erp.set_faults(ErpFault(mode=ErpFaultMode.HANG))
        await mode(running, "degraded")
        assert {sold["status"] for sold in await running.sell(10)} == {"printed"}
        await running.delivered()
        status = await running.get("/v1/kkt/heartbeat/status")
        assert (status["state"], status["last_error"]) == ("offline", "no answer in time")
        await erp.set_faults()
        await mode(running, "online")
        await told(running, erp)
        for event, away in (("network_mode_changed", "degraded"), ("heartbeat_state_changed", "offline")):
            await running.until(partial(there_and_back, running, event, away))


async def there_and_back(running: Product, event: str, away: str) -> bool:
    """Events are written a moment after the change."""
    found = await changes(running, event)
    return (found[0], found[-2:]) == ("online", [away, "online"])


async def test_an_operator_that_is_away_is_offline_in_status_and_reports(tmp_path: Path) -> None:
    # Nothing hangs here, so that an answer may take its time: the mode is to change for one reason only.
    async with with_back_office(tmp_path) as (running, _):
        await mode(running, "online")
        await running.sell(1)  # the register is open now
        assert (await x_report(running))["offline"] is False
        await running.break_operator(OfdFault.DOWN)
        await mode(running, "offline")
        assert (await x_report(running))["offline"] is True
        await running.sell(1)
        await running.repair_operator()
        await mode(running, "online")
        assert (await x_report(running))["offline"] is False


async def test_status_is_for_readers_and_events_for_scope_read(tmp_path: Path) -> None:
    async with product(tmp_path, auth="closed") as running, client_of(running.services.app) as client:
        for path in ("/v1/kkt/heartbeat/status", "/v1/export/events"):
            assert (await client.get(path)).status_code == 401


@asynccontextmanager
async def sender(
    database: Database, url: str, clock: SystemClock
) -> AsyncIterator[tuple[Heartbeat, asyncio.Event]]:
    """A process that may send: its service runs inside the block, until the event at the latest."""
    owner = random_id()
    leases = DatabaseLeases(database, owner=owner, clock=clock, poll_s=0.05)
    heartbeat = Heartbeat(
        [office(url, interval_s=0.05)],
        sender=Sender(adapter_id="one", instance_id=owner, version="1", started_at=clock.now()),
        points=Points(registers=Registers({}, {}), endpoint_of=_no_endpoint, database=database, clock=clock),
        mode=lambda: "online",
        disk_free_bytes=lambda: 1,
        database=database,
        lease=leases.lease("heartbeat"),
        clock=clock,
        tell=lambda entry: None,
        look_s=0.05,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(heartbeat.run(stop))
    try:
        yield heartbeat, stop
    finally:
        stop.set()
        await asyncio.wait_for(running, PATIENCE_S)
        await heartbeat.close()


def _no_endpoint(unit: Any) -> Any:
    raise AssertionError("there are no tills")


async def test_of_two_processes_one_sends_and_the_other_follows_when_it_stops(tmp_path: Path) -> None:
    clock = SystemClock()
    async with (
        fresh_database(tmp_path / "kkt.db") as database,
        back_office() as erp,
        sender(database, erp.url, clock) as (first, stop_first),
    ):
        await until(lambda: first.targets[0].state.presence == "online")
        async with sender(database, erp.url, clock) as (second, _):
            async with asyncio.timeout(PATIENCE_S):
                while await second.presence() != "online":  # noqa: ASYNC110 - the other's row tells it
                    await asyncio.sleep(0.02)
            shown = await second.status()
            assert (shown.sends, shown.state.presence) == (False, "online")
            before = erp.book.last["one"].instance_id
            stop_first.set()
            await until(lambda: erp.book.last["one"].instance_id != before)
            assert erp.book.identity_faults == 0  # they never took turns


async def until(check: Any, within_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def online(running: Product) -> Any:
    """The heartbeat's status, once its state is online."""

    async def there() -> Any:
        status = await running.get("/v1/kkt/heartbeat/status")
        return status if status["state"] == "online" else None

    return await running.until(there)


async def mode(running: Product, wanted: str) -> None:
    async def there() -> bool:
        return bool((await running.status())["network_status"] == wanted)

    await running.until(there)


async def changes(running: Product, event_type: str) -> list[str]:
    """The states of those events, oldest first."""
    logs = await running.get("/v1/kkt/buffer/logs", type=event_type)
    found = [item["metadata"] for item in reversed(logs["items"])]
    return [one.get("mode") or one["state"] for one in found]


async def x_report(running: Product) -> dict[str, Any]:
    answer = await running.client.post("/v1/kkt/x_report", json={})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found

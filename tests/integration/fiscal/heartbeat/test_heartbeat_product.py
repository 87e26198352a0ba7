"""The heartbeat of the whole product: what a strict back office learns, and what it never hinders."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select
from tests.support.api import client_of
from tests.support.erp import back_office, event_ids, fresh_database, office
from tests.support.product import PATIENCE_S, Product, product, sale, virtual_registers

from kkt_adapter.emulators.erp import ErpEmulator, ErpFault, ErpFaultMode
from kkt_adapter.emulators.ofd import OfdFaultMode as OfdFault
from kkt_adapter.fiscal.heartbeat.payload import MAX_EVENTS, Sender
from kkt_adapter.fiscal.heartbeat.points import Points
from kkt_adapter.fiscal.heartbeat.service import Heartbeat
from kkt_adapter.fiscal.printing.registers import Registers
from kkt_adapter.fiscal.store import events
from kkt_adapter.fiscal.store.events import EventType
from kkt_adapter.fiscal.store.session_tables import cash_transactions
from kkt_adapter.fiscal.store.tables import receipts
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.kernel.ids import random_id
from kkt_adapter.runtime.auth.settings import AuthSettings
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.database import DatabaseLeases

QUICK: dict[str, Any] = {"network_interval_s": 0.05, "network_least_s": 0.0}


@asynccontextmanager
async def with_back_office(
    folder: Path, *, timeout_s: float = 20.0, **settings: Any
) -> AsyncIterator[tuple[Product, ErpEmulator]]:
    async with back_office() as erp:
        offices = (office(erp.url, interval_s=0.05, timeout_s=timeout_s),)
        async with product(folder, **(QUICK | {"back_office": offices} | settings)) as running:
            yield running, erp


async def told(running: Product, erp: ErpEmulator) -> None:
    """The back office has every event of now."""

    async def all_there() -> bool:
        return bool(sorted(erp.book.stored) == await running.read(event_ids))

    await running.until(all_there)


async def test_a_strict_back_office_learns_every_receipt_and_finds_no_fault(tmp_path: Path) -> None:
    async with with_back_office(tmp_path) as (running, erp):
        sold = await running.sell_at_once(12)
        await running.delivered()
        await told(running, erp)
        state = erp.book.state()
        assert erp.refused is None
        assert [state[f] for f in ("conflicts", "order_faults", "document_faults", "identity_faults")] == [
            0
        ] * 4
        assert state["by_state"] == {"synced": 12}
        for receipt in sold:
            known = erp.book.receipts[receipt["receipt_id"]]
            assert known.fiscal_doc is not None
            assert known.fiscal_doc.fiscal_sign == receipt["fiscal_doc"]["fiscal_sign"]
            assert known.fiscal_doc.qr == receipt["fiscal_doc"]["qr_code_data"]
        stories: Any = running.services.app.state.services.stories

        async def told_of(receipt_id: str) -> bool:
            reports = (await stories.of(receipt_id)).reports
            return bool(reports) and reports[-1].what == EventType.RECEIPT_SYNCED

        await running.until(partial(told_of, sold[-1]["receipt_id"]))
        story = await stories.of(sold[0]["receipt_id"])
        assert {one.office for one in story.reports} == {"erp"}
        assert [step.name for step in story.steps][-1] == "reported"
        times = [one.at for one in story.reports]
        assert times == sorted(times) and times[-1] >= story.synced_at


async def test_on_postgresql_events_of_many_writers_become_visible_in_their_order(
    tmp_path: Path, postgres_url: str
) -> None:
    tills = ("A", "B", "C")
    async with (
        back_office() as erp,
        product(
            tmp_path,
            registers=virtual_registers(*tills),
            database_url=postgres_url,
            sign_in=AuthSettings.model_validate({"AUTH_SECRET": random_id() + random_id()}),
            back_office=(office(erp.url, interval_s=0.05),),
        ) as running,
    ):
        running.services.heartbeat.targets[0]._interval_s = 0.001  # ask all the time
        await running.sell_at_once(60, tills=tills)
        await running.delivered()
        await told(running, erp)
        state = erp.book.state()
        assert (state["order_faults"], state["document_faults"], state["conflicts"]) == (0, 0, 0)
        assert state["by_state"] == {"synced": 60}


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


async def test_lines_buyers_and_cashiers_never_leave(tmp_path: Path) -> None:
    async with with_back_office(tmp_path) as (running, erp):
        body = sale(
            name="Тайный товар",
            customer={"email": "buyer@example.com", "name": "Петров"},
            cashier={"name": "Сидорова", "inn": "500100732259"},
        )
        answer = await running.post(body)
        assert answer.status_code == 200, answer.text
        await told(running, erp)
        shown = str(erp.book.stored) + str(erp.book.last)
        for secret in ("Тайный", "buyer@", "Петров", "Сидорова", "500100732259"):
            assert secret not in shown


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


async def test_movements_of_cash_are_told_when_their_receipts_are(tmp_path: Path) -> None:
    async with with_back_office(tmp_path) as (running, erp):
        await erp.set_faults(ErpFault(mode=ErpFaultMode.DOWN))
        opened = {"pos_id": "POS-001", "opening_cash": 100}
        assert (await running.call("POST", "/v1/pos/session/open", opened)).status_code == 200
        await running.sell(3)
        moved = {"pos_id": "POS-001", "type": "cash_in", "amount": 50, "reason": "Размен"}
        assert (await running.call("POST", "/v1/pos/cash", moved)).status_code == 200
        assert await running.read(movements) == [("cash_in", False)] + [("sale", False)] * 3
        await erp.set_faults()
        await told(running, erp)

        async def marked() -> bool:
            """The cursor's row follows the answer. Cash in and out is no event of a receipt."""
            found = await running.read(movements)
            return bool(found == [("cash_in", False)] + [("sale", True)] * 3)

        await running.until(marked)


def movements(conn: Connection) -> list[tuple[str, bool]]:
    query = select(cash_transactions.c.transaction_type, cash_transactions.c.synced_to_odoo)
    return sorted((kind, told) for kind, told in conn.execute(query))


@pytest.mark.parametrize(
    ("profiles", "marking"),
    [
        (("odoo",), ["odoo"]),
        (("webhook",), ["webhook"]),
        (("webhook", "odoo", "onec"), ["odoo"]),  # where there is an Odoo, its word counts
    ],
)
async def test_whose_acknowledgement_marks_movements(
    tmp_path: Path, profiles: tuple[str, ...], marking: list[str]
) -> None:
    offices = tuple(office("http://127.0.0.1:9", name=name, profile=name) for name in profiles)
    async with product(tmp_path, back_office=offices) as running:
        targets = running.services.heartbeat.targets
        assert [target.settings.name for target in targets if target._marks_cash] == marking


async def test_no_receipt_waits_for_a_back_office_for_which_thousands_of_events_wait(tmp_path: Path) -> None:
    """That no statement of a receipt reads through the events: test_receipts_statements."""
    async with with_back_office(tmp_path, timeout_s=60.0) as (running, erp):
        await running.sell(5)
        await told(running, erp)
        await erp.set_faults(ErpFault(mode=ErpFaultMode.HANG))
        await running.services.database.write(partial(more_events, n=10_500))
        (target,) = running.services.heartbeat.targets

        async def hangs() -> bool:
            return erp.book.answers["hang"] > 0

        await running.until(hangs)
        sold = await asyncio.wait_for(running.sell(30), PATIENCE_S)
        assert {receipt["status"] for receipt in sold} == {"printed"}
        assert (target.calls.oldest_s > 0, target.failures_total) == (True, 0), "a receipt outlived the call"
        assert erp.book.answers["hang"] == 1
        await erp.set_faults()
        await running.restart()  # gives the call up
        await told(running, erp)  # and every one arrives, page by page
        state = erp.book.state()
        assert len(erp.book.stored) > 10_000
        assert erp.book.most_events <= MAX_EVENTS
        assert [state[f] for f in ("conflicts", "order_faults", "document_faults")] == [0, 0, 0]


def more_events(conn: Connection, n: int) -> None:
    """Events of a receipt that is there, as if it had been tried over and over."""
    receipt_id = conn.execute(select(receipts.c.id).limit(1)).scalar_one()
    moment = SystemClock().now()
    entry = events.entry(EventType.RECEIPT_RETRY, moment, receipt_id=receipt_id)
    events.write(conn, [entry] * n)


async def test_one_hanging_back_office_does_not_delay_another(tmp_path: Path) -> None:
    async with back_office() as hanging:
        await hanging.set_faults(ErpFault(mode=ErpFaultMode.HANG))
        slow = office(hanging.url, name="slow", interval_s=0.05, timeout_s=60.0)
        async with with_back_office(tmp_path) as (running, erp):
            await running.restart(back_office=(slow, *running.settings.back_office))
            await running.sell(3)
            await told(running, erp)
            first, _ = running.services.heartbeat.targets
            assert (first.settings.name, first.failures_total) == ("slow", 0)
            assert first.calls.oldest_s > 0, "the other one was told while this one's first call hung"
            assert hanging.book.calls == 0


async def test_a_restart_goes_on_where_the_back_office_acknowledged(tmp_path: Path) -> None:
    async with with_back_office(tmp_path) as (running, erp):
        await running.sell(2)
        await told(running, erp)
        await running.restart()
        await running.sell(2)
        await told(running, erp)
        assert erp.book.repeated == 0
        assert erp.book.identity_faults == 0


async def test_who_cannot_listen_fetches_the_same_events(tmp_path: Path) -> None:
    async with with_back_office(tmp_path) as (running, erp):
        await running.sell(3)
        await running.delivered()
        await told(running, erp)
        first = await running.get("/v1/export/events", limit=4)
        rest = await running.get("/v1/export/events", after=first["next_after"])
        fetched = {event["event_id"]: event for event in first["events"] + rest["events"]}
        stored = {n: event.model_dump(mode="json") for n, event in erp.book.stored.items()}
        assert list(fetched) == list(stored)
        for number, event in fetched.items():
            assert event["fiscal_doc"] == stored[number]["fiscal_doc"]
            assert event["state"] == stored[number]["state"]


async def test_an_export_of_nonsense_is_refused(tmp_path: Path) -> None:
    nonsense = ("after=-1", "after=x", "limit=0", "limit=1001", "after=99999999999999999999")
    async with product(tmp_path) as running:
        answers = [await running.client.get(f"/v1/export/events?{query}") for query in nonsense]
    assert [answer.status_code for answer in answers] == [422] * len(nonsense)


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

"""The heartbeat of the whole product: what a strict back office learns, and what it never hinders."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select
from tests.support.erp import back_office, office
from tests.support.heartbeat import told, with_back_office
from tests.support.product import PATIENCE_S, product, sale, virtual_registers

from kkt_adapter.emulators.erp import ErpFault, ErpFaultMode
from kkt_adapter.fiscal.heartbeat.payload import MAX_EVENTS
from kkt_adapter.fiscal.store import events
from kkt_adapter.fiscal.store.events import EventType
from kkt_adapter.fiscal.store.session_tables import cash_transactions
from kkt_adapter.fiscal.store.tables import receipts
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.kernel.ids import random_id
from kkt_adapter.runtime.auth.settings import AuthSettings


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

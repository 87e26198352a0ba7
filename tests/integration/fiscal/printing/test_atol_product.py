"""The whole product with an ATOL register: an emulated one behind its emulated web server, over HTTP."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.support.product import TILL, Product, product, sale
from tests.support.registers.kkt import HURRIED, receipts_in
from tests.support.registers.restored import copy, restored

from kkt_adapter.bootstrap.drivers import atol_driver
from kkt_adapter.bootstrap.seams import Seams
from kkt_adapter.emulators.atol import AtolEmulator, AtolFault, AtolFaultMode
from kkt_adapter.emulators.ofd import OfdEmulator
from kkt_adapter.emulators.shtrih.own_exchange import by_itself
from kkt_adapter.fiscal.store.tables import buffer_events
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.settings import RegisterSettings


@asynccontextmanager
async def shop(folder: Path, **changes: Any) -> AsyncIterator[tuple[Product, AtolEmulator]]:
    operator = OfdEmulator()
    await operator.start()
    emulator = AtolEmulator(deliver=by_itself("127.0.0.1", operator.port), **changes)
    await emulator.start()
    register = RegisterSettings(id=TILL, driver="atol", address=emulator.address, pos_ids=(TILL,))
    quick = Seams(driver=lambda _: atol_driver(register, clock=SystemClock(), patience=HURRIED))
    try:
        async with product(folder, registers=[register], ofd=operator, seams=quick) as running:
            yield running, emulator
    finally:
        await emulator.stop()
        await operator.stop()


async def test_it_sells_and_what_the_register_delivers_is_synced(tmp_path: Path) -> None:
    async with shop(tmp_path) as (running, emulator):
        answers = await running.sell(2)
        await running.delivered()

        assert [a["status"] for a in answers] == ["printed", "printed"]
        assert receipts_in(emulator.machine) == [10_000, 10_000]
        assert emulator.machine.fn.exchange_status().unsent_count == 0
        assert running.ofd.state()["repeated"] == 0, "nothing is sent twice"
        (attempt,) = (await running.receipt(answers[0]["receipt_id"]))["attempts"]
        assert len(attempt["commands"]["sell"]) == 1


@pytest.mark.parametrize(
    "fault",
    [
        AtolFault(mode=AtolFaultMode.ERROR_CLOSED, task="sell", code=6),
        AtolFault(mode=AtolFaultMode.READY_OTHER, task="sell"),
    ],
    ids=lambda fault: fault.mode.value,
)
async def test_of_two_equal_sales_with_a_lie_each_is_made_once(tmp_path: Path, fault: AtolFault) -> None:
    async with shop(tmp_path) as (running, emulator):
        await running.sell(1)
        emulator.set_faults(fault)
        lost = await running.post(sale())
        again = await running.post(sale())
        await running.delivered()

        assert (lost.status_code, again.status_code) == (200, 200)
        assert receipts_in(emulator.machine) == [10_000] * 3
        rows = [await running.receipt(a.json()["receipt_id"]) for a in (lost, again)]
        assert [row["status"] for row in rows] == ["synced", "synced"]


async def test_a_receipt_that_came_out_otherwise_is_told_with_both_values(tmp_path: Path) -> None:
    async with shop(tmp_path) as (running, emulator):
        make = emulator.device.making.run

        def altering(task: dict[str, Any], cut: Any) -> Any:
            for item in task.get("items", ()):
                if item["type"] == "position":
                    item["tax"] = {"type": "vat10"}
            return make(task, cut)

        emulator.device.making.run = altering  # type: ignore[method-assign]
        (answer,) = await running.sell(1)
        assert answer["status"] == "printed", "the till has its answer all the same"

        async def told() -> list[Any]:
            found = select(buffer_events).where(buffer_events.c.event_type == "tags_differ")
            return list(await running.read(lambda conn: conn.execute(found).all()))

        (event,) = await running.until(told)
        (difference,) = json.loads(event._mapping["metadata"])["differences"]
        assert difference == {"tag": 1199, "line": 1, "asked": "6", "told": "2"}


@pytest.mark.parametrize("archived", [False, True], ids=["raw bytes", "archived"])
async def test_a_document_whose_key_cannot_be_read_after_a_restore_is_a_question(
    tmp_path: Path, archived: bool
) -> None:
    """Its till asks again for what the FN has."""
    async with shop(tmp_path) as (running, emulator):
        await running.sell(1)
        backup = copy(running)
        told = (await running.post(sale(kop=777), key="k777")).json()
        number = int(told["fiscal_doc_id"].split("-")[1])

        async with restored(running, backup):
            if archived:
                emulator.device.queries.archived_up_to = number
            else:
                cut = AtolFault(mode=AtolFaultMode.RAW_CUT, task="getFnDocument", at=9, count=None)
                emulator.set_faults(cut)
        again = (await running.post(sale(kop=777), key="k777")).json()
        await running.state_of(again["receipt_id"], print_state="print_unknown")
        (register,) = (await running.get("/v1/kkt/status"))["registers"]
        assert "прочитать не удалось" in register["question"]["reason"]
        resolved = await running.client.post(
            f"/v1/kkt/receipt/{again['receipt_id']}/resolve",
            json={"action": "adopt", "fiscal_doc_number": number, "reason": "the slip says so"},
        )

        assert resolved.status_code == 200, resolved.text
        row = await running.receipt(again["receipt_id"])
        doc = row["fiscal_doc"]
        assert (doc["fiscal_doc_number"], doc["total"]) == (number, 7.77)
        assert receipts_in(emulator.machine) == [10_000, 777]

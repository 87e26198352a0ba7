"""The whole product with a Shtrih-M register: an emulated one, over its wire protocol."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, insert, select, update
from tests.support.accounts import cheap_hasher
from tests.support.clock import ManualClock
from tests.support.pages.ui import PASSWORD, browser_of
from tests.support.product import TILL, Product, product, sale
from tests.support.registers.kkt import a_sale_for, receipts_in, shtrih_driver
from tests.support.registers.restored import copy, restored

from kkt_adapter.bootstrap.seams import Seams
from kkt_adapter.emulators.ofd import OfdEmulator
from kkt_adapter.emulators.shtrih import (
    CASH_CORE,
    DESKTOP,
    Model,
    ShtrihEmulator,
    ShtrihFault,
    ShtrihFaultMode,
)
from kkt_adapter.emulators.shtrih.own_exchange import by_itself
from kkt_adapter.emulators.shtrih.tables import FFD_TABLE, REPLACEMENT
from kkt_adapter.fiscal.kkt.shtrih.device_errors import NO_DATA
from kkt_adapter.fiscal.store.session_tables import cash_transactions
from kkt_adapter.fiscal.store.tables import attempts, buffer_events, receipts
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.auth.roles import Role
from kkt_adapter.runtime.auth.settings import AuthSettings
from kkt_adapter.settings import RegisterSettings, Transport

SECRET = SecretStr("4f1c0f0e9a7b4d6e8c2a5b3d7e9f1a2c")


@asynccontextmanager
async def shop(
    folder: Path,
    transport: Transport = Transport.RELAY,
    clock: Clock | None = None,
    model: Model = DESKTOP,
    **options: Any,
) -> AsyncIterator[tuple[Product, ShtrihEmulator]]:
    operator = OfdEmulator()
    await operator.start()
    relayed = transport is Transport.RELAY
    emulator = ShtrihEmulator(
        deliver=None if relayed else by_itself("127.0.0.1", operator.port),
        relayed=relayed,
        clock=clock,
        model=model,
    )

    await emulator.start()
    emulator.machine.tables.fields[FFD_TABLE, 1, REPLACEMENT].value = 2
    register = RegisterSettings(
        id=TILL, driver="shtrih", address=emulator.address, ofd_transport=transport, pos_ids=(TILL,)
    )
    quick = Seams(driver=lambda _: shtrih_driver(emulator.address))
    try:
        async with product(folder, registers=[register], ofd=operator, seams=quick, **options) as running:
            running.seams = quick
            yield running, emulator
    finally:
        await emulator.stop()
        await operator.stop()


@pytest.mark.parametrize("transport", [Transport.RELAY, Transport.DEVICE])
async def test_it_sells_and_delivers(tmp_path: Path, transport: Transport) -> None:
    async with shop(tmp_path, transport) as (running, emulator):
        answers = await running.sell(2)
        await running.delivered()

        async def online() -> bool:
            return bool((await running.status())["network_status"] == "online")

        await running.until(online)

        assert [a["status"] for a in answers] == ["printed", "printed"]
        assert receipts_in(emulator.machine) == [10_000, 10_000]
        assert emulator.machine.fn.exchange_status().unsent_count == 0
        assert running.ofd.state()["repeated"] == 0
        for number in range(1, emulator.machine.status().fd_number + 1):
            kept = running.ofd.book.document(emulator.machine.registration.fn_number, number)
            assert kept is not None
            assert kept.raw == emulator.machine.fn.message(number), "byte for byte"


@pytest.mark.parametrize(
    "fault",
    [
        ShtrihFault(mode=ShtrihFaultMode.FORGET_ANSWER, command="ff45"),
        ShtrihFault(mode=ShtrihFaultMode.CUT_REQUEST, command="ff45", at=50),
        ShtrihFault(mode=ShtrihFaultMode.LATE, command="ff45", delay_s=0.2),
        ShtrihFault(mode=ShtrihFaultMode.LIE, command="ff45"),
    ],
    ids=lambda fault: fault.mode.value,
)
async def test_of_two_equal_sales_with_a_broken_link_each_is_made_once(
    tmp_path: Path, fault: ShtrihFault
) -> None:
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
        assert (await running.status())["total_receipts"] == 3


@pytest.mark.parametrize(("sent", "state"), [(0, "printed"), (1, "print_unknown")])
async def test_what_was_surely_not_sent_needs_no_person(tmp_path: Path, sent: int, state: str) -> None:
    """Killed in the middle of a receipt, and another program has used the register since."""
    async with shop(tmp_path, response_budget_s=0.1) as (running, emulator):
        (first,) = await running.sell(1)
        await running.state_of(first["receipt_id"], print_state="printed")
        position = emulator.machine.status()
        emulator.machine.set_paper(present=False)
        (waiting,) = await running.sell(1)
        await running.services.supervisor.stop()
        await running.services.database.write(partial(begin_print, sent, position.fd_number))
        emulator.machine.set_paper(present=True)
        foreign = shtrih_driver(emulator.address)
        registration = await foreign.open()
        await foreign.fiscalize(a_sale_for(registration, additional_attribute=None, key=None), term=1)
        await foreign.close()

        await running.restart()
        row = await running.state_of(waiting["receipt_id"], print_state=state)
        assert receipts_in(emulator.machine) == [10_000] * (3 if sent == 0 else 2)
        outcomes = {attempt["outcome"] for attempt in row["attempts"] if attempt["what"] == "print"}
        assert ("done" in outcomes, None in outcomes) == (sent == 0, sent == 1)


def begin_print(sent: int, fd_number: int, conn: Connection) -> None:
    """The second receipt as if its process had been killed while it was at the register."""
    conn.execute(update(receipts).where(receipts.c.seq == 2).values(print_state="printing"))
    first, *_ = conn.execute(select(attempts).where(attempts.c.what == "print"))
    row = dict(first._mapping) | {"id": 10_000, "receipt_seq": 2, "ended_at": None, "outcome": None}
    conn.execute(insert(attempts).values(row | {"baseline_fd": fd_number, "sent": sent}))


async def test_cash_is_at_the_register_once_whatever_gets_lost(tmp_path: Path) -> None:
    async with shop(tmp_path, sign_in=AuthSettings(secret=SECRET)) as (running, emulator):
        counters = emulator.machine.counters
        await running.call("POST", "/v1/pos/session/open", {"pos_id": TILL, "opening_cash": "500.00"})

        async def move(kind: str, rubles: str) -> None:
            body = {"pos_id": TILL, "type": kind, "amount": rubles, "reason": "test"}
            assert (await running.call("POST", "/v1/pos/cash", body)).status_code == 200

        await move("cash_in", "100.00")
        await running.sell(1)  # opens the shift: what waited for one goes now
        running.lane().cash_waits()
        await running.until(partial(cash_is, running, "done"))
        assert (counters.cash_ins, counters.cash_in_kop) == (1, 10_000)

        emulator.set_faults(ShtrihFault(mode=ShtrihFaultMode.FORGET_ANSWER, command="51"))
        await move("cash_out", "30.00")
        await running.until(partial(cash_is, running, "done", "done"))
        emulator.set_faults(ShtrihFault(mode=ShtrihFaultMode.LOSE_REQUEST, command="50"))
        await move("cash_in", "1.00")
        await running.until(partial(cash_is, running, "done", "done", "done"))
        await move("cash_out", "400.00")  # of the opening cash the register does not know
        assert (counters.cash_ins, counters.cash_outs) == (2, 1)
        await running.until(partial(cash_is, running, "done", "done", "done", "refused"))

        await (
            running.services.supervisor.stop()
        )  # killed: before the answer was written, before it was sent ..
        ids = await running.services.database.write(
            partial(forget_cash, before=((0, 0), (2, 0), (2, 1), (0, 1)))
        )
        await running.restart()
        await running.until(partial(cash_is, running, "unclear", "done", "done", "unclear"))
        assert (counters.cash_ins, counters.cash_outs) == (3, 1), ".. and others have moved cash since"
        decided = {"action": "done", "reason": "the slip is there"}
        assert (await running.call("POST", f"/v1/pos/cash/{ids[0]}/resolve", decided)).status_code == 200
        assert (await running.call("POST", f"/v1/pos/cash/{ids[0]}/resolve", decided)).status_code == 409
        await running.until(partial(cash_is, running, "done", "done", "done", "unclear"))
        await a_person_settles(running, ids[3])
        await running.until(partial(cash_is, running, "done", "done", "done", "refused"))
        assert (await running.get("/v1/pos/cash"))["movements"] == []


async def a_person_settles(running: Product, movement: int) -> None:
    """It is listed, and shown where people look; there a person has it sent once more."""
    (listed,) = (await running.get("/v1/pos/cash", pos_id=TILL))["movements"]
    assert (listed["movement"], listed["type"], listed["amount"]) == (movement, "cash_out", 400)
    assert (listed["state"], listed["register_id"]) == ("unclear", TILL)
    assert "после отправки внесений было" in listed["message"]
    assert (await running.get("/v1/pos/cash", pos_id="POS-002"))["movements"] == []
    running.services.auth.passwords._hasher = cheap_hasher()
    await running.services.auth.accounts.add("a.admin", Role.ADMIN, password=PASSWORD)
    async with browser_of(running.services.app) as person:
        assert (await person.sign_in("a.admin")).status_code == 303
        session = await running.get(f"/v1/pos/session/{TILL}")
        for page in ("/shifts", f"/shifts/sessions/{session['session_id']}"):
            assert "unclear whether it was booked" in (await person.get(page)).text, page
        page = (await person.get("/questions")).text
        assert f"/questions/cash/{movement}" in page
        assert listed["message"] in page
        there = f"/questions/cash/{movement}"
        wrong = await person.post(there, decision="adopt:1", reason="x")
        assert "Choose what to do" in wrong.text
        done = await person.post(there, decision="send_again", reason="no slip on the tape")
        assert done.status_code == 303, done.text
        assert there not in (await person.get("/questions")).text
    logs = (await running.get("/v1/kkt/buffer/logs", type="cash_decided"))["items"]
    told = next(one["metadata"] for one in logs if one["metadata"]["movement"] == movement)
    assert (told["action"], told["by"]) == ("send_again", "a.admin")
    assert told["reason"] == "no slip on the tape"


async def cash_is(running: Product, *states: str) -> bool:
    query = select(cash_transactions.c.device_state).where(cash_transactions.c.device_state.is_not(None))
    found = await running.read(
        lambda conn: conn.execute(query.order_by(cash_transactions.c.id)).scalars().all()
    )
    return tuple(found) == states


def forget_cash(conn: Connection, before: tuple[tuple[int, int], ...]) -> list[int]:
    """As if the process had been killed with every movement at the register, at these counts."""
    t = cash_transactions.c
    ids = list(conn.execute(select(t.id).where(t.device_state.is_not(None)).order_by(t.id)).scalars())
    for number, (put_in, taken_out) in zip(ids, before, strict=True):
        change = update(cash_transactions).where(t.id == number)
        conn.execute(
            change.values(device_state="sent", device_in=put_in, device_out=taken_out, device_shift=1)
        )
    fn = select(t.device_fn).where(t.id == ids[0]).scalar_subquery()
    conn.execute(update(cash_transactions).where(t.id == ids[-1]).values(device_fn=fn))
    return ids


async def test_the_attempt_and_the_register_tell_what_the_commands_took(tmp_path: Path) -> None:
    async with shop(tmp_path) as (running, emulator):
        (answer,) = await running.sell(1)
        (attempt,) = (await running.receipt(answer["receipt_id"]))["attempts"]
        assert {"8D", "FF46", "89", "FF45"} <= attempt["commands"].keys()
        assert [len(attempt["commands"][name]) for name in ("8D", "FF46", "FF45")] == [1, 1, 1]

        emulator.set_faults(ShtrihFault(mode=ShtrihFaultMode.FORGET_ANSWER, command="ff45"))
        lost = (await running.post(sale())).json()
        (attempt,) = (await running.receipt(lost["receipt_id"]))["attempts"]
        assert attempt["outcome"] == "adopted"
        assert "FF45" in attempt["commands"], "noted before recovery asked the device"

        (shown,) = (await running.client.get("/v1/kkt/status")).json()["registers"]
        assert shown["device_times"]["receipt"]["count"] == 1, "of what was printed and told"
        assert {c["command"] for c in shown["device_times"]["commands"]} >= {"8D", "FF46", "FF45"}


async def test_a_rate_that_came_out_as_another_is_told_with_both_values(tmp_path: Path) -> None:
    async with shop(tmp_path, clock=ManualClock()) as (running, emulator):  # a day in 2026
        tables = emulator.machine.tables.fields
        await running.sell(1)  # the driver has read the table by now
        tables[FFD_TABLE, 1, REPLACEMENT].value = 1  # and somebody changes it at the device

        body = sale()
        body["items"][0]["vat_rate"] = "20"
        answer = await running.post(body)

        async def told() -> list[Any]:
            found = select(buffer_events).where(buffer_events.c.event_type == "tags_differ")
            return list(await running.read(lambda conn: conn.execute(found).all()))

        (event,) = await running.until(told)
        assert answer.json()["status"] == "printed", "the till has its answer first"
        assert event.receipt_id == answer.json()["receipt_id"]
        (difference,) = json.loads(event._mapping["metadata"])["differences"]
        assert difference == {"tag": 1199, "line": 1, "asked": "1", "told": "11"}


async def test_a_document_whose_key_cannot_be_read_after_a_restore_is_a_question(tmp_path: Path) -> None:
    """Its till asks again for what the FN has. Read again later, the key settles it by itself."""
    async with shop(tmp_path, model=CASH_CORE) as (running, emulator):
        await running.sell(1)
        backup = copy(running)
        told = [(await running.post(sale(kop=kop), key=f"k{kop}")).json() for kop in (777, 888)]
        assert [answer["status"] for answer in told] == ["printed", "printed"]

        async with restored(running, backup):
            broken = ShtrihFault(mode=ShtrihFaultMode.ERROR, command="ff3b", code=NO_DATA, count=None)
            emulator.set_faults(broken)
        again = (await running.post(sale(kop=777), key="k777")).json()
        await running.state_of(again["receipt_id"], print_state="print_unknown")
        (register,) = (await running.get("/v1/kkt/status"))["registers"]
        assert "прочитать не удалось" in register["question"]["reason"]
        assert [one["fd_number"] for one in register["question"]["documents"]] == [fd_of(told[0])]
        emulator.set_faults()
        await running.restart()
        found = await running.state_of(again["receipt_id"], print_state="printed")

        assert found["fiscal_doc"]["fiscal_doc_number"] == fd_of(told[0])
        other = (await running.post(sale(kop=888), key="k888")).json()
        assert fd_of(other) == fd_of(told[1])
        assert receipts_in(emulator.machine) == [10_000, 777, 888]


def fd_of(answer: Any) -> int:
    return int(answer["fiscal_doc_id"].split("-")[1])

"""Open, closing, closed: what a Z report does to the sessions of its register, whatever comes of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from tests.support.product import Product, ShiftedClock, product
from tests.support.registers.held_register import makes_no_document
from tests.support.sessions import call, receipt

from kkt_adapter.fiscal.kkt.virtual import fn_path
from kkt_adapter.fiscal.shifts import session_rows
from kkt_adapter.fiscal.shifts.shift_rows import ShiftOfFn
from kkt_adapter.kernel.ids import RegisterId

KEY = "0b6f1c1e-4c0e-4a52-9a2b-0f3f5e0a7c11"
CASH = {"pos_id": "POS-001", "type": "cash_in", "amount": 5, "reason": "Размен"}


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
async def running(tmp_path: Path, clock: ShiftedClock) -> AsyncIterator[Product]:
    """With an open session of 100 rubles and one sale of 25 in cash."""
    # An FN that flushes has a thread of its own, and may be held up there.
    async with product(tmp_path, clock=clock, virtual_fsync=True) as started:
        opened = {"pos_id": "POS-001", "session_id": "S-1", "opening_cash": 100}
        assert (await call(started.client, "session/open", opened)).status_code == 200
        await started.post(receipt("sale", {"cash": 2_500}))
        yield started


async def session(running: Product) -> Any:
    return await running.get("/v1/pos/session/POS-001")


async def status_is(running: Product, wanted: str) -> Any:
    async def there() -> Any:
        found = await session(running)
        return found if found["status"] == wanted else None

    return await running.until(there)


async def z_report(running: Product, key: str = KEY) -> Any:
    return await running.call("POST", "/v1/kkt/z_report", {"pos_id": "POS-001"}, **{"Idempotency-Key": key})


async def refused_while_closing(running: Product) -> None:
    till = {"pos_id": "POS-001"}
    for path, body in (("cash", CASH), ("session/close", till), ("session/open", till)):
        assert (await call(running.client, path, body)).status_code == 409, path


async def confirmed(running: Product) -> bool:
    """The FN has written down everything that the operator has said."""
    return all(document.confirmed for document in running.archive())


async def test_a_session_is_closing_while_the_register_closes_the_shift(running: Product) -> None:
    await running.delivered()
    await running.until(lambda: confirmed(running))
    with makes_no_document(fn_path(running.settings.fn_dir, RegisterId("POS-001"))):
        asked = asyncio.create_task(z_report(running))
        closing = await status_is(running, "closing")
        assert (closing["session_id"], closing["closed_at"], closing["z_report"]) == ("S-1", None, None)
        await refused_while_closing(running)
        assert (await session(running))["status"] == "closing"
    answer = (await asked).json()
    closed = await status_is(running, "closed")
    assert (answer["openSessions"], answer["cashInTill"]) == (1, 125.0)
    assert closed["z_report"]["fiscalSign"] == answer["fiscalSign"]


@pytest.mark.parametrize("report", ["x_report", "z_report"])
async def test_a_report_for_another_session_is_refused_and_closes_nothing(
    running: Product, report: str
) -> None:
    wanted = {"pos_id": "POS-001", "session_id": "S-of-yesterday"}

    refused = await running.call("POST", f"/v1/kkt/{report}", wanted, **{"Idempotency-Key": KEY})

    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
    assert "S-1" in refused.text
    assert (await session(running))["status"] == "open"
    named = await running.call(
        "POST", f"/v1/kkt/{report}", wanted | {"session_id": "S-1"}, **{"Idempotency-Key": KEY}
    )
    assert named.status_code == 200, named.text


async def test_a_repeated_z_report_is_answered_although_another_session_is_open_by_then(
    running: Product,
) -> None:
    wanted = {"pos_id": "POS-001", "session_id": "S-1"}
    first = await running.call("POST", "/v1/kkt/z_report", wanted, **{"Idempotency-Key": KEY})
    opened = await call(running.client, "session/open", {"pos_id": "POS-001", "session_id": "S-2"})
    assert opened.status_code == 200

    again = await running.call("POST", "/v1/kkt/z_report", wanted, **{"Idempotency-Key": KEY})

    assert (again.status_code, again.content) == (200, first.content)
    assert (await session(running))["status"] == "open"


async def test_no_money_moves_before_the_register_is_told_either(running: Product) -> None:
    """Between the sessions' turning ``closing`` and the attempt's row the lane still asks its device."""
    await running.services.database.write(lambda c: begin(c, running))
    await refused_while_closing(running)
    found = await session(running)
    assert (found["status"], found["cash_balance"]) == ("closing", 125.0)
    assert (await z_report(running)).json()["cashInTill"] == 125.0


async def test_a_report_that_the_register_refuses_leaves_the_session_open(running: Product) -> None:
    running.break_register(refuse=1)
    refused = await z_report(running)
    assert refused.status_code >= 400
    found = await session(running)
    assert (found["status"], found["z_report"]) == ("open", None)
    assert (await call(running.client, "cash", CASH)).json()["cash_balance"] == 130.0
    assert (await z_report(running)).json()["cashInTill"] == 130.0
    assert (await session(running))["status"] == "closed"


async def test_a_report_whose_answer_was_lost_closes_the_session_when_it_is_found(running: Product) -> None:
    running.break_register(timeout_after=1)
    assert (await z_report(running)).status_code >= 400
    closed = await status_is(running, "closed")  # the lane asked the register and adopted the report
    assert closed["z_report"]["cashInTill"] == 125.0
    again = await z_report(running)
    assert again.status_code == 200, again.text
    assert (again.json()["openSessions"], again.json()["cashInTill"]) == (1, 125.0)
    assert again.json()["fiscalSign"] == closed["z_report"]["fiscalSign"]
    assert (await call(running.client, "session/open", {"pos_id": "POS-001"})).status_code == 200


async def test_a_report_that_never_arrived_leaves_the_session_open(running: Product) -> None:
    running.break_register(timeout_before=1)
    assert (await z_report(running)).status_code >= 400
    await status_is(running, "open")
    await running.sell(1)
    assert (await session(running))["receipt_count"] == 2


async def test_a_crash_before_the_register_was_told_leaves_the_session_open(running: Product) -> None:
    await running.services.database.write(lambda c: begin(c, running))
    await running.restart()
    await status_is(running, "open")  # the lane knows, as soon as it has its register again
    assert running.services.sessions.mismatches == ()
    assert (await call(running.client, "cash", CASH)).json()["cash_balance"] == 130.0


def begin(conn: Connection, running: Product) -> None:
    """The first of the commits that a Z report makes."""
    registration = running.lane().session.registration
    assert registration is not None
    shift = ShiftOfFn(fn_number=registration.fn_number, shift_number=1)
    session_rows.begin_closing(conn, "POS-001", shift)


async def test_the_end_of_24_hours_closes_the_shift_and_no_session(
    running: Product, clock: ShiftedClock
) -> None:
    clock.ahead += timedelta(hours=25)
    await running.look()
    answer = await running.post(receipt("sale", {"cash": 1_000}))
    assert answer.json()["fiscal_doc"]["shift_number"] == 2
    found = await session(running)
    assert (found["session_id"], found["status"], found["cash_balance"]) == ("S-1", "open", 135.0)
    closed = await z_report(running)
    assert (closed.json()["shiftNumber"], closed.json()["totalSales"]) == (2, 10.0)
    assert closed.json()["cashInTill"] == 135.0
    assert (await session(running))["status"] == "closed"

"""Sessions and cash over HTTP and the whole product: what is refused, what is repeated, what survives."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import Connection, update
from tests.support.api import Json
from tests.support.product import Product, product, virtual_registers
from tests.support.sessions import Receipt, Recount, call, fields, receipt

from kkt_adapter.fiscal.store.session_tables import pos_sessions

KEY = "0b6f1c1e-4c0e-4a52-9a2b-0f3f5e0a7c11"
OPEN: Json = {"pos_id": "POS-001", "session_id": "S-17", "opening_cash": 500}
CASH: Json = {"pos_id": "POS-001", "type": "cash_in", "amount": 100, "reason": "Размен"}


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Product]:
    registers = virtual_registers("POS-001", pos_ids=("POS-001", "POS-002"))
    async with product(tmp_path, registers=registers) as started:
        yield started


@pytest.fixture
def client(running: Product) -> httpx2.AsyncClient:
    return running.client


async def session(running: Product, till: str = "POS-001") -> Json:
    found: Json = await running.get(f"/v1/pos/session/{till}")
    return found


async def test_a_session_from_opening_to_closing(running: Product, client: httpx2.AsyncClient) -> None:
    opened = await call(client, "session/open", OPEN)
    assert opened.status_code == 200
    body = opened.json()
    assert (body["session_id"], body["status"], body["register_id"]) == ("S-17", "open", "POS-001")
    assert '"opening_cash":500.00' in opened.text
    await running.post(receipt("sale", {"cash": 10_000, "card": 5_000}))
    await running.post(receipt("refund", {"cash": 2_550}))
    await call(client, "cash", CASH)
    await call(client, "cash", CASH | {"type": "CASH_OUT", "amount": "300.50", "reason": "Инкассация"})
    recount = Recount(
        opening_kop=50_000,
        receipts=[
            Receipt(kind="sale", paid={"cash": 10_000, "card": 5_000}),
            Receipt(kind="refund", paid={"cash": 2_550}),
        ],
        moved_in=[10_000],
        moved_out=[30_050],
    )
    recount.check_session(await session(running))
    counted = {"pos_id": "POS-001", "session_id": "S-17", "counted_cash": "370.00"}
    closed = await call(client, "session/close", counted)
    assert (closed.status_code, closed.json()["status"]) == (200, "closed")
    assert '"counted_cash":370.00,"cash_difference":-4.00' in closed.text
    recount.check_session(closed.json())
    recount.check_session(await session(running))  # the last one, when none is open
    assert (await call(client, "session/close", {"pos_id": "POS-001"})).status_code == 409


async def test_a_z_report_closes_the_sessions_of_its_register(
    running: Product, client: httpx2.AsyncClient
) -> None:
    for till in ("POS-001", "POS-002"):
        await call(client, "session/open", {"pos_id": till, "opening_cash": 0})
    await running.post(receipt("sale", {"cash": 10_000}, till="POS-002"))
    z_report = await client.post("/v1/kkt/z_report", json={"pos_id": "POS-001"})
    assert z_report.json()["openSessions"] == 2
    assert z_report.json()["cashInTill"] == 100.0
    for till in ("POS-001", "POS-002"):
        shown = await session(running, till)
        assert shown["status"] == "closed"
        assert shown["z_report"]["fiscalSign"] == z_report.json()["fiscalSign"]
    reopened = await call(client, "session/open", {"pos_id": "POS-001"})
    assert (reopened.status_code, reopened.json()["cash_balance"]) == (200, 0)


async def test_a_sale_without_a_session_moves_no_drawer(running: Product, client: httpx2.AsyncClient) -> None:
    await running.post(receipt("sale", {"cash": 10_000}))
    await call(client, "session/open", OPEN)
    await running.post(receipt("sale", {"cash": 1_000}, till="POS-002"))
    Recount(opening_kop=50_000).check_session(await session(running))


async def test_what_the_state_does_not_allow_is_a_conflict(
    running: Product, client: httpx2.AsyncClient
) -> None:
    assert (await call(client, "cash", CASH)).status_code == 409  # no session
    await call(client, "session/open", OPEN)
    refused = [
        ("session/open", OPEN),  # the till has one
        ("session/open", OPEN | {"pos_id": "POS-002"}),  # the id was used
        ("session/close", {"pos_id": "POS-001", "session_id": "S-18"}),  # another one is open
        ("cash", CASH | {"type": "cash_out", "amount": "500.01"}),  # the drawer holds less
    ]
    for path, body in refused:
        answer = await call(client, path, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT"), path
    Recount(opening_kop=50_000).check_session(await session(running))


async def test_cash_may_be_put_into_a_drawer_that_owes(running: Product, client: httpx2.AsyncClient) -> None:
    await call(client, "session/open", {"pos_id": "POS-001"})
    await running.post(receipt("refund", {"cash": 50_000}))
    assert (await call(client, "cash", CASH)).json()["cash_balance"] == -400.0


async def test_a_till_without_a_session_or_a_register_is_told_so(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/v1/pos/session/POS-001")).status_code == 404
    unknown = await call(client, "session/open", {"pos_id": "POS-009"})
    assert (unknown.status_code, list(fields(unknown))) == (422, ["pos_id"])


async def test_the_same_key_gets_the_first_answer_again(running: Product, client: httpx2.AsyncClient) -> None:
    first = await call(client, "session/open", OPEN, key=KEY)
    await running.post(receipt("sale", {"cash": 10_000}))
    again = await call(client, "session/open", OPEN | {"opening_cash": "500.00"}, key=KEY)
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    moved = [await call(client, "cash", CASH, key=KEY) for _ in range(3)]  # another action, its own keys
    assert len({answer.content for answer in moved}) == 1
    assert (await session(running))["cash_in"] == 100.0
    other = await call(client, "cash", CASH | {"amount": 101}, key=KEY)
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    closed = [await call(client, "session/close", {"pos_id": "POS-001"}, key=KEY) for _ in range(2)]
    assert [answer.status_code for answer in closed] == [200, 200]


async def test_a_refused_request_does_not_use_up_its_key(client: httpx2.AsyncClient) -> None:
    assert (await call(client, "cash", CASH, key=KEY)).status_code == 409
    await call(client, "session/open", OPEN)
    assert (await call(client, "cash", CASH, key=KEY)).status_code == 200


async def test_a_bad_key_is_refused(client: httpx2.AsyncClient) -> None:
    answer = await call(client, "cash", CASH, key="two words")
    assert list(fields(answer)) == ["Idempotency-Key"]


async def test_an_open_session_goes_on_after_a_restart(running: Product) -> None:
    await call(running.client, "session/open", OPEN, key=KEY)
    await running.post(receipt("sale", {"cash": 10_000}))
    before = await session(running)
    await running.restart()
    assert await session(running) == before
    assert running.services.sessions.mismatches == ()
    logs = await running.get("/v1/kkt/buffer/logs", type="session_restored")
    assert logs["items"][0]["metadata"]["session_id"] == "S-17"
    assert (await call(running.client, "session/open", OPEN, key=KEY)).status_code == 200


async def test_a_drawer_that_does_not_add_up_is_an_event_and_an_alert_until_it_is_closed(
    running: Product,
) -> None:
    await call(running.client, "session/open", OPEN)
    await call(running.client, "session/open", {"pos_id": "POS-002", "opening_cash": 70})
    await running.post(receipt("sale", {"cash": 10_000}))
    for till, difference in (("POS-001", 2), ("POS-002", 1)):  # a kopeck is no difference
        await running.services.database.write(partial(spoil, till=till, kop=difference))
    await running.restart()
    (mismatch,) = running.services.sessions.mismatches
    assert (mismatch.pos_id, mismatch.kept_kop, mismatch.counted_kop) == ("POS-001", 60_002, 60_000)
    logs = await running.get("/v1/kkt/buffer/logs", type="session_mismatch")
    assert [item["level"] for item in logs["items"]] == ["error"]
    assert logs["items"][0]["metadata"]["counted"] == "600.00"

    async def alerts() -> list[str]:
        return [alert["level"] for alert in (await running.status())["alerts"] if "600.02" in str(alert)]

    await running.until(alerts)
    assert await alerts() == ["P2"]
    await call(running.client, "session/close", {"pos_id": "POS-001"})

    async def gone() -> bool:
        return not await alerts()

    await running.until(gone)


def spoil(conn: Connection, *, till: str, kop: int) -> None:
    query = update(pos_sessions).where(pos_sessions.c.pos_id == till)
    conn.execute(query.values(cash_kop=pos_sessions.c.cash_kop + kop))

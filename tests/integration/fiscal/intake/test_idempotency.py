"""One Idempotency-Key is one receipt and at most one document, whatever clients do at the same time."""

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import UniqueConstraint, func, select
from tests.support.product import TILL, Product, product, sale, virtual_registers

from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.tables import buffer_events, idempotency, receipts

KEY = "0b6f1c1e-4c0e-4a52-9a2b-0f3f5e0a7c11"


def replayed(answer: httpx2.Response) -> bool:
    return answer.headers.get("idempotency-replayed") == "true"


async def stored(running: Product) -> tuple[int, int]:
    """How many receipts are stored, and how many documents were printed for them."""
    totals = await running.read(counters.read)
    printed = sum(document.key is not None for document in running.archive())
    return int(totals.total), printed


async def test_the_same_request_gets_the_same_bytes_and_no_second_document(running: Product) -> None:
    first = await running.post(key=KEY)
    again = await running.post(key=KEY)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content
    assert not replayed(first)
    assert replayed(again)
    assert await stored(running) == (1, 1)
    events = await running.read(
        lambda c: c.execute(select(func.count()).select_from(buffer_events)).scalar_one()
    )
    await running.post(key=KEY)
    assert events == await running.read(
        lambda c: c.execute(select(func.count()).select_from(buffer_events)).scalar_one()
    )


@pytest.mark.parametrize(
    "body",
    [
        {
            "type": "SELL",
            "pos_id": TILL,
            "items": [{"quantity": "1.000", "price": 100.0, "name": "Test"}],
            "payments": [{"method": "Cash", "sum": "100.00"}],
        },
        sale(unknown_field={"is": "ignored"}),
    ],
    ids=["other spellings", "an unknown field"],
)
async def test_another_spelling_of_the_same_receipt_is_the_same_request(running: Product, body: Any) -> None:
    first = await running.post(sale(), key=KEY)
    again = await running.post(body, key=KEY)
    assert again.status_code == 200, again.text
    assert (again.content, replayed(again)) == (first.content, True)


async def test_another_body_under_a_known_key_is_a_conflict_that_names_the_first(running: Product) -> None:
    first = (await running.post(key=KEY)).json()
    other = await running.post(sale(kop=9_999), key=KEY)
    assert other.status_code == 409
    assert other.json()["code"] == "IDEMPOTENCY_CONFLICT"
    assert other.json()["receipt_id"] == first["receipt_id"]
    assert await stored(running) == (1, 1)


async def test_thirty_two_posts_of_one_key_at_once_are_one_receipt(running: Product) -> None:
    answers = await asyncio.gather(*(running.post(key=KEY) for _ in range(32)))
    assert {a.status_code for a in answers} == {200}
    assert len({a.content for a in answers}) == 1
    assert sum(not replayed(a) for a in answers) == 1
    assert await stored(running) == (1, 1)
    assert await running.read(counters.verify) == {}


async def test_posts_of_one_key_with_two_bodies_at_once_are_one_receipt_and_conflicts(
    running: Product,
) -> None:
    answers = await asyncio.gather(*(running.post(sale(kop=100 + i % 2), key=KEY) for i in range(16)))
    assert sorted({a.status_code for a in answers}) == [200, 409]
    assert len({a.content for a in answers if a.status_code == 200}) == 1
    assert await stored(running) == (1, 1)


async def test_many_keys_in_flight_twice_each_are_one_receipt_each(running: Product) -> None:
    keys = [f"key-{i}" for i in range(20)]
    answers = await asyncio.gather(*(running.post(key=key) for key in keys * 2))
    assert {a.status_code for a in answers} == {200}
    assert [a.content for a in answers[:20]] == [a.content for a in answers[20:]]
    assert await stored(running) == (20, 20)
    await running.delivered()
    await running.check_books()


async def test_a_twin_waits_for_the_first_and_gets_its_answer(running: Product) -> None:
    await running.sell(1)
    running.break_register(latency_s=0.3)
    first = asyncio.create_task(running.post(key=KEY))
    await running.until(lambda: in_flight(running))
    twin = await running.post(key=KEY)
    assert twin.content == (await first).content
    assert twin.json()["status"] == "printed"
    assert replayed(twin)
    assert await stored(running) == (2, 2)


async def in_flight(running: Product) -> bool:
    totals = await running.read(counters.read)
    return bool(totals.unprinted)


async def test_while_it_is_buffered_a_replay_tells_the_state_of_now(tmp_path: Path) -> None:
    async with product(tmp_path, response_budget_s=0.1) as running:
        running.break_register(paper_out=True)
        first = (await running.post(key=KEY)).json()
        assert (first["status"], first["fiscal_doc"], first["fiscal_doc_id"]) == ("buffered", None, None)
        again = await running.post(key=KEY)
        assert replayed(again)
        assert again.json()["status"] == "buffered"
        assert again.json()["receipt_id"] == first["receipt_id"]
        assert "бумаг" in again.json()["message"] or "paper" in again.json()["message"]

        running.faults().clear()
        await running.state_of(first["receipt_id"], print_state="printed")
        later = await running.post(key=KEY)
        assert replayed(later)
        assert later.json()["status"] == "printed"
        assert later.json()["receipt_id"] == first["receipt_id"]
        assert await stored(running) == (1, 1)


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        (sale(kop=0), 422),
        (sale(till="NOWHERE"), 422),
        (sale(payments=[{"type": "cash", "amount": 1}]), 422),
        ({"pos_id": TILL}, 422),
    ],
    ids=["zero", "unknown till", "payments do not add up", "no items"],
)
async def test_a_refused_request_does_not_use_up_its_key(running: Product, wrong: Any, status: int) -> None:
    refused = await running.post(wrong, key=KEY)
    assert refused.status_code == status
    assert (await running.post(key=KEY)).json()["status"] == "printed"


async def test_a_full_buffer_does_not_use_up_a_key(tmp_path: Path) -> None:
    async with product(tmp_path, capacity=50) as running:
        await running.break_operator("down")
        await running.sell_at_once(50)
        refused = await running.post(key=KEY)
        assert (refused.status_code, refused.json()["code"]) == (503, "BUFFER_FULL")
        await running.repair_operator()
        await running.delivered()
        assert (await running.post(key=KEY)).json()["status"] == "printed"


async def test_a_known_key_is_answered_even_when_its_request_would_be_refused_now(tmp_path: Path) -> None:
    """Full buffer, maintenance, a blocked register: none of it takes an answer back that was given."""
    async with product(tmp_path, capacity=50) as running:
        await running.break_operator("down")
        first = await running.post(key=KEY)
        await running.sell_at_once(49)
        assert (await running.post()).json()["code"] == "BUFFER_FULL"
        full = await running.post(key=KEY)
        await running.call("POST", "/v1/pos/maintenance", {"reason": "works"})
        maintained = await running.post(key=KEY)
        await running.call("DELETE", "/v1/pos/maintenance")
        running.break_register(fn_full=True)
        await running.look()
        stopped = await running.post(key=KEY)
        assert {a.content for a in (full, maintained, stopped)} == {first.content}
        assert all(replayed(a) for a in (full, maintained, stopped))


async def test_a_known_key_with_another_body_conflicts_even_when_that_body_is_wrong_now(
    running: Product,
) -> None:
    await running.post(key=KEY)
    answer = await running.post(sale(kop=10_000, payments=[{"type": "cash", "amount": 1}]), key=KEY)
    assert (answer.status_code, answer.json()["code"]) == (409, "IDEMPOTENCY_CONFLICT")


async def test_keys_and_answers_survive_a_restart(running: Product) -> None:
    first = await running.post(key=KEY)
    await running.restart()
    again = await running.post(key=KEY)
    assert (again.content, replayed(again)) == (first.content, True)
    assert (await running.post(sale(kop=1), key=KEY)).status_code == 409
    assert await stored(running) == (1, 1)


async def test_a_cancelled_request_is_stored_and_printed_and_its_key_finds_it(running: Product) -> None:
    await running.sell(1)
    running.break_register(latency_s=0.2)
    posting = asyncio.create_task(running.post(key=KEY))
    await running.until(lambda: in_flight(running))
    posting.cancel()
    cut_off = await posting
    assert (cut_off.status_code, cut_off.json()["code"]) == (503, "STORAGE_ERROR")
    answer = await running.post(key=KEY)
    assert answer.json()["status"] in ("printed", "buffered")
    await running.state_of(answer.json()["receipt_id"], print_state="printed")
    assert await stored(running) == (2, 2)


async def test_nobody_waits_for_ever_in_memory(running: Product) -> None:
    """Entries of waiting requests are gone when the requests are, however they ended."""
    waiting = running.services.intake._waiting
    running.break_register(paper_out=True)
    posts = [asyncio.create_task(running.post(key=f"k{i}")) for i in range(10)]
    twins = [asyncio.create_task(running.post(key=f"k{i}")) for i in range(10)]
    await running.until(lambda: in_flight(running))
    for task in posts + twins:
        task.cancel()
    await asyncio.gather(*posts, *twins, return_exceptions=True)
    await running.post(sale(kop=0))
    assert len(waiting) == 0
    running.faults().clear()
    await running.delivered()
    assert len(waiting) == 0
    await running.check_books()


async def test_a_key_is_a_constraint_of_the_database(running: Product) -> None:
    """Two writers that both believe the key is new: the database itself refuses the second."""
    await running.post(key=KEY)
    rows = await running.read(lambda c: c.execute(select(idempotency)).all())
    assert len(rows) == 1
    assert len(rows[0].key_hash) == 16
    unique = {
        tuple(column.name for column in constraint.columns)
        for constraint in idempotency.constraints
        if isinstance(constraint, UniqueConstraint)
    }
    assert ("key_hash",) in unique
    kept = await running.read(lambda c: c.execute(select(receipts.c.idempotency_key)).scalars().all())
    assert kept == [KEY]


async def test_a_z_report_with_a_key_closes_one_shift(running: Product) -> None:
    await running.sell(2)
    first = await running.close_shift(**{"Idempotency-Key": "z-1"})
    await running.sell(1)
    again = await running.close_shift(**{"Idempotency-Key": "z-1"})
    assert again == first
    assert (await running.get_x())["receiptCount"] == 1, "the shift that was opened since is still open"
    other = await running.close_shift(**{"Idempotency-Key": "z-2"})
    assert other["shiftNumber"] == first["shiftNumber"] + 1


async def test_a_repeated_report_says_that_it_is_a_repetition(tmp_path: Path) -> None:
    async with product(tmp_path, registers=virtual_registers(TILL, "T2")) as running:
        await running.sell(1)
        for path in ("/v1/kkt/x_report", "/v1/kkt/report/x", "/v1/kkt/z_report", "/v1/kkt/report/z"):
            body, header = {"pos_id": TILL}, {"Idempotency-Key": f"key{path}"}
            first = await running.call("POST", path, body, **header)
            assert first.status_code == 200
            assert not replayed(first)
            await running.sell(1)
            again = await running.call("POST", path, body, **header)
            assert replayed(again)
            assert again.content == first.content
            other = await running.call("POST", path, {"pos_id": "T2"}, **header)
            assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_CONFLICT")


async def test_two_z_reports_of_one_key_at_once_close_one_shift(running: Product) -> None:
    await running.sell(1)
    header = {"Idempotency-Key": "z-1"}
    answers = await asyncio.gather(*(running.close_shift(**header) for _ in range(5)))
    assert all(answer == answers[0] for answer in answers)
    assert sum(document.code == 5 for document in running.archive()) == 1

"""Receipts that the operator refuses: tried again, made dead letters, resolved, moved at once."""

from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select
from tests.support.delivery import HTTP, attempted, endpoint, forced, paused, refuse, sold_unsent
from tests.support.product import Product, ShiftedClock, product, sale

from kkt_adapter.emulators.ofd import OfdFault, OfdFaultMode
from kkt_adapter.fiscal.lifecycle import AttemptKind
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.tables import attempts, receipts


async def test_a_rejected_receipt_waits_alone_and_the_others_pass(running: Product) -> None:
    async with paused(running):
        ids = await sold_unsent(running, 4)
        await refuse(running, ids[1])
    for receipt_id in (ids[0], ids[2], ids[3]):
        await running.state_of(receipt_id, status="synced")
    row = await running.receipt(ids[1])
    assert (row["status"], row["retry_count"]) == ("pending", 1)
    assert "http_422" in row["last_error"]
    assert row["next_attempt_at"] is not None
    assert endpoint(running).breaker.failure_count == 0
    await running.repair_operator()
    await running.delivered()
    await running.check_books(in_order=False)


async def test_a_refused_receipt_is_tried_again_after_1_2_4_8_16_and_32_s_whatever_the_interval(
    tmp_path: Path,
) -> None:
    waits_s, clock = (1, 2, 4, 8, 16, 32), ShiftedClock()
    async with product(tmp_path, clock=clock, **(HTTP | {"sync_interval_s": 600.0})) as running:
        async with paused(running):
            (receipt_id,) = await sold_unsent(running, 1)
            await refuse(running, receipt_id)

        async def planned(due_at: datetime) -> bool:
            """The worker comes by when the receipt is due, not ten minutes later."""
            next_at = running.services.worker._next_run_at
            return next_at is not None and next_at < due_at + timedelta(minutes=1)

        async def tried(times: int) -> bool:
            """By a pass, as it is planned; nothing is done before its time, or while another one runs."""
            await running.call("POST", "/v1/kkt/buffer/sync")
            return await attempted(running, receipt_id, times)

        tries = 0
        while tries < len(waits_s):
            await running.until(partial(tried, tries + 1))
            tries, tried_at, due_at = await running.read(tries_of)
            assert due_at - tried_at == timedelta(seconds=waits_s[tries - 1])
            await running.until(partial(planned, due_at))
            clock.leap(max(0.0, (due_at - clock.now()).total_seconds()))


def tries_of(connection: Connection) -> tuple[int, datetime, datetime]:
    """Of the only receipt: how often, the last time, and when again."""
    tries, due_at = connection.execute(select(receipts.c.retry_count, receipts.c.next_attempt_at)).one()
    delivery = attempts.c.what == AttemptKind.SEND.value
    tried_at = connection.execute(select(func.max(attempts.c.ended_at)).where(delivery)).scalar_one()
    return tries, tried_at, due_at


async def test_what_is_refused_to_the_end_becomes_a_dead_letter_and_can_be_retried(tmp_path: Path) -> None:
    async with product(tmp_path, max_attempts=3, **HTTP) as running:
        async with paused(running):
            ids = await sold_unsent(running, 2)
            await refuse(running, ids[0])
        await running.state_of(ids[0], status="failed")  # after 1 and 2 s
        await running.state_of(ids[1], status="synced")
        status = await running.status()
        assert (status["failed"], status["dlq_size"], status["pending"]) == (1, 1, 0)
        letters = await running.get("/v1/kkt/dlq")
        (letter,) = letters["items"]
        assert letter["original_receipt_id"] == ids[0]
        assert letter["reason"] == "max_retries_exceeded"
        assert letter["retry_attempts"] == 3
        shown = await running.get(f"/v1/kkt/dlq/{letter['id']}")
        assert [attempt["outcome"] for attempt in shown["attempts"]] == ["failed"] * 3
        assert all("http_422" in attempt["error"] for attempt in shown["attempts"])
        assert await running.read(counters.verify) == {}

        await running.repair_operator()
        retried = await running.call("POST", f"/v1/kkt/dlq/{letter['id']}/retry")
        assert retried.status_code == 200
        row = await running.state_of(ids[0], status="synced")
        assert row["retry_count"] == 0
        closed = await running.get(f"/v1/kkt/dlq/{letter['id']}")
        assert closed["resolution"] == "retried"
        again = await running.call("POST", f"/v1/kkt/dlq/{letter['id']}/retry")
        assert (again.status_code, again.json()["code"]) == (409, "CONFLICT")
        assert (await running.status())["dlq_size"] == 0
        await running.check_books(in_order=False)


async def test_the_twentieth_failed_attempt_is_the_last(running: Product) -> None:
    """Nineteen leave a receipt waiting, with the delays of the table; forced passes make it quick."""
    async with paused(running):
        (receipt_id,) = await sold_unsent(running, 1)
        await refuse(running, receipt_id)
    await running.until(partial(attempted, running, receipt_id, 1))
    while (row := await running.receipt(receipt_id))["retry_count"] < 19:
        await forced(running)
    assert row["status"] == "pending"
    await forced(running)
    assert (await running.receipt(receipt_id))["status"] == "failed"
    letter = (await running.get("/v1/kkt/dlq"))["items"][0]
    assert letter["retry_attempts"] == 20


async def test_a_letter_resolved_by_hand_leaves_its_receipt_failed(tmp_path: Path) -> None:
    async with product(tmp_path, max_attempts=1, **HTTP) as running:
        async with paused(running):
            (receipt_id,) = await sold_unsent(running, 1)
            await refuse(running, receipt_id)
        await running.state_of(receipt_id, status="failed")
        done = await running.call("POST", "/v1/kkt/dlq/1/resolve", {"note": "told by telephone"})
        assert done.status_code == 200
        assert done.json()["resolution"] == "resolved"
        assert done.json()["note"] == "told by telephone"
        status = await running.status()
        assert (status["dlq_size"], status["failed"]) == (0, 1)
        assert (await running.receipt(receipt_id))["status"] == "failed"
        for action, body in (("retry", None), ("resolve", {"note": "x"})):
            again = await running.call("POST", f"/v1/kkt/dlq/1/{action}", body)
            assert (again.status_code, again.json()["code"]) == (409, "CONFLICT")
        assert (await running.call("GET", "/v1/kkt/dlq/99")).status_code == 404
        assert await running.read(counters.verify) == {}


def refund_of(receipt_id: str, **more: Any) -> dict[str, Any]:
    return sale(type="refund", original_receipt_id=receipt_id, **more)


@pytest.mark.parametrize(
    ("body", "allowed", "forced"),
    [
        ({"outcome": "delivered_otherwise"}, 200, 200),
        ({"outcome": "written_off"}, 409, 200),
        ({}, 409, 200),  # written off, with a warning
    ],
    ids=["delivered otherwise", "written off", "not said"],
)
async def test_a_sale_whose_dead_letter_was_resolved_can_be_refunded(
    tmp_path: Path, body: dict[str, Any], allowed: int, forced: int
) -> None:
    async with product(tmp_path, max_attempts=1, **HTTP) as running:
        async with paused(running):
            (receipt_id,) = await sold_unsent(running, 1)
            await refuse(running, receipt_id)
        await running.state_of(receipt_id, status="failed")
        assert (await running.post(refund_of(receipt_id))).status_code == 409
        unforced = await running.post(refund_of(receipt_id, refund_force_reason="the buyer insists"))
        assert unforced.status_code == 409  # nobody has decided about the sale yet

        done = await running.call("POST", "/v1/kkt/dlq/1/resolve", {"note": "by hand"} | body)

        assert done.json()["outcome"] == body.get("outcome", "written_off")
        assert [w["code"] for w in done.json()["warnings"]] == ([] if body else ["OUTCOME_ASSUMED"])
        checked = await running.call("POST", "/v1/pos/refund", {"original_fiscal_doc_id": receipt_id})
        assert (checked.status_code, checked.json()["allowed"]) == (allowed, allowed == 200)
        assert (await running.post(refund_of(receipt_id))).status_code == allowed
        if allowed != 200:
            why = {"refund_force_reason": "деньги возвращены по заявлению"}
            refunded = await running.post(refund_of(receipt_id, **why))
            assert refunded.status_code == forced, refunded.text
            row = await running.receipt(refunded.json()["receipt_id"])
            (event,) = [e for e in row["events"] if e["event"] == "refund_forced"]
            assert event["metadata"] == {"sale_id": receipt_id, "reason": why["refund_force_reason"]}


async def test_many_dead_letters_are_moved_at_once_if_they_are_as_many_as_expected(tmp_path: Path) -> None:
    async with product(tmp_path, max_attempts=1, **HTTP) as running:
        async with paused(running):
            ids = await sold_unsent(running, 4)
            await running.ofd.set_faults(OfdFault(mode=OfdFaultMode.CODE, code=422))
        for receipt_id in ids:
            await running.state_of(receipt_id, status="failed")
        wanted = {"filter": {"error": "http_422"}, "expected_count": 3}
        changed = await running.call("POST", "/v1/kkt/dlq/retry", wanted)
        assert (changed.status_code, changed.json()["count"]) == (409, 4)
        assert (await running.status())["dlq_size"] == 4
        others = {"filter": {"error": "http_500"}, "expected_count": 0}
        assert (await running.call("POST", "/v1/kkt/dlq/retry", others)).json()["done"] == 0

        said = {"note": "told by telephone", "outcome": "written_off"}
        one = {"filter": {"pos_id": "NOBODY"}, "expected_count": 4}
        assert (await running.call("POST", "/v1/kkt/dlq/resolve", one | said)).status_code == 409
        await running.call("POST", "/v1/kkt/dlq/1/resolve", said)
        await running.repair_operator()
        why = {"note": "the article was mended"}
        done = await running.call("POST", "/v1/kkt/dlq/retry", wanted | why)

        assert done.json() == {"matched": 3, "done": 3, "skipped": 0}
        left = (await running.get("/v1/kkt/dlq/1"))["original_receipt_id"]
        for receipt_id in set(ids) - {left}:
            row = await running.state_of(receipt_id, status="synced")
            (event,) = [event for event in row["events"] if event["event"] == "dlq_retried"]
            assert event["metadata"]["note"] == why["note"]
        assert (await running.get("/v1/kkt/dlq/2"))["note"] == why["note"]
        assert await running.read(counters.verify) == {}


async def test_many_dead_letters_go_in_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kkt_adapter.fiscal.delivery.dead_letters.STEP_ROWS", 2)
    async with product(tmp_path, max_attempts=1, **HTTP) as running:
        async with paused(running):
            ids = await sold_unsent(running, 5)
            await running.ofd.set_faults(OfdFault(mode=OfdFaultMode.CODE, code=422))
        for receipt_id in ids:
            await running.state_of(receipt_id, status="failed")
        said = {"note": "told by telephone", "outcome": "delivered_otherwise"}
        done = await running.call("POST", "/v1/kkt/dlq/resolve", {"filter": {}, "expected_count": 5} | said)
        assert done.json() == {"matched": 5, "done": 5, "skipped": 0, "warnings": []}
        letters = (await running.get("/v1/kkt/dlq"))["items"]
        assert {letter["outcome"] for letter in letters} == {"delivered_otherwise"}
        assert (await running.status())["dlq_size"] == 0
        assert await running.read(counters.verify) == {}

"""Delivery over HTTP: receipts one by one, each with its own fate (delivery.md, ofd-http.md)."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update
from tests.support.product import TILL, Product, ShiftedClock, product, sale, virtual_registers

from kkt_adapter.emulators.ofd import Duplicates, OfdEmulator, OfdFault, OfdFaultMode
from kkt_adapter.emulators.ofd.control import kept_json
from kkt_adapter.fiscal.delivery import outcome
from kkt_adapter.fiscal.delivery.endpoint import Endpoint
from kkt_adapter.fiscal.delivery.lanes.http import HttpLane
from kkt_adapter.fiscal.lifecycle import AttemptKind
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.tables import attempts, receipts
from kkt_adapter.settings import Transport

HTTP: Any = {"ofd_transport": Transport.HTTP, "wake_on_receipt": False}


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Product]:
    async with product(tmp_path, **HTTP) as one:
        yield one


def endpoint(running: Product) -> Endpoint:
    (only,) = running.services.worker._endpoints()
    return only


async def sold_unsent(running: Product, n: int, *, till: str = TILL) -> list[str]:
    """Receipts that were printed while the operator was away, and the way to it closed."""
    return [answer["receipt_id"] for answer in await running.sell(n, till=till)]


async def refuse(running: Product, receipt_id: str, code: int = 422, **more: Any) -> None:
    await running.ofd.set_faults(OfdFault(mode=OfdFaultMode.CODE, code=code, receipt_id=receipt_id, **more))


@asynccontextmanager
async def paused(running: Product) -> AsyncIterator[None]:
    """No pass of its own while the block prepares one."""
    async with running.services.worker._passing:
        yield


async def test_receipts_reach_a_cloud_once_with_their_exact_sums(running: Product) -> None:
    (answer,) = await running.sell(1, kop=1_999)
    await running.delivered()
    row = await running.receipt(answer["receipt_id"])
    doc = answer["fiscal_doc"]
    kept = running.ofd.book.document(doc["fn_number"], doc["fiscal_doc_number"])
    assert kept is not None
    body = kept_json(kept)["body"]
    assert body["total"] == Decimal("19.99")
    assert body["receipt_id"] == answer["receipt_id"]
    assert body["fiscal_sign"] == doc["fiscal_sign"]
    assert body["idempotency_key"] == row["idempotency_key"]
    assert row["ofd_id"]
    assert row["hlc"]["server_time"]
    await running.check_books()


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


async def attempted(running: Product, receipt_id: str, times: int) -> bool:
    return bool((await running.receipt(receipt_id))["retry_count"] >= times)


async def forced(running: Product) -> dict[str, Any]:
    """A manual pass that ignores due times; waits for the scheduled one in its way."""
    while True:
        answer = await running.call("POST", "/v1/kkt/buffer/sync?force=true")
        if answer.status_code == 200:
            shown: dict[str, Any] = answer.json()
            return shown
        assert answer.json()["code"] == "SYNC_IN_PROGRESS"
        await asyncio.sleep(0.01)


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


async def test_a_receipt_that_the_operator_has_already_is_synced(tmp_path: Path) -> None:
    """The first answer was lost; the second is 409 and names the receipt."""
    ofd = OfdEmulator(duplicates=Duplicates.CONFLICT)
    await ofd.start()
    try:
        async with product(tmp_path, ofd=ofd, **HTTP) as running:
            await running.ofd.set_faults(OfdFault(mode=OfdFaultMode.CLOSE, count=1))
            (receipt_id,) = await sold_unsent(running, 1)
            row = await running.state_of(receipt_id, status="synced")
            assert row["retry_count"] == 1
            assert ofd.state()["repeated"] == 1
            synced = [event for event in row["events"] if event["event"] == "receipt_synced"]
            assert "already" in synced[0]["metadata"]["note"]
            await running.check_books()
    finally:
        await ofd.stop()


@pytest.mark.parametrize("code", [401, 403, 408, 425, 429, 500, 503])
async def test_a_channel_failure_holds_the_fn_and_counts_for_the_breaker(
    running: Product, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome, "backoff", lambda failed: 3600.0)  # the next attempt is that of ``forced``
    async with paused(running):
        ids = await sold_unsent(running, 3)
        await running.ofd.set_faults(OfdFault(mode=OfdFaultMode.CODE, code=code, count=1))
    await running.until(partial(attempted, running, ids[0], 1))
    rows = [await running.receipt(receipt_id) for receipt_id in ids]
    assert [row["retry_count"] for row in rows] == [1, 0, 0]
    assert [row["status"] for row in rows] == ["pending"] * 3
    assert f"http_{code}" in rows[0]["last_error"]
    assert endpoint(running).stats.errors == {f"http_{code}": 1}
    await forced(running)
    await running.delivered()
    await running.check_books()
    assert endpoint(running).breaker.failure_count == 0


@pytest.mark.parametrize("mode", [OfdFaultMode.BAD_CRC, OfdFaultMode.HALF_ANSWER, OfdFaultMode.CLOSE])
async def test_what_is_no_answer_is_a_channel_failure(running: Product, mode: OfdFaultMode) -> None:
    """A web page, half an answer, none at all: the operator has the receipt, so the same bytes go again."""
    await running.ofd.set_faults(OfdFault(mode=mode, count=1))
    await sold_unsent(running, 1)
    await running.delivered()
    assert sum(endpoint(running).stats.errors.values()) == 1
    assert running.ofd.state()["repeated"] == 1
    await running.check_books()


async def test_a_wish_to_wait_is_obeyed(running: Product) -> None:
    async with paused(running):
        (receipt_id,) = await sold_unsent(running, 1)
        await running.ofd.set_faults(OfdFault(mode=OfdFaultMode.CODE, code=429, retry_after="3", count=1))
        began = time.monotonic()
    await running.until(partial(attempted, running, receipt_id, 1))
    await running.state_of(receipt_id, status="synced")
    assert time.monotonic() - began > 2.9


async def test_five_channel_failures_open_the_breaker_and_rejections_do_not(tmp_path: Path) -> None:
    tills = tuple(f"T{i}" for i in range(6))
    async with product(tmp_path, registers=virtual_registers(*tills), breaker_open_s=60.0, **HTTP) as running:
        async with paused(running):
            ids = [answer["receipt_id"] for answer in await running.sell_at_once(12, tills=tills)]
            await running.ofd.set_faults(OfdFault(mode=OfdFaultMode.CODE, code=422))
        await running.until(partial(all_tried, running, ids))
        assert (await running.status())["cb_state"] == "CLOSED"
        await running.ofd.set_faults(OfdFault(mode=OfdFaultMode.CODE, code=503))
        await running.until(partial(breaker_is, running, "OPEN"))
        await running.until(partial(nothing_on_its_way, running))
        tried = sum(endpoint(running).stats.errors.values())
        await asyncio.sleep(0.5)
        assert sum(endpoint(running).stats.errors.values()) == tried


async def nothing_on_its_way(running: Product) -> bool:
    """What was being sent when the breaker opened has failed by then, too."""
    return int((await running.status())["syncing"]) == 0


async def all_tried(running: Product, ids: list[str]) -> bool:
    rows = [await running.receipt(receipt_id) for receipt_id in ids]
    return all(row["retry_count"] for row in rows)


async def breaker_is(running: Product, state: str) -> bool:
    return bool((await running.status())["cb_state"] == state)


async def test_a_rejection_is_a_good_probe(tmp_path: Path) -> None:
    """The operator refuses, so it is alive: a half-open breaker closes on it."""
    async with product(tmp_path, breaker_failures=1, breaker_open_s=0.2, **HTTP) as running:
        async with paused(running):
            ids = await sold_unsent(running, 2)
            await running.ofd.set_faults(OfdFault(mode=OfdFaultMode.CODE, code=503))
        await running.until(partial(breaker_is, running, "OPEN"))
        await running.ofd.set_faults(OfdFault(mode=OfdFaultMode.CODE, code=422))
        await running.until(partial(breaker_is, running, "CLOSED"))
        rows = [await running.receipt(receipt_id) for receipt_id in ids]
        assert any("http_422" in (row["last_error"] or "") for row in rows)
        await running.repair_operator()
        await running.delivered()


async def test_a_half_open_breaker_with_nothing_to_send_asks_the_health_call(tmp_path: Path) -> None:
    async with product(tmp_path, breaker_failures=1, breaker_open_s=0.2, **HTTP) as running:
        await running.break_operator("code", code=503, count=1)
        (receipt_id,) = await sold_unsent(running, 1)
        await running.until(partial(breaker_is, running, "CLOSED"))
        row = await running.state_of(receipt_id, status="synced")
        assert row["retry_count"] == 1


async def test_a_forced_pass_takes_every_waiting_receipt_once(running: Product) -> None:
    async with paused(running):
        ids = await sold_unsent(running, 5)
        await running.ofd.set_faults(OfdFault(mode=OfdFaultMode.CODE, code=422))
    await running.until(partial(all_tried, running, ids))
    before = {i: (await running.receipt(i))["retry_count"] for i in ids}
    result = await forced(running)
    assert (result["status"], result["synced"], result["failed"]) == ("completed", 0, 5)
    after = {i: (await running.receipt(i))["retry_count"] for i in ids}
    assert {i: n + 1 for i, n in before.items()} == after


async def test_a_forced_pass_stops_at_a_channel_failure(running: Product) -> None:
    """Ignoring due times is no licence to burn the attempts of a whole FN on a dead line."""
    async with paused(running):
        ids = await sold_unsent(running, 5)
        await running.ofd.set_faults(OfdFault(mode=OfdFaultMode.CODE, code=503))
    await running.until(partial(attempted, running, ids[0], 1))
    await forced(running)
    rows = [await running.receipt(receipt_id) for receipt_id in ids]
    assert [row["retry_count"] for row in rows[1:]] == [0] * 4


async def test_receipts_go_on_over_http_while_their_register_is_away(tmp_path: Path) -> None:
    """The rows are the queue: nothing of it needs the register, not even after a restart."""
    async with product(tmp_path, **HTTP) as running:
        await running.break_operator("down")
        await sold_unsent(running, 3)
        (running.settings.fn_dir / "POS-001.sqlite").rename(tmp_path / "away")
        await running.restart()
        await running.repair_operator()
        await running.delivered()
        assert running.ofd.state()["by_code"] == {"3": 3}


async def test_receipts_of_a_relay_register_never_go_over_http(tmp_path: Path) -> None:
    """Two transports in one process, and the relay register is away at the start."""
    registers = virtual_registers("R", ofd_transport=Transport.RELAY) + virtual_registers(
        "H", ofd_transport=Transport.HTTP
    )
    async with product(tmp_path, registers=registers) as running:
        await running.break_operator("down")
        await running.sell(2, till="R")
        file = running.settings.fn_dir / "R.sqlite"
        file.rename(tmp_path / "away")
        await running.restart()
        await running.repair_operator()
        (answer,) = await running.sell(1, till="H")
        await running.state_of(answer["receipt_id"], status="synced")
        await asyncio.sleep(0.5)
        totals = await running.read(counters.read)
        assert (totals.synced, totals.pending) == (1, 2)


async def test_a_damaged_row_becomes_a_dead_letter_and_the_others_pass(tmp_path: Path) -> None:
    async with product(tmp_path, max_attempts=1, **HTTP) as running:
        async with paused(running):
            ids = await sold_unsent(running, 3)
            await running.services.database.write(
                lambda c: c.execute(update(receipts).where(receipts.c.id == ids[0]).values(payload="{}"))
            )
        for receipt_id in ids[1:]:
            await running.until(partial(is_synced, running, receipt_id))
        totals = await running.read(counters.read)
        assert (totals.failed, totals.dlq_open) == (1, 1)


async def is_synced(running: Product, receipt_id: str) -> bool:
    page = await running.get("/v1/kkt/receipts")
    return any(row["id"] == receipt_id and row["status"] == "synced" for row in page["items"])


async def test_a_claim_that_ran_out_while_the_process_stood_still_sends_nothing(running: Product) -> None:
    """The holder looks at its lease right before it sends (delivery.md#claims)."""
    async with paused(running):
        await sold_unsent(running, 1)
        (lane,) = await running.services.worker._lanes()
        assert isinstance(lane, HttpLane)
        step = lane._step

        async def slow_step(*args: Any, **kwargs: Any) -> Any:
            claim = await step(*args, **kwargs)
            lane._trusted_until = 0.0  # as if the process had stood still for five minutes
            return claim

        lane._step = slow_step  # type: ignore[method-assign]
    await asyncio.sleep(0.5)
    assert running.ofd.state()["unique"] == 0
    lane._step = step  # type: ignore[method-assign]


async def test_the_fn_of_an_http_register_keeps_no_queue(running: Product) -> None:
    await running.sell(3)
    await running.delivered()
    status = await running.driver().exchange_status()
    assert (status.unsent_count, status.first_unsent_number) == (0, None)
    assert running.ofd.state()["by_code"] == {"3": 3}


async def test_refunds_and_corrections_travel_too(running: Product) -> None:
    (sold,) = await running.sell(1)
    await running.delivered()
    await running.post(sale(type="refund", original_receipt_id=sold["receipt_id"]))
    correction = {"type": "self", "date": "2026-01-15", "number": "1", "operation": "sale"}
    answer = await running.post(sale(type="correction", correction=correction))
    assert answer.status_code == 200, answer.text
    await running.delivered()
    assert running.ofd.state()["by_code"] == {"3": 2, "31": 1}
    await running.check_books()

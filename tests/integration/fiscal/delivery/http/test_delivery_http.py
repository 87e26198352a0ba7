"""Delivery over HTTP: receipts one by one, each with its own fate (delivery.md, ofd-http.md)."""

import asyncio
import time
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from tests.support.delivery import HTTP, all_tried, attempted, endpoint, forced, paused, sold_unsent
from tests.support.product import Product, product, sale, virtual_registers

from kkt_adapter.emulators.ofd import Duplicates, OfdEmulator, OfdFault, OfdFaultMode
from kkt_adapter.emulators.ofd.control import kept_json
from kkt_adapter.fiscal.delivery import outcome
from kkt_adapter.fiscal.delivery.lanes.http import HttpLane
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.tables import receipts
from kkt_adapter.settings import Transport


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


async def test_a_forced_pass_takes_every_waiting_receipt_once(running: Product) -> None:
    async with paused(running):
        ids = await sold_unsent(running, 5)
        await running.ofd.set_faults(OfdFault(mode=OfdFaultMode.CODE, code=422))
    await running.until(partial(all_tried, running, ids))
    before = {i: (await running.receipt(i))["retry_count"] for i in ids}
    result = await forced(running)
    assert (result["status"], result["synced"], result["failed"]) == ("completed", 0, 5), "five tries"
    after = {i: (await running.receipt(i))["retry_count"] for i in ids}
    assert all(after[i] > before[i] for i in ids), "each of them one; a pass by the plan may stand between"


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

"""Rows and FN beside each other (delivery.md): claims and results in blocks, and what outruns its row."""

import asyncio
from functools import partial
from typing import Any

import pytest
from tests.support.delivery import forced_through, relay_lane
from tests.support.product import Product

from kkt_adapter.fiscal.delivery.blocks import BlockStep
from kkt_adapter.fiscal.delivery.lanes import ledger, relay
from kkt_adapter.fiscal.delivery.lanes.relay import RelayLane
from kkt_adapter.fiscal.model import OfdMessage
from kkt_adapter.fiscal.store import counters
from kkt_adapter.kernel.errors import OfdUnavailable, StorageError


async def test_a_result_that_could_not_be_written_is_made_up_for_from_the_fn(
    running: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The FN has the confirmation, the database failed: the FN's word counts, nothing is sent again."""
    await running.sell(1)
    await running.delivered()
    database, failures = running.services.database, 1
    write_each = database.write_each

    async def failing(apply: Any, item: Any) -> Any:
        nonlocal failures
        if isinstance(item, BlockStep) and item.done and failures:
            failures -= 1
            raise StorageError("disk full")
        return await write_each(apply, item)

    monkeypatch.setattr(database, "write_each", failing)
    (answer,) = await running.sell(1)
    await running.state_of(answer["receipt_id"], status="synced")
    assert failures == 0
    assert running.ofd.state()["repeated"] == 0
    assert await running.read(counters.verify) == {}
    await running.check_books()


async def test_a_document_that_goes_out_before_it_is_written_down_is_synced_all_the_same(
    running: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Delivery sees the FN's new document while its row is not there yet, and does not know of the print."""
    monkeypatch.setattr(relay, "LOOK_AGAIN_S", 3600.0)  # the next look at the FN does not help
    await running.sell(1)
    await running.delivered()
    lane = await relay_lane(running)
    monkeypatch.setattr(lane, "_in_flight", lambda: False)
    database = running.services.database
    write_each = database.write_each

    async def slow(apply: Any, item: Any) -> Any:
        if apply.__name__ == "printed":
            running.services.worker.document_made(lane.fn_number)
            await asyncio.sleep(0.3)
        return await write_each(apply, item)

    monkeypatch.setattr(database, "write_each", slow)
    (answer,) = await running.sell(1)
    await running.state_of(answer["receipt_id"], status="synced")
    assert running.ofd.state()["repeated"] == 0
    await running.check_books()


async def test_delivery_leaves_a_document_alone_while_its_lane_writes_it_down(
    running: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    await running.sell(1)
    await running.delivered()
    lane = await relay_lane(running)
    database = running.services.database
    write_each = database.write_each

    async def slow(apply: Any, item: Any) -> Any:
        if apply.__name__ == "printed":
            running.services.worker.document_made(lane.fn_number)
            await asyncio.sleep(0.2)
            assert running.ofd.state()["by_code"]["3"] == 1
        return await write_each(apply, item)

    monkeypatch.setattr(database, "write_each", slow)
    (answer,) = await running.sell(1)
    row = await running.state_of(answer["receipt_id"], status="synced")
    assert row["ofd_id"] is not None, "delivered under a claim, with the operator's sign"
    assert [attempt["what"] for attempt in row["attempts"]] == ["print", "send"]


async def test_after_a_document_that_went_ahead_the_following_are_delivered_under_their_claims(
    running: Product,
) -> None:
    """Comparing rows with the FN must not overtake a result that is still to be written."""
    await running.sell(1)
    await running.delivered()
    lane = await relay_lane(running)
    await running.break_operator("down")
    followers = [a["receipt_id"] for a in await running.sell(5)]
    lane._ahead = 1
    await running.repair_operator()
    await running.until(partial(forced_through, running))
    rows = [await running.receipt(receipt_id) for receipt_id in followers]
    assert all(row["ofd_id"] is not None for row in rows), "each result was taken"
    assert {row["attempts"][-1]["outcome"] for row in rows} == {"done"}
    assert lane.due_in_s() is None, "nothing made the lane pause"
    await running.check_books()


async def test_a_row_that_is_written_while_its_claim_waits_is_left_for_the_next_look(
    running: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim found nothing, the row came, and the lane had let go before the claim was answered."""
    await running.sell(1)
    await running.delivered()
    lane = await relay_lane(running)
    database, looked = running.services.database, asyncio.Event()
    write_each = database.write_each

    async def delayed(apply: Any, item: Any) -> Any:
        if apply.__name__ == "printed":
            running.services.worker.document_made(lane.fn_number)
            await looked.wait()
        done = await write_each(apply, item)
        if isinstance(item, BlockStep) and item.claim is not None and not looked.is_set():
            looked.set()
            await running.until(let_go)
        return done

    async def let_go() -> bool:
        return not lane._in_flight()

    monkeypatch.setattr(database, "write_each", delayed)
    (answer,) = await running.sell(1)
    row = await running.state_of(answer["receipt_id"], status="synced")
    assert looked.is_set()
    assert row["ofd_id"] is not None, "delivered under a claim, with the operator's sign"
    assert [attempt["what"] for attempt in row["attempts"]] == ["print", "send"]
    await running.check_books()


async def backlog(running: Product, lane: RelayLane, receipts: int) -> list[str]:
    """Receipts that nobody has tried to deliver."""
    holds, lane._holds_register = lane._holds_register, lambda: False
    ids = [a["receipt_id"] for a in await running.sell(receipts)]
    lane._holds_register = holds
    return ids


async def test_a_backlog_is_claimed_and_written_in_blocks_that_grow(
    running: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted: claims and results of 20 documents in six commits, where each alone would take 21."""
    monkeypatch.setattr(ledger, "HELD_S", 600.0)
    await running.sell(1)
    await running.delivered()
    lane = await relay_lane(running)
    ids = await backlog(running, lane, 20)
    database, steps = running.services.database, list[BlockStep]()
    write_each = database.write_each

    async def counting(apply: Any, item: Any) -> Any:
        if isinstance(item, BlockStep):
            steps.append(item)
        return await write_each(apply, item)

    monkeypatch.setattr(database, "write_each", counting)
    running.services.worker.document_made(lane.fn_number)
    await running.delivered()
    assert [len(step.done) for step in steps] == [0, 1, 2, 4, 8, 5]
    rows = [await running.receipt(receipt_id) for receipt_id in ids]
    assert all(row["ofd_id"] is not None and row["attempts"][-1]["outcome"] == "done" for row in rows)
    assert await running.read(counters.verify) == {}
    await running.check_books()


async def test_a_block_that_ends_early_is_written_and_given_back(
    running: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fifth document hangs and then fails: four are synced meanwhile, and no claim stays behind."""
    await running.sell(1)
    await running.delivered()
    lane, sent, go_on = await relay_lane(running), 0, asyncio.Event()
    ids = await backlog(running, lane, 12)
    deliver = lane._gateway.deliver

    async def hanging(message: OfdMessage) -> Any:
        nonlocal sent
        sent += 1
        if sent == 5:
            await go_on.wait()
            monkeypatch.setattr(lane, "_holds_register", lambda: False)
            raise OfdUnavailable("nobody answers", error_code="timeout")
        return await deliver(message)

    async def four_are_synced() -> bool:
        return bool((await running.read(counters.read)).synced == 1 + 4)

    async def nothing_is_claimed() -> bool:
        return bool((await running.read(counters.read)).syncing == 0)

    monkeypatch.setattr(lane._gateway, "deliver", hanging)
    running.services.worker.document_made(lane.fn_number)
    await running.until(four_are_synced)
    assert (await running.read(counters.read)).syncing == 3, "the fifth, and the rest of its block"
    go_on.set()
    await running.until(nothing_is_claimed)
    rows = [await running.receipt(receipt_id) for receipt_id in ids]
    assert [row["status"] for row in rows] == ["synced"] * 4 + ["pending"] * 8
    assert [row["retry_count"] for row in rows] == [0] * 4 + [1] + [0] * 7
    monkeypatch.undo()
    await running.delivered()
    assert await running.read(counters.verify) == {}
    await running.check_books()

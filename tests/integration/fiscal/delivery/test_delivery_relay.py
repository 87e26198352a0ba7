"""Delivery over the binary protocol: the FN owns the queue (delivery.md), by relay or by device."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.support.product import TILL, Product, product, virtual_registers

from kkt_adapter.emulators.ofd import OfdFault, OfdFaultMode
from kkt_adapter.fiscal.delivery import reconcile
from kkt_adapter.fiscal.delivery.blocks import BlockStep
from kkt_adapter.fiscal.delivery.endpoint import Endpoint
from kkt_adapter.fiscal.delivery.lanes import ledger, relay
from kkt_adapter.fiscal.delivery.lanes.relay import RelayLane
from kkt_adapter.fiscal.model import DocumentCode, OfdMessage
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.tables import buffer_events
from kkt_adapter.kernel.errors import (
    KktRefused,
    KktUnavailable,
    OfdUnavailable,
    SettingsInvalid,
    StorageError,
)
from kkt_adapter.settings import Transport


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Product]:
    async with product(tmp_path) as one:
        yield one


def endpoint(running: Product) -> Endpoint:
    (only,) = running.services.worker._endpoints()
    return only


async def relay_lane(running: Product) -> RelayLane:
    (lane,) = await running.services.worker._lanes()
    assert isinstance(lane, RelayLane)
    return lane


async def attempted(running: Product, receipt_id: str, times: int) -> bool:
    return bool((await running.receipt(receipt_id))["retry_count"] >= times)


@pytest.mark.parametrize("mode", [OfdFaultMode.WRONG_NUMBER, OfdFaultMode.WRONG_FN, OfdFaultMode.BAD_CRC])
async def test_an_answer_about_something_else_is_no_confirmation(
    running: Product, mode: OfdFaultMode
) -> None:
    await running.sell(1)
    await running.delivered()
    await running.ofd.set_faults(OfdFault(mode=mode, count=1))
    (answer,) = await running.sell(1)
    row = await running.state_of(answer["receipt_id"], status="synced")
    assert row["retry_count"] == 1
    assert running.ofd.state()["repeated"] == 1
    await running.check_books()


async def test_a_response_code_other_than_zero_is_delivered_with_an_alarm(running: Product) -> None:
    await running.sell(1)
    await running.delivered()
    await running.ofd.set_faults(OfdFault(mode=OfdFaultMode.CODE, code=14, count=1))
    (answer,) = await running.sell(1)
    row = await running.state_of(answer["receipt_id"], status="synced")
    synced = next(event for event in row["events"] if event["event"] == "receipt_synced")
    assert synced["level"] == "info"
    (alarm,) = [event for event in row["events"] if event["event"] == "operator_alarm"]
    assert (alarm["level"], alarm["metadata"]["code"]) == ("error", 14)
    assert row["operator_code"] == 14
    alerts = (await running.status())["alerts"]
    (told,) = [alert for alert in alerts if alert["code"] == "FORMAT_CONTROL_FAILED"]
    assert row["receipt_id"] in told["message"]
    scraped = (await running.client.get("/metrics")).text
    assert 'kkt_operator_alarms_total{code="14"} 1.0' in scraped
    assert (await running.driver().exchange_status()).unsent_count == 0


def fail_confirmations(
    running: Product,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    *,
    count: int,
    reached: bool = False,
) -> None:
    """``count`` times a reply ends with ``error``, before or after (``reached``) the FN has it."""
    driver = running.driver()
    accept, left = driver.accept_reply, count

    async def fail(reply: bytes) -> None:
        nonlocal left
        if not left or reached:
            await accept(reply)
        if left:
            left -= 1
            raise error

    monkeypatch.setattr(driver, "accept_reply", fail)


async def test_a_confirmation_that_the_fn_refuses_is_a_failed_attempt_and_no_breaker_failure(
    running: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    await running.sell(1)
    await running.delivered()
    fail_confirmations(running, monkeypatch, KktRefused("not this one", device_code=0x20), count=2)
    (answer,) = await running.sell(1)
    row = await running.state_of(answer["receipt_id"], status="synced")
    assert row["retry_count"] == 2
    assert endpoint(running).breaker.opens_total == 0
    assert endpoint(running).stats.errors == {"fn_refused": 2}
    assert running.ofd.state()["repeated"] == 2
    await running.check_books()


@pytest.mark.parametrize("reached", [False, True], ids=["it did not arrive", "it did arrive"])
async def test_a_confirmation_that_did_not_reach_the_fn_for_certain_costs_nothing(
    running: Product, monkeypatch: pytest.MonkeyPatch, reached: bool
) -> None:
    """The FN's own exchange status decides, not our guess; and what the operator found fault with is told."""
    await running.sell(1)
    await running.delivered()
    await running.ofd.set_faults(OfdFault(mode=OfdFaultMode.CODE, code=14))
    fail_confirmations(running, monkeypatch, KktUnavailable("the link is gone"), count=1, reached=reached)
    (answer,) = await running.sell(1)
    row = await running.state_of(answer["receipt_id"], status="synced")
    assert row["retry_count"] == 0
    assert running.ofd.state()["repeated"] == int(not reached)
    (alarm,) = [event for event in row["events"] if event["event"] == "operator_alarm"]
    assert (alarm["metadata"]["code"], row["operator_code"]) == (14, 14)
    await running.check_books()


async def test_a_fault_with_a_report_is_told_once_however_often_it_is_sent(
    running: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    await running.sell(1)
    await running.delivered()
    await running.ofd.set_faults(OfdFault(mode=OfdFaultMode.CODE, code=14))
    fail_confirmations(running, monkeypatch, KktUnavailable("the link is gone"), count=2)
    await running.close_shift()

    async def taken() -> bool:
        return (await running.driver().exchange_status()).unsent_count == 0

    await running.until(taken)
    query = select(buffer_events.c.metadata).where(buffer_events.c.event_type == "operator_alarm")
    assert len(await running.read(lambda c: c.execute(query).all())) == 1
    assert running.ofd.state()["repeated"] == 2


async def test_a_dead_letter_at_the_head_is_tried_on_and_closes_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kkt_adapter.fiscal.delivery.lanes.relay.HELD_RETRY_S", 0.5)
    async with product(tmp_path, max_attempts=1) as running:
        await running.sell(1)
        await running.delivered()
        await running.break_operator("wrong_number")
        first, second = [a["receipt_id"] for a in await running.sell(2)]
        await running.state_of(first, status="failed")
        status = await running.status()
        assert (status["dlq_size"], status["failed"], status["pending"]) == (1, 1, 1)
        assert (await running.receipt(second))["retry_count"] == 0, "the FN cannot skip a document"

        tries = sum(endpoint(running).stats.errors.values())

        async def tried_on() -> bool:
            return sum(endpoint(running).stats.errors.values()) > tries

        await running.until(tried_on)
        assert await running.read(counters.verify) == {}
        await running.repair_operator()
        await running.delivered()
        letter = await running.get("/v1/kkt/dlq/1")
        assert (letter["resolution"], letter["resolved_by"]) == ("delivered_later", "system")
        assert (await running.status())["dlq_size"] == 0
        await running.check_books()


async def test_a_dead_letter_of_the_relay_can_be_retried_by_a_person(tmp_path: Path) -> None:
    async with product(tmp_path, max_attempts=1) as running:
        await running.sell(1)
        await running.delivered()
        await running.break_operator("bad_crc")
        (answer,) = await running.sell(1)
        await running.state_of(answer["receipt_id"], status="failed")
        await running.repair_operator()
        assert (await running.call("POST", "/v1/kkt/dlq/1/retry")).status_code == 200
        forced = await running.call("POST", "/v1/kkt/buffer/sync?force=true")
        assert forced.status_code in (200, 409)
        await running.until(partial(forced_through, running))
        await running.delivered()
        assert (await running.get("/v1/kkt/dlq/1"))["resolution"] == "retried"
        await running.check_books()


async def forced_through(running: Product) -> bool:
    await running.call("POST", "/v1/kkt/buffer/sync?force=true")
    totals = await running.read(counters.read)
    return bool(totals.undelivered == 0)


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


async def test_what_an_fn_has_confirmed_is_synced_whatever_state_the_row_is_in(running: Product) -> None:
    await running.break_operator("down")
    ids = [a["receipt_id"] for a in await running.sell(3)]
    fn_number = running.archive()[0].fn_number
    now = running.clock.now()
    rows = [await running.receipt(receipt_id) for receipt_id in ids]
    below = rows[1]["fiscal_doc"]["fiscal_doc_number"] + 1
    synced = await running.services.database.write(
        lambda c: reconcile.confirmed_by_fn(c, fn_number, below=below, at=now)
    )
    assert synced == 2
    assert [(await running.receipt(i))["status"] for i in ids[:2]] == ["synced", "synced"]
    assert (await running.receipt(ids[2]))["status"] != "synced"
    assert await running.read(counters.verify) == {}


async def test_a_report_that_fails_holds_its_fn_and_goes_out_when_it_can(running: Product) -> None:
    """The shift opening is the head of the queue; it is no receipt and still delivered in its place."""
    await running.break_operator("close", count=1)
    await running.sell(2)
    await running.delivered()
    assert running.ofd.state()["by_code"] == {"1": 1, "2": 1, "3": 2}
    await running.check_books()


async def test_z_reports_reach_the_operator_too(running: Product) -> None:
    await running.sell(1)
    await running.close_shift()
    await running.sell(1)
    await running.delivered()

    async def all_sent() -> bool:
        return (await running.driver().exchange_status()).unsent_count == 0

    await running.until(all_sent)
    assert running.ofd.state()["by_code"] == {"1": 1, "2": 2, "3": 2, "5": 1}
    await running.check_books()


async def test_a_z_report_does_not_wait_for_the_next_pass(tmp_path: Path) -> None:
    async with product(tmp_path, sync_interval_s=60.0) as running:
        await running.sell(1)
        await running.delivered()
        await running.close_shift()

        async def z_report_sent() -> bool:
            return bool(running.ofd.state()["by_code"].get("5"))

        await running.until(z_report_sent)


async def test_a_lane_that_lost_its_register_sends_nothing(running: Product) -> None:
    await running.sell(1)
    await running.delivered()
    lane = await relay_lane(running)
    holds = lane._holds_register
    lane._holds_register = lambda: False
    (answer,) = await running.sell(1)
    await asyncio.sleep(0.5)
    assert running.ofd.state()["by_code"]["3"] == 1
    lane._holds_register = holds
    await running.state_of(answer["receipt_id"], status="synced")


async def test_a_message_of_another_fn_is_not_ours(running: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    """The FN was replaced while the old one's lane still exists."""
    await running.sell(1)
    await running.delivered()
    lane = await relay_lane(running)
    monkeypatch.setattr(lane, "fn_number", "9999000000000001")
    await running.sell(1)
    await asyncio.sleep(0.4)
    assert running.ofd.state()["by_code"]["3"] == 1
    assert (await running.read(counters.read)).pending == 1


# --- the device transport --------------------------------------------------------------------------------


async def test_a_register_that_talks_to_its_operator_by_itself_is_only_watched(tmp_path: Path) -> None:
    async with product(tmp_path, ofd_transport=Transport.DEVICE) as running:
        answers = await running.sell(5)
        await running.delivered()
        row = await running.receipt(answers[0]["receipt_id"])
        assert row["status"] == "synced"
        assert [attempt["what"] for attempt in row["attempts"]] == ["print"], "nothing was ours to send"
        assert running.ofd.state()["repeated"] == 0
        await running.check_books()


async def test_a_watched_register_catches_up_after_an_outage(tmp_path: Path) -> None:
    async with product(tmp_path, ofd_transport=Transport.DEVICE) as running:
        await running.break_operator("down")
        await running.sell(5)
        await asyncio.sleep(0.3)
        assert (await running.read(counters.read)).undelivered == 5
        await running.repair_operator()
        await running.delivered()
        await running.check_books()


# --- a change of transport -------------------------------------------------------------------------------


async def test_a_change_of_transport_is_refused_while_documents_wait(tmp_path: Path) -> None:
    async with product(tmp_path) as running:
        await running.break_operator("down")
        await running.sell(1)
        with pytest.raises(SettingsInvalid, match="relay"):
            await running.restart(ofd_transport=Transport.HTTP)
        await running.restart_after_failure(ofd_transport=Transport.RELAY)
        await running.repair_operator()
        await running.delivered()

        async def all_sent() -> bool:
            return (await running.driver().exchange_status()).unsent_count == 0

        await running.until(all_sent)
        await running.restart(ofd_transport=Transport.HTTP)
        (answer,) = await running.sell(1)
        await running.state_of(answer["receipt_id"], status="synced")
        assert running.ofd.state()["by_code"][str(int(DocumentCode.RECEIPT))] == 2


async def test_the_same_bytes_are_read_until_they_are_confirmed(running: Product) -> None:
    await running.break_operator("down")
    await running.sell(1)
    messages: list[OfdMessage | None] = [await running.driver().read_message() for _ in range(3)]
    assert messages[0] is not None
    assert {m.raw for m in messages if m is not None} == {messages[0].raw}


async def test_registers_of_one_operator_share_its_breaker(tmp_path: Path) -> None:
    async with product(tmp_path, registers=virtual_registers(TILL, "B", "C")) as running:
        assert len(running.services.worker._endpoints()) == 1

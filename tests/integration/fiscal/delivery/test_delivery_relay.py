"""Delivery over the binary protocol: the FN owns the queue (delivery.md), and what its answers settle."""

import asyncio
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.support.delivery import endpoint, forced_through, relay_lane
from tests.support.product import Product, product

from kkt_adapter.emulators.ofd import OfdFault, OfdFaultMode
from kkt_adapter.fiscal.delivery import reconcile
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.tables import buffer_events
from kkt_adapter.kernel.errors import KktRefused, KktUnavailable


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

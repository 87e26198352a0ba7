"""The operator is away and comes back: sales go on, nothing is lost, sent twice, or called a dead letter."""

import asyncio
import time
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.support.delivery import breaker_is
from tests.support.product import Product, product, virtual_registers

from kkt_adapter.emulators.ofd import OfdEmulator, OfdFault, OfdFaultMode
from kkt_adapter.fiscal.delivery import outcome
from kkt_adapter.fiscal.delivery.endpoint import Endpoint
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.tables import receipts

TILLS = tuple(f"T{i}" for i in range(5))


def endpoint(running: Product) -> Endpoint:
    (only,) = running.services.worker._endpoints()
    return only


async def nothing_on_its_way(running: Product) -> None:
    """What was being sent when the breaker opened has failed by then, too: reports, which no row stands for,
    as well as receipts."""

    async def arrived() -> bool:
        passes = running.services.worker.pass_began is not None
        return not passes and int((await running.status())["syncing"]) == 0

    await running.until(arrived)


async def test_fifty_receipts_of_an_outage_are_delivered_in_order_when_it_is_over(tmp_path: Path) -> None:
    registers = virtual_registers(*TILLS)
    async with product(
        tmp_path, registers=registers, breaker_open_s=300.0, response_budget_s=60.0
    ) as running:
        await running.break_operator("down")
        answers = await running.sell_at_once(50, tills=TILLS)
        assert {a["status"] for a in answers} == {"printed"}
        await running.until(partial(breaker_is, running, "OPEN"))
        await nothing_on_its_way(running)
        status = await running.status()
        assert (status["pending"], status["dlq_size"]) == (50, 0)

        failures = endpoint(running).stats.errors.copy()
        # Five open it; the other tills' documents that were on their way at that moment fail too.
        assert 5 <= sum(failures.values()) < 5 + len(TILLS)
        await asyncio.sleep(0.5)  # two planned passes
        assert endpoint(running).stats.errors == failures, "nothing is tried while the breaker is open"
        retries = await running.get("/v1/kkt/receipts", limit=100)
        assert sum(row["retry_count"] for row in retries["items"]) < 5 + len(TILLS)

        await running.repair_operator()
        assert (await running.call("POST", "/v1/kkt/buffer/sync?force=true")).status_code == 200
        await running.delivered(within_s=50)
        await running.check_books()
        assert running.ofd.state()["repeated"] == 0


async def test_the_breaker_lets_a_probe_through_by_itself_when_its_time_has_come(tmp_path: Path) -> None:
    async with product(tmp_path, registers=virtual_registers(*TILLS), breaker_open_s=0.5) as running:
        await running.break_operator("down")
        await running.sell_at_once(20, tills=TILLS)
        await running.until(partial(breaker_is, running, "OPEN"))
        await running.repair_operator()
        await running.delivered()
        events = await running.get("/v1/kkt/buffer/logs", limit=500)
        kinds = [item["event"] for item in reversed(events["items"])]
        assert (
            kinds.index("circuit_opened") < kinds.index("circuit_half_open") < kinds.index("circuit_closed")
        )
        await running.check_books()


async def test_the_next_pass_is_planned_for_the_moment_a_probe_may_go(tmp_path: Path) -> None:
    async with product(
        tmp_path, registers=virtual_registers(*TILLS), breaker_open_s=30.0, sync_interval_s=0.2
    ) as running:
        await running.break_operator("down")
        await running.sell_at_once(10, tills=TILLS)
        await running.until(partial(breaker_is, running, "OPEN"))
        worker = running.services.worker

        async def waits_for_the_probe() -> bool:
            return worker.planned_wait_s > 20

        await running.until(waits_for_the_probe)
        assert worker.planned_wait_s <= 30
        await running.repair_operator()
        assert (await running.call("POST", "/v1/kkt/circuit_breaker/reset")).status_code == 200
        await running.delivered()  # and a reset does not wait for it
        await running.check_books()


async def test_probes_of_a_long_outage_cost_no_receipt_an_attempt(tmp_path: Path) -> None:
    """However many probes fail: an outage moves nothing to the dead letters."""
    async with product(
        tmp_path, registers=virtual_registers(*TILLS), breaker_open_s=0.1, max_attempts=3
    ) as running:
        await running.break_operator("down")
        await running.sell_at_once(10, tills=TILLS)

        async def many_probes_failed() -> bool:
            return endpoint(running).breaker.opens_total >= 8

        await running.until(many_probes_failed)
        totals = await running.read(counters.read)
        assert (totals.undelivered, totals.failed, totals.dlq_open) == (10, 0, 0)
        await running.repair_operator()
        await running.delivered()
        await running.check_books()


async def test_an_answer_that_was_lost_leads_to_the_same_bytes_again(tmp_path: Path) -> None:
    async with product(tmp_path, registers=virtual_registers("T0", "T1")) as running:
        await running.break_operator("close", count=2)
        await running.sell_at_once(6, tills=("T0", "T1"))
        await running.delivered()
        operator = running.ofd.state()
        assert operator["repeated"] == 2
        assert operator["conflicts"] == 0
        await running.check_books()


async def test_one_fn_without_an_answer_does_not_hold_the_others(tmp_path: Path) -> None:
    async with product(tmp_path, registers=virtual_registers(*TILLS), ofd_timeout_s=600.0) as running:
        await running.sell(1, till="T0")
        await running.delivered()
        stuck = running.archive("T0")[0].fn_number
        await running.ofd.set_faults(OfdFault(mode=OfdFaultMode.HANG, fn=stuck))
        for _ in range(5):
            await running.sell_at_once(10, tills=TILLS)
            await running.until(lambda: only_waits(running, "T0"))
        assert not endpoint(running).stats.errors, "the others waited until the one that hangs gave up"
        assert endpoint(running).calls.oldest_s > 0
        await running.break_operator("down")  # cuts what hangs, so that the end need not wait for it


async def only_waits(running: Product, register_id: str) -> bool:
    """Everything undelivered belongs to this register."""
    query = select(receipts.c.register_id).where(receipts.c.status != "synced").distinct()
    waiting: list[str] = await running.read(lambda c: c.execute(query).scalars().all())
    return waiting == [register_id]


async def test_an_operator_that_hangs_does_not_hold_another_operator(tmp_path: Path) -> None:
    """Two end points: while one hangs, new receipts of the other go out at once, in the same pass."""
    other = OfdEmulator()
    await other.start()
    try:
        registers = virtual_registers("T0") + virtual_registers("T1", ofd_port=other.port)
        async with product(tmp_path, registers=registers, ofd_timeout_s=60.0) as running:
            await running.break_operator("hang")
            await running.sell(1, till="T0")
            for _ in range(5):
                (answer,) = await running.sell(1, till="T1")
                await running.state_of(answer["receipt_id"], status="synced", within_s=30)
            assert other.state()["by_code"]["3"] == 5
            await running.break_operator("down")
    finally:
        await other.stop()


async def test_delivery_goes_on_after_a_restart_in_the_middle_of_an_outage(tmp_path: Path) -> None:
    async with product(tmp_path, registers=virtual_registers(*TILLS), ofd_timeout_s=1.0) as running:
        await running.break_operator("hang")
        await running.sell_at_once(20, tills=TILLS)
        await running.restart()
        totals = await running.read(counters.read)
        assert totals.undelivered == 20
        await running.repair_operator()
        await running.delivered()
        assert await running.read(counters.verify) == {}
        await running.check_books()


async def test_passes_do_not_follow_each_other_without_need(tmp_path: Path) -> None:
    """One operator is away, another is fine and idle: the worker waits for its time, or for a document."""
    other = OfdEmulator()
    await other.start()
    try:
        registers = virtual_registers("T0") + virtual_registers("T1", ofd_port=other.port)
        async with product(
            tmp_path, registers=registers, breaker_failures=1, breaker_open_s=60.0, sync_interval_s=0.3
        ) as running:
            await running.break_operator("down")
            await running.sell_at_once(4, tills=("T0", "T1"))
            await running.until(lambda: only_waits(running, "T0"))
            passes = running.services.worker.stats.pass_s
            before = passes.snapshot().count
            began = time.monotonic()
            await asyncio.sleep(1.0)
            planned = (time.monotonic() - began) / running.settings.sync_interval_s
            assert passes.snapshot().count - before <= planned + 3
            (answer,) = await running.sell(1, till="T1")
            await running.state_of(answer["receipt_id"], status="synced", within_s=20)
    finally:
        await other.stop()


async def test_a_reset_by_hand_sends_at_once_whatever_the_lanes_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome, "backoff", lambda failed: 3600.0)  # longer than any test waits
    async with product(tmp_path, breaker_failures=100, breaker_open_s=60.0) as running:
        await running.break_operator("down")
        await running.sell(1)
        (lane,) = await running.services.worker._lanes()

        async def waits_long() -> bool:
            return (lane.due_in_s() or 0) > 60

        await running.until(waits_long)
        await running.repair_operator()
        assert (await running.call("POST", "/v1/kkt/circuit_breaker/reset")).status_code == 200
        await running.delivered()

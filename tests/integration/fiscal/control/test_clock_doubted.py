"""Nothing is destroyed on the word of a wall clock: the clock moved by days and years, at start, in flight.

The operator of these tests is on this machine, so that it is no witness, unless a test says so.
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from tests.support.product import Product, ShiftedClock, product, virtual_registers

from kkt_adapter.fiscal.housekeeping.daily import RETENTION, last_done
from kkt_adapter.fiscal.store.tables import buffer_events, counters, idempotency, receipts

DAY = timedelta(days=1)
TABLE = [timedelta(days=days) for days in (-400, -1, 2, 40, 402, 5 * 365)]


def daily(shop: Product, name: str) -> Any:
    return next(run.service for run in shop.services.supervisor._runs if run.service.name == name)


async def count(shop: Product, table: Any) -> int:
    return int(await shop.read(lambda c: c.execute(select(func.count()).select_from(table)).scalar_one()))


async def told(shop: Product, kind: str) -> int:
    query = select(func.count()).where(buffer_events.c.event_type == kind)
    return int(await shop.read(lambda c: c.execute(query).scalar_one()))


async def a_day_s_work(shop: Product) -> None:
    """What the service does once a day, if it is due and may."""
    await daily(shop, RETENTION)._look()


async def check_nothing_gone(shop: Product, key: str, first: dict[str, Any]) -> None:
    await a_day_s_work(shop)
    assert await count(shop, receipts) == await count(shop, idempotency) >= 1
    again = await shop.post(key=key)
    assert again.json()["receipt_id"] == first["receipt_id"]
    assert again.headers["idempotency-replayed"] == "true"


async def ready(shop: Product) -> bool:
    """A virtual FN that saw a time after its end of life is asked again within seconds."""
    shop.wake()
    return shop.lane().trouble is None


@pytest.mark.parametrize("at_start", [False, True], ids=["in flight", "at start"])
@pytest.mark.parametrize("jump", TABLE, ids=lambda jump: f"{jump.days:+d}d")
async def test_the_clock_jumps_and_comes_back_and_leaves_no_scar(
    tmp_path: Path, jump: timedelta, at_start: bool
) -> None:
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock, retention_days=7) as shop:
        first = (await shop.post(key="early")).json()
        await shop.delivered()
        await shop.services.clock_watch.look()
        assert shop.services.clock_watch.believed()
        before = await shop.read(lambda c: c.execute(select(counters.c.hlc_local_time)).scalar_one())

        if at_start:
            async with shop.stopped():
                clock.ahead = jump
        else:
            clock.ahead = jump
        watch = shop.services.clock_watch
        assert not watch.believed()  # at once, before any look
        await watch.look()
        await check_nothing_gone(shop, "early", first)
        assert await told(shop, "clock_doubted") == 1
        (sold,) = await shop.sell() if jump < 40 * DAY else [first]  # later the virtual FN is over its time
        assert sold["status"] == "printed"

        clock.ahead = timedelta()
        await watch.look()
        await watch.look()
        assert watch.believed()
        await check_nothing_gone(shop, "early", first)
        if not at_start:
            assert (await told(shop, "clock_doubted"), await told(shop, "clock_believed")) == (1, 1)
        after = await shop.read(lambda c: c.execute(select(counters.c.hlc_local_time)).scalar_one())
        assert after >= before
        await shop.until(lambda: ready(shop))
        (sold,) = await shop.sell()
        assert sold["status"] == "printed"
        await shop.delivered()
        await shop.check_books()


async def test_silence_is_no_jump_and_an_operator_of_its_own_clock_ends_it(tmp_path: Path) -> None:
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock, retention_days=7) as shop:
        await shop.sell()
        await shop.delivered()
        await shop.services.clock_watch.look()
        async with shop.stopped():
            clock.leap(90 * DAY.total_seconds())  # the shop was closed: every clock went on
        watch = shop.services.clock_watch
        await watch.look()
        assert not watch.believed()
        await shop.call("POST", "/v1/kkt/z_report", {"pos_id": "POS-001"})
        (sold,) = await shop.sell()
        assert sold["status"] == "printed"
        await a_day_s_work(shop)
        assert await count(shop, receipts) == 2
        await shop.delivered()
        (endpoint,) = watch._peers.endpoints()
        watch._peers = replace(watch._peers, counts=lambda _: True)
        endpoint.told_time = (clock.now(), clock.monotonic())
        await watch.look()
        assert watch.believed()
        await a_day_s_work(shop)
        assert await count(shop, receipts) == 1  # the old one; nothing was wrong, only silent


async def test_times_in_documents_are_read_by_their_registers_zones(tmp_path: Path) -> None:
    east = virtual_registers("POS-001", timezone="Asia/Kamchatka")
    west = virtual_registers("POS-002", timezone="Pacific/Pago_Pago")
    async with product(tmp_path, registers=east + west) as shop:
        await shop.sell(till="POS-001")
        await shop.sell(till="POS-002")
        async with shop.stopped():
            pass
        watch = shop.services.clock_watch
        assert watch.believed()
        assert watch._written_at is not None
        assert timedelta(0) <= shop.clock.now() - watch._written_at < timedelta(hours=1)


async def test_a_person_confirms_the_clock_and_what_waited_goes_on(tmp_path: Path) -> None:
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock, retention_days=7) as shop:
        await shop.sell()
        await shop.delivered()
        await shop.services.clock_watch.look()
        async with shop.stopped():
            clock.leap(40 * DAY.total_seconds())
        await shop.services.clock_watch.look()
        report = await shop.get("/v1/admin/clock")
        assert (report["believed"], "nobody can tell" in report["reason"]) == (False, True)
        await a_day_s_work(shop)
        assert await shop.read(lambda c: last_done(c, RETENTION)) is None

        refused = await shop.call("POST", "/v1/admin/clock/confirm", {})
        assert refused.status_code == 422
        answer = await shop.call("POST", "/v1/admin/clock/confirm", {"reason": "my watch"})
        assert answer.json()["believed"] is True
        event = await shop.read(
            lambda c: c.execute(
                select(buffer_events.c.metadata).where(buffer_events.c.event_type == "clock_confirmed")
            ).scalar_one()
        )
        assert '"reason":"my watch"' in event
        assert '"by"' in event
        await shop.restart()
        assert shop.services.clock_watch.believed()
        # Rows of before may be younger than they look: they stay for their whole time from now on.
        await a_day_s_work(shop)
        assert await count(shop, receipts) == 1
        clock.leap(8 * DAY.total_seconds())
        await shop.call("POST", "/v1/admin/clock/confirm", {"reason": "my watch"})
        clock.leap(0.0)
        assert shop.services.clock_watch.believed()


async def test_rows_written_by_a_clock_that_was_behind_keep_their_time(tmp_path: Path) -> None:
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock, retention_days=7) as shop:
        await shop.services.clock_watch.look()
        clock.ahead = -400 * DAY
        await shop.services.clock_watch.look()
        await shop.sell()
        await shop.delivered()
        clock.ahead = timedelta()
        await shop.services.clock_watch.look()
        assert shop.services.clock_watch.believed()
        await a_day_s_work(shop)
        assert await count(shop, receipts) == 1  # 400 days old by its stamps, a second by the truth

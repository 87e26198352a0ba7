"""What is old is forgotten in small steps, and never before everybody who must hear of it has heard."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, update
from tests.support.product import Product, ShiftedClock, product

from kkt_adapter.fiscal.heartbeat.tables import back_offices
from kkt_adapter.fiscal.housekeeping import retention
from kkt_adapter.fiscal.housekeeping.daily import RETENTION, Forgetting
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.tables import attempts, buffer_events, receipts
from kkt_adapter.runtime.leases.database import DatabaseLeases

TWO_YEARS = timedelta(days=800)


def always(age: timedelta) -> bool:
    """These tests move the clock to let time pass."""
    return True


async def forget(shop: Product, *, names: Sequence[str] = ()) -> None:
    database = shop.services.database
    work = Forgetting(
        database=database,
        clock=shop.clock,
        receipts_live=timedelta(days=400),
        may_forget=always,
        back_offices=names,
    )
    async with DatabaseLeases(database, owner="test", clock=shop.clock).lease(RETENTION).term() as term:
        await work.forget(term)


async def rows(shop: Product, table: Table, *where: Any) -> int:
    def count(conn: Connection) -> int:
        return int(conn.execute(select(func.count()).select_from(table).where(*where)).scalar_one())

    return int(await shop.read(count))


async def walk(shop: Product, kind: retention.RetentionKind, limits: retention.Limits) -> list[int]:
    """How many rows each step deleted."""
    steps: list[int] = []
    after: Any = kind.begin
    while after is not None:
        look = await shop.read(partial(_look, kind=kind, limits=limits, after=after))
        if look.old:
            steps.append(await shop.services.database.write(partial(_forget, kind=kind, old=look.old)))
        after = look.next
    return steps


def _look(
    conn: Connection, *, kind: retention.RetentionKind, limits: retention.Limits, after: Any
) -> retention.RetentionBatch:
    return kind.look(conn, limits, after)


def _forget(conn: Connection, *, kind: retention.RetentionKind, old: Sequence[Any]) -> int:
    return kind.forget(conn, old)


async def acknowledge(shop: Product, name: str, up_to: int) -> None:
    def write(conn: Connection) -> None:
        values = {"acked_event_id": up_to, "state": "unknown"}
        if not conn.execute(update(back_offices).where(back_offices.c.name == name).values(values)).rowcount:
            conn.execute(insert(back_offices).values(name=name, **values))

    await shop.services.database.write(write)


async def test_what_a_back_office_has_not_heard_of_stays_however_old(tmp_path: Path) -> None:
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock) as shop:
        await shop.sell()
        await shop.delivered()
        first = await shop.read(lambda c: c.execute(select(func.max(buffer_events.c.id))).scalar_one())
        await shop.sell(2)
        await shop.delivered()
        of_receipts = buffer_events.c.receipt_id.is_not(None)
        told_of = await rows(shop, buffer_events, of_receipts)
        clock.ahead = TWO_YEARS

        await forget(shop, names=["never-called"])
        assert (await rows(shop, receipts), await rows(shop, buffer_events, of_receipts)) == (3, told_of)

        await acknowledge(shop, "quick", 10**6)
        await acknowledge(shop, "slow", first)
        await forget(shop, names=["quick", "slow"])
        assert await rows(shop, receipts) == 2
        assert await rows(shop, buffer_events, buffer_events.c.id <= first) == 0
        assert await rows(shop, buffer_events, of_receipts) >= 6  # added, printed and synced, of two receipts

        await acknowledge(shop, "slow", 10**6)
        await forget(shop, names=["quick", "slow"])
        assert await rows(shop, receipts) == 0
        assert await rows(shop, buffer_events, of_receipts) == 0
        assert await shop.read(counters.verify) == {}


async def test_the_service_keeps_what_its_own_back_offices_have_not_heard_of(tmp_path: Path) -> None:
    clock = ShiftedClock()
    nobody = "http://127.0.0.1:9/api/v1/kkt/heartbeat"
    async with product(tmp_path, clock=clock, heartbeat_url=nobody) as shop:
        await shop.sell(2)
        await shop.delivered()
        clock.ahead = TWO_YEARS
        shop.services.clock_watch._anchor = (clock.now(), clock.monotonic())  # and all saw the time pass
        (daily,) = [run.service for run in shop.services.supervisor._runs if run.service.name == RETENTION]

        await daily._look()  # type: ignore[attr-defined]

        assert await rows(shop, buffer_events, buffer_events.c.event_type == "retention_done") == 1
        assert await rows(shop, receipts) == 2
        assert await rows(shop, buffer_events, buffer_events.c.event_type == "receipt_added") == 2


async def test_a_receipt_that_was_tried_often_is_forgotten_in_steps_like_any_other(tmp_path: Path) -> None:
    """Attempts go with their receipt; a thousand of them are still no more than 500 rows at a time."""
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock) as shop:
        await shop.sell(5)
        await shop.delivered()
        tries = {1: 1_200, 2: 90, 3: 300, 4: 499}  # by receipt

        def try_often(conn: Connection) -> None:
            row = dict(conn.execute(select(attempts)).mappings().first() or {})
            made = [
                row | {"id": 10_000 * seq + n, "receipt_seq": seq, "what": "send"}
                for seq, many in tries.items()
                for n in range(many)
            ]
            conn.execute(insert(attempts), made)

        await shop.services.database.write(try_often)
        clock.ahead = TWO_YEARS
        limits = retention.Limits.at(
            clock.now(), receipts_live=timedelta(days=400), told=None, may_forget=always
        )
        steps = await walk(shop, retention.KINDS["receipts"], limits)

        assert max(steps) <= retention.STEP_ROWS
        assert sum(steps) >= sum(tries.values())
        assert await rows(shop, receipts) == 0
        assert await rows(shop, attempts, attempts.c.receipt_seq.is_not(None)) == 0
        assert await shop.read(counters.verify) == {}

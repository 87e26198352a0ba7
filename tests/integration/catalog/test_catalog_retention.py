"""What the catalogue forgets, and what it never does."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.catalog import MemorySource, Shop, TestClock, made, opened, settings_for, utc

from kkt_adapter.catalog.runs import RunStatus, Trigger


class Years(Shop):
    """A shop in which days pass at will."""

    source: MemorySource
    wall: TestClock

    async def days(self, count: int) -> None:
        assert self.wall.wall is not None
        self.wall.wall += timedelta(days=count)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Years]:
    source, clock = (
        MemorySource([made(number) for number in range(7)]),
        TestClock(wall=utc("2026-01-01T12:00")),
    )
    settings = settings_for(None, tmp_path, history_days=30)
    async with opened(tmp_path / "kkt.db") as db:
        made_shop = Years(db, settings, tmp_path, clock=clock, source=source)
        made_shop.source, made_shop.wall = source, clock
        async with made_shop:
            yield made_shop


async def test_history_is_kept_for_its_days_and_products_for_ever(shop: Years) -> None:
    await shop.run()
    await shop.days(1)
    shop.source.items[0] = made(0, minPrice="9.99")
    del shop.source.items[6]
    await shop.run()
    assert len(await shop.history()) == 2
    await shop.days(31)
    shop.source.items[0] = made(0, minPrice="8.88")
    run = await shop.run()
    await shop.logged("Products Synced: 6")
    for _ in range(100):
        if len(await shop.history()) == 1:
            break
        await shop.clock.sleep(0.5)
    assert [row.run_id for row in await shop.history()] == [run.run_id]
    assert len(await shop.rows()) == 7
    assert len((await shop.sync.runs()).runs) >= 3  # runs have 400 days of their own


async def test_runs_are_kept_for_400_days(shop: Years) -> None:
    old = await shop.run()
    await shop.days(401)
    for _ in range(2):
        await shop.run()
    manual = [run for run in (await shop.sync.runs(limit=200)).runs if run.trigger is Trigger.MANUAL]
    assert old.run_id not in {run.run_id for run in manual}
    assert all(run.status is RunStatus.SUCCEEDED for run in manual)

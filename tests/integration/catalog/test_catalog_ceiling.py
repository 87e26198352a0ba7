"""Products behind the last page that the source gives out are read in windows of prices."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.catalog import (
    PRODUCTS,
    Shop,
    TestClock,
    opened,
    set_faults,
    settings_for,
    shop_with,
    stand_in,
    utc,
)

from kkt_adapter.catalog.runs import RunStatus


async def test_a_total_cut_short_at_the_ceiling_is_read_in_windows(tmp_path: Path) -> None:
    async with shop_with(tmp_path, ceiling=6, most_total=120) as (shop, emulator):
        run = await shop.run()
        assert (run.status, run.products_total) == (RunStatus.SUCCEEDED, PRODUCTS)
        await shop.agrees_with(emulator)


async def test_a_page_refused_by_mistake_is_no_ceiling(tmp_path: Path) -> None:
    async with shop_with(tmp_path, refuse_once=(5,)) as (shop, emulator):
        run = await shop.run()
        assert run.status is RunStatus.SUCCEEDED
        assert all(page.startswith("/") for page in emulator.counters.pages)  # no price windows


async def test_a_ceiling_that_was_found_is_forgotten_after_a_week(tmp_path: Path) -> None:
    clock = TestClock(wall=utc("2026-01-01T00:00"))
    async with (
        stand_in(PRODUCTS, ceiling=3) as emulator,
        opened(tmp_path / "kkt.db") as db,
        Shop(db, settings_for(emulator, tmp_path), tmp_path, clock=clock) as shop,
    ):
        assert (await shop.run()).status is RunStatus.SUCCEEDED
        set_faults(emulator, ceiling=0)
        for days, windows in ((6, True), (8, False)):
            emulator.counters.pages.clear()
            clock.wall = utc("2026-01-01T00:00") + timedelta(days=days)
            assert (await shop.run()).status is RunStatus.SUCCEEDED
            assert any(not page.startswith("/") for page in emulator.counters.pages) is windows


async def test_a_ceiling_of_the_settings_is_no_finding(tmp_path: Path) -> None:
    async with (
        stand_in(PRODUCTS) as emulator,
        opened(tmp_path / "kkt.db") as db,
    ):
        for ceiling, windows in ((3, True), (0, False)):
            emulator.counters.pages.clear()
            settings = settings_for(emulator, tmp_path, page_ceiling=ceiling)
            async with Shop(db, settings, tmp_path) as shop:
                assert (await shop.run()).status is RunStatus.SUCCEEDED
            assert any(not page.startswith("/") for page in emulator.counters.pages) is windows


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("told", [True, False])
async def test_products_behind_a_page_ceiling_all_arrive(tmp_path: Path, inclusive: bool, told: bool) -> None:
    options = {"page_ceiling": 3 if told else 0}
    async with shop_with(tmp_path, ceiling=3, inclusive_windows=inclusive, settings=options) as (
        shop,
        emulator,
    ):
        run = await shop.run()
        assert run.status is RunStatus.SUCCEEDED
        assert run.products_synced == PRODUCTS
        await shop.agrees_with(emulator)
        expected = emulator.catalogue.advance(gone=0.05)
        again = await shop.run()
        assert again.status is RunStatus.SUCCEEDED
        assert again.products_synced == len(emulator.catalogue.items)
        assert await shop.vanished() == expected.gone
        await shop.agrees_with(emulator)


async def test_a_price_that_too_many_products_share_ends_partial(tmp_path: Path) -> None:
    async with shop_with(tmp_path, 100, ceiling=2) as (shop, emulator):
        emulator.catalogue.replace_all([replace(item, cents=99) for item in emulator.catalogue.items])
        run = await shop.run()
        assert (run.status, run.reason) == (RunStatus.PARTIAL, "page_ceiling")

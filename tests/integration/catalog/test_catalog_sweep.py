"""What may be called gone after a run: nothing that a moving, short or doubtful list merely hides."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.catalog import PAGES, PRODUCTS, Shop, opened, set_faults, settings_for, shop_with, stand_in

from kkt_adapter.catalog.runs import RunStatus


@pytest.mark.parametrize("move", ["remove", "insert", "swap", "shuffle"])
@pytest.mark.parametrize("moments", [(5,), (9,), (5, 9), (13,)])
async def test_a_list_that_moves_while_it_is_read_hides_nothing(
    tmp_path: Path, move: str, moments: tuple[int, ...]
) -> None:
    async with shop_with(tmp_path) as (shop, emulator):
        await shop.run()
        first = emulator.counters.requests
        set_faults(emulator, move=move, move_at=tuple(first + moment for moment in moments))
        run = await shop.run()
        exist = {item.id for item in emulator.catalogue.items}
        assert not await shop.vanished() & exist
        if run.status is RunStatus.PARTIAL:
            assert run.reason == "catalogue_moved"
        set_faults(emulator, move_at=())
        assert (await shop.run()).status is RunStatus.SUCCEEDED
        await shop.agrees_with(emulator)


async def test_a_list_that_never_stands_still_is_not_swept(tmp_path: Path) -> None:
    async with shop_with(tmp_path) as (shop, emulator):
        await shop.run()
        first = emulator.counters.requests
        set_faults(emulator, move="remove", move_at=tuple(range(first + 3, first + 200, 7)))
        run = await shop.run()
        assert (run.status, run.reason) == (RunStatus.PARTIAL, "catalogue_moved")
        assert await shop.vanished() == set()


async def test_a_source_that_cannot_narrow_to_one_product_is_judged_by_its_counts(tmp_path: Path) -> None:
    async with shop_with(tmp_path, ignore_id_filter=True) as (shop, emulator):
        await shop.run()
        expected = emulator.catalogue.advance(gone=0.15)
        assert (await shop.run()).status is RunStatus.SUCCEEDED
        assert await shop.vanished() == expected.gone


async def test_what_left_during_a_run_is_gone_after_it(tmp_path: Path) -> None:
    """Pages that are read again replace what they said before, for those who were on them too."""
    async with shop_with(tmp_path) as (shop, emulator):
        await shop.run()
        first = emulator.counters.requests
        gone = [emulator.catalogue.items[place].id for place in range(3)]
        set_faults(emulator, move="remove", move_at=(first + 5, first + 8, first + 9))
        run = await shop.run()
        assert run.status is RunStatus.SUCCEEDED
        assert await shop.vanished() == set(gone)
        assert run.products_total == PRODUCTS - 3
        await shop.agrees_with(emulator)


async def test_a_total_that_is_cut_short_hides_nothing(tmp_path: Path) -> None:
    async with shop_with(tmp_path) as (shop, emulator):
        await shop.run()
        set_faults(emulator, most_total=220)
        emulator.catalogue.insert(5)
        run = await shop.run()
        assert (run.status, run.reason) == (RunStatus.PARTIAL, "total_wrong")
        assert await shop.vanished() == set()
        await shop.agrees_with(emulator)  # what stands behind the end is stored all the same


async def test_products_that_always_stand_twice_end_the_run_as_duplicates(tmp_path: Path) -> None:
    async with shop_with(tmp_path, twice=7) as (shop, emulator):
        run = await shop.run()
        assert (run.status, run.reason) == (RunStatus.PARTIAL, "duplicates")
        assert run.requests == emulator.counters.requests <= PAGES + 5  # the odd pages again, not all of them
        await shop.agrees_with(emulator)
        set_faults(emulator, twice=0)
        assert (await shop.run()).status is RunStatus.SUCCEEDED


@pytest.mark.parametrize("faults", [{"total": 0, "serve_first": 0}, {"serve_first": PRODUCTS // 2}])
async def test_a_catalogue_that_shrinks_beyond_reason_is_not_swept(
    tmp_path: Path, faults: dict[str, Any]
) -> None:
    async with shop_with(tmp_path) as (shop, emulator):
        await shop.run()
        set_faults(emulator, **faults)
        run = await shop.run()
        assert (run.status, run.reason) == (RunStatus.PARTIAL, "sweep_held")
        assert run.held == PRODUCTS - faults["serve_first"]
        assert await shop.vanished() == set()
        assert "ALARM" in await shop.logged("force_sweep")
        if faults["serve_first"]:
            forced = await shop.run(force_sweep=True)
            assert (forced.status, forced.vanished) == (RunStatus.SUCCEEDED, PRODUCTS // 2)


async def test_nothing_vanishes_while_the_clock_is_doubted_and_the_next_run_makes_up_for_it(
    tmp_path: Path,
) -> None:
    word = {"believed": True}
    async with (
        stand_in(PRODUCTS) as emulator,
        opened(tmp_path / "kkt.db") as db,
        Shop(db, settings_for(emulator, tmp_path), tmp_path, believed=lambda: word["believed"]) as shop,
    ):
        await shop.run()
        emulator.catalogue.remove([5])
        word["believed"] = False
        doubted = await shop.run(force_sweep=True)
        assert (doubted.status, doubted.reason) == (RunStatus.PARTIAL, "clock_doubted")
        assert doubted.held == 1
        assert await shop.vanished() == set()
        word["believed"] = True
        assert (await shop.run()).vanished == 1

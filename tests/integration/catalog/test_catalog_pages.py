"""One page on request, alone and beside a full run."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.catalog import Shop, opened, settings_for, stand_in

from kkt_adapter.catalog.runs import RunStatus, Trigger
from kkt_adapter.emulators.g2a import Faults, G2AEmulator
from kkt_adapter.kernel.errors import SourceAuthFailed, SourceThrottled, SourceUnavailable

PRODUCTS = 110


@pytest.fixture
async def emulator() -> AsyncIterator[G2AEmulator]:
    async with stand_in(PRODUCTS) as made:
        yield made


@pytest.fixture
async def shop(emulator: G2AEmulator, tmp_path: Path) -> AsyncIterator[Shop]:
    async with (
        opened(tmp_path / "kkt.db") as db,
        Shop(db, settings_for(emulator, tmp_path), tmp_path) as made,
    ):
        yield made


async def test_a_page_is_stored_when_it_is_answered(shop: Shop) -> None:
    result = await shop.sync.sync_page(2, by="anna")
    assert (result.page, result.last_page) == (2, 6)
    assert (result.products_fetched, result.products_saved, result.new) == (20, 20, 20)
    assert len(await shop.rows()) == 20
    run = await shop.sync.run(result.run_id)
    assert (run.status, run.trigger, run.triggered_by) == (RunStatus.SUCCEEDED, Trigger.PAGE, "anna")
    again = await shop.sync.sync_page(2, by="anna")
    assert (again.new, again.updated, again.unchanged) == (0, 0, 20)


async def test_a_page_past_the_end_says_where_the_end_is(shop: Shop, emulator: G2AEmulator) -> None:
    for ceiling in (0, 8):
        emulator.faults = Faults(ceiling=ceiling)
        result = await shop.sync.sync_page(99, by="anna")
        assert (result.last_page, result.products_fetched, result.products_saved) == (6, 0, 0)


@pytest.mark.parametrize("page", [0, -3, 100_001])
async def test_a_page_number_out_of_range_is_refused(shop: Shop, page: int) -> None:
    with pytest.raises(Exception, match="page must be 1 to 100000"):
        await shop.sync.sync_page(page, by="anna")


async def test_trouble_of_the_source_is_told_and_recorded(shop: Shop, emulator: G2AEmulator) -> None:
    for faults, error in (
        (Faults(fail_pages={1: "http_500"}), SourceUnavailable),
        (Faults(auth_code="AUTH04"), SourceAuthFailed),
        (Faults(every_429=1, retry_after_s=9), SourceThrottled),
    ):
        emulator.faults = faults
        with pytest.raises(error):
            await shop.sync.sync_page(1, by="anna")
        newest = (await shop.sync.runs(limit=1)).runs[0]
        assert newest.status is RunStatus.FAILED
    with pytest.raises(SourceThrottled) as caught:  # the pause holds: not even asked
        await shop.sync.sync_page(1, by="anna")
    assert 0 < (caught.value.retry_after_s or 0) <= 9


async def test_a_page_run_never_sweeps_and_blocks_nobody(shop: Shop, emulator: G2AEmulator) -> None:
    await shop.run()
    emulator.catalogue.remove([0])
    await shop.sync.sync_page(1, by="anna")
    assert await shop.vanished() == set()
    assert (await shop.schedule.status()).sync_running is False


async def test_beside_a_full_run_the_later_commit_wins_and_history_holds_both(
    shop: Shop, emulator: G2AEmulator
) -> None:
    await shop.run()
    chosen = emulator.catalogue.items[0]
    emulator.catalogue.change(0, replace(chosen, cents=1_111))
    emulator.faults = Faults(latency_s=0.02)
    started = await shop.sync.start(by="anna")
    await shop.until(started.run_id, lambda record: record.pages_processed >= 1)
    emulator.catalogue.change(0, replace(chosen, cents=2_222))
    await shop.sync.sync_page(1, by="max")
    run = await shop.ended(started.run_id)
    assert run.status in (RunStatus.SUCCEEDED, RunStatus.PARTIAL)
    assert await shop.vanished() == set()
    told = [(row.old, row.new) for row in await shop.history() if row.field == "min_price"]
    assert told == [(str(chosen.cents), "1111"), ("1111", "2222")]
    assert (await shop.rows())[chosen.id].min_price == 2_222


async def test_a_caller_who_goes_away_leaves_no_running_page_run(shop: Shop, emulator: G2AEmulator) -> None:
    emulator.faults = Faults(latency_s=5.0)
    asking = asyncio.create_task(shop.sync.sync_page(1, by="anna"))
    async with asyncio.timeout(60):
        while not (await shop.sync.runs(limit=1)).runs:  # noqa: ASYNC110 - a row, not an event
            await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (await shop.sync.runs(limit=1)).runs[0].status is RunStatus.FAILED


async def test_a_caller_who_goes_away_at_once_leaves_no_running_page_run(shop: Shop) -> None:
    """Between the write of the run and its answer."""
    asking = asyncio.create_task(shop.sync.sync_page(1, by="anna"))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (await shop.sync.runs(limit=1)).runs[0].status is RunStatus.FAILED

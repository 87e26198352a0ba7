"""A run from outside: started once, followed, cancelled, broken off and gone on with, listed."""

import asyncio
from pathlib import Path

import pytest
from tests.support.catalog import set_faults, shop_with

from kkt_adapter.catalog.runs import RunStatus


async def test_cancelling_stops_soon_keeps_pages_and_sweeps_nothing(tmp_path: Path) -> None:
    async with shop_with(tmp_path, 1_000, latency_s=0.2, settings={"concurrency": 2}) as (shop, emulator):
        started = await shop.sync.start(by="anna")
        await shop.until(started.run_id, lambda record: record.pages_processed >= 10)
        await shop.sync.cancel(started.run_id, by="max")
        with pytest.raises(Exception, match="being cancelled"):
            await shop.sync.cancel(started.run_id, by="max")
        async with asyncio.timeout(20):
            run = await shop.ended(started.run_id)
        assert run.status is RunStatus.CANCELLED
        requests = emulator.counters.requests
        await asyncio.sleep(0.5)  # longer than a page takes
        assert emulator.counters.requests == requests
        assert len(await shop.rows()) == run.products_synced < 1_000
        with pytest.raises(Exception, match="not going on"):
            await shop.sync.cancel(started.run_id, by="max")
        assert "SYNC CANCELLED ===" in await shop.logged("CANCELLED")

        set_faults(emulator, latency_s=0.0)
        resumed = await shop.run()
        assert (resumed.status, resumed.resumed_from) == (RunStatus.SUCCEEDED, run.run_id)
        assert "SYNC RESUMED at" in shop.log
        await shop.agrees_with(emulator)


async def test_starting_afresh_ignores_what_was_stored(tmp_path: Path) -> None:
    async with shop_with(tmp_path, 400, latency_s=0.2, settings={"concurrency": 2}) as (shop, emulator):
        started = await shop.sync.start(by="anna")
        await shop.until(started.run_id, lambda record: record.pages_processed >= 5)
        await shop.sync.cancel(started.run_id, by="anna")
        await shop.ended(started.run_id)
        set_faults(emulator, latency_s=0.0)
        fresh = await shop.run(full=True)
        assert fresh.resumed_from is None
        assert fresh.generation == 2


async def test_a_run_that_takes_too_long_ends_partial_and_can_be_resumed(tmp_path: Path) -> None:
    options = {"concurrency": 1, "run_timeout_s": 10.0}  # the test clock makes this 0.2 s
    async with shop_with(tmp_path, 600, latency_s=0.02, settings=options) as (shop, emulator):
        run = await shop.run()
        assert (run.status, run.reason) == (RunStatus.PARTIAL, "timeout")
        set_faults(emulator, latency_s=0.0)
        resumed = await shop.run()
        assert resumed.resumed_from == run.run_id
        for _ in range(100):  # on a busy machine one more attempt may not be enough, or not get to a page
            if resumed.status is RunStatus.PARTIAL:
                resumed = await shop.run()
        assert (resumed.status, resumed.products_synced) == (RunStatus.SUCCEEDED, 600)
        assert resumed.pages_processed > run.pages_processed


async def test_a_stopped_service_goes_on_when_it_is_back(tmp_path: Path) -> None:
    async with shop_with(tmp_path, 1_000, latency_s=0.2, settings={"concurrency": 2}) as (shop, emulator):
        started = await shop.sync.start(by="anna")
        await shop.until(started.run_id, lambda record: record.pages_processed >= 10)
        await shop.close()
        stopped = await shop.sync.run(started.run_id)
        assert stopped.status is RunStatus.INTERRUPTED
        set_faults(emulator, latency_s=0.0)
        await shop.open()
        run = await shop.ended(started.run_id)
        assert run.status is RunStatus.SUCCEEDED
        assert run.products_synced == 1_000
        twice = [page for page, times in emulator.counters.pages.items() if times > 1 and page != "/1"]
        assert len(twice) <= 2 * shop.settings.concurrency
        assert "SYNC RESUMED at" in shop.log
        assert "INTERRUPTED" in shop.log


async def test_progress_only_grows_and_ends_with_the_final_record(tmp_path: Path) -> None:
    async with shop_with(tmp_path, 600, latency_s=0.05) as (shop, _):
        started = await shop.sync.start(by="anna")
        seen = [record async for record in shop.sync.progress(started.run_id)]
        assert seen[-1].status is RunStatus.SUCCEEDED
        percents = [record.percent for record in seen]
        assert percents == sorted(percents)
        assert len(percents) > 2


async def test_one_of_fifty_parallel_starts_wins(tmp_path: Path) -> None:
    async with shop_with(tmp_path, latency_s=1.0) as (shop, emulator):
        outcomes = await asyncio.gather(
            *(shop.sync.start(by=f"person-{number}") for number in range(50)), return_exceptions=True
        )
        set_faults(emulator, latency_s=0.0)
        won = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
        assert len(won) == 1
        codes = {getattr(outcome, "run_id", None) for outcome in outcomes}
        assert codes == {won[0].run_id}  # the 49 others say which run is in the way
        await shop.ended(won[0].run_id)


async def test_the_same_key_gives_the_first_answer_for_a_day(tmp_path: Path) -> None:
    async with shop_with(tmp_path, 20) as (shop, _):
        first = await shop.sync.start(by="anna", key="k-1")
        assert (await shop.sync.start(by="anna", key="k-1")).run_id == first.run_id
        await shop.ended(first.run_id)
        assert (await shop.sync.start(by="anna", key="k-1")).run_id == first.run_id
        other = await shop.sync.start(by="max", key="k-1")  # another person's key is another key
        assert other.run_id != first.run_id
        await shop.ended(other.run_id)


async def test_runs_are_listed_newest_first_page_by_page(tmp_path: Path) -> None:
    async with shop_with(tmp_path, 20) as (shop, _):
        made = [(await shop.run()).run_id for _ in range(3)]
        await shop.sync.sync_page(1, by="anna")
        first = await shop.sync.runs(limit=2)
        second = await shop.sync.runs(limit=2, cursor=first.next_cursor)
        listed = [run.run_id for run in (*first.runs, *second.runs)]
        assert listed[1:] == made[::-1]
        assert second.next_cursor is None
        pages = await shop.sync.runs(trigger=first.runs[0].trigger)
        assert [run.run_id for run in pages.runs] == listed[:1]
        with pytest.raises(Exception, match="cursor"):
            await shop.sync.runs(cursor="forged")

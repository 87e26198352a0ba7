"""Runs of the real catalogue against a stand-in source over real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.catalog import Shop, TestClock, opened, settings_for, stand_in, utc

from kkt_adapter.catalog.run_log.redaction import Redactor
from kkt_adapter.catalog.runs import ErrorKind, RunStatus
from kkt_adapter.catalog.schedule.daily import SchedulerHealth
from kkt_adapter.catalog.sync.fetch import PageFetcher, PageKey
from kkt_adapter.catalog.sync.rate_limit import Pacer
from kkt_adapter.catalog.working import g2a_source
from kkt_adapter.emulators.g2a import G2AEmulator


class WaitingClock(TestClock):
    """Time that passes only by waiting, so that a sliding minute is counted exactly."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__()
        self.waited_s = 0.0

    def monotonic(self) -> float:
        return self.waited_s

    async def sleep(self, seconds: float) -> None:
        self.waited_s += seconds


PRODUCTS = 240  # twelve pages
PAGES = 12


@asynccontextmanager
async def shop_with(
    directory: Path, products: int = PRODUCTS, *, settings: dict[str, Any] | None = None, **faults: Any
) -> AsyncIterator[tuple[Shop, G2AEmulator]]:
    async with (
        stand_in(products, **faults) as emulator,
        opened(directory / "kkt.db") as db,
        Shop(db, settings_for(emulator, directory, **(settings or {})), directory) as shop,
    ):
        yield shop, emulator


def set_faults(emulator: G2AEmulator, **faults: Any) -> None:
    emulator.faults = replace(emulator.faults, **faults)


async def test_a_first_import_holds_exactly_what_the_source_has(tmp_path: Path) -> None:
    async with shop_with(tmp_path) as (shop, emulator):
        run = await shop.run()
        assert run.status is RunStatus.SUCCEEDED
        assert (run.pages_total, run.pages_processed) == (PAGES, PAGES)
        assert (run.products_total, run.products_synced, run.new) == (PRODUCTS, PRODUCTS, PRODUCTS)
        assert (run.percent, run.errors, run.retries) == (100.0, 0, 0)
        assert (
            run.requests == emulator.counters.requests == PAGES + 2
        )  # the first again, and one behind the last
        await shop.agrees_with(emulator)
        assert await shop.history() == []
        assert "COMPLETED SUCCESSFULLY" in await shop.logged("Products Synced: 240")


async def test_a_second_generation_changes_exactly_what_changed(tmp_path: Path) -> None:
    async with shop_with(tmp_path, 600) as (shop, emulator):
        await shop.run()
        before = await shop.rows()
        expected = emulator.catalogue.advance()
        run = await shop.run()
        assert run.status is RunStatus.SUCCEEDED
        after = await shop.rows()
        assert await shop.vanished() == expected.gone
        assert after.keys() - before.keys() == expected.new
        both = before.keys() & after.keys()
        assert {key for key in both if before[key].min_price != after[key].min_price} == expected.repriced
        assert {key for key in both if before[key].qty and not after[key].qty} == expected.sold_out
        assert (run.new, run.vanished) == (len(expected.new), len(expected.gone))
        assert run.updated == len(expected.repriced | expected.sold_out)

        history = await shop.history()
        changed = {
            field: {row.product_id for row in history if row.field == field}
            for field in ("min_price", "qty", "status")
        }
        assert changed == {"min_price": expected.repriced, "qty": expected.sold_out, "status": expected.gone}
        assert {row.run_id for row in history} == {run.run_id}
        await shop.agrees_with(emulator)

        state = await shop.reads.state()
        third = await shop.run()
        assert (third.new, third.updated, third.vanished, third.unchanged) == (0, 0, 0, 594)
        assert await shop.history() == history
        assert (await shop.reads.state()).revision == state.revision


async def test_a_page_that_always_fails_hides_no_product(tmp_path: Path) -> None:
    async with shop_with(tmp_path) as (shop, emulator):
        await shop.run()
        emulator.catalogue.advance(gone=0.05, new=0.05)
        set_faults(emulator, fail_pages={7: "http_500"})
        run = await shop.run()
        assert (run.status, run.reason) == (RunStatus.PARTIAL, "pages_failed")
        assert run.pages_processed == PAGES - 1
        assert await shop.vanished() == set()
        (error,) = await shop.sync.errors(run.run_id)
        assert (error.kind, error.page) == (ErrorKind.PAGE, 7)
        assert "COMPLETED WITH ERRORS" in await shop.logged("Error Details:")
        assert (await shop.schedule.status()).status is SchedulerHealth.DEGRADED

        set_faults(emulator, fail_pages={})
        good = await shop.run()
        assert good.status is RunStatus.SUCCEEDED
        assert good.vanished == 12
        await shop.agrees_with(emulator)
        assert (await shop.schedule.status()).status is SchedulerHealth.HEALTHY


BROKEN = ["http_500", "cut", "short", "drop", "html", "no_docs", "odd_408", "odd_204", "odd_301", "odd_403"]


@pytest.mark.parametrize("kind", BROKEN)
async def test_broken_answers_are_tried_again(tmp_path: Path, kind: str) -> None:
    async with shop_with(tmp_path, every_error=4, kinds=(kind,), settings={"max_attempts": 5}) as (
        shop,
        emulator,
    ):
        run = await shop.run()
        assert run.status is RunStatus.SUCCEEDED
        assert emulator.counters.answers[kind] > 0
        assert run.retries == emulator.counters.answers[kind]
        assert run.requests == emulator.counters.requests  # nothing is sent that is not counted
        await shop.agrees_with(emulator)
        assert "Traceback" not in shop.log


async def test_a_source_that_hangs_is_left_after_the_timeout(tmp_path: Path) -> None:
    options = {"request_timeout_s": 0.2, "max_attempts": 5}
    async with shop_with(tmp_path, 60, every_error=3, kinds=("hang",), settings=options) as (shop, emulator):
        assert (await shop.run()).status is RunStatus.SUCCEEDED
        await shop.agrees_with(emulator)


@pytest.mark.parametrize("as_date", [False, True])
async def test_a_throttled_run_obeys_and_succeeds(tmp_path: Path, as_date: bool) -> None:
    faults: dict[str, Any] = {"every_429": 6, "retry_after_s": 0.2, "retry_after_date": as_date}
    async with shop_with(tmp_path, settings={"max_attempts": 8}, **faults) as (shop, emulator):
        run = await shop.run()
        assert run.status is RunStatus.SUCCEEDED
        assert run.throttled == emulator.counters.answers["429"] > 0
        await shop.agrees_with(emulator)


async def test_a_503_that_names_a_pause_is_obeyed_by_all(tmp_path: Path) -> None:
    faults: dict[str, Any] = {"every_error": 6, "kinds": ("busy",), "retry_after_s": 1.0}
    async with shop_with(tmp_path, settings={"max_attempts": 8}, **faults) as (shop, emulator):
        run = await shop.run()
        assert run.status is RunStatus.SUCCEEDED
        assert run.throttled == emulator.counters.answers["busy"] > 0
        await shop.agrees_with(emulator)


async def test_a_sign_in_that_is_busy_or_odd_costs_time_and_no_page(tmp_path: Path) -> None:
    kinds = ("busy", "odd_403", "http_500", "odd_408", "odd_204", "odd_301")
    options: dict[str, Any] = {"auth": "bearer", "max_attempts": 12}
    async with shop_with(tmp_path, settings=options, token_kinds=kinds, retry_after_s=1) as (
        shop,
        emulator,
    ):
        run = await shop.run()
        assert run.status is RunStatus.SUCCEEDED
        assert run.throttled >= 1
        assert emulator.counters.tokens == 1
        await shop.agrees_with(emulator)


async def test_a_sign_in_that_asks_for_a_long_pause_ends_the_run(tmp_path: Path) -> None:
    faults: dict[str, Any] = {"token_kinds": ("busy",), "retry_after_s": 301}
    async with shop_with(tmp_path, settings={"auth": "bearer"}, **faults) as (shop, _):
        run = await shop.run()
        assert (run.status, run.reason) == (RunStatus.FAILED, "throttled")


async def test_the_budget_counts_tokens_and_second_tries(tmp_path: Path) -> None:
    clock = WaitingClock()
    async with stand_in(PRODUCTS, token_requests=3) as emulator:
        pacer = Pacer(clock, concurrency=4, per_minute=10)
        settings = settings_for(emulator, tmp_path, auth="bearer")
        source = g2a_source(settings, clock=clock, redactor=Redactor(), pacer=pacer)
        pages = PageFetcher(source, pacer, clock, max_attempts=1)
        for number in range(1, PAGES + 1):
            await pages.page(PageKey(number))
        await source.close()
        sent = emulator.counters.requests + emulator.counters.token_requests
        assert emulator.counters.token_requests == 4
        assert sent == PAGES + 3 + 4  # three pages were asked for twice
        assert clock.waited_s >= 60.0 * ((sent - 1) // 10)


async def test_a_pause_beyond_the_limit_ends_the_run_with_its_checkpoint(tmp_path: Path) -> None:
    async with shop_with(tmp_path, every_429=8, retry_after_s=301) as (shop, _):
        run = await shop.run()
        assert (run.status, run.reason) == (RunStatus.PARTIAL, "throttled")
        assert 0 < run.pages_processed < PAGES
        assert await shop.vanished() == set()
        assert len(await shop.rows()) == run.products_synced


async def test_a_refused_sign_in_fails_at_once_and_names_the_setting(tmp_path: Path) -> None:
    async with shop_with(tmp_path, auth_code="AUTH03") as (shop, emulator):
        run = await shop.run()
        assert (run.status, run.reason) == (RunStatus.FAILED, "source_auth_failed")
        assert run.error is not None and "allow-list" in run.error
        assert emulator.counters.requests == 1
        assert "PRODUCT SYNC FAILED ===" in await shop.logged("Full traceback:")


async def test_a_wrong_secret_fails_at_once(tmp_path: Path) -> None:
    async with shop_with(tmp_path, settings={"client_secret": "not-the-secret"}) as (shop, _):
        run = await shop.run()
        assert (run.status, run.reason) == (RunStatus.FAILED, "source_auth_failed")


async def test_a_token_that_expires_in_the_middle_costs_one_renewal_and_no_page(tmp_path: Path) -> None:
    async with shop_with(tmp_path, settings={"auth": "bearer"}, token_requests=7) as (shop, emulator):
        run = await shop.run()
        assert run.status is RunStatus.SUCCEEDED
        assert emulator.counters.tokens == 2
        assert run.retries == 0
        await shop.agrees_with(emulator)


async def test_a_source_that_is_away_fails_the_run(tmp_path: Path) -> None:
    async with shop_with(tmp_path, die_after=1) as (shop, _):
        run = await shop.run()
        assert (run.status, run.reason, run.products_synced) == (RunStatus.FAILED, "source_down", 0)


async def test_a_source_that_goes_away_leaves_what_was_stored(tmp_path: Path) -> None:
    async with shop_with(tmp_path, 600, die_after=15) as (shop, emulator):
        run = await shop.run()
        assert (run.status, run.reason) == (RunStatus.PARTIAL, "source_down")
        assert run.pages_processed > 5
        assert len(await shop.rows()) == run.products_synced
        set_faults(emulator, die_after=0)
        resumed = await shop.run()
        assert resumed.status is RunStatus.SUCCEEDED
        assert resumed.resumed_from == run.run_id
        assert resumed.generation == run.generation
        assert resumed.products_synced == 600
        served_twice = [page for page, times in emulator.counters.pages.items() if times > 1 and page != "/1"]
        assert len(served_twice) <= 2 * shop.settings.concurrency


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


async def test_a_total_cut_short_at_the_ceiling_is_read_in_windows(tmp_path: Path) -> None:
    async with shop_with(tmp_path, ceiling=6, most_total=120) as (shop, emulator):
        run = await shop.run()
        assert (run.status, run.products_total) == (RunStatus.SUCCEEDED, PRODUCTS)
        await shop.agrees_with(emulator)


async def test_products_that_always_stand_twice_end_the_run_as_duplicates(tmp_path: Path) -> None:
    async with shop_with(tmp_path, twice=7) as (shop, emulator):
        run = await shop.run()
        assert (run.status, run.reason) == (RunStatus.PARTIAL, "duplicates")
        assert run.requests == emulator.counters.requests <= PAGES + 5  # the odd pages again, not all of them
        await shop.agrees_with(emulator)
        set_faults(emulator, twice=0)
        assert (await shop.run()).status is RunStatus.SUCCEEDED


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


async def test_a_product_that_comes_back_keeps_its_history(tmp_path: Path) -> None:
    async with shop_with(tmp_path) as (shop, emulator):
        await shop.run()
        (gone,) = emulator.catalogue.items[5:6]
        emulator.catalogue.remove([5])
        await shop.run()
        assert await shop.vanished() == {gone.id}
        assert (await shop.reads.product(gone.id)).status == "vanished"
        emulator.catalogue.replace_all([*emulator.catalogue.items[:5], gone, *emulator.catalogue.items[5:]])
        run = await shop.run()
        assert (run.reappeared, run.new) == (1, 0)
        assert await shop.vanished() == set()
        told = await shop.reads.history(gone.id)
        assert [(entry.old, entry.new) for entry in told.entries] == [
            ("vanished", "active"),
            ("active", "vanished"),
        ]


async def test_without_the_sold_out_a_missing_product_is_sold_out_not_gone(tmp_path: Path) -> None:
    async with shop_with(tmp_path, settings={"include_out_of_stock": False}) as (shop, emulator):
        for place, item in enumerate(emulator.catalogue.items):
            emulator.catalogue.change(place, replace(item, qty=item.qty or 1))
        await shop.run()
        chosen = emulator.catalogue.items[30]
        emulator.catalogue.change(30, replace(chosen, qty=0))
        run = await shop.run()
        assert (run.vanished, run.updated) == (0, 1)
        row = (await shop.rows())[chosen.id]
        assert (row.status, row.qty) == ("active", 0)
        emulator.catalogue.change(30, chosen)
        assert (await shop.run()).updated == 1
        assert (await shop.rows())[chosen.id].qty == chosen.qty


async def test_broken_entries_are_counted_and_named_and_hide_nothing(tmp_path: Path) -> None:
    async with shop_with(tmp_path) as (shop, emulator):
        await shop.run()
        kinds = ("name", "price", "qty", "id")
        broken = list(range(10, 240, 50))
        for turn, place in enumerate(broken):
            emulator.catalogue.change(place, replace(emulator.catalogue.items[place], broken=kinds[turn % 4]))
        run = await shop.run()
        loose = emulator.catalogue.items[broken[3]]
        assert (run.skipped_items, run.errors) == (5, 5)
        assert run.status is RunStatus.SUCCEEDED
        assert await shop.vanished() == {
            loose.id
        }  # nobody can know that the entry without an id was this one
        errors = await shop.sync.errors(run.run_id)
        assert {error.product_id for error in errors} == {
            None,
            *(emulator.catalogue.items[place].id for turn, place in enumerate(broken) if turn != 3),
        }
        assert all(error.kind is ErrorKind.ITEM for error in errors)
        assert run.products_synced == PRODUCTS - 5
        again = await shop.run()
        assert (again.skipped_items, again.vanished) == (5, 0)


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
        assert resumed.pages_processed > run.pages_processed
        for _ in range(10):  # on a busy machine one more attempt may not be enough
            if resumed.status is RunStatus.PARTIAL:
                resumed = await shop.run()
        assert (resumed.status, resumed.products_synced) == (RunStatus.SUCCEEDED, 600)


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


async def test_no_secret_is_in_any_log_or_row(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async with shop_with(tmp_path, settings={"auth": "bearer"}, token_requests=5) as (shop, emulator):
        await shop.run()
        set_faults(emulator, auth_code="AUTH02")
        await shop.run()
        await shop.logged("FAILED")
        runs = (await shop.sync.runs()).runs
        everything = shop.log + repr(runs) + "".join(capfd.readouterr())
        secrets = [
            emulator.credentials.client_secret,
            emulator.credentials.pair_header.split(", ")[1],
            "token-",
        ]
        assert not [secret for secret in secrets if secret in everything]


async def test_nothing_is_synced_without_credentials(tmp_path: Path) -> None:
    async with opened(tmp_path / "kkt.db") as db, Shop(db, settings_for(None, tmp_path), tmp_path) as shop:
        for attempt in (shop.sync.start(by="anna"), shop.sync.sync_page(1, by="anna")):
            with pytest.raises(Exception, match="G2A_CLIENT_ID"):
                await attempt
        status = await shop.schedule.status()
        assert (status.status, status.sync_running) == (SchedulerHealth.HEALTHY, False)
        assert json.dumps((await shop.reads.facets()).platform) == "[]"

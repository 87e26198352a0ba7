"""A source that fails, hangs, asks for a pause or refuses the sign-in: what becomes of the run."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.catalog import PAGES, PRODUCTS, TestClock, set_faults, settings_for, shop_with, stand_in

from kkt_adapter.catalog.run_log.redaction import Redactor
from kkt_adapter.catalog.runs import ErrorKind, RunStatus
from kkt_adapter.catalog.schedule.daily import SchedulerHealth
from kkt_adapter.catalog.sync.fetch import PageFetcher, PageKey
from kkt_adapter.catalog.sync.rate_limit import Pacer
from kkt_adapter.catalog.working import g2a_source


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

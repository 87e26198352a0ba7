"""The daily job: its stored time, its slots, and what the status says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from structlog.testing import capture_logs
from tests.support.catalog import Shop, TestClock, opened, settings_for, stand_in, utc

from kkt_adapter.catalog.runs import RunStatus, Trigger
from kkt_adapter.catalog.schedule import slot_rows
from kkt_adapter.catalog.schedule.daily import SchedulerHealth, ScheduleSource
from kkt_adapter.emulators.g2a import Faults, G2AEmulator
from kkt_adapter.kernel.errors import InvalidInput, JobNotFound
from kkt_adapter.runtime.db.protocol import Database


class Town:
    """One database and one source; nodes come and go, and the wall clock is ours."""

    def __init__(self, db: Database, emulator: G2AEmulator, directory: Path) -> None:
        self.db = db
        self.emulator = emulator
        self.directory = directory
        self.clock = TestClock(wall=utc("2025-09-16T12:00"))

    def at(self, text: str) -> None:
        self.clock.wall = utc(text)

    def shop(self, *, configured: bool = True, node: str = "node-1", **settings: Any) -> Shop:
        source = self.emulator if configured else None
        return Shop(
            self.db,
            settings_for(source, self.directory, **settings),
            self.directory,
            clock=self.clock,
            node=node,
        )

    @asynccontextmanager
    async def up(self, **options: Any) -> AsyncIterator[Shop]:
        async with self.shop(**options) as shop:
            yield shop


async def daily(shop: Shop) -> list[tuple[str, datetime | None]]:
    """(status, slot) of the records of the daily job, oldest first, once nothing is going on."""
    async with asyncio.timeout(20):
        while (await shop.schedule.status()).sync_running:  # noqa: ASYNC110 - a row
            await asyncio.sleep(0.01)
    runs = (await shop.sync.runs(trigger=Trigger.DAILY, limit=200)).runs
    return sorted((run.status.value, run.slot) for run in runs)


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with stand_in(40) as emulator, opened(tmp_path / "kkt.db") as db:
        yield Town(db, emulator, tmp_path)


async def test_the_first_start_takes_the_environment_and_nothing_was_missed(town: Town) -> None:
    async with town.up() as shop:
        status = await shop.schedule.status()
        assert (status.schedule.hour, status.schedule.minute, status.schedule.source) == (2, 0, "env")
        assert status.daily_sync_next_run == utc("2025-09-17T02:00")
        assert (status.status, status.total_jobs, status.last_run) == (SchedulerHealth.HEALTHY, 1, None)
        assert await daily(shop) == []


async def test_a_slot_that_comes_due_is_run_once(town: Town) -> None:
    async with town.up() as shop:
        town.at("2025-09-17T02:00:00.5")
        await shop.schedule.tick()
        await shop.schedule.tick()
        assert await daily(shop) == [("succeeded", utc("2025-09-17T02:00"))]
        assert "=== DAILY PRODUCT SYNC STARTED at 2025-09-17T02:00:00 ===" in shop.log
        await shop.schedule.tick()
        assert len(await daily(shop)) == 1
        status = await shop.schedule.status()
        assert status.daily_sync_next_run == utc("2025-09-18T02:00")
        assert status.last_run is not None and status.last_run.status is RunStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("back_at", "expected"),
    [
        ("2025-09-17T02:10", [("succeeded", "2025-09-17T02:00")]),  # down for twenty minutes
        ("2025-09-17T07:59", [("succeeded", "2025-09-17T02:00")]),  # inside the grace
        ("2025-09-17T08:01", [("missed", "2025-09-17T02:00")]),
        (
            "2025-09-19T03:00",
            [
                ("missed", "2025-09-17T02:00"),
                ("missed", "2025-09-18T02:00"),
                ("succeeded", "2025-09-19T02:00"),
            ],
        ),
        ("2025-09-18T20:00", [("missed", "2025-09-17T02:00"), ("missed", "2025-09-18T02:00")]),
    ],
)
async def test_a_restart_runs_the_newest_slot_once_or_records_it(
    town: Town, back_at: str, expected: list[tuple[str, str]]
) -> None:
    async with town.up():
        pass
    town.at(back_at)
    async with town.up() as shop:
        assert await daily(shop) == [(status, utc(slot)) for status, slot in expected]
    async with town.up() as shop:  # and once more: nothing new
        assert len(await daily(shop)) == len(expected)
        assert shop.log.count("was missed") == sum(status == "missed" for status, _ in expected)


async def test_a_week_away_gives_one_run_not_seven(town: Town) -> None:
    async with town.up():
        pass
    town.at("2025-09-24T03:00")
    async with town.up() as shop:
        found = await daily(shop)
        assert [status for status, _ in found].count("succeeded") == 1
        assert town.emulator.counters.requests == 4  # two pages, the first again, one past the end


async def test_a_stored_time_wins_over_the_environment_until_it_is_reset(town: Town) -> None:
    async with town.up() as shop:
        changed = await shop.schedule.put(3, 30, by="anna")
        assert changed.next_run_time == utc("2025-09-17T03:30")
    async with town.up(schedule_hour=5) as shop:
        status = await shop.schedule.status()
        assert status.daily_sync_next_run == utc("2025-09-17T03:30")
        assert (status.schedule.source, status.schedule.changed_by) == (ScheduleSource.API, "anna")
        assert "03:30" in shop.log and "05:00" in shop.log
        reset = await shop.schedule.delete(by="anna")
        assert reset.next_run_time == utc("2025-09-17T05:00")
        assert (await shop.schedule.status()).schedule.source is ScheduleSource.ENV
    async with town.up(schedule_hour=6) as shop:  # source is env again: the environment wins
        assert (await shop.schedule.status()).daily_sync_next_run == utc("2025-09-17T06:00")
        assert "moved from 05:00 to 06:00" in shop.log


async def test_a_time_that_passed_today_means_tomorrow(town: Town) -> None:
    async with town.up() as shop:
        changed = await shop.schedule.put(11, by="anna")
        assert changed.next_run_time == utc("2025-09-17T11:00")
        await shop.schedule.tick()
        assert await daily(shop) == []
        again = await shop.schedule.put(11, by="anna")  # setting the present time again is fine
        assert again.next_run_time == changed.next_run_time


@pytest.mark.parametrize(
    ("hour", "minute", "field"), [(24, 0, "hour"), (-1, 0, "hour"), (3, 60, "minute"), (3, -1, "minute")]
)
async def test_a_time_out_of_range_changes_nothing(town: Town, hour: int, minute: int, field: str) -> None:
    async with town.up() as shop:
        with pytest.raises(InvalidInput) as caught:
            await shop.schedule.put(hour, minute, by="anna")
        assert caught.value.facts["field"] == field
        assert (await shop.schedule.status()).schedule.source is ScheduleSource.ENV


async def test_a_due_slot_is_not_lost_by_changing_the_time(town: Town) -> None:
    async with town.up():
        pass
    town.at("2025-09-17T02:10")
    async with town.up(schedule_hour=9) as shop:
        assert await daily(shop) == [("succeeded", utc("2025-09-17T02:00"))]
        assert (await shop.schedule.status()).daily_sync_next_run == utc("2025-09-17T09:00")


async def test_another_node_follows_a_change_without_a_restart(town: Town) -> None:
    async with town.up(node="a") as first, town.up(node="b") as second:
        await first.schedule.put(3, 30, by="anna")
        status = await second.schedule.status()
        assert status.daily_sync_next_run == utc("2025-09-17T03:30")
        town.at("2025-09-17T03:30:01")
        await asyncio.gather(first.schedule.tick(), second.schedule.tick())
        assert await daily(second) == [("succeeded", utc("2025-09-17T03:30"))]


async def test_many_looks_at_one_slot_from_two_nodes_make_one_run(town: Town) -> None:
    async with town.up(node="a") as first, town.up(node="b") as second:
        town.at("2025-09-17T02:00:01")
        await asyncio.gather(*(shop.schedule.tick() for shop in [first, second] * 10))
        assert await daily(first) == [("succeeded", utc("2025-09-17T02:00"))]


async def test_a_slot_during_a_full_run_is_skipped_and_names_it(town: Town) -> None:
    town.emulator.catalogue.insert(400)
    async with town.up(concurrency=1) as shop:
        town.emulator.faults = Faults(latency_s=0.5)  # still going on when the slot comes
        manual = await shop.sync.start(by="anna")
        town.at("2025-09-17T02:00:01")
        await shop.schedule.tick()
        town.emulator.faults = Faults()
        await shop.ended(manual.run_id)
        assert await daily(shop) == [("skipped", utc("2025-09-17T02:00"))]
        (record,) = (await shop.sync.runs(trigger=Trigger.DAILY)).runs
        assert (record.blocked_by, record.finished_at is not None) == (manual.run_id, True)
        assert f"was skipped: run {manual.run_id}" in shop.log
        await shop.schedule.tick()
        assert len(await daily(shop)) == 1


async def test_a_wall_clock_that_jumps_back_runs_nothing_twice(town: Town) -> None:
    async with town.up() as shop:
        town.at("2025-09-17T02:00:01")
        await shop.schedule.tick()
        await daily(shop)
        for moment in ("2025-09-17T01:59:00", "2025-09-17T02:00:00", "2025-09-16T13:00"):
            town.at(moment)
            await shop.schedule.tick()
        town.at("2025-09-17T03:00")
        await shop.schedule.tick()
        assert await daily(shop) == [("succeeded", utc("2025-09-17T02:00"))]


async def test_a_clock_that_was_years_ahead_does_not_silence_the_job(town: Town) -> None:
    town.at("2031-01-01T00:00")
    async with town.up() as shop:
        await shop.run()
        town.at("2031-01-01T02:00:01")
        await shop.schedule.tick()
        assert await daily(shop) == [("succeeded", utc("2031-01-01T02:00"))]
    town.at("2025-09-17T01:00")
    async with town.up() as shop:
        assert (await shop.schedule.status()).status is SchedulerHealth.HEALTHY
        for day in ("2025-09-17", "2025-09-18"):
            town.at(f"{day}T02:00:01")
            await shop.schedule.tick()
            await daily(shop)
            assert (await shop.schedule.status()).status is SchedulerHealth.HEALTHY
        assert await daily(shop) == [
            ("succeeded", utc("2025-09-17T02:00")),
            ("succeeded", utc("2025-09-18T02:00")),
            ("succeeded", utc("2031-01-01T02:00")),
        ]


async def test_without_a_source_no_slot_is_run_or_recorded_and_all_is_well(town: Town) -> None:
    async with town.up(configured=False):
        pass
    town.at("2025-09-20T02:30")
    async with town.up(configured=False) as shop:
        assert await daily(shop) == []
        status = await shop.schedule.status()
        assert (status.status, status.daily_sync_next_run) == (
            SchedulerHealth.HEALTHY,
            utc("2025-09-21T02:00"),
        )
        assert (await shop.schedule.put(4, by="anna")).next_run_time == utc("2025-09-20T04:00")
    town.at("2025-09-20T05:00")
    async with town.up() as shop:  # credentials arrive: what passed before was not missed
        assert await daily(shop) == []
        assert (await shop.schedule.status()).daily_sync_next_run == utc("2025-09-21T04:00")


async def test_no_success_for_26_hours_is_degraded(town: Town) -> None:
    async with town.up() as shop:
        town.clock.wall = utc("2025-09-16T12:00") + timedelta(hours=26, minutes=1)
        assert (await shop.schedule.status()).status is SchedulerHealth.DEGRADED
        town.clock.wall += timedelta(minutes=1)
        await shop.run()
        assert (await shop.schedule.status()).status is SchedulerHealth.HEALTHY


async def test_a_slot_missed_before_the_last_success_is_no_reason_for_alarm(town: Town) -> None:
    """Noticed late, as after a night asleep: somebody has pressed the button meanwhile."""
    async with town.up() as shop:
        await shop.run()
        later = town.clock.now() + timedelta(seconds=1)
        town.clock.wall = later
        earlier = later - timedelta(hours=3)
        missed = RunStatus.MISSED

        def note(connection: Connection) -> None:
            slot_rows.record(connection, earlier, missed, later)

        await town.db.write(note)
        status = await shop.schedule.status()
        assert status.last_run is not None and status.last_run.status is missed
        assert status.status is SchedulerHealth.HEALTHY


async def test_an_unwritable_log_is_shown_and_stops_nothing(town: Town, tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file where a folder should be")
    with capture_logs() as lines:
        async with town.up(log_file=tmp_path / "blocked" / "sync.log") as shop:
            status = await shop.schedule.status()
            assert (status.log_file_ok, status.status) == (False, SchedulerHealth.DEGRADED)
            assert (await shop.run()).status is RunStatus.SUCCEEDED
    assert [line["event"] for line in lines].count("sync_log_not_writable") == 1


async def test_jobs_and_what_becomes_of_them(town: Town) -> None:
    town.emulator.catalogue.insert(200)
    async with town.up(concurrency=1) as shop:
        (job,) = await shop.schedule.jobs()
        assert (job.id, job.name, job.status) == ("daily_product_sync", "Daily Product Sync", "scheduled")
        assert job.trigger == "cron[hour='2', minute='0']"
        town.emulator.faults = Faults(latency_s=0.5)  # still going on while its job is asked for
        started = await shop.sync.start(by="anna")
        jobs = await shop.schedule.jobs()
        assert [job.id for job in jobs] == ["daily_product_sync", started.job_id]
        assert started.job_id.startswith("manual_product_sync_")
        going = await shop.schedule.job(started.job_id)
        assert going.progress is not None and going.run_id == started.run_id
        town.emulator.faults = Faults()
        await shop.ended(started.run_id)
        over = await shop.schedule.job(started.job_id)
        assert (over.status, over.progress) == ("succeeded", None)
        assert over.last_run is not None and over.last_run.run_id == started.run_id
        for unknown in ("manual_product_sync_x", "page_product_sync_1", "nothing"):
            with pytest.raises(JobNotFound):
                await shop.schedule.job(unknown)


async def test_a_preview_of_the_next_fires(town: Town) -> None:
    async with town.up() as shop:
        assert await shop.schedule.next_fires(2) == [utc("2025-09-17T02:00"), utc("2025-09-18T02:00")]


async def test_a_process_that_keeps_no_schedule_says_stopped(town: Town) -> None:
    status = await town.shop().schedule.status()
    assert (status.scheduler_running, status.status, status.daily_sync_next_run) == (
        False,
        SchedulerHealth.STOPPED,
        None,
    )

"""Nodes of the catalogue that are killed or frozen while they work; real processes, one database."""

import asyncio
import json
import os
import random
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select
from tests.support.catalog import Shop, opened, settings_for, stand_in
from tests.support.processes.forked import ROOT, Forked, start_module

from kkt_adapter.catalog.runs import RunRecord, RunStatus, Trigger
from kkt_adapter.catalog.store.tables import products, sync_pages
from kkt_adapter.emulators.g2a import G2AEmulator
from kkt_adapter.runtime.db.protocol import Database

pytestmark = [pytest.mark.crash, pytest.mark.timeout(300)]

READY_S = 60.0
PRODUCTS = 1_000
CONCURRENCY = 2
LATENCY_S = 0.03
SLOW_S = 0.3  # a run of several seconds: nobody comes too late to kill or freeze its node


class Ground:
    """A source, a database, and nodes as processes; ``shop`` only looks."""

    def __init__(self, db: Database, url: str, emulator: G2AEmulator, directory: Path) -> None:
        self.url = url
        self.emulator = emulator
        self.directory = directory
        self.logs = count()
        self.shop = Shop(db, settings_for(emulator, directory), directory, node="looker")

    @asynccontextmanager
    async def node(self, name: str, **order: Any) -> AsyncIterator[Forked]:
        told = {
            "url": self.url,
            "base_url": self.emulator.base_url,
            "directory": str(self.directory),
            "node": name,
            "settings": {"concurrency": CONCURRENCY},
            **order,
        }
        self.directory.mkdir(parents=True, exist_ok=True)
        log = self.directory / f"{name}.{next(self.logs)}.log"
        process = start_module(
            "tests.support.processes.catalog_node",
            json.dumps(told),
            cwd=ROOT,
            environment=os.environ,
            log=log,
        )
        try:
            until = time.monotonic() + READY_S
            while "ready\n" not in log.read_text():
                assert process.poll() is None, f"{name} ended: {log.read_text()}"
                assert time.monotonic() < until, f"{name} is not ready: {log.read_text()}"
                await asyncio.sleep(0.01)
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait(READY_S)

    def answers_after(self, seconds: float) -> None:
        self.emulator.faults = replace(self.emulator.faults, latency_s=seconds)

    async def freeze(self, process: Forked) -> None:
        """Stop a process between two of its transactions: within one it would hold the only write lock."""
        for _ in range(100):
            process.send_signal(signal.SIGSTOP)
            if await asyncio.to_thread(self._can_write):
                return
            process.send_signal(signal.SIGCONT)
            await asyncio.sleep(0.01)
        raise AssertionError("the process was always in the middle of a write")

    def _can_write(self) -> bool:
        raw = sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=0.1, isolation_level=None)
        try:
            raw.execute("BEGIN IMMEDIATE")
            raw.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
        finally:
            raw.close()
        return True

    async def run(self) -> RunRecord:
        """The newest full run."""
        async with asyncio.timeout(READY_S):
            while not (found := await self._full_runs()):  # noqa: ASYNC110 - a row
                await asyncio.sleep(0.02)
        return found[0]

    async def _full_runs(self) -> list[RunRecord]:
        recent = (await self.shop.sync.runs(limit=20)).runs
        return [run for run in recent if run.trigger is not Trigger.PAGE]

    async def until(self, reached: Callable[[RunRecord], bool]) -> RunRecord:
        return await self.shop.until((await self.run()).run_id, reached)

    async def ended(self) -> RunRecord:
        return await self.until(lambda run: not run.in_progress)

    async def counts_agree(self) -> None:
        """What the run says it stored is what is stored."""

        def count(connection: Connection) -> tuple[int, int]:
            pages = connection.execute(select(func.count()).select_from(sync_pages)).scalar_one()
            stored = connection.execute(select(func.count()).select_from(products)).scalar_one()
            return pages, stored

        run = await self.run()
        assert await self.shop.db.read(count) == (run.pages_processed, run.products_synced)
        assert run.new + run.updated + run.unchanged == run.products_synced


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    url = f"sqlite:///{tmp_path / 'kkt.db'}"
    async with stand_in(PRODUCTS, latency_s=LATENCY_S) as emulator, opened(url) as db:
        yield Ground(db, url, emulator, tmp_path)


async def test_killed_again_and_again_a_run_loses_nothing_and_fetches_little_twice(ground: Ground) -> None:
    dice = random.Random(5)
    kills = 0
    start = True
    for goal in (8, 20, 33):
        async with ground.node("a", start=start) as process:
            start = False
            await ground.until(lambda run, goal=goal: run.pages_processed >= goal)  # type: ignore[misc]
            await asyncio.sleep(dice.random() * LATENCY_S)
            process.kill()
            kills += 1
        assert (await ground.run()).status is RunStatus.RUNNING  # nobody could write that it ended
        await ground.counts_agree()
    ground.answers_after(0.0)
    async with ground.node("b"):
        run = await ground.ended()
    assert (run.status, run.node, run.generation) == (RunStatus.SUCCEEDED, "b", 1)
    assert (run.pages_processed, run.products_synced) == (50, PRODUCTS)
    twice = sum(times - 1 for page, times in ground.emulator.counters.pages.items() if page != "/1")
    assert twice <= kills * 2 * CONCURRENCY
    await ground.shop.agrees_with(ground.emulator)


async def test_a_source_that_dies_and_a_kill_are_survived_together(ground: Ground) -> None:
    ground.emulator.faults = replace(ground.emulator.faults, die_after=20)
    async with ground.node("a", start=True) as process:
        await ground.until(lambda run: run.pages_processed >= 15)
        process.kill()
    ground.emulator.faults = replace(ground.emulator.faults, die_after=0)
    async with ground.node("a"):
        run = await ground.ended()
    assert run.status is RunStatus.SUCCEEDED
    await ground.shop.agrees_with(ground.emulator)


async def test_two_nodes_run_one_slot_once_and_the_other_finishes_what_the_killed_one_began(
    ground: Ground,
) -> None:
    orders = {"wall": "2025-09-16T12:00"}
    async with ground.node("a", **orders), ground.node("b", **orders):
        pass  # the schedule begins on the day before
    orders = {"wall": "2025-09-17T02:05"}
    ground.answers_after(SLOW_S)
    async with ground.node("a", **orders) as first, ground.node("b", **orders) as second:
        running = await ground.until(lambda run: run.pages_processed >= 8)
        holder, other = (first, "b") if running.node == "a" else (second, "a")
        holder.kill()
        ground.answers_after(0.0)
        run = await ground.ended()
        assert (run.status, run.node, run.trigger) == (RunStatus.SUCCEEDED, other, Trigger.DAILY)
        assert len((await ground.shop.sync.runs()).runs) == 1
        await ground.shop.agrees_with(ground.emulator)


async def test_a_frozen_holder_writes_nothing_after_another_took_over(ground: Ground) -> None:
    ground.answers_after(SLOW_S)
    async with ground.node("a", start=True) as frozen:
        await ground.until(lambda run: run.pages_processed >= 8)
        await ground.freeze(frozen)
        ground.answers_after(0.0)
        async with ground.node("b"):
            run = await ground.ended()
            assert (run.status, run.node) == (RunStatus.SUCCEEDED, "b")
            rows, revision = await ground.shop.rows(), (await ground.shop.reads.state()).revision
            frozen.send_signal(signal.SIGCONT)
            await asyncio.sleep(1.0)
            assert frozen.returncode is None
            assert await ground.shop.rows() == rows
            assert (await ground.shop.reads.state()).revision == revision
            assert await ground.run() == run


async def test_another_node_answers_for_a_run_and_cancels_it(ground: Ground) -> None:
    async with ground.node("a", start=True):
        running = await ground.until(lambda run: run.pages_processed >= 5)
        assert (await ground.shop.schedule.status()).sync_running
        with pytest.raises(Exception, match="going on already"):
            await ground.shop.sync.start(by="max")
        await ground.shop.sync.cancel(running.run_id, by="max")
        async with asyncio.timeout(60):
            run = await ground.ended()
        assert run.status is RunStatus.CANCELLED
        assert len(await ground.shop.rows()) == run.products_synced < PRODUCTS

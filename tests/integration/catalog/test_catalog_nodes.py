"""Two nodes on one database of either kind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import update
from tests.support.catalog import Shop, opened, settings_for, stand_in

from kkt_adapter.catalog.runs import RunStatus
from kkt_adapter.emulators.g2a import G2AEmulator
from kkt_adapter.kernel.errors import NotRunning, SyncAlreadyRunning
from kkt_adapter.runtime.db.open import open_database
from kkt_adapter.runtime.leases.rows import leases

PRODUCTS = 300


class Pair(NamedTuple):
    a: Shop
    b: Shop
    emulator: G2AEmulator


@pytest.fixture
async def pair(database_url: str, tmp_path: Path) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        emulator = await stack.enter_async_context(stand_in(PRODUCTS))
        first = await stack.enter_async_context(opened(database_url))
        second = open_database(database_url)
        stack.push_async_callback(second.close)
        shops = []
        for name, db in (("a", first), ("b", second)):
            settings = settings_for(emulator, tmp_path / name, concurrency=3)
            shop = Shop(db, settings, tmp_path / name, node=name)
            shops.append(await stack.enter_async_context(shop))
        yield Pair(shops[0], shops[1], emulator)


async def test_either_node_answers_for_a_run_wherever_it_works(pair: Pair) -> None:
    pair.emulator.faults = replace(pair.emulator.faults, latency_s=1.0)  # still going on when both were asked
    started = await pair.a.sync.start(by="anna")
    for shop in (pair.a, pair.b):
        with pytest.raises(SyncAlreadyRunning) as caught:
            await shop.sync.start(by="max")
        assert caught.value.run_id == started.run_id
        assert (await shop.sync.run(started.run_id)).run_id == started.run_id
        assert (await shop.schedule.job(started.job_id)).run_id == started.run_id
    pair.emulator.faults = replace(pair.emulator.faults, latency_s=0.0)
    seen = [record.status async for record in pair.b.sync.progress(started.run_id)]
    assert seen[-1] is RunStatus.SUCCEEDED
    await pair.a.agrees_with(pair.emulator)
    assert pair.emulator.counters.peak_in_flight <= 3


async def test_a_run_is_cancelled_from_the_other_node(pair: Pair) -> None:
    pair.emulator.faults = replace(pair.emulator.faults, latency_s=1.0)  # pages are left when it is cancelled
    started = await pair.a.sync.start(by="anna")
    working = await pair.a.until(started.run_id, lambda record: record.pages_processed > 0)
    other = pair.b if working.node == "a" else pair.a
    await other.sync.cancel(started.run_id, by="max")
    with pytest.raises(NotRunning):
        await pair.a.sync.cancel(started.run_id, by="max")
    async with asyncio.timeout(30):
        assert (await pair.a.ended(started.run_id)).status is RunStatus.CANCELLED


async def test_page_runs_of_one_node_disturb_no_full_run_of_the_other(pair: Pair) -> None:
    await pair.a.run()
    pair.emulator.catalogue.advance(gone=0.04)
    pair.emulator.faults = replace(pair.emulator.faults, latency_s=0.01)
    started = await pair.a.sync.start(by="anna", full=True)
    results = await asyncio.gather(*(pair.b.sync.sync_page(page, by="max") for page in range(1, 12)))
    run = await pair.a.ended(started.run_id)
    assert run.status is RunStatus.SUCCEEDED
    await pair.a.agrees_with(pair.emulator)
    history = await pair.a.history()
    repriced = [row.product_id for row in history if row.field == "min_price"]
    assert len(repriced) == len(set(repriced)) == 30  # each change once, whoever saw it first
    assert sum(result.products_fetched for result in results) == 220


async def test_a_node_whose_term_is_over_writes_nothing_more(pair: Pair) -> None:
    pair.emulator.faults = replace(pair.emulator.faults, latency_s=1.0)  # pages are left when its term ends
    started = await pair.a.sync.start(by="anna")
    await pair.a.until(started.run_id, lambda record: record.pages_processed >= 2)
    await pair.b.db.write(
        lambda connection: (
            connection.execute(
                update(leases)
                .where(leases.c.name == "catalog")
                .values(owner="somebody", term=leases.c.term + 1)
            ).rowcount
        )
    )
    pair.emulator.faults = replace(pair.emulator.faults, latency_s=0.0)
    before = await pair.a.rows()
    await asyncio.sleep(1.5)  # the pages under way have come
    assert await pair.a.rows() == before
    assert (await pair.a.sync.run(started.run_id)).status is RunStatus.RUNNING
    await pair.b.db.write(
        lambda connection: (
            connection.execute(
                update(leases).where(leases.c.name == "catalog").values(owner="", term=leases.c.term + 1)
            ).rowcount
        )
    )
    run = await pair.a.ended(started.run_id)
    assert (run.status, run.products_synced) == (RunStatus.SUCCEEDED, PRODUCTS)
    assert "SYNC RESUMED at" in pair.a.log + pair.b.log

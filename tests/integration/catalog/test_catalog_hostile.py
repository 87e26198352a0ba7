"""Days of a catalogue with a hostile source: what a run that succeeded says is true, and a till's copy too.

A week is made from its seed alone; ``KKT_WEEKS`` makes more of them. Every day the list changes, the source
is up to something, a run reads it, and a till brings its copy up to date by the change feed. Now and then
the database is put back from an older copy.
"""

import json
import os
import random
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.support.catalog import Shop, TestClock, opened, settings_for
from tests.support.hostile_source import PAGE_SIZE, HostileSource, Mischief

from kkt_adapter.api.schemas.shown.products import copied_answer, export_text, product_answer
from kkt_adapter.catalog.reads.catalogue import ProductQuery
from kkt_adapter.catalog.runs import RunRecord, RunStatus
from kkt_adapter.catalog.store.edition import SALT_BITS, begin_edition
from kkt_adapter.kernel.errors import ResyncNeeded

WEEKS = int(os.environ.get("KKT_WEEKS", "2"))
DAYS = 14
PRODUCTS = 43
REASONS = {
    "catalogue_moved", "duplicates", "total_wrong", "pages_failed", "source_down", "page_ceiling",
    "sweep_held",
}  # fmt: skip


class Till:
    """Keeps a copy of the catalogue by the feed, and every answer by its tag, as a cache does."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.copy: dict[str, str] = {}
        self.revision: int | None = None
        self.answers: dict[str, Any] = {}
        self.resyncs = 0

    async def update(self, shop: Shop) -> None:
        try:
            await self._follow(shop)
        except ResyncNeeded:
            self.resyncs += 1
            self.revision = None
        if self.revision is None:
            self.revision, self.copy = await exported(shop)
        assert (self.revision, self.copy) == await exported(shop)

    async def _follow(self, shop: Shop) -> None:
        while self.revision is not None:
            listing = await shop.reads.changes(since=self.revision, limit=self.dice.randint(1, 20))
            for change in listing.changes:
                if change.product is None:
                    self.copy.pop(change.id, None)
                else:
                    self.copy[change.id] = line(copied_answer(change.product))
            self.revision = listing.next_revision
            if not listing.more:
                return

    async def look(self, shop: Shop) -> None:
        """The same tag never stands on two answers."""
        query = ProductQuery(limit=200)
        tag = shop.reads.etag((await shop.reads.state()).revision, query.identity())
        found = [
            {name: value for name, value in product_answer(item).items() if name != "last_seen_at"}
            for item in (await shop.reads.search(query)).items
        ]
        assert self.answers.setdefault(tag, found) == found


def line(document: Any) -> str:
    return json.dumps(document, sort_keys=True)


async def exported(shop: Shop) -> tuple[int, dict[str, str]]:
    export = await shop.reads.export(export_text())
    head, *products = b"".join([chunk async for chunk in export.chunks]).decode().splitlines()
    documents = [json.loads(text) for text in products]
    return json.loads(head)["revision"], {one["id"]: line(one) for one in documents}


class Week:
    """One shop, its source and its till."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.dice = random.Random(seed)
        self.folder = folder
        self.source = HostileSource(PRODUCTS, self.dice)
        self.till = Till(self.dice)
        self.epoch = 1
        self.story: list[str] = []
        self.succeeded = 0
        self.repriced = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Shop]:
        settings = settings_for(None, self.folder, sweep_limit_percent=60, max_attempts=3, concurrency=3)
        async with opened(self.folder / "kkt.db") as db:
            salt = self.dice.getrandbits(SALT_BITS)
            await db.write(partial(begin_edition, uuid="shop", epoch=self.epoch, salt=salt))
            async with Shop(db, settings, self.folder, clock=TestClock(), source=self.source) as shop:
                yield shop

    async def live(self) -> None:
        day = 0
        while day < DAYS:
            async with self.open() as shop:
                for _ in range(self.dice.randint(2, 5)):
                    day += 1
                    await self.day(shop)
                await self.quiet_day(shop)
            self.copy_or_restore()
        assert self.succeeded > DAYS // 4, self.story

    async def day(self, shop: Shop) -> None:
        for step in self.dice.sample(("leave", "come", "change"), self.dice.randint(0, 3)):
            getattr(self.source, step)(self.dice.randint(1, 6))
            self.repriced = self.repriced or step == "change"
        mischief = self.mischief()
        ceiling = self.dice.choice((0, 0, 0, 4))
        self.source.begin(mischief, ceiling)
        self.story.append(f"{mischief} ceiling={ceiling}")
        # A run that goes on from stored pages does not ask for them again, so it may hold older prices.
        await self.run(shop, full=self.repriced or self.dice.random() < 0.5)

    async def quiet_day(self, shop: Shop) -> None:
        """A source that behaves is read to the end, whatever it did before."""
        self.source.begin(Mischief(), 0)
        self.story.append("quiet")
        run = await self.run(shop, full=True)
        assert run.status is RunStatus.SUCCEEDED, (run, self.story)

    async def run(self, shop: Shop, *, full: bool) -> RunRecord:
        before = await shop.vanished()
        self.repriced = self.repriced and not full
        run = await shop.run(full=full)
        self.story.append(f"-> {run.status} {run.reason}")
        gone = await shop.vanished() - before
        truth = self.source.truth()
        assert not gone & truth.keys(), (gone & truth.keys(), self.story)
        if run.status is RunStatus.SUCCEEDED:
            self.succeeded += 1
            active = {
                key: (row.min_price, row.qty)
                for key, row in (await shop.rows()).items()
                if row.status == "active"
            }
            assert active == {key: (item.min_price, item.qty) for key, item in truth.items()}, self.story
            assert len(active) == run.products_total - run.skipped_items
        else:
            assert not gone, self.story
            assert run.reason in REASONS, self.story
        await self.till.update(shop)
        await self.till.look(shop)
        return run

    def mischief(self) -> Mischief:
        """Moves come while pages are read, and all of them make the list longer, or all shorter."""
        dice, pages = self.dice, len(self.source.items) // PAGE_SIZE
        kinds = dice.sample(
            ("move", "die", "odd", "short", "refuse", "cap", "more", "twice", "echo", "past", "blind"), 2
        )
        wicked = Mischief()
        for kind in kinds if dice.random() < 0.8 else ():
            match kind:
                case "move":
                    move = dice.choice((self.source.leave, self.source.come))
                    moments = dice.sample(range(2, pages), dice.randint(1, 3))
                    wicked.moves = dict.fromkeys(moments, move)
                case "die":
                    wicked.dies_from = dice.randint(1, 2 * pages)
                    wicked.dies_to = wicked.dies_from + dice.randint(1, 60)
                case "odd":
                    wicked.odd_at = frozenset(dice.sample(range(1, 3 * pages), 4))
                case "short":
                    wicked.short_at = frozenset(dice.sample(range(1, 2 * pages), 2))
                case "refuse":
                    wicked.refuse_once = frozenset({dice.randint(2, pages)})
                case "cap":
                    wicked.most_total = PAGE_SIZE * dice.randint(2, pages)
                case "more":
                    wicked.more_total = dice.randint(1, 7)
                case "twice":
                    wicked.twice = dice.randint(1, 6)
                case "echo":
                    wicked.echo = True
                case "past":
                    wicked.refuse_past = True
                case _:
                    wicked.blind = True
        return wicked

    def copy_or_restore(self) -> None:
        """Between two lives of the service."""
        database, copy = self.folder / "kkt.db", self.folder / "copy.db"
        if copy.exists() and self.dice.random() < 0.6:
            for suffix in ("-wal", "-shm"):
                database.with_name(database.name + suffix).unlink(missing_ok=True)
            shutil.copy(copy, database)
            self.epoch += 1
            self.story.append("restored")
        elif self.dice.random() < 0.7:
            with sqlite3.connect(database) as live, sqlite3.connect(copy) as kept:
                live.backup(kept)
            live.close()
            kept.close()


@pytest.mark.parametrize("seed", range(1, WEEKS + 1))
async def test_what_is_said_to_be_true_is_true(tmp_path: Path, seed: int) -> None:
    await Week(seed, tmp_path).live()

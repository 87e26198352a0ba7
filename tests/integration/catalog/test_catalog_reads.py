"""Reading the catalogue, on both databases: lists, walks, facets, history, export and changes."""

import gzip
import json
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect
from tests.support.catalog import MemorySource, Shop, TestClock, made, opened, settings_for, utc
from tests.support.ready_database import migrated

from kkt_adapter.api.schemas.shown.products import export_text, product_answer
from kkt_adapter.catalog.model import Product
from kkt_adapter.catalog.reads.catalogue import (
    LONGEST_CURSOR,
    HistoryField,
    ProductQuery,
    Sort,
    StatusFilter,
)
from kkt_adapter.catalog.store.changes import ChangeKind
from kkt_adapter.catalog.store.tables import metadata, millis
from kkt_adapter.catalog.sync.retention import forget_step
from kkt_adapter.kernel.errors import InvalidInput, ProductNotFound, ResyncNeeded
from kkt_adapter.runtime.db.open import open_database

START = utc("2026-01-01T00:00")


class Store(Shop):
    """A shop whose source is a list in memory and whose clock steps a minute with every run."""

    source: MemorySource
    wall: TestClock

    async def offer(self, *items: Product) -> None:
        """The source has exactly these, and a run has seen them."""
        self.source.items = list(items)
        assert self.wall.wall is not None
        self.wall.wall += timedelta(minutes=1)
        run = await self.run(force_sweep=True, full=True)
        assert run.status == "succeeded", run

    async def ids(self, **query: Any) -> list[str]:
        return [item.id for item in (await self.reads.search(ProductQuery(**query))).items]

    async def copy(self) -> dict[str, str]:
        """A fresh export, as a till would keep it: line by id."""
        return self.kept((await self.exported())[1:])

    async def exported(self, **options: Any) -> list[str]:
        export = await self.reads.export(export_text(options.get("fields", ())), **options)
        body = b"".join([chunk async for chunk in export.chunks])
        return (gzip.decompress(body) if export.compressed else body).decode().splitlines()

    @staticmethod
    def kept(lines: list[str]) -> dict[str, str]:
        return {json.loads(line)["id"]: line for line in lines}


@pytest.fixture
async def store(database_url: str, tmp_path: Path) -> AsyncIterator[Store]:
    source, clock = MemorySource([], page_size=5), TestClock(wall=START)
    async with opened(database_url) as db:
        shop = Store(db, settings_for(None, tmp_path), tmp_path, clock=clock, source=source)
        shop.source, shop.wall = source, clock
        async with shop:
            yield shop


def game(number: int, name: str, **more: Any) -> Product:
    return made(number, name=name, **more)


ACTION, STRATEGY = [{"id": 1, "name": "Action"}], [{"id": 2, "name": "Стратегии"}]
SHELF = (
    game(1, "Pokémon Silent Forest", platform="Steam", region="GLOBAL", minPrice="5.00", categories=ACTION),
    game(2, "Ведьмин ЛЕС", platform="steam", region="RU/CIS", publisher="1С-СофтКлаб", minPrice=None),
    game(3, "Königreich: Last Crown", platform="GOG", minPrice="7.50", categories=STRATEGY),
    game(4, "silent hill", qty=0, minPrice="5.00", categories=ACTION),
    game(5, "Crown of the Silent", platform="GOG", region="GLOBAL", minPrice="0.99", availableToBuy=False),
)  # fmt: skip


def key(number: int) -> str:
    return made(number).id


QUERIES: list[tuple[dict[str, Any], Any]] = [
    ({}, [5, 3, 1, 4, 2]),
    ({"q": "silent"}, [5, 1, 4]),
    ({"q": "SILENT crown"}, [5]),  # words in any order and case
    ({"q": "pokemon"}, [1]),  # accents do not matter
    ({"q": "POKÉMON"}, [1]),
    ({"q": "лес ведьмин"}, [2]),
    ({"q": "konigreich"}, [3]),
    ({"q": "ilent"}, []),  # words match from their beginning
    ({"q": "100%"}, []),
    ({"q": "  "}, [5, 3, 1, 4, 2]),
    ({"q": "!?"}, []),  # neither a letter nor a digit: nothing is named, nothing is found
    ({"platform": ("STEAM",)}, [1, 2]),
    ({"platform": ("steam", "gog")}, [5, 3, 1, 2]),
    ({"region": ("global",), "platform": ("gog",)}, [5]),
    ({"publisher": ("1с-софтклаб",)}, [2]),
    ({"category": ("action",)}, [1, 4]),
    ({"category": ("2",)}, [3]),
    ({"category": ("стратегии", "Action")}, [3, 1, 4]),
    ({"price_min": 500}, [3, 1, 4]),
    ({"price_max": 500}, [5, 1, 4]),
    ({"price_min": 100, "price_max": 500}, [1, 4]),
    ({"in_stock": True}, [5, 3, 1, 2]),
    ({"in_stock": False}, [4]),
    ({"ids": (key(3), key(4), "unknown")}, [3, 4]),
    ({"sort": Sort.ID}, [1, 2, 3, 4, 5]),
    ({"sort": Sort.PRICE}, [5, 1, 4, 3, 2]),  # no price comes last
    ({"sort": Sort.PRICE_DOWN}, [3, 1, 4, 5, 2]),
    ({"status": StatusFilter.VANISHED}, []),
    ({"status": StatusFilter.ALL, "q": "crown"}, [5, 3]),
]


async def test_filters_and_orders(store: Store) -> None:
    await store.offer(*SHELF)
    for query, numbers in QUERIES:
        wanted = [key(number) for number in numbers]
        assert await store.ids(**query) == wanted, query
        counted = await store.reads.search(ProductQuery(**query, limit=1, include_total=True))
        assert counted.total == len(wanted), query


async def test_updated_means_visibly_changed(store: Store) -> None:
    await store.offer(*SHELF)
    moment = store.wall.now() + timedelta(seconds=30)
    await store.offer(*SHELF[:2], game(3, "Königreich: Last Crown", minPrice="8.00"), *SHELF[3:])
    assert await store.ids(updated_since=moment) == [key(3)]
    assert (await store.ids(sort=Sort.UPDATED_DOWN))[0] == key(3)
    assert (await store.ids(sort=Sort.UPDATED))[-1] == key(3)


BAD_QUERIES: list[tuple[dict[str, Any], Any]] = [
    ({"limit": 0}, "limit"),
    ({"limit": 201}, "limit"),
    ({"price_min": 2, "price_max": 1}, "price_min"),
    ({"price_min": -1}, "price_min"),
    ({"price_max": 2**80}, "price_max"),
    ({"q": "x" * 201}, "q"),
    ({"ids": ("x",) * 201}, "id"),
    ({"cursor": "forged"}, "cursor"),
]


async def test_a_bad_query_names_its_field(store: Store) -> None:
    for query, field in BAD_QUERIES:
        with pytest.raises(InvalidInput) as caught:
            await store.reads.search(ProductQuery(**query))
        assert caught.value.facts["field"] == field, query


@pytest.mark.parametrize("sort", Sort)
async def test_a_walk_gets_through_the_longest_names(store: Store, sort: Sort) -> None:
    names = ("ж" * 59, "ﷺ" * 2_000, "Ж" * 2_000, "щ" * 600)
    items = [game(number, f"{names[number % 4]} {number}") for number in range(12)]
    await store.offer(*items)
    seen: list[str] = []
    cursor = None
    while True:
        listing = await store.reads.search(ProductQuery(sort=sort, limit=1, cursor=cursor))
        seen += [item.id for item in listing.items]
        cursor = listing.next_cursor
        if cursor is None:
            break
        assert len(cursor) <= LONGEST_CURSOR
        if len(seen) == 5:  # what has been shown changes; the rest keeps its order
            await store.offer(*[game(n, f"a {n}", minPrice="0.01") if n < 3 else items[n] for n in range(12)])
    assert sorted(seen) == sorted(item.id for item in items)


async def test_a_cursor_belongs_to_its_filters(store: Store) -> None:
    await store.offer(*SHELF)
    cursor = (await store.reads.search(ProductQuery(limit=2))).next_cursor
    with pytest.raises(InvalidInput):
        await store.reads.search(ProductQuery(limit=2, q="silent", cursor=cursor))
    assert len((await store.reads.search(ProductQuery(limit=3, cursor=cursor))).items) == 3


@pytest.mark.parametrize("sort", list(Sort))
async def test_a_walk_during_syncs_neither_repeats_nor_loses_what_stays(store: Store, sort: Sort) -> None:
    dice = random.Random(sort.value)
    shelf = {
        n: game(n, f"Game {dice.choice('abcdef')} {n}", minPrice=dice.choice([None, "1.00", "2.00", "3.50"]))
        for n in range(30)
    }
    await store.offer(*shelf.values())
    walked: list[str] = []
    cursor: str | None = None
    for step in range(100):  # far more than the walk needs
        page = await store.reads.search(ProductQuery(sort=sort, limit=8, cursor=cursor))
        walked += [item.id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
        for number in dice.sample(range(30), 6):  # prices and names change, some products come
            name = f"Game {dice.choice('abcdef')} {number}"
            shelf[number] = game(number, name, minPrice=dice.choice([None, "1.00", "2.00", "3.50"]))
        shelf[100 + step] = game(100 + step, "Game a fresh")
        await store.offer(*(shelf[number] for number in sorted(shelf)))
    assert len(walked) == len(set(walked))
    assert {key(number) for number in range(30)} <= set(walked)


async def test_a_product_reads_as_agreed(store: Store) -> None:
    await store.offer(*SHELF)
    found: Any = product_answer(await store.reads.product(key(1)))
    assert found == {
        "id": key(1), "name": "Pokémon Silent Forest", "slug": None, "type": None, "platform": "Steam",
        "region": "GLOBAL", "developer": None, "publisher": None, "release_date": None, "currency": "EUR",
        "min_price": "5.00", "retail_min_price": None, "retail_min_base_price": None,
        "price_limit": {"min": None, "max": None}, "qty": 1, "available_to_buy": True, "sellable": True,
        "images": [], "thumbnail": None, "small_image": None, "cover_image": None, "videos": [],
        "categories": [{"id": "1", "name": "Action"}], "restrictions": {}, "requirements": {},
        "source_updated_at": None, "first_seen_at": "2026-01-01T00:01:00.000Z",
        "last_seen_at": "2026-01-01T00:01:00.000Z", "changed_at": "2026-01-01T00:01:00.000Z",
        "status": "active", "vanished_at": None,
    }  # fmt: skip
    assert (await store.reads.product(key(5))).sellable is False
    for unknown in ("x", "x" * 200, "nul\x00"):
        with pytest.raises(ProductNotFound):
            await store.reads.product(unknown)


async def test_a_vanished_product_is_still_read(store: Store) -> None:
    await store.offer(*SHELF)
    await store.offer(*SHELF[1:])
    found = product_answer(await store.reads.product(key(1)))
    assert (found["status"], found["vanished_at"], found["sellable"]) == (
        "vanished",
        "2026-01-01T00:02:00.000Z",
        False,
    )
    assert await store.ids(status=StatusFilter.VANISHED) == [key(1)]
    assert key(1) not in await store.ids()


async def test_facets_count_active_products(store: Store) -> None:
    await store.offer(*SHELF)
    facets = await store.reads.facets()
    assert facets.platform == [("GOG", 2), ("Steam", 2)]  # as the filter counts them
    assert facets.region == [("GLOBAL", 2), ("RU/CIS", 1)]
    assert facets.category == [("Action", 2), ("Стратегии", 1)]
    await store.offer(*SHELF[1:])
    assert (await store.reads.facets()).category == [("Action", 1), ("Стратегии", 1)]


async def test_history_holds_one_row_for_each_true_change(store: Store) -> None:
    prices = ("1.00", "1.00", "2.00", "2.000001", "3.00")
    for price in prices:
        await store.offer(game(1, "One", minPrice=price), game(2, "Two"))
    told = (await store.reads.history(key(1))).entries
    assert [(entry.field, entry.old, entry.new) for entry in told] == [
        ("min_price", "2.00", "3.00"),
        ("min_price", "1.00", "2.00"),
    ]
    await store.offer(game(1, "One", minPrice="3.00", qty=0, availableToBuy=False), game(2, "Two"))
    stock = (await store.reads.history(key(1), field=HistoryField.STOCK)).entries
    assert sorted((entry.field, entry.old, entry.new) for entry in stock) == [
        ("available_to_buy", True, False),
        ("qty", 1, 0),
    ]
    first = await store.reads.history(key(1), limit=3)
    rest = await store.reads.history(key(1), limit=3, cursor=first.next_cursor)
    assert len(first.entries) + len(rest.entries) == 4
    assert rest.next_cursor is None
    late = await store.reads.history(key(1), start=told[0].at)
    assert len(late.entries) == 3
    assert len((await store.reads.history(key(1), end=told[1].at)).entries) == 1
    with pytest.raises(ProductNotFound):
        await store.reads.history("unknown")


async def test_a_run_that_finds_nothing_new_leaves_revision_and_tags_alone(store: Store) -> None:
    await store.offer(*SHELF)
    before = await store.reads.state()
    await store.offer(*SHELF)
    after = await store.reads.state()
    assert after.revision == before.revision
    assert after.synced_at != before.synced_at
    assert store.reads.etag(before.revision, "q") == store.reads.etag(after.revision, "q")
    assert store.reads.etag(before.revision, "q") != store.reads.etag(after.revision, "other")
    await store.offer(game(1, "Another name"), *SHELF[1:])
    assert (await store.reads.state()).revision == before.revision + 1


async def test_export_is_the_active_catalogue_in_order_of_ids(store: Store) -> None:
    await store.offer(*SHELF)
    await store.offer(*SHELF[1:])
    head, *lines = await store.exported()
    assert json.loads(head).keys() == {"revision", "generated_at", "count"}
    assert json.loads(head)["count"] == 4
    assert [json.loads(line)["id"] for line in lines] == [key(number) for number in (2, 3, 4, 5)]
    assert (await store.exported(compressed=True))[1:] == lines
    picked = [json.loads(line) for line in (await store.exported(fields=("min_price", "name")))[1:]]
    assert picked[1] == {"id": key(3), "name": "Königreich: Last Crown", "min_price": "7.50"}
    with pytest.raises(InvalidInput) as caught:
        await store.exported(fields=("last_seen_at",))
    assert caught.value.facts["field"] == "fields"


async def test_an_export_that_nobody_reads_to_its_end_is_closed(store: Store) -> None:
    await store.offer(*SHELF)
    export = await store.reads.export(export_text())
    await anext(aiter(export.chunks))
    await export.close()
    await export.close()
    assert [chunk async for chunk in export.chunks] == []


async def test_export_and_changes_equal_a_fresh_export(store: Store) -> None:
    dice = random.Random(7)
    shelf = {number: game(number, f"Game {number}", minPrice="1.00") for number in range(20)}
    await store.offer(*shelf.values())
    copy, revision = await store.copy(), (await store.reads.state()).revision
    for step in range(6):
        for number in dice.sample(sorted(shelf), 5):
            if dice.random() < 0.4:
                del shelf[number]
            else:
                shelf[number] = game(number, f"Game {number}", minPrice=f"{step}.50")
        back = dice.randrange(20)
        shelf.setdefault(back, game(back, f"Game {back}", minPrice="1.00"))
        shelf[50 + step] = game(50 + step, "Fresh")
        await store.offer(*(shelf[number] for number in sorted(shelf)))
        if step % 2:  # a till asks now and then
            continue
        more = True
        while more:
            told = await store.reads.changes(since=revision, limit=3)
            for change in told.changes:
                if change.product is None:
                    copy.pop(change.id, None)
                else:
                    copy[change.id] = export_text().product(change.product)
            revision, more = told.next_revision, told.more
        assert sorted(copy.values()) == sorted((await store.copy()).values())


async def test_changes_say_what_happened_since(store: Store) -> None:
    await store.offer(*SHELF)
    start = (await store.reads.state()).revision
    assert (await store.reads.changes(since=start)).changes == []
    await store.offer(*SHELF[1:4])  # 1 and 5 go
    away = (await store.reads.state()).revision
    await store.offer(
        SHELF[0], replace(SHELF[1], name="Renamed", digest="other"), *SHELF[2:4], game(9, "New")
    )
    told = await store.reads.changes(since=start)
    assert {change.id: change.kind for change in told.changes} == {
        key(1): ChangeKind.CHANGED,  # it was there at the start, and is there now
        key(2): ChangeKind.CHANGED,
        key(5): ChangeKind.VANISHED,
        key(9): ChangeKind.CREATED,
    }
    revisions = [change.revision for change in told.changes]
    assert revisions == sorted(set(revisions))
    since_away = {change.id: change.kind for change in (await store.reads.changes(since=away)).changes}
    assert since_away == {
        key(1): ChangeKind.REAPPEARED,
        key(2): ChangeKind.CHANGED,
        key(9): ChangeKind.CREATED,
    }


async def test_a_till_that_was_away_too_long_must_take_a_fresh_export(store: Store) -> None:
    await store.offer(*SHELF)
    old = (await store.reads.state()).revision
    for price in ("6.00", "6.50"):
        await store.offer(game(1, "Pokémon", minPrice=price), *SHELF[1:])
    newest = (await store.reads.state()).revision
    with pytest.raises(ResyncNeeded):  # a catalogue restored from a backup is behind the till
        await store.reads.changes(since=newest + 1)
    cursor = (await store.reads.search(ProductQuery(limit=1, sort=Sort.PRICE))).next_cursor
    assert store.wall.wall is not None
    cutoff = millis(store.wall.wall - timedelta(seconds=30))
    while await store.db.write(lambda connection: forget_step(connection, before=cutoff, now=cutoff)):
        pass
    with pytest.raises(ResyncNeeded) as caught:
        await store.reads.changes(since=old)
    assert old < caught.value.facts["oldest"] < newest
    assert (await store.reads.changes(since=caught.value.facts["oldest"])).changes
    assert (await store.reads.search(ProductQuery(limit=1, sort=Sort.PRICE, cursor=cursor))).items
    assert len((await store.reads.history(key(1))).entries) == 1


async def test_reads_answer_while_nothing_else_runs(store: Store) -> None:
    await store.offer(*SHELF)
    await store.close()
    assert len(await store.ids()) == 5
    assert len(await store.exported()) == 6
    assert (await store.reads.changes(since=0)).next_revision == 5
    assert (await store.reads.state()).revision == 5


@pytest.mark.parametrize("limit", [0, 1_001])
async def test_limits_of_feed_and_history_are_checked(store: Store, limit: int) -> None:
    for asking in (store.reads.changes(since=0, limit=limit), store.reads.history("x", limit=limit)):
        with pytest.raises(InvalidInput) as caught:
            await asking
        assert caught.value.facts["field"] == "limit"
    with pytest.raises(InvalidInput):
        await store.reads.changes(since=-1)


async def test_the_migration_makes_the_tables_that_the_code_uses(database_url: str) -> None:
    migrated(database_url)
    db = open_database(database_url)
    try:
        found = await db.read(
            lambda connection: {
                table: {
                    column["name"]: column["nullable"] for column in inspect(connection).get_columns(table)
                }
                for table in metadata.tables
            }
        )
        indexes = await db.read(
            lambda connection: {
                index["name"] for table in metadata.tables for index in inspect(connection).get_indexes(table)
            }
        )
    finally:
        await db.close()
    assert found == {
        table.name: {column.name: column.nullable for column in table.columns}
        for table in metadata.tables.values()
    }
    assert {index.name for table in metadata.tables.values() for index in table.indexes} <= indexes

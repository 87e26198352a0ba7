"""Reading the catalogue, on both databases: lists, walks, single products, facets."""

import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import inspect
from tests.support.catalog_store import SHELF, Store, game, key
from tests.support.databases.ready_database import migrated

from kkt_adapter.api.schemas.shown.products import product_answer
from kkt_adapter.catalog.reads.catalogue import LONGEST_CURSOR, ProductQuery, Sort, StatusFilter
from kkt_adapter.catalog.store.tables import metadata
from kkt_adapter.kernel.errors import InvalidInput, ProductNotFound
from kkt_adapter.runtime.db.open import open_database

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


async def test_reads_answer_while_nothing_else_runs(store: Store) -> None:
    await store.offer(*SHELF)
    await store.close()
    assert len(await store.ids()) == 5
    assert len(await store.exported()) == 6
    assert (await store.reads.changes(since=0)).next_revision == 5
    assert (await store.reads.state()).revision == 5


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

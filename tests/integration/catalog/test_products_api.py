"""Reading the catalogue over HTTP: real routes, a real sync into SQLite, a stand-in for the source."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from tests.support.catalog_api import DATABASE, CatalogApi, open_catalog_api

from kkt_adapter.runtime.auth.roles import Role
from kkt_adapter.runtime.db.sqlite import SqliteDatabase
from kkt_adapter.runtime.db.statement_count import count_statements

PRODUCT_MEMBERS = {
    *("id", "name", "slug", "type", "platform", "region", "developer", "publisher", "release_date"),
    *("currency", "min_price", "retail_min_price", "retail_min_base_price", "price_limit", "qty"),
    *("available_to_buy", "sellable", "images", "thumbnail", "small_image", "cover_image", "videos"),
    *("categories", "restrictions", "requirements", "source_updated_at", "first_seen_at", "last_seen_at"),
    *("changed_at", "status"),
}
READS = ["", "/facets", "/changes?since=0", "/export", "/10000000000007", "/10000000000007/history"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def untouched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CatalogApi]:
    """One node for all tests that change nothing."""
    async with open_catalog_api(tmp_path_factory.mktemp("untouched"), running=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def synced_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a node that has read its 60 products once."""
    folder = tmp_path_factory.mktemp("synced")

    async def sync() -> None:
        async with open_catalog_api(folder) as opened:
            await opened.synced()

    asyncio.run(sync())
    return folder / DATABASE


@pytest.fixture
async def api(synced_file: Path, tmp_path: Path) -> AsyncIterator[CatalogApi]:
    """A node with 60 products, all as at the source."""
    shutil.copy(synced_file, tmp_path / DATABASE)
    async with open_catalog_api(tmp_path) as opened:
        yield opened


async def walked(api: CatalogApi, query: str) -> list[dict[str, Any]]:
    """All items of a query, page by page."""
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        listing = await api.json(f"/products?{query}" + (f"&cursor={quote(cursor)}" if cursor else ""))
        items += listing["items"]
        cursor = listing["next_cursor"]
        if cursor is None:
            return items


def lines(content: bytes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Head and products of an export."""
    head, *products = [json.loads(line) for line in content.splitlines()]
    return head, products


# who may read


@pytest.mark.parametrize("path", READS)
@pytest.mark.asyncio(loop_scope="module")
async def test_reads_need_an_account_or_a_token(untouched: CatalogApi, path: str) -> None:
    for caller in untouched.callers:
        answer = await untouched.get(f"/products{path}", by=caller)
        if caller in ("nobody", "garbage", "expired", "alg none"):
            assert answer.status_code == 401, caller
            assert answer.headers["www-authenticate"] == "Bearer"
        else:  # accounts of any role, and tills with their own tokens
            assert answer.status_code in (200, 404), caller


@pytest.mark.parametrize("path", READS)
async def test_public_reads_need_nothing(tmp_path: Path, path: str) -> None:
    async with open_catalog_api(tmp_path, running=False, public_read=True) as api:
        for caller in api.callers:
            assert (await api.get(f"/products{path}", by=caller)).status_code in (200, 404), caller
        assert (await api.post("/products/sync", by="nobody")).status_code == 401


# what does not fit

UNFIT = [
    ("?limit=0", "limit"),
    ("?limit=201", "limit"),
    ("?limit=x", "limit"),
    ("?sort=colour", "sort"),
    ("?status=lost", "status"),
    ("?price_min=cheap", "price_min"),
    ("?price_min=-1", "price_min"),
    ("?price_max=1.999", "price_max"),
    ("?price_min=5&price_max=4.99", "price_min"),
    ("?in_stock=perhaps", "in_stock"),
    ("?updated_since=yesterday", "updated_since"),
    ("?cursor=forged", "cursor"),
    ("?include_total=some", "include_total"),
    ("?q=" + "x" * 201, "q"),
    ("?price_min=NaN", "price_min"),
    ("?min_price=NaN", "min_price"),  # no such filter: everything would be found
    ("/facets?platform=Steam", "platform"),
    ("/changes", "since"),
    ("/changes?since=-1", "since"),
    ("/changes?since=abc", "since"),
    ("/changes?since=0&limit=0", "limit"),
    ("/changes?since=0&limit=1001", "limit"),
    ("/export?fields=id,colour", "fields"),
]


@pytest.mark.parametrize(("path", "field"), UNFIT)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_does_not_fit_is_refused_by_name(untouched: CatalogApi, path: str, field: str) -> None:
    answer = await untouched.get(f"/products{path}")
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "VALIDATION_ERROR"
    assert field in [error["field"] for error in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("path", "status"),
    [("", 304), ("/export", 304), ("?cursor=forged", 422), ("/none", 404), ("/export?fields=colour", 422)],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_star_is_not_modified_only_where_there_is_something(
    untouched: CatalogApi, path: str, status: int
) -> None:
    answer = await untouched.get(f"/products{path}", **{"If-None-Match": "*"})
    assert answer.status_code == status, answer.text
    assert (answer.content == b"") == (status == 304)


@pytest.mark.parametrize("query", ["field=colour", "from=x", "limit=0", "cursor=forged"])
async def test_a_history_that_does_not_fit_is_refused(api: CatalogApi, query: str) -> None:
    product_id = api.source.catalogue.items[0].id
    answer = await api.get(f"/products/{product_id}/history?{query}")
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [query.partition("=")[0]]


async def test_a_cursor_of_another_query_is_forged(api: CatalogApi) -> None:
    cursor = (await api.json("/products?limit=5&sort=price"))["next_cursor"]
    answer = await api.get(f"/products?limit=5&sort=name&cursor={quote(cursor)}")
    assert answer.status_code == 422


# the list


async def test_a_product_has_the_published_members(api: CatalogApi) -> None:
    listing = await api.json("/products?limit=1")
    assert set(listing) == {"items", "next_cursor", "catalogue_revision", "synced_at"}
    product = listing["items"][0]
    assert set(product) >= PRODUCT_MEMBERS
    assert product["currency"] == "EUR"
    assert await api.json(f"/products/{product['id']}") == product


async def test_walking_gives_every_product_once(api: CatalogApi) -> None:
    for sort in ("name", "price", "-price", "updated", "-updated", "id"):
        items = await walked(api, f"limit=7&sort={sort}")
        assert sorted(item["id"] for item in items) == sorted(one.id for one in api.source.catalogue.items)
    prices = [float(item["min_price"]) for item in await walked(api, "limit=7&sort=price&price_min=0")]
    assert prices == sorted(prices)


async def test_the_total_is_counted_on_request(api: CatalogApi) -> None:
    assert (await api.json("/products?limit=3&include_total=true"))["total"] == 60


@pytest.mark.parametrize("written", ["pokémon", "POKÉMON", "pokemon", "ведьмин", "ВЕДЬМИН", "königreich"])
async def test_words_of_the_name_are_found_in_any_case_and_accent(api: CatalogApi, written: str) -> None:
    found = await walked(api, f"q={quote(written)}")
    assert found
    plain = {"pokemon": "pokémon"}.get(written.casefold(), written.casefold())
    assert all(plain in item["name"].casefold() for item in found)


async def test_filters_are_joined_by_and_their_values_by_or(api: CatalogApi) -> None:
    everything = await walked(api, "limit=200")
    found = await walked(api, "platform=Steam&platform=PSN&region=GLOBAL")
    expected = [
        item["id"]
        for item in everything
        if item["platform"] in ("Steam", "PSN") and item["region"] == "GLOBAL"
    ]
    assert sorted(item["id"] for item in found) == sorted(expected)
    assert expected


async def test_prices_and_stock_narrow_the_list(api: CatalogApi) -> None:
    truth = api.source.catalogue.items
    cheap = await walked(api, "price_min=5&price_max=19.99&in_stock=true")
    expected = {one.id for one in truth if one.cents is not None and 500 <= one.cents <= 1999 and one.qty > 0}
    assert {item["id"] for item in cheap} == expected
    assert expected


async def test_chosen_ids_are_found(api: CatalogApi) -> None:
    wanted = [api.source.catalogue.items[place].id for place in (3, 30)]
    found = await walked(api, f"id={wanted[0]}&id={wanted[1]}&id=none")
    assert sorted(item["id"] for item in found) == sorted(wanted)


async def test_updated_since_leaves_out_what_is_older(api: CatalogApi) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert await walked(api, f"updated_since={quote(later)}") == []
    assert len(await walked(api, "updated_since=2020-01-01T00:00:00Z")) == 60


async def test_facets_count_the_active_products(api: CatalogApi) -> None:
    facets = await api.json("/products/facets")
    items = await walked(api, "limit=200")
    counted = {entry["value"]: entry["count"] for entry in facets["platform"]}
    for platform in {item["platform"] for item in items if item["platform"]}:
        assert counted[platform] == len([item for item in items if item["platform"] == platform])


# changes of the source


async def test_a_vanished_product_is_still_shown_and_its_history_kept(api: CatalogApi) -> None:
    (gone,) = api.source.catalogue.remove([5])
    await api.synced()
    product = await api.json(f"/products/{gone}")
    assert (product["status"], product["sellable"]) == ("vanished", False)
    assert product["vanished_at"] is not None
    assert gone not in [item["id"] for item in await walked(api, "limit=200")]
    assert [item["id"] for item in await walked(api, "status=vanished")] == [gone]
    assert len(await walked(api, "status=all&limit=200")) == 60
    history = await api.json(f"/products/{gone}/history")
    assert [entry["field"] for entry in history["items"]] == ["status"]


async def test_price_and_stock_changes_are_in_the_history(api: CatalogApi) -> None:
    place = next(n for n, one in enumerate(api.source.catalogue.items) if one.cents and one.qty > 1)
    item = api.source.catalogue.items[place]
    assert item.cents is not None
    api.source.catalogue.change(place, replace(item, cents=item.cents + 100, qty=item.qty + 1))
    record = await api.synced()
    prices = await api.json(f"/products/{item.id}/history?field=price")
    entry = next(one for one in prices["items"] if one["field"] == "min_price")
    assert (entry["old"], entry["new"]) == (euros(item.cents), euros(item.cents + 100))
    assert entry["run_id"] == record.run_id
    stock = await api.json(f"/products/{item.id}/history?field=stock")
    (entry,) = stock["items"]
    assert (entry["field"], entry["old"], entry["new"]) == ("qty", item.qty, item.qty + 1)
    assert (await api.json(f"/products/{item.id}/history?to=2020-01-01T00:00:00Z"))["items"] == []


def euros(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


@pytest.mark.parametrize("path", ["/products/none", "/products/none/history"])
async def test_an_unknown_product_is_not_found(api: CatalogApi, path: str) -> None:
    answer = await api.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


# conditional reads


def conditional(api: CatalogApi) -> list[str]:
    product_id = api.source.catalogue.items[0].id
    return [
        "/products",
        "/products?q=star&limit=3",
        "/products/facets",
        "/products/changes?since=0",
        "/products/export",
        "/products/export?gzip=1",
        f"/products/{product_id}",
        f"/products/{product_id}/history",
    ]


async def test_a_read_may_be_kept_by_whoever_asked_and_is_asked_for_again(api: CatalogApi) -> None:
    for path in conditional(api):
        answer = await api.get(path)
        assert answer.headers.get_list("cache-control") == ["private, no-cache"], path
    started = await api.post("/products/sync?page=1")
    assert started.headers["cache-control"] == "no-store"


async def test_every_read_has_a_tag_that_survives_a_run_without_news(api: CatalogApi) -> None:
    tags = {path: (await api.get(path)).headers["etag"] for path in conditional(api)}
    assert len(set(tags.values())) == len(tags)
    record = await api.synced()
    assert (record.new, record.updated) == (0, 0)
    for path, tag in tags.items():
        answer = await api.get(path, **{"If-None-Match": f'"other", {tag}'})
        assert answer.status_code == 304, path
        assert answer.content == b""
        assert answer.headers["etag"] == tag


async def test_a_304_costs_one_row_and_no_product_query(synced_file: Path, tmp_path: Path) -> None:
    shutil.copy(synced_file, tmp_path / DATABASE)
    async with open_catalog_api(tmp_path, running=False) as api:
        tags = {path: (await api.get(path)).headers["etag"] for path in conditional(api)}
        assert isinstance(api.db, SqliteDatabase)
        with count_statements(*api.db.engines) as count:
            for path, tag in tags.items():
                assert (await api.get(path, **{"If-None-Match": tag})).status_code == 304
        assert count.total == len(tags)
        assert all("FROM catalog_state" in text for text in count.by_text)


async def test_a_change_gives_every_read_another_tag(api: CatalogApi) -> None:
    tags = {path: (await api.get(path)).headers["etag"] for path in conditional(api)}
    api.source.catalogue.advance()
    await api.synced()
    for path, tag in tags.items():
        answer = await api.get(path, **{"If-None-Match": tag})
        assert answer.status_code == 200, path
        assert answer.headers["etag"] != tag


# a copy for tills


async def test_export_is_the_active_catalogue_in_order_with_its_head(api: CatalogApi) -> None:
    api.source.catalogue.remove([5])
    await api.synced()
    answer = await api.get("/products/export")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    head, products = lines(answer.content)
    assert set(head) == {"revision", "generated_at", "count"}
    assert head["count"] == len(products) == 59
    ids = [product["id"] for product in products]
    assert ids == sorted(one.id for one in api.source.catalogue.items)


async def test_export_is_compressed_on_request_and_can_be_narrowed(api: CatalogApi) -> None:
    plain = await api.get("/products/export?fields=name,min_price")
    packed = await api.get("/products/export?fields=name,min_price&gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert lines(packed.content)[1] == lines(plain.content)[1]
    assert set(lines(plain.content)[1][0]) == {"id", "name", "min_price"}


async def test_export_and_changes_equal_a_fresh_export(api: CatalogApi) -> None:
    head, products = lines((await api.get("/products/export")).content)
    copy = {product["id"]: product for product in products}
    for _ in range(3):
        api.source.catalogue.advance()
        await api.synced("?force_sweep=true")
    since, more = head["revision"], True
    while more:
        listing = await api.json(f"/products/changes?since={since}&limit=4")
        for change in listing["changes"]:
            if change["kind"] == "vanished":
                copy.pop(change["id"], None)
            else:
                copy[change["id"]] = change["product"]
        since, more = listing["next_revision"], listing["more"]
    fresh_head, fresh = lines((await api.get("/products/export")).content)
    assert since == fresh_head["revision"]
    assert [copy[product_id] for product_id in sorted(copy)] == fresh


async def test_a_revision_that_is_not_kept_asks_for_a_fresh_export(api: CatalogApi) -> None:
    answer = await api.get("/products/changes?since=999999999")
    assert (answer.status_code, answer.json()["code"]) == (410, "RESYNC_NEEDED")


async def test_everything_answers_when_the_source_is_gone(api: CatalogApi) -> None:
    await api.source.stop()
    for path in conditional(api):
        assert (await api.get(path)).status_code == 200, path
    assert (await api.post("/products/sync?page=1", by=Role.ADMIN)).status_code == 502

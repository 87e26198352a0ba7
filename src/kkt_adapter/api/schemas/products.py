"""Queries and answers of the product reads."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query

from kkt_adapter.api.schemas.answers import catalogue as known
from kkt_adapter.api.schemas.queries import Euros, Whole
from kkt_adapter.api.schemas.requests import Since
from kkt_adapter.api.schemas.scheduler import moment, moment_of
from kkt_adapter.api.schemas.shown.products import copied_answer, product_answer
from kkt_adapter.catalog.reads.catalogue import (
    LONGEST_CURSOR,
    Change,
    ChangeListing,
    Facets,
    HistoryListing,
    ProductListing,
    ProductQuery,
    Sort,
    StatusFilter,
)

MAX_VALUES = 200  # of one repeatable parameter
MAX_REVISION = 2**63 - 1

Values = Annotated[tuple[Annotated[str, Query(max_length=200)], ...], Query(max_length=MAX_VALUES)]
Ids = Annotated[tuple[Annotated[str, Query(max_length=200)], ...], Query(alias="id", max_length=MAX_VALUES)]
Words = Annotated[str, Query(max_length=200, description="Words of the name, in any order and letter case.")]
Price = Annotated[int, Euros(), Query(description="Of min_price, in euros: 4.99.")]
Limit = Annotated[int, Whole(1, 200)]
HistoryLimit = Annotated[int, Whole(1, 1000)]
ChangesLimit = Annotated[int, Whole(1, 1000)]
Revision = Annotated[int, Whole(0, MAX_REVISION), Query(description="next_revision of the answer before.")]
Cursor = Annotated[
    str | None, Query(max_length=LONGEST_CURSOR, description="next_cursor of the page before.")
]


async def product_query(
    q: Words = "",
    ids: Ids = (),
    platform: Values = (),
    region: Values = (),
    category: Values = (),
    publisher: Values = (),
    price_min: Price | None = None,
    price_max: Price | None = None,
    in_stock: bool | None = None,
    status: StatusFilter = StatusFilter.ACTIVE,
    updated_since: Since = None,
    sort: Sort = Sort.NAME,
    limit: Limit = 50,
    cursor: Cursor = None,
    include_total: bool = False,
) -> ProductQuery:
    """A dependency: the query of the product list."""
    return ProductQuery(
        q=q,
        ids=ids,
        platform=platform,
        region=region,
        category=category,
        publisher=publisher,
        price_min=price_min,
        price_max=price_max,
        in_stock=in_stock,
        status=status,
        updated_since=updated_since,
        sort=sort,
        limit=limit,
        cursor=cursor,
        include_total=include_total,
    )


def products_answer(listing: ProductListing) -> known.ProductPage:
    answer: known.ProductPage = {
        "items": [product_answer(one) for one in listing.items],
        "next_cursor": listing.next_cursor,
        "catalogue_revision": listing.catalogue_revision,
        "synced_at": moment(listing.synced_at),
    }
    if listing.total is not None:
        answer["total"] = listing.total
    return answer


def history_answer(listing: HistoryListing) -> known.ProductHistory:
    items: list[known.HistoryEntryShown] = [
        {
            "id": entry.id,
            "field": entry.field,
            "old": entry.old,
            "new": entry.new,
            "at": moment_of(entry.at),
            "run_id": entry.run_id,
        }
        for entry in listing.entries
    ]
    return {"items": items, "next_cursor": listing.next_cursor}


def facets_answer(facets: Facets) -> known.ProductFacets:
    def counted(pairs: Sequence[tuple[str, int]]) -> list[known.FacetCount]:
        return [{"value": value, "count": count} for value, count in pairs]

    return {
        "platform": counted(facets.platform),
        "region": counted(facets.region),
        "category": counted(facets.category),
        "catalogue_revision": facets.catalogue_revision,
    }


def changes_answer(listing: ChangeListing) -> known.ProductChanges:
    return {
        "changes": [_change(change) for change in listing.changes],
        "next_revision": listing.next_revision,
        "more": listing.more,
    }


def _change(change: Change) -> known.ProductChange:
    return {
        "revision": change.revision,
        "kind": change.kind.value,
        "id": change.id,
        "product": None if change.product is None else copied_answer(change.product),
    }

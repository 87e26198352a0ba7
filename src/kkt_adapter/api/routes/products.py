"""Reading the catalogue: ``/api/v1/products``. Answers from the store, whatever the source does.

Every answer carries an ETag made of the catalogue's revision and the query; ``If-None-Match`` is answered 304
without a product query. The revision is read first, so a tag is never younger than the answer it stands on.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from kkt_adapter.api.catalogue import Catalog, may_read_products
from kkt_adapter.api.etags import is_anything, matches
from kkt_adapter.api.schemas import products as shapes
from kkt_adapter.api.schemas.answers import catalogue as known
from kkt_adapter.api.schemas.documents import Responses, answers, text_answer
from kkt_adapter.api.schemas.examples import catalogue as examples
from kkt_adapter.api.schemas.requests import Since
from kkt_adapter.api.schemas.shown.products import export_text, product_answer
from kkt_adapter.api.services import CatalogServices
from kkt_adapter.api.streams import ClosingStream
from kkt_adapter.catalog.reads.catalogue import HistoryField, ProductQuery

router = APIRouter(prefix="/api/v1/products", tags=["products"], dependencies=[Depends(may_read_products)])

NDJSON = "application/x-ndjson"
UNCHANGED: Responses = {304: {"description": "If-None-Match names the revision of now: nothing has changed."}}
ProductId = Annotated[str, Path(max_length=200)]
Fields = Annotated[str, Query(max_length=1000, description="Members to keep, by commas; id is always there.")]
Gzip = Annotated[str | None, Query(max_length=5, description="Given: the stream is compressed.")]

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # many texts, no Decimal


@router.get(
    "", responses=answers(known.ProductPage, examples.PRODUCTS) | UNCHANGED, summary="Search products"
)
async def search_products(
    request: Request, catalog: Catalog, query: Annotated[ProductQuery, Depends(shapes.product_query)]
) -> Response:
    """Repeatable: id, platform, region, category, publisher. ``next_cursor`` is safe while a sync runs."""

    async def found() -> known.ProductPage:
        return shapes.products_answer(await catalog.reads.search(query))

    return await _conditional(request, catalog, found)


@router.get(
    "/facets",
    responses=answers(known.ProductFacets, examples.FACETS) | UNCHANGED,
    summary="Counts by platform, region, category",
)
async def product_facets(request: Request, catalog: Catalog) -> Response:
    async def counted() -> known.ProductFacets:
        return shapes.facets_answer(await catalog.reads.facets())

    return await _conditional(request, catalog, counted)


@router.get(
    "/changes",
    responses=answers(known.ProductChanges, examples.CHANGES, refuses="RESYNC_NEEDED") | UNCHANGED,
    summary="What became of products since a revision",
)
async def product_changes(
    request: Request, catalog: Catalog, since: shapes.Revision, limit: shapes.ChangesLimit = 500
) -> Response:
    """Apply in order to a copy made by the export, then ask with ``next_revision``.

    410 RESYNC_NEEDED: so old a revision is not kept, take the export again.
    """

    async def changed() -> known.ProductChanges:
        return shapes.changes_answer(await catalog.reads.changes(since=since, limit=limit))

    return await _conditional(request, catalog, changed)


@router.get(
    "/export",
    response_class=Response,
    responses=text_answer(
        NDJSON,
        examples.EXPORT,
        "JSON lines: revision, generated_at and count first, then one product a line.",
    )
    | UNCHANGED,
    summary="The whole active catalogue, for a copy",
)
async def export_products(
    request: Request, catalog: Catalog, fields: Fields = "", gzip: Gzip = None
) -> Response:
    """One consistent view, ordered by id."""
    compressed = gzip is not None and gzip.lower() not in ("0", "false", "no")
    names = tuple(name.strip() for name in fields.split(",") if name.strip())
    state = await catalog.reads.state()
    etag = catalog.reads.export_etag(state.revision, fields=names, compressed=compressed)
    known = request.headers.get("if-none-match")
    text = export_text(names)
    if matches(known, etag) or is_anything(known):
        return Response(status_code=304, headers={"ETag": etag})
    export = await catalog.reads.export(text, fields=names, compressed=compressed)
    headers = {"ETag": export.etag}
    if export.compressed:
        headers["Content-Encoding"] = "gzip"
    return ClosingStream(
        export.chunks, close=export.close, media_type="application/x-ndjson", headers=headers
    )


@router.get(
    "/{product_id}",
    responses=answers(known.ProductShown, examples.PRODUCT, refuses="NOT_FOUND") | UNCHANGED,
    summary="One product",
)
async def one_product(request: Request, catalog: Catalog, product_id: ProductId) -> Response:
    """Also one that vanished (``status``, ``vanished_at``)."""

    async def found() -> known.ProductShown:
        return product_answer(await catalog.reads.product(product_id))

    return await _conditional(request, catalog, found)


@router.get(
    "/{product_id}/history",
    responses=answers(known.ProductHistory, examples.HISTORY, refuses="NOT_FOUND") | UNCHANGED,
    summary="Price and stock history",
)
async def product_history(
    request: Request,
    catalog: Catalog,
    product_id: ProductId,
    field: HistoryField | None = None,
    start: Annotated[Since, Query(alias="from")] = None,
    end: Annotated[Since, Query(alias="to")] = None,
    limit: shapes.HistoryLimit = 200,
    cursor: shapes.Cursor = None,
) -> Response:
    """Newest first."""

    async def found() -> known.ProductHistory:
        listing = await catalog.reads.history(
            product_id, field=field, start=start, end=end, limit=limit, cursor=cursor
        )
        return shapes.history_answer(listing)

    return await _conditional(request, catalog, found)


async def _conditional(
    request: Request, catalog: CatalogServices, answer: Callable[[], Awaitable[Mapping[str, object]]]
) -> Response:
    state = await catalog.reads.state()
    etag = catalog.reads.etag(state.revision, request.url.path, request.url.query)
    headers = {"ETag": etag}
    known = request.headers.get("if-none-match")
    if matches(known, etag):
        return Response(status_code=304, headers=headers)
    body = await answer()
    if is_anything(known):
        return Response(status_code=304, headers=headers)
    return Response(_encode(body), media_type="application/json", headers=headers)

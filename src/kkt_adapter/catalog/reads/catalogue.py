"""Reading the catalogue: from the store alone, whatever the source, the scheduler or the lease do."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, desc, func, select, tuple_

from kkt_adapter.catalog.model import LONGEST_ID, ProductStatus
from kkt_adapter.catalog.reads import cursor as cursors
from kkt_adapter.catalog.reads.export import Export, Exporter, ExportText
from kkt_adapter.catalog.reads.feed import Change, ChangeListing, changes_since
from kkt_adapter.catalog.reads.history import HistoryEntry, RunChange, changes_of_run, entry_of
from kkt_adapter.catalog.reads.products import StoredProduct, select_products, stored_product
from kkt_adapter.catalog.reads.query import (
    ProductQuery,
    Sort,
    SortedPlace,
    StatusFilter,
    conditions,
    key_at,
    page_of_ids,
    status_is,
    unfit,
)
from kkt_adapter.catalog.store.changes import STATUS, ChangeKind
from kkt_adapter.catalog.store.search_forms import category_key
from kkt_adapter.catalog.store.tables import catalog_state, millis, moment, product_history, products
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import ProductNotFound
from kkt_adapter.runtime.db.protocol import Database

MOST_CHANGES = 1_000
MOST_HISTORY = 1_000
LONGEST_CURSOR = cursors.LONGEST

__all__ = [
    "LONGEST_CURSOR", "CatalogReads", "CatalogState", "Change", "ChangeKind", "ChangeListing", "Export",
    "Facets", "HistoryEntry", "HistoryField", "HistoryListing", "ProductListing",
    "ProductQuery", "RunChange", "Sort", "StatusFilter", "StoredProduct",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogState:
    """``revision`` grows with each commit that changed anything visible; ``synced_at``: last good run."""

    revision: int
    synced_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductListing:
    items: Sequence[StoredProduct]
    next_cursor: str | None
    catalogue_revision: int
    synced_at: datetime | None
    total: int | None = None


class HistoryField(StrEnum):
    PRICE = "price"  # min_price, retail_min_price, retail_min_base_price
    STOCK = "stock"  # qty, available_to_buy
    STATUS = "status"


COLUMNS = {
    HistoryField.PRICE: ("min_price", "retail_min_price", "retail_min_base_price"),
    HistoryField.STOCK: ("qty", "available_to_buy"),
    HistoryField.STATUS: (STATUS,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryListing:
    entries: Sequence[HistoryEntry]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facets:
    """(value, count) of active products, the largest count first."""

    platform: Sequence[tuple[str, int]]
    region: Sequence[tuple[str, int]]
    category: Sequence[tuple[str, int]]
    catalogue_revision: int


class CatalogReads:
    """All reads of section "catalogue" of the HTTP interface."""

    def __init__(self, db: Database, *, clock: Clock, data_dir: Path) -> None:
        """``data_dir`` takes the nameless files of exports."""
        self._db = db
        self._clock = clock
        self._exporter = Exporter(db, data_dir)
        self._facets: Facets | None = None

    async def state(self) -> CatalogState:
        """The revision for an ETag; costs one row, no product query."""
        return await self._db.read(_state)

    def etag(self, revision: int, *parts: object) -> str:
        """An entity tag, ready for HTTP, for one revision and one query (its parts as text).

        Weak: a run that finds nothing new moves ``last_seen_at`` and ``synced_at``, and the tag survives it.
        """
        digest = hashlib.blake2b(repr(parts).encode(), digest_size=9).hexdigest()
        return f'W/"{revision}-{digest}"'

    async def search(self, query: ProductQuery) -> ProductListing:
        """Raises InvalidInput (``facts['field']``): price_min over price_max, limit not 1-200, bad cursor."""
        query.check()
        return await self._db.read(partial(_search, query=query, dialect=self._db.dialect))

    async def product(self, product_id: str) -> StoredProduct:
        """Also a vanished one. Raises ProductNotFound."""

        def look(connection: Connection) -> StoredProduct:
            row = connection.execute(select_products().where(products.c.id == product_id)).one_or_none()
            if row is None:
                raise _unknown(product_id)
            return stored_product(row)

        _check_id(product_id)
        return await self._db.read(look)

    async def history(
        self,
        product_id: str,
        *,
        field: HistoryField | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 200,
        cursor: str | None = None,
    ) -> HistoryListing:
        """Newest first, ``limit`` 1-1000. Raises ProductNotFound, InvalidInput."""
        if not 1 <= limit <= MOST_HISTORY:
            raise unfit("limit", f"1 to {MOST_HISTORY}", f"от 1 до {MOST_HISTORY}")
        _check_id(product_id)
        if start is not None and end is not None and start > end:
            raise unfit("from", "not later than to", "не позже to")
        return await self._db.read(
            partial(
                _history,
                product_id=product_id,
                field=field,
                start=start,
                end=end,
                limit=limit,
                cursor=cursor,
            )
        )

    async def changes_of_run(
        self, run_id: str, *, since: datetime, until: datetime, limit: int
    ) -> Sequence[RunChange]:
        """What a run that worked between those moments changed, newest first; one product once a commit."""
        return await self._db.read(
            partial(changes_of_run, run_id=run_id, since=since, until=until, limit=limit)
        )

    async def facets(self) -> Facets:
        """Counted once for each revision."""
        known, state = self._facets, await self.state()
        if known is None or known.catalogue_revision != state.revision:
            self._facets = known = await self._db.read(_facets)
        return known

    async def changes(self, *, since: int, limit: int = 500) -> ChangeListing:
        """What became of each product after ``since``, by revision; limit 1-1000.

        Raises:
            ResyncNeeded: ``since`` is older than the kept history, or newer than this catalogue.
            InvalidInput: limit or since outside their range.
        """
        if not 1 <= limit <= MOST_CHANGES:
            raise unfit("limit", f"1 to {MOST_CHANGES}", f"от 1 до {MOST_CHANGES}")
        if not 0 <= since < 2**62:
            raise unfit("since", "0 or more", "не меньше 0")
        return await self._db.read(partial(changes_since, since=since, limit=limit))

    async def export(
        self, text: ExportText, *, fields: Sequence[str] = (), compressed: bool = False
    ) -> Export:
        """The active catalogue from one consistent view, in constant memory.

        ``text`` writes its lines; ``fields`` are the members that it writes, for the tag.
        """
        revision, file = await self._exporter.write(text, compressed=compressed, now=self._clock.now())
        return Export(
            revision=revision,
            etag=self.export_etag(revision, fields=fields, compressed=compressed),
            chunks=file,
            compressed=compressed,
        )

    def export_etag(self, revision: int, *, fields: Sequence[str] = (), compressed: bool = False) -> str:
        """The tag that an export of this revision has; look at it before making one."""
        return self.etag(revision, "export", tuple(sorted(set(fields))), compressed)


def _state(connection: Connection) -> CatalogState:
    row = connection.execute(select(catalog_state.c.revision, catalog_state.c.synced_at)).one()
    return CatalogState(revision=row.revision, synced_at=moment(row.synced_at))


def _search(connection: Connection, *, query: ProductQuery, dialect: str) -> ProductListing:
    state = connection.execute(select(catalog_state)).one()
    identity = query.identity()
    place = None
    if query.cursor is not None:
        mark = cursors.unseal(query.cursor, query=identity, secret=state.cursor_key)
        place = _place(connection, query, mark, state)
    found = connection.execute(page_of_ids(query, place, revision=state.revision, dialect=dialect)).all()
    shown = found[: query.limit]
    next_cursor = None
    if len(found) > query.limit:
        last = cursors.CursorPlace(
            revision=state.revision if place is None else place.revision, id=shown[-1].id
        )
        next_cursor = cursors.seal(last, query=identity, secret=state.cursor_key)
    rows = {
        row.id: row
        for row in connection.execute(
            select_products().where(products.c.id.in_([entry.id for entry in shown]))
        )
    }
    total = None
    if query.include_total:
        counted = select(func.count()).select_from(products).where(*conditions(query, dialect))
        total = connection.execute(counted).scalar_one()
    return ProductListing(
        items=[stored_product(rows[entry.id]) for entry in shown],
        next_cursor=next_cursor,
        catalogue_revision=state.revision,
        synced_at=moment(state.synced_at),
        total=total,
    )


def _place(
    connection: Connection, query: ProductQuery, mark: cursors.CursorPlace, state: Row[*tuple[Any, ...]]
) -> SortedPlace:
    """Raises InvalidInput: what the order was when the walk began is not remembered any more."""
    row = None
    if state.feed_floor <= mark.revision <= state.revision:
        row = connection.execute(key_at(query.sort, mark)).one_or_none()
    if row is None:
        raise unfit("cursor", "a cursor that is not that old", "курсором поновее")
    return SortedPlace(revision=mark.revision, key=row.key, id=mark.id)


def _history(
    connection: Connection,
    *,
    product_id: str,
    field: HistoryField | None,
    start: datetime | None,
    end: datetime | None,
    limit: int,
    cursor: str | None,
) -> HistoryListing:
    if connection.execute(select(products.c.id).where(products.c.id == product_id)).one_or_none() is None:
        raise _unknown(product_id)
    secret = connection.execute(select(catalog_state.c.cursor_key)).scalar_one()
    identity = repr(("history", product_id, field, start, end))
    order = (product_history.c.revision, product_history.c.field)
    query = (
        select(product_history)
        .where(product_history.c.product_id == product_id)
        .order_by(*(desc(column) for column in order))
        .limit(limit + 1)
    )
    if field is not None:
        query = query.where(product_history.c.field.in_(COLUMNS[field]))
    if start is not None:
        query = query.where(product_history.c.at >= millis(start))
    if end is not None:
        query = query.where(product_history.c.at <= millis(end))
    if cursor is not None:
        mark = cursors.unseal(cursor, query=identity, secret=secret)
        query = query.where(tuple_(*order) < (mark.revision, mark.id))
    found = connection.execute(query).all()
    shown = found[:limit]
    next_cursor = None
    if len(found) > limit:
        last = cursors.CursorPlace(revision=shown[-1].revision, id=shown[-1].field)
        next_cursor = cursors.seal(last, query=identity, secret=secret)
    return HistoryListing(entries=[entry_of(row) for row in shown], next_cursor=next_cursor)


def _facets(connection: Connection) -> Facets:
    active = status_is(ProductStatus.ACTIVE, connection.dialect.name)

    def counted(column: Any) -> Sequence[tuple[str, int]]:
        rows = connection.execute(select(column, func.count()).where(active).group_by(column))
        return [(value, count) for value, count in rows if value]

    return Facets(
        platform=_ranked(counted(products.c.platform)),
        region=_ranked(counted(products.c.region)),
        category=_ranked(_by_category(counted(products.c.category_names))),
        catalogue_revision=_state(connection).revision,
    )


def _by_category(sets: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """From JSON lists of names; a product counts once for names that a filter takes for the same."""
    return [
        (name, count)
        for names, count in sets
        for name in {category_key(name): name for name in json.loads(names)}.values()
    ]


def _ranked(spellings: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Counts by what a filter takes for the same value, under its most usual spelling, the largest first."""
    counts: Counter[str] = Counter()
    shown: dict[str, Counter[str]] = {}
    for value, count in spellings:
        key = category_key(value)
        counts[key] += count
        shown.setdefault(key, Counter())[value] += count
    usual = {key: min(found, key=lambda value: (-found[value], value)) for key, found in shown.items()}
    ranked = ((usual[key], count) for key, count in counts.items())
    return sorted(ranked, key=lambda entry: (-entry[1], entry[0]))


def _check_id(product_id: str) -> None:
    """Raises ProductNotFound for what cannot be an id; PostgreSQL takes no NUL in a text."""
    if len(product_id) > LONGEST_ID or "\x00" in product_id:
        raise _unknown(product_id)


def _unknown(product_id: str) -> ProductNotFound:
    return ProductNotFound(
        f"There is no product {product_id[:LONGEST_ID]}.", f"Товар {product_id[:LONGEST_ID]} не найден."
    )

"""Reading the catalogue: from the store alone, whatever the source, the scheduler or the lease do."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

ProductDocument = dict[str, Any]  # one product, ready for JSON: names and values are those of the wire


class Sort(StrEnum):
    NAME = "name"
    PRICE = "price"
    PRICE_DOWN = "-price"
    UPDATED = "updated"
    UPDATED_DOWN = "-updated"
    ID = "id"


class StatusFilter(StrEnum):
    ACTIVE = "active"
    VANISHED = "vanished"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductQuery:
    """Filters are joined by "and", the entries of one tuple by "or"; prices are cents of ``min_price``."""

    q: str = ""
    ids: tuple[str, ...] = ()
    platform: tuple[str, ...] = ()
    region: tuple[str, ...] = ()
    category: tuple[str, ...] = ()  # name or id
    publisher: tuple[str, ...] = ()
    price_min: int | None = None
    price_max: int | None = None
    in_stock: bool | None = None
    status: StatusFilter = StatusFilter.ACTIVE
    updated_since: datetime | None = None
    sort: Sort = Sort.NAME
    limit: int = 50
    cursor: str | None = None
    include_total: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogState:
    """``revision`` grows with each commit that changed anything visible; ``synced_at``: last good run."""

    revision: int
    synced_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductListing:
    items: Sequence[ProductDocument]
    next_cursor: str | None
    catalogue_revision: int
    synced_at: datetime | None
    total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One true change. Money is decimal text, stock a number, status and availability as on the wire."""

    id: str
    field: str
    old: str | int | bool | None
    new: str | int | bool | None
    at: datetime
    run_id: str


class HistoryField(StrEnum):
    PRICE = "price"  # min_price, retail_min_price, retail_min_base_price
    STOCK = "stock"  # qty, available_to_buy
    STATUS = "status"


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


class ChangeKind(StrEnum):
    CREATED = "created"
    CHANGED = "changed"
    VANISHED = "vanished"
    REAPPEARED = "reappeared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """``product`` has the members of an export line; None when it vanished (drop it from the copy)."""

    revision: int
    kind: ChangeKind
    id: str
    product: ProductDocument | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeListing:
    """Ask again with ``since=next_revision`` while ``more``."""

    changes: Sequence[Change]
    next_revision: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """JSON lines: first ``{"revision", "generated_at", "count"}``, then active products ordered by id.

    ``chunks`` may be walked once; closing it early (a gone client) frees the file. ``etag`` is quoted.
    """

    revision: int
    etag: str
    chunks: AsyncIterator[bytes]
    compressed: bool


class CatalogReads:
    """All reads of section "catalogue" of the HTTP interface."""

    async def state(self) -> CatalogState:
        """The revision for an ETag; costs one row, no product query."""
        raise NotImplementedError

    def etag(self, revision: int, *parts: object) -> str:
        """A quoted entity tag for one revision and one query (its parts as text)."""
        raise NotImplementedError

    async def search(self, query: ProductQuery) -> ProductListing:
        """Raises InvalidInput (``facts['field']``): price_min over price_max, limit not 1-200, bad cursor."""
        raise NotImplementedError

    async def product(self, product_id: str) -> ProductDocument:
        """Also a vanished one. Raises ProductNotFound."""
        raise NotImplementedError

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
        """Newest first. Raises ProductNotFound, InvalidInput."""
        raise NotImplementedError

    async def facets(self) -> Facets:
        raise NotImplementedError

    async def changes(self, *, since: int, limit: int = 500) -> ChangeListing:
        """What became of each product after ``since``, by revision; limit 1-1000.

        Raises:
            ResyncNeeded: ``since`` is older than the kept history, or newer than this catalogue.
            InvalidInput: limit or since outside their range.
        """
        raise NotImplementedError

    async def export(self, *, fields: Sequence[str] = (), compressed: bool = False) -> Export:
        """The active catalogue from one consistent view, in constant memory.

        ``fields`` picks members (``id`` is always there). Raises InvalidInput for an unknown one.
        """
        raise NotImplementedError

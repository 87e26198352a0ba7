"""What a reader asks for, and the SQL for it.

A walk by cursor shows each product once, though prices and names change meanwhile: it goes on in the order
that was true when it began. For a product that changed since, that order is in the journal of changes.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    false,
    func,
    null,
    or_,
    select,
    tuple_,
)

from kkt_adapter.catalog.model import ProductStatus
from kkt_adapter.catalog.reads.cursor import CursorPlace
from kkt_adapter.catalog.store.search_forms import category_key, query_words, value_key
from kkt_adapter.catalog.store.tables import millis, product_changes, products
from kkt_adapter.kernel.errors import InvalidInput

MOST_ITEMS = 200
MOST_VALUES = 200  # of one repeatable parameter
LONGEST_TEXT = 200  # characters of ``q``


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

    def check(self) -> None:
        """Raises InvalidInput naming the field."""
        if not 1 <= self.limit <= MOST_ITEMS:
            raise unfit("limit", f"1 to {MOST_ITEMS}", f"от 1 до {MOST_ITEMS}")
        for name in ("price_min", "price_max"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 2**62:
                raise unfit(name, "0 or more", "не меньше 0")
        if self.price_min is not None and self.price_max is not None and self.price_min > self.price_max:
            raise unfit("price_min", "at most price_max", "не больше price_max")
        if len(self.q) > LONGEST_TEXT:
            raise unfit("q", f"at most {LONGEST_TEXT} characters", f"не длиннее {LONGEST_TEXT} символов")
        for name in ("ids", "platform", "region", "category", "publisher"):
            values = getattr(self, name)
            field = "id" if name == "ids" else name
            if len(values) > MOST_VALUES:
                raise unfit(field, f"at most {MOST_VALUES} values", f"не больше {MOST_VALUES} значений")
            if any("\x00" in value for value in values):
                raise unfit(field, "text without control characters", "текстом без управляющих символов")

    @property
    def follows_the_name_index(self) -> bool:
        """Can the index of names alone find and order the products?"""
        narrow = (self.ids, self.platform, self.region, self.category, self.publisher)
        limits = (self.price_min, self.price_max, self.in_stock, self.updated_since)
        return self.sort is Sort.NAME and not any(narrow) and all(limit is None for limit in limits)

    def identity(self) -> str:
        """The same text for the same list: everything but the place in it."""
        values = asdict(self)
        del values["cursor"], values["limit"], values["include_total"]
        return repr(sorted(values.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedPlace:
    """The last product shown and what it was sorted by; ``revision`` is that of the walk's first page."""

    revision: int
    key: str | int | None
    id: str


_live: dict[Sort, ColumnElement[Any]] = {
    Sort.NAME: products.c.name_key,
    Sort.PRICE: products.c.min_price,
    Sort.PRICE_DOWN: products.c.min_price,
    Sort.UPDATED: products.c.changed_at,
    Sort.UPDATED_DOWN: products.c.changed_at,
    Sort.ID: products.c.id,
}
_before: dict[Sort, ColumnElement[Any]] = {
    Sort.NAME: product_changes.c.old_name_key,
    Sort.PRICE: product_changes.c.old_price,
    Sort.PRICE_DOWN: product_changes.c.old_price,
    Sort.UPDATED: product_changes.c.old_changed_at,
    Sort.UPDATED_DOWN: product_changes.c.old_changed_at,
}
_DOWN = (Sort.PRICE_DOWN, Sort.UPDATED_DOWN)
_PRICE = (Sort.PRICE, Sort.PRICE_DOWN)


def page_of_ids(
    query: ProductQuery, place: SortedPlace | None, *, revision: int, dialect: str
) -> Select[*tuple[Any, ...]]:
    """(id, key) of one product more than the page holds, in order; ``revision`` is the present one."""
    sort = query.sort
    key: ColumnElement[Any] = _live[sort]
    wanted = conditions(query, dialect)
    if place is not None:
        if place.revision < revision and sort in _before:
            key = _as_of(sort, place.revision)
            wanted.append(products.c.created_revision <= place.revision)
        wanted.append(_behind(key, place, sort))
    order: list[ColumnElement[Any]] = [key.is_(None)] if sort in _PRICE else []
    if sort is not Sort.ID:
        order.append(key.desc() if sort in _DOWN else key.asc())
    return (
        select(products.c.id, key.label("key"))
        .where(*wanted)
        .order_by(*order, products.c.id)
        .limit(query.limit + 1)
    )


def key_at(sort: Sort, mark: CursorPlace) -> Select[*tuple[Any, ...]]:
    """(key) of the product of a cursor: what it was sorted by when the walk began."""
    key = _as_of(sort, mark.revision) if sort in _before else _live[sort]
    return select(key.label("key")).where(products.c.id == mark.id)


def conditions(query: ProductQuery, dialect: str) -> list[ColumnElement[bool]]:
    """The filters of a query. SQLite looks in this order, so what nearly every row passes comes last."""
    find = func.strpos if dialect == "postgresql" else func.instr
    wanted: list[ColumnElement[bool]] = [
        find(products.c.name_key, f" {word}") > 0 for word in query_words(query.q)
    ]
    if query.q.strip() and not wanted:  # without a letter or digit nothing is asked for, so nothing is found
        wanted.append(false())
    if query.ids:
        wanted.append(products.c.id.in_(query.ids))
    for values, column in (
        (query.platform, products.c.platform_key),
        (query.region, products.c.region_key),
        (query.publisher, products.c.publisher_key),
    ):
        if values:
            wanted.append(column.in_([value_key(value) for value in values]))
    if query.category:
        bars = [f"|{category_key(value)}|" for value in query.category]
        wanted.append(or_(*(find(products.c.category_keys, bar) > 0 for bar in bars)))
    if query.price_min is not None:
        wanted.append(products.c.min_price >= query.price_min)
    if query.price_max is not None:
        wanted.append(products.c.min_price <= query.price_max)
    if query.in_stock is not None:
        wanted.append(products.c.qty > 0 if query.in_stock else products.c.qty == 0)
    if query.updated_since is not None:
        wanted.append(products.c.changed_at >= millis(query.updated_since))
    if query.status is not StatusFilter.ALL:
        status = ProductStatus(query.status.value)
        indexed = query.follows_the_name_index
        wanted.append(products.c.status == status.value if indexed else status_is(status, dialect))
    return wanted


def status_is(status: ProductStatus, dialect: str) -> ColumnElement[bool]:
    """The status, told so that SQLite reads the table from end to end, in the order of ids.

    Nearly every row is active. Left alone, SQLite would go to each of them by way of an index, which takes
    five times as long, and then sort them.
    """
    column: ColumnElement[str] = products.c.status
    return (column.op("||")("") if dialect == "sqlite" else column) == status.value


def _as_of(sort: Sort, revision: int) -> ColumnElement[Any]:
    """The sort key as it was at ``revision``: what the first change after it replaced."""
    first = (
        select(_before[sort])
        .where(product_changes.c.product_id == products.c.id, product_changes.c.revision > revision)
        .order_by(product_changes.c.revision)
        .limit(1)
        .scalar_subquery()
    )
    return case((products.c.changed_revision > revision, first), else_=_live[sort])


def _behind(key: ColumnElement[Any], place: SortedPlace, sort: Sort) -> ColumnElement[bool]:
    """Everything that comes after ``place``; products without a price come last."""
    after_id = products.c.id > place.id
    if sort is Sort.ID:
        return after_id
    if place.key is None:
        return and_(key.is_(null()), after_id)
    if sort in _DOWN:
        behind = or_(key < place.key, and_(key == place.key, after_id))
    else:
        behind = tuple_(key, products.c.id) > (place.key, place.id)
    return or_(key.is_(null()), behind) if sort in _PRICE else behind


def unfit(field: str, en: str, ru: str) -> InvalidInput:
    """A value of a query that does not fit its rule: ``limit: must be 1 to 200.``"""
    return InvalidInput(f"{field}: must be {en}.", f"{field}: должно быть {ru}.", field=field)

"""A stored product as one frozen value; every read of the catalogue hands out this one."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, select

from kkt_adapter.catalog.model import ProductStatus
from kkt_adapter.catalog.store.tables import product_bodies, products
from kkt_adapter.kernel.quick import quickly_made

ProductRow = Row[*tuple[Any, ...]]


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class StoredProduct:
    """A product as the catalogue holds it. Money is whole euro cents, None where the source has none.

    ``details`` is the text of a JSON object, as the reader of the source made it (``Product.details``):
    pictures, videos, categories, restrictions, requirements. Nothing filters by it, so nothing here looks
    into it; ``{}``: the source said nothing.
    """

    id: str
    name: str
    slug: str | None
    type: str | None
    platform: str | None
    region: str | None
    developer: str | None
    publisher: str | None
    release_date: str | None  # ISO date
    min_price: int | None
    retail_min_price: int | None
    retail_min_base_price: int | None
    price_limit_min: int | None
    price_limit_max: int | None
    qty: int
    available_to_buy: bool | None
    source_updated_at: str | None  # ISO without a zone: the source states none
    details: str
    first_seen_at: datetime
    last_seen_at: datetime
    changed_at: datetime
    status: ProductStatus
    vanished_at: datetime | None

    @property
    def sellable(self) -> bool:
        """Active, available and in stock."""
        return bool(self.available_to_buy and self.qty > 0 and self.status is ProductStatus.ACTIVE)


@cache
def select_products() -> Select[*tuple[Any, ...]]:
    """All that ``stored_product`` reads; add where, order and limit."""
    return select(products, product_bodies.c.body).join_from(
        products, product_bodies, product_bodies.c.product_id == products.c.id
    )


def stored_product(row: ProductRow) -> StoredProduct:
    """A row of ``select_products``."""
    return StoredProduct(
        id=row.id,
        name=row.name,
        slug=row.slug,
        type=row.type,
        platform=row.platform,
        region=row.region,
        developer=row.developer,
        publisher=row.publisher,
        release_date=row.release_date,
        min_price=row.min_price,
        retail_min_price=row.retail_min_price,
        retail_min_base_price=row.retail_min_base_price,
        price_limit_min=row.price_limit_min,
        price_limit_max=row.price_limit_max,
        qty=row.qty,
        available_to_buy=row.available_to_buy,
        source_updated_at=row.source_updated_at,
        details=row.body,
        first_seen_at=_moment(row.first_seen_at),
        last_seen_at=_moment(row.last_seen_at),
        changed_at=_moment(row.changed_at),
        status=ProductStatus(row.status),
        vanished_at=None if row.vanished_at is None else _moment(row.vanished_at),
    )


def _moment(millis: int) -> datetime:
    return datetime.fromtimestamp(millis / 1000, UTC)


def euro(cents: int | None) -> str | None:
    """499 -> ``4.99``."""
    return None if cents is None else f"{cents // 100}.{cents % 100:02d}"

"""Products as the catalogue knows them, and pages as a source hands them over. No vendor words here."""

from dataclasses import dataclass, field
from enum import StrEnum

LONGEST_ID = 64  # characters of a product id; a longer one is none


class ProductStatus(StrEnum):
    ACTIVE = "active"
    VANISHED = "vanished"  # no longer offered: a complete run did not see it; never deleted


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What a source says about one product. Money is integer euro cents, None where the source has none."""

    id: str
    name: str
    slug: str | None = None
    type: str | None = None
    platform: str | None = None
    region: str | None = None
    developer: str | None = None
    publisher: str | None = None
    release_date: str | None = None  # ISO date
    min_price: int | None = None
    retail_min_price: int | None = None
    retail_min_base_price: int | None = None
    price_limit_min: int | None = None
    price_limit_max: int | None = None
    qty: int = 0
    available_to_buy: bool | None = None
    source_updated_at: str | None = None  # ISO without a zone: the source states none
    category_names: tuple[str, ...] = ()
    category_ids: tuple[str, ...] = ()
    details: str = "{}"  # JSON object with the wide rest: pictures, videos, categories, requirements ...
    digest: str = ""  # of everything above; equal digests mean nothing changed


@dataclass(frozen=True, slots=True, kw_only=True)
class BadItem:
    """An entry that cannot be stored; ``product_id`` is None when it came without one."""

    product_id: str | None
    reason: str  # at most 500 characters, one line


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceWindow:
    """A slice of the list by price in cents, both ends included; None is an open end."""

    low: int | None = None
    high: int | None = None

    @property
    def scope(self) -> str:
        """Short text for checkpoints: ``0-499``, ``500-``."""
        return f"{'' if self.low is None else self.low}-{'' if self.high is None else self.high}"


WHOLE = ""  # the scope of the unfiltered list


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductPage:
    """One answer of a source. ``total`` is the number of products in the whole list (or window)."""

    number: int
    total: int
    products: tuple[Product, ...]
    ids: tuple[str, ...]  # in the order served, with those of unusable entries
    bad: tuple[BadItem, ...] = ()
    size_bytes: int = 0
    window: PriceWindow | None = field(default=None)

    @property
    def entries(self) -> int:
        """How many entries the page held, usable or not."""
        return len(self.products) + len(self.bad)

    @property
    def scope(self) -> str:
        return WHOLE if self.window is None else self.window.scope

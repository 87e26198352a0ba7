"""A stored product as the JSON that everybody reads; one place, so that all readers see the same bytes."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, select

from kkt_adapter.catalog.model import ProductStatus
from kkt_adapter.catalog.store.tables import product_bodies, products

ProductDocument = dict[str, Any]  # one product, ready for JSON: names and values are those of the wire
ProductRow = Row[*tuple[Any, ...]]

CURRENCY = "EUR"
BODY_FIELDS = (
    "images", "thumbnail", "small_image", "cover_image", "videos", "categories", "restrictions",
    "requirements",
)  # fmt: skip
COPY_FIELDS = (
    "id", "name", "slug", "type", "platform", "region", "developer", "publisher", "release_date", "currency",
    "min_price", "retail_min_price", "retail_min_base_price", "price_limit", "qty", "available_to_buy",
    "sellable", *BODY_FIELDS, "source_updated_at", "first_seen_at", "changed_at", "status",
)  # fmt: skip
_EMPTY_BODY: dict[str, Any] = {
    "images": [],
    "videos": [],
    "categories": [],
    "restrictions": {},
    "requirements": {},
}

_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@cache
def select_documents() -> Select[*tuple[Any, ...]]:
    """All that a document is made of; add where, order and limit."""
    return select(products, product_bodies.c.body).join_from(
        products, product_bodies, product_bodies.c.product_id == products.c.id
    )


def copy_document(row: ProductRow) -> ProductDocument:
    """The members of an export line: everything but what changes with every run."""
    return {**_head(row), **_body(row), **_tail(row)}


def copy_line(row: ProductRow) -> str:
    """`copy_document` as JSON text, without taking the stored body apart."""
    body = row.body if len(row.body) > 2 else _dump(_body(row))
    return f"{_dump(_head(row))[:-1]},{body[1:-1]},{_dump(_tail(row))[1:]}"


def document(row: ProductRow) -> ProductDocument:
    """A product as reads show it: also when it was last seen, and when it vanished."""
    value = copy_document(row)
    status = value.pop("status")
    changed_at = value.pop("changed_at")
    return {
        **value,
        "last_seen_at": wire_time(row.last_seen_at),
        "changed_at": changed_at,
        "status": status,
        "vanished_at": wire_time(row.vanished_at),
    }


def _head(row: ProductRow) -> ProductDocument:
    return {
        "id": row.id,
        "name": row.name,
        "slug": row.slug,
        "type": row.type,
        "platform": row.platform,
        "region": row.region,
        "developer": row.developer,
        "publisher": row.publisher,
        "release_date": row.release_date,
        "currency": CURRENCY,
        "min_price": euro(row.min_price),
        "retail_min_price": euro(row.retail_min_price),
        "retail_min_base_price": euro(row.retail_min_base_price),
        "price_limit": {"min": euro(row.price_limit_min), "max": euro(row.price_limit_max)},
        "qty": row.qty,
        "available_to_buy": row.available_to_buy,
        "sellable": bool(row.available_to_buy and row.qty > 0 and row.status == ProductStatus.ACTIVE.value),
    }


def _body(row: ProductRow) -> ProductDocument:
    value: ProductDocument = json.loads(row.body)
    return value or {name: _EMPTY_BODY.get(name) for name in BODY_FIELDS}


def _tail(row: ProductRow) -> ProductDocument:
    return {
        "source_updated_at": row.source_updated_at,
        "first_seen_at": wire_time(row.first_seen_at),
        "changed_at": wire_time(row.changed_at),
        "status": row.status,
    }


def picked(value: ProductDocument, fields: Sequence[str]) -> ProductDocument:
    """Only some members, in the usual order; ``id`` always."""
    return {name: member for name, member in value.items() if name == "id" or name in fields}


def euro(cents: int | None) -> str | None:
    """499 -> ``4.99``."""
    return None if cents is None else f"{cents // 100}.{cents % 100:02d}"


def wire_time(value: int | None) -> str | None:
    """Unix milliseconds -> ``2025-09-17T02:00:00.123Z``."""
    if value is None:
        return None
    return datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"

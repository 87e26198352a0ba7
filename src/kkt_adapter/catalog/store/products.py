"""Storing products: plain functions of a connection, to be run in one write together with the checkpoint.

Guarded here: an older run never overwrites a newer one, each visible change takes one revision number, and
everything about one product (row, body, history, change) is written by the same commit or not at all.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Executable, Row, bindparam, select, update

from kkt_adapter.catalog.model import Product, ProductStatus
from kkt_adapter.catalog.store.changes import ChangeDecision, ChangeKind, StoreOutcome, compare
from kkt_adapter.catalog.store.history import Entry, Stamp, record
from kkt_adapter.catalog.store.search_forms import list_key, name_key, value_key
from kkt_adapter.catalog.store.tables import (
    THE_ROW,
    catalog_state,
    product_bodies,
    products,
)
from kkt_adapter.runtime.db.bulk import Bulk, Given, bulk
from kkt_adapter.runtime.db.dialects import insert_of

KEPT_ON_CONFLICT = {"id", "first_seen_at", "created_revision"}
KEPT_CATEGORIES = 1_024  # most products have the same few sets of them

StateRow = Row[*tuple[Any, ...]]

_product_columns = tuple(products.columns)
_body_columns = (product_bodies.c.product_id, product_bodies.c.body)
_seen_columns = (products.c.id, products.c.generation, products.c.last_seen_at)


class ProductRow(NamedTuple):
    """What deciding about a product, and remembering what it was, needs of its row."""

    id: str
    digest: str
    generation: int
    status: str
    min_price: int | None
    retail_min_price: int | None
    retail_min_base_price: int | None
    qty: int
    available_to_buy: bool | None
    name_key: str
    changed_at: int


AVAILABLE = ProductRow._fields.index("available_to_buy")
_KNOWN = bulk(
    (products.c.id,),
    lambda given: select(*(products.c[name] for name in ProductRow._fields)).join(
        given, products.c.id == given.c.id
    ),
)
_SEEN = bulk(
    _seen_columns,
    lambda given: (
        update(products)
        .where(products.c.id == given.c.id, products.c.generation <= given.c.generation)
        .values(generation=given.c.generation, last_seen_at=given.c.last_seen_at)
    ),
)
_select_state = select(catalog_state).where(catalog_state.c.id == THE_ROW).with_for_update()
_update_revision = (
    update(catalog_state).where(catalog_state.c.id == THE_ROW).values(revision=bindparam("given"))
)
_names = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(slots=True)
class StoreCounts:
    """What became of the products of one commit.

    ``first_seen``: not stamped by this generation before. ``met_again``: unchanged, and stamped before.
    """

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    reappeared: int = 0
    first_seen: int = 0
    met_again: int = 0
    outdated: int = 0


def lock_state(connection: Connection) -> StateRow:
    """The one state row, held until the commit, so that catalogue writers take turns on PostgreSQL."""
    return connection.execute(_select_state).one()


def store_products(
    connection: Connection, fetched: Iterable[Product], stamp: Stamp, *, revision: int
) -> StoreCounts:
    """Upsert products by id; the caller holds the state row and gives its ``revision``.

    An unchanged product gets its generation and ``last_seen_at`` only, and is not counted twice for one
    generation. The new revision is written to the state row when anything visible changed.
    """
    latest = {product.id: product for product in fetched}  # twice in one batch: the later one counts
    counts = StoreCounts()
    if not latest:
        return counts
    known = _known(connection, list(latest))
    seen: list[str] = []
    written: list[tuple[Product, ProductRow | None, ChangeDecision]] = []
    for product in latest.values():
        stored = known.get(product.id)
        decision = compare(stored, product, generation=stamp.generation)
        first = stored is None or stored.generation < stamp.generation
        counts.first_seen += first
        match decision.kind:
            case StoreOutcome.OUTDATED:
                counts.outdated += 1
            case StoreOutcome.UNCHANGED:
                counts.unchanged += first
                counts.met_again += not first
                seen.append(product.id)
            case StoreOutcome.NEW:
                counts.new += 1
                written.append((product, stored, decision))
            case StoreOutcome.UPDATED:
                counts.updated += 1
                counts.reappeared += decision.reappeared
                written.append((product, stored, decision))
    mark_seen(connection, seen, stamp)
    if written:
        _write(connection, written, stamp, revision)
        set_revision(connection, revision + len(written))
    return counts


def mark_seen(connection: Connection, ids: Sequence[str], stamp: Stamp) -> None:
    """Stamp products that were met as they are stored, or met broken: nothing visible changes."""
    _SEEN.run(connection, [(product_id, stamp.generation, stamp.at) for product_id in ids])


def set_revision(connection: Connection, revision: int) -> None:
    connection.execute(_update_revision, {"given": revision})


def _known(connection: Connection, ids: Sequence[str]) -> dict[str, ProductRow]:
    found: dict[str, ProductRow] = {}
    for row in _KNOWN.rows(connection, [(product_id,) for product_id in ids]):
        values = list(row)
        if values[AVAILABLE] is not None:  # SQLite has no truth values
            values[AVAILABLE] = bool(values[AVAILABLE])
        stored = ProductRow._make(values)
        found[stored.id] = stored
    return found


def _write(
    connection: Connection,
    written: Sequence[tuple[Product, ProductRow | None, ChangeDecision]],
    stamp: Stamp,
    revision: int,
) -> None:
    rows: list[tuple[Any, ...]] = []
    bodies: list[tuple[str, str]] = []
    entries: list[Entry] = []
    for number, (product, stored, decision) in enumerate(written, revision + 1):
        rows.append(_row(product, stamp, number))
        bodies.append((product.id, product.details))
        if stored is not None:
            entries.append(
                Entry(
                    revision=number,
                    product_id=product.id,
                    kind=ChangeKind.REAPPEARED if decision.reappeared else ChangeKind.CHANGED,
                    name_key=stored.name_key,
                    price=stored.min_price,
                    changed_at=stored.changed_at,
                    fields=decision.history,
                )
            )
    product_upsert, body_upsert = _upserts(connection.dialect.name)
    product_upsert.run(connection, rows)
    body_upsert.run(connection, bodies)
    record(connection, entries, stamp)


def _row(product: Product, stamp: Stamp, revision: int) -> tuple[Any, ...]:
    """A row as if the product were new; what must not change for a known one is left out by the upsert."""
    return (
        product.id,
        product.name,
        name_key(product.name),
        product.slug,
        product.type,
        product.platform,
        value_key(product.platform),
        product.region,
        value_key(product.region),
        product.developer,
        product.publisher,
        value_key(product.publisher),
        *_category_columns(product.category_ids, product.category_names),
        product.release_date,
        product.min_price,
        product.retail_min_price,
        product.retail_min_base_price,
        product.price_limit_min,
        product.price_limit_max,
        product.qty,
        product.available_to_buy,
        product.source_updated_at,
        ProductStatus.ACTIVE.value,
        None,  # vanished_at
        stamp.at,  # first_seen_at
        stamp.at,  # last_seen_at
        stamp.at,  # changed_at
        revision,  # created_revision
        revision,  # changed_revision
        stamp.generation,
        product.digest,
    )


@lru_cache(maxsize=KEPT_CATEGORIES)
def _category_columns(ids: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, str]:
    """``category_keys`` and ``category_names``."""
    return list_key([*ids, *names]), _names(names)


@cache
def _upserts(dialect: str) -> tuple[Bulk, Bulk]:
    """Insert or replace products (never one of a newer run), and their bodies."""
    build = insert_of(dialect)

    def write_products(given: Given) -> Executable:
        product = given.into(build(products))
        return product.on_conflict_do_update(
            index_elements=[products.c.id],
            set_={
                column.name: product.excluded[column.name]
                for column in _product_columns
                if column.name not in KEPT_ON_CONFLICT
            },
            where=products.c.generation <= product.excluded.generation,
        )

    def write_bodies(given: Given) -> Executable:
        body = given.into(build(product_bodies))
        return body.on_conflict_do_update(
            index_elements=[product_bodies.c.product_id], set_={"body": body.excluded.body}
        )

    return Bulk(_product_columns, write_products), Bulk(_body_columns, write_bodies)

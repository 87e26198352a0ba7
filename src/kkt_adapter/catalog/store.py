"""Storing products: plain functions of a connection, to be run in one write together with the checkpoint.

Guarded here: an older run never overwrites a newer one, each visible change takes one revision number, and
everything about one product (row, body, history, change) is written by the same commit or not at all.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Connection, Executable, Row, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from kkt_adapter.catalog.changes import ChangeKind, Kind, Verdict, compare
from kkt_adapter.catalog.journal import Entry, Stamp, record
from kkt_adapter.catalog.model import Product, ProductStatus
from kkt_adapter.catalog.search import list_key, name_key, value_key
from kkt_adapter.catalog.tables import (
    THE_ROW,
    catalog_state,
    product_bodies,
    products,
)

KEPT_ON_CONFLICT = {"id", "first_seen_at", "created_revision"}
IDS_A_STATEMENT = 500  # bound parameters have a limit in both databases

_ids: BindParameter[Any] = bindparam("ids", expanding=True)
_product_columns = tuple(column.name for column in products.columns)
_stored_columns = (
    products.c.id,
    products.c.digest,
    products.c.generation,
    products.c.status,
    products.c.min_price,
    products.c.retail_min_price,
    products.c.retail_min_base_price,
    products.c.qty,
    products.c.available_to_buy,
    products.c.name_key,
    products.c.changed_at,
)
# Made once: building a statement costs more than running it on a few rows.
_select_known = select(*_stored_columns).where(products.c.id.in_(_ids))
_update_seen = (
    update(products)
    .where(products.c.id.in_(_ids), products.c.generation <= bindparam("generation_"))
    .values(generation=bindparam("generation_"), last_seen_at=bindparam("at"))
)
_lock_state = select(catalog_state).where(catalog_state.c.id == THE_ROW).with_for_update()

StoredRow = Row[*tuple[Any, ...]]


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


def lock_state(connection: Connection) -> StoredRow:
    """The one state row, held until the commit, so that catalogue writers take turns on PostgreSQL."""
    return connection.execute(_lock_state).one()


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
    written: list[tuple[Product, StoredRow | None, Verdict]] = []
    for product in latest.values():
        stored = known.get(product.id)
        verdict = compare(stored, product, generation=stamp.generation)
        first = stored is None or stored.generation < stamp.generation
        counts.first_seen += first
        match verdict.kind:
            case Kind.OUTDATED:
                counts.outdated += 1
            case Kind.UNCHANGED:
                counts.unchanged += first
                counts.met_again += not first
                seen.append(product.id)
            case Kind.NEW:
                counts.new += 1
                written.append((product, stored, verdict))
            case Kind.UPDATED:
                counts.updated += 1
                counts.reappeared += verdict.reappeared
                written.append((product, stored, verdict))
    mark_seen(connection, seen, stamp)
    if written:
        _write(connection, written, stamp, revision)
        set_revision(connection, revision + len(written))
    return counts


def mark_seen(connection: Connection, ids: Sequence[str], stamp: Stamp) -> None:
    """Stamp products that were met as they are stored, or met broken: nothing visible changes."""
    for start in range(0, len(ids), IDS_A_STATEMENT):
        connection.execute(
            _update_seen,
            {
                "ids": ids[start : start + IDS_A_STATEMENT],
                "generation_": stamp.generation,
                "at": stamp.at,
            },
        )


def set_revision(connection: Connection, revision: int) -> None:
    connection.execute(update(catalog_state).where(catalog_state.c.id == THE_ROW).values(revision=revision))


def _known(connection: Connection, ids: Sequence[str]) -> dict[str, StoredRow]:
    found: dict[str, StoredRow] = {}
    for start in range(0, len(ids), IDS_A_STATEMENT):
        rows = connection.execute(_select_known, {"ids": ids[start : start + IDS_A_STATEMENT]})
        found.update((row.id, row) for row in rows)
    return found


def _write(
    connection: Connection,
    written: Sequence[tuple[Product, StoredRow | None, Verdict]],
    stamp: Stamp,
    revision: int,
) -> None:
    rows: list[dict[str, Any]] = []
    bodies: list[dict[str, Any]] = []
    entries: list[Entry] = []
    for number, (product, stored, verdict) in enumerate(written, revision + 1):
        rows.append(_row(product, stamp, number))
        bodies.append({"product_id": product.id, "body": product.details})
        if stored is not None:
            entries.append(
                Entry(
                    revision=number,
                    product_id=product.id,
                    kind=ChangeKind.REAPPEARED if verdict.reappeared else ChangeKind.CHANGED,
                    name_key=stored.name_key,
                    price=stored.min_price,
                    changed_at=stored.changed_at,
                    fields=verdict.history,
                )
            )
    product_upsert, body_upsert = _upserts(connection.dialect.name)
    connection.execute(product_upsert, rows)
    connection.execute(body_upsert, bodies)
    record(connection, entries, stamp)


def _row(product: Product, stamp: Stamp, revision: int) -> dict[str, Any]:
    """A row as if the product were new; what must not change for a known one is left out by the upsert."""
    return {
        "id": product.id,
        "name": product.name,
        "name_key": name_key(product.name),
        "slug": product.slug,
        "type": product.type,
        "platform": product.platform,
        "platform_key": value_key(product.platform),
        "region": product.region,
        "region_key": value_key(product.region),
        "developer": product.developer,
        "publisher": product.publisher,
        "publisher_key": value_key(product.publisher),
        "category_keys": list_key([*product.category_ids, *product.category_names]),
        "category_names": json.dumps(product.category_names, ensure_ascii=False),
        "release_date": product.release_date,
        "min_price": product.min_price,
        "retail_min_price": product.retail_min_price,
        "retail_min_base_price": product.retail_min_base_price,
        "price_limit_min": product.price_limit_min,
        "price_limit_max": product.price_limit_max,
        "qty": product.qty,
        "available_to_buy": product.available_to_buy,
        "source_updated_at": product.source_updated_at,
        "status": ProductStatus.ACTIVE.value,
        "vanished_at": None,
        "first_seen_at": stamp.at,
        "last_seen_at": stamp.at,
        "changed_at": stamp.at,
        "created_revision": revision,
        "changed_revision": revision,
        "generation": stamp.generation,
        "digest": product.digest,
    }


@cache
def _upserts(dialect: str) -> tuple[Executable, Executable]:
    """Insert or replace a product (never one of a newer run), and its body."""
    build = postgresql.insert if dialect == "postgresql" else sqlite.insert
    product = build(products)
    product_upsert = product.on_conflict_do_update(
        index_elements=[products.c.id],
        set_={name: product.excluded[name] for name in _product_columns if name not in KEPT_ON_CONFLICT},
        where=products.c.generation <= product.excluded.generation,
    )
    body = build(product_bodies)
    return product_upsert, body.on_conflict_do_update(
        index_elements=[product_bodies.c.product_id], set_={"body": body.excluded.body}
    )

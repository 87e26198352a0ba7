"""What a complete run did not see: `vanished`, or sold out where the source hides what has no stock.

The decision whether to sweep at all is `completeness.py`'s; here is how it is done, in one transaction.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, select, update

from kkt_adapter.catalog.model import ProductStatus
from kkt_adapter.catalog.reads.query import status_is
from kkt_adapter.catalog.store.changes import STATUS, ChangeKind, FieldChange
from kkt_adapter.catalog.store.history import Entry, Stamp, record
from kkt_adapter.catalog.store.products import set_revision
from kkt_adapter.catalog.store.tables import products
from kkt_adapter.catalog.sync.completeness import doubtful
from kkt_adapter.catalog.sync.plan import PageRow
from kkt_adapter.runtime.db.bulk import Bulk, bulk

ROWS_AT_ONCE = 1_000


def _update(*names: str) -> Bulk:
    """Set the named columns of products found by id."""
    return bulk(
        (products.c.id, *(products.c[name] for name in names)),
        lambda given: (
            update(products)
            .where(products.c.id == given.c.id)
            .values({name: given.c[name] for name in names})
        ),
    )


class _Candidate(NamedTuple):
    """What leaving needs of a product's row."""

    id: str
    status: str
    last_seen_at: int
    qty: int
    name_key: str
    min_price: int | None
    changed_at: int


_LOOK = bulk(
    (products.c.id,),
    lambda given: select(*(products.c[name] for name in _Candidate._fields)).join(
        given, products.c.id == given.c.id
    ),
)
_VANISH = _update("status", "vanished_at", "changed_at", "changed_revision")
_SELL_OUT = _update("qty", "digest", "changed_at", "changed_revision")
_VANISHED = FieldChange(STATUS, ProductStatus.ACTIVE.value, ProductStatus.VANISHED.value)


def count_active(connection: Connection) -> int:
    return connection.execute(
        select(func.count()).select_from(products).where(products.c.status == ProductStatus.ACTIVE.value)
    ).scalar_one()


class Missing(NamedTuple):
    """An active product that stands on no page of the run; ``last_seen_at`` as it was when that was found."""

    id: str
    last_seen_at: int
    generation: int
    qty: int


def missing_from(
    connection: Connection, *, rows: Sequence[PageRow], with_empty: bool = True
) -> tuple[list[Missing], int]:
    """Active products, ordered by id, that stand on none of these valid pages; and how many are active.

    Not by their generation: pages that were read again have left it on products that are gone. Without
    ``with_empty`` those with stock only: the others have nothing left to sell out.
    """
    listed = {product_id for row in rows for product_id in row.ids}
    active = connection.execute(
        select(products.c.id, products.c.last_seen_at, products.c.generation, products.c.qty)
        .where(status_is(ProductStatus.ACTIVE, connection.dialect.name))
        .order_by(products.c.id),
        execution_options={"yield_per": ROWS_AT_ONCE},
    )
    missing = [Missing._make(row) for row in active if row.id not in listed and (with_empty or row.qty != 0)]
    return missing, count_active(connection)


def in_doubt(missing: Sequence[Missing], rows: Sequence[PageRow], *, generation: int) -> list[str]:
    """Ids that may be there all the same: no page shows their absence, or the run has met them before."""
    unproven = set(doubtful([product.id for product in missing], rows))
    return [product.id for product in missing if product.id in unproven or product.generation >= generation]


def mark_vanished(connection: Connection, missing: Sequence[Missing], stamp: Stamp, *, revision: int) -> int:
    """``missing`` products become ``vanished``, but for those seen since; returns how many.

    The caller holds the state row and gives its ``revision``.
    """
    rows = _taken(connection, missing)
    if rows:
        gone = ProductStatus.VANISHED.value
        _VANISH.run(
            connection,
            [(row.id, gone, stamp.at, stamp.at, number) for number, row in enumerate(rows, revision + 1)],
        )
        entries = [
            _entry(row, number, ChangeKind.VANISHED, _VANISHED)
            for number, row in enumerate(rows, revision + 1)
        ]
        record(connection, entries, stamp)
        set_revision(connection, revision + len(rows))
    return len(rows)


def mark_sold_out(connection: Connection, missing: Sequence[Missing], stamp: Stamp, *, revision: int) -> int:
    """Like `mark_vanished`, but they stay active with ``qty`` 0; those already empty are left alone."""
    rows = [row for row in _taken(connection, missing) if row.qty != 0]
    if rows:
        _SELL_OUT.run(
            connection, [(row.id, 0, "", stamp.at, number) for number, row in enumerate(rows, revision + 1)]
        )
        entries = [
            _entry(row, number, ChangeKind.CHANGED, FieldChange("qty", str(row.qty), "0"))
            for number, row in enumerate(rows, revision + 1)
        ]
        record(connection, entries, stamp)
        set_revision(connection, revision + len(rows))
    return len(rows)


def _taken(connection: Connection, missing: Sequence[Missing]) -> list[_Candidate]:
    """Their rows, ordered by id, without those that somebody has met since they were found missing."""
    seen_at = {product.id: product.last_seen_at for product in missing}
    rows = map(_Candidate._make, _LOOK.rows(connection, [(product.id,) for product in missing]))
    still = (
        row
        for row in rows
        if row.status == ProductStatus.ACTIVE.value and row.last_seen_at == seen_at[row.id]
    )
    return sorted(still)


def _entry(row: _Candidate, revision: int, kind: ChangeKind, change: FieldChange) -> Entry:
    return Entry(
        revision=revision,
        product_id=row.id,
        kind=kind,
        name_key=row.name_key,
        price=row.min_price,
        changed_at=row.changed_at,
        fields=(change,),
    )

"""What a complete run did not see: `vanished`, or sold out where the source hides what has no stock.

The decision whether to sweep at all is `completeness.py`'s; here is how it is done, in one transaction.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select, update

from kkt_adapter.catalog.model import ProductStatus
from kkt_adapter.catalog.reads.query import status_is
from kkt_adapter.catalog.store.changes import STATUS, ChangeKind, FieldChange
from kkt_adapter.catalog.store.history import Entry, Stamp, record
from kkt_adapter.catalog.store.products import set_revision
from kkt_adapter.catalog.store.tables import products
from kkt_adapter.runtime.db.bulk import Bulk, bulk


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


_VANISH = _update("status", "vanished_at", "changed_at", "changed_revision")
_SELL_OUT = _update("qty", "digest", "changed_at", "changed_revision")
_VANISHED = FieldChange(STATUS, ProductStatus.ACTIVE.value, ProductStatus.VANISHED.value)


def count_active(connection: Connection) -> int:
    return connection.execute(
        select(func.count()).select_from(products).where(products.c.status == ProductStatus.ACTIVE.value)
    ).scalar_one()


def unseen(connection: Connection, *, generation: int, include_empty: bool = True) -> list[str]:
    """Ids, ordered, of active products that nobody has met since ``generation`` began.

    Without ``include_empty``, those with stock only: the others have nothing left to sell out.
    """
    query = select(products.c.id).where(*_unseen(connection, generation)).order_by(products.c.id)
    if not include_empty:
        query = query.where(products.c.qty != 0)
    return list(connection.execute(query).scalars())


def mark_vanished(connection: Connection, stamp: Stamp, *, revision: int) -> int:
    """Active products of older generations become ``vanished``; returns how many.

    The caller holds the state row and gives its ``revision``.
    """
    rows = _taken(connection, stamp)
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


def mark_sold_out(connection: Connection, stamp: Stamp, *, revision: int) -> int:
    """Like `mark_vanished`, but they stay active with ``qty`` 0; those already empty are left alone."""
    rows = [row for row in _taken(connection, stamp) if row.qty != 0]
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


def _taken(connection: Connection, stamp: Stamp) -> Sequence[Row[*tuple[Any, ...]]]:
    return connection.execute(
        select(
            products.c.id, products.c.qty, products.c.name_key, products.c.min_price, products.c.changed_at
        )
        .where(*_unseen(connection, stamp.generation))
        .order_by(products.c.id)
    ).all()


def _unseen(connection: Connection, generation: int) -> tuple[ColumnElement[bool], ...]:
    return status_is(ProductStatus.ACTIVE, connection.dialect.name), products.c.generation < generation


def _entry(row: Row[*tuple[Any, ...]], revision: int, kind: ChangeKind, change: FieldChange) -> Entry:
    return Entry(
        revision=revision,
        product_id=row.id,
        kind=kind,
        name_key=row.name_key,
        price=row.min_price,
        changed_at=row.changed_at,
        fields=(change,),
    )

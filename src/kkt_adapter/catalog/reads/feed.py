"""The change feed: what became of each product since a revision. Plain functions of a connection.

Every visible change takes one revision number, and a product's row carries its newest. So "since 17" is
every product whose number is above 17, in that order, as it is now; nothing is said twice, and an export
of revision 17 with these changes applied equals an export of today.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from kkt_adapter.catalog.model import ProductStatus
from kkt_adapter.catalog.reads.products import StoredProduct, select_products, stored_product
from kkt_adapter.catalog.store.changes import ChangeKind
from kkt_adapter.catalog.store.tables import catalog_state, product_changes, products
from kkt_adapter.kernel.errors import ResyncNeeded


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """``product`` is as it is now; None when it vanished (drop it from the copy)."""

    revision: int
    kind: ChangeKind
    id: str
    product: StoredProduct | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeListing:
    """Ask again with ``since=next_revision`` while ``more``."""

    changes: Sequence[Change]
    next_revision: int
    more: bool


def changes_since(connection: Connection, *, since: int, limit: int) -> ChangeListing:
    """Raises ResyncNeeded when ``since`` is outside what this catalogue remembers."""
    state = connection.execute(select(catalog_state)).one()
    if not state.feed_floor <= since <= state.revision:
        raise ResyncNeeded(
            f"Changes since {since} are not kept: take a fresh export.",
            f"Изменения после {since} не хранятся: загрузите каталог заново (export).",
            since=since,
            oldest=state.feed_floor,
            catalogue_revision=state.revision,
        )
    rows = connection.execute(
        select_products()
        .where(products.c.changed_revision > since)
        .order_by(products.c.changed_revision)
        .limit(limit + 1)
    ).all()
    shown = rows[:limit]
    back = _came_back(connection, [row.id for row in shown if row.created_revision <= since], since)
    changes: list[Change] = []
    for row in shown:
        gone = row.status == ProductStatus.VANISHED.value
        if gone:
            kind = ChangeKind.VANISHED
        elif row.created_revision > since:
            kind = ChangeKind.CREATED
        else:
            kind = ChangeKind.REAPPEARED if row.id in back else ChangeKind.CHANGED
        changes.append(
            Change(
                revision=row.changed_revision,
                kind=kind,
                id=row.id,
                product=None if gone else stored_product(row),
            )
        )
    more = len(rows) > limit
    return ChangeListing(
        changes=changes, next_revision=shown[-1].changed_revision if more else state.revision, more=more
    )


def _came_back(connection: Connection, ids: Sequence[str], since: int) -> set[str]:
    """Those that were away at ``since``: their first change after it is the return."""
    first: dict[str, str] = {}
    for row in connection.execute(
        select(product_changes.c.product_id, product_changes.c.kind)
        .where(product_changes.c.product_id.in_(ids), product_changes.c.revision > since)
        .order_by(product_changes.c.revision)
    ):
        first.setdefault(row.product_id, row.kind)
    return {product_id for product_id, kind in first.items() if kind == ChangeKind.REAPPEARED.value}

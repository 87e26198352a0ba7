"""What changed: values of a product over time, and what one run did. Plain functions of a connection."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from kkt_adapter.catalog.reads.products import euro
from kkt_adapter.catalog.store.changes import STATUS, ChangeKind
from kkt_adapter.catalog.store.tables import millis, moment, product_changes, product_history, products


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One true change. Money is decimal text, stock a number, status and availability as on the wire."""

    id: str
    field: str
    old: str | int | bool | None
    new: str | int | bool | None
    at: datetime
    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChange:
    """What a run did to a product; ``fields`` are those with a history."""

    id: str
    name: str
    kind: ChangeKind
    fields: Sequence[HistoryEntry]


def changes_of_run(
    connection: Connection, *, run_id: str, since: datetime, until: datetime, limit: int
) -> list[RunChange]:
    """The newest ``limit`` changes of a run, found by the time it worked."""
    newest = (
        select(product_changes.c.revision, product_changes.c.product_id, product_changes.c.kind)
        .where(product_changes.c.at.between(millis(since), millis(until)), product_changes.c.run_id == run_id)
        .order_by(product_changes.c.at.desc(), product_changes.c.revision.desc())
        .limit(limit)
        .subquery()
    )
    fields: dict[int, list[HistoryEntry]] = defaultdict(list)
    for row in connection.execute(
        select(product_history).join(
            newest,
            (product_history.c.product_id == newest.c.product_id)
            & (product_history.c.revision == newest.c.revision),
        )
    ):
        fields[row.revision].append(entry_of(row))
    found = connection.execute(
        select(newest, products.c.name)
        .join(products, products.c.id == newest.c.product_id)
        .order_by(newest.c.revision.desc())
    )
    return [
        RunChange(
            id=row.product_id,
            name=row.name,
            kind=ChangeKind(row.kind),
            fields=fields[row.revision],
        )
        for row in found
    ]


def entry_of(row: Row[*tuple[Any, ...]]) -> HistoryEntry:
    """A row of ``product_history``."""
    at = moment(row.at)
    assert at is not None
    return HistoryEntry(
        id=row.product_id,
        field=row.field,
        old=_value(row.field, row.old),
        new=_value(row.field, row.new),
        at=at,
        run_id=row.run_id,
    )


def _value(field: str, stored: str | None) -> str | int | bool | None:
    if stored is None or field == STATUS:
        return stored
    if field == "available_to_buy":
        return stored == "true"
    return int(stored) if field == "qty" else euro(int(stored))

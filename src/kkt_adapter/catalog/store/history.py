"""The written memory of visible changes: the history of values, and the change feed with what sorting needs.

A change keeps what the product was sorted by before it, so that a list can be walked on as it stood when
the walk began.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from kkt_adapter.catalog.store.changes import ChangeKind, FieldChange
from kkt_adapter.catalog.store.tables import product_changes, product_history
from kkt_adapter.runtime.db.bulk import bulk_insert

_INSERT_CHANGES = bulk_insert(product_changes, *product_changes.columns)
_INSERT_HISTORY = bulk_insert(product_history, *product_history.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Who stores, and when: Unix milliseconds."""

    run_id: str
    generation: int
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One visible change of one product; ``name_key``, ``price`` and ``changed_at`` are those before it."""

    revision: int
    product_id: str
    kind: ChangeKind
    name_key: str
    price: int | None
    changed_at: int
    fields: Sequence[FieldChange]


def record(connection: Connection, entries: Sequence[Entry], stamp: Stamp) -> None:
    """Write changes down, in the transaction that makes them."""
    _INSERT_CHANGES.run(connection, [_change(entry, stamp) for entry in entries])
    history = [_history(entry, field, stamp) for entry in entries for field in entry.fields]
    _INSERT_HISTORY.run(connection, history)


def _change(entry: Entry, stamp: Stamp) -> tuple[Any, ...]:
    return (
        entry.revision,
        entry.product_id,
        entry.kind.value,
        stamp.at,
        stamp.run_id,
        entry.name_key,
        entry.price,
        entry.changed_at,
    )


def _history(entry: Entry, field: FieldChange, stamp: Stamp) -> tuple[Any, ...]:
    return entry.product_id, entry.revision, field.field, field.old, field.new, stamp.at, stamp.run_id

"""The written memory of visible changes: the history of values, and the change feed with what sorting needs.

A change keeps what the product was sorted by before it, so that a list can be walked on as it stood when
the walk began.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert

from kkt_adapter.catalog.changes import ChangeKind, FieldChange
from kkt_adapter.catalog.tables import product_changes, product_history


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
    if not entries:
        return
    connection.execute(insert(product_changes), [_change(entry, stamp) for entry in entries])
    history = [_history(entry, field, stamp) for entry in entries for field in entry.fields]
    if history:
        connection.execute(insert(product_history), history)


def _change(entry: Entry, stamp: Stamp) -> dict[str, Any]:
    return {
        "revision": entry.revision,
        "product_id": entry.product_id,
        "kind": entry.kind.value,
        "at": stamp.at,
        "run_id": stamp.run_id,
        "old_name_key": entry.name_key,
        "old_price": entry.price,
        "old_changed_at": entry.changed_at,
    }


def _history(entry: Entry, field: FieldChange, stamp: Stamp) -> dict[str, Any]:
    return {
        "product_id": entry.product_id,
        "revision": entry.revision,
        "field": field.field,
        "old": field.old,
        "new": field.new,
        "at": stamp.at,
        "run_id": stamp.run_id,
    }

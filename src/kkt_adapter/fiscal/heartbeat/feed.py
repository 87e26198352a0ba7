"""The receipt events that other systems get: rows of ``buffer_events`` in the order of their ids.

Every row says what became true of one receipt at that moment, with its fiscal attributes from the printing
on. Rows of a receipt are written by one transaction after another, so their ids rise in the order of what
happened; and every one of them is written under the lock of the ``counters`` row, so ids also become visible
in their order and a reader that remembers the last one misses none.

Nothing of lines, buyers or cashiers is read here. ``error`` is our own sentence only: what an operator or a
device said (after the colon) may repeat parts of the receipt.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, bindparam, select

from kkt_adapter.fiscal.lifecycle import Status
from kkt_adapter.fiscal.model import ReceiptKind
from kkt_adapter.fiscal.store.events import EventType
from kkt_adapter.fiscal.store.fiscal_doc import StoredFiscalDoc, read_fiscal_doc
from kkt_adapter.fiscal.store.tables import buffer_events, receipts
from kkt_adapter.kernel.money import Kopecks

MAX_ERROR_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What an event type says of its receipt."""

    state: Status
    printed: bool


_WAITS = Meaning(state=Status.PENDING, printed=False)
_PRINTED = Meaning(state=Status.PENDING, printed=True)

MEANINGS: Mapping[EventType, Meaning] = MappingProxyType(
    {
        EventType.RECEIPT_ADDED: _WAITS,
        EventType.PRINT_FAILED: _WAITS,
        EventType.PRINT_UNKNOWN: _WAITS,
        EventType.RECEIPT_PRINTED: _PRINTED,
        EventType.PRINT_RECOVERED: _PRINTED,
        EventType.RECEIPT_RETRY: _PRINTED,
        EventType.DLQ_RETRIED: _PRINTED,
        EventType.RECEIPT_SYNCED: Meaning(state=Status.SYNCED, printed=True),
        EventType.RECEIPT_FAILED: Meaning(state=Status.FAILED, printed=True),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentBy:
    """A shop that sent a receipt: by which foreign protocol, from which account, under which key."""

    door: str
    account: str
    client_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEvent:
    """What became true of one receipt at ``changed_at``; ``fiscal_doc`` from the printing on."""

    event_id: int
    key: str
    receipt_id: str
    pos_id: str
    kind: ReceiptKind
    total_kop: Kopecks
    state: Status
    is_printed: bool
    error: str | None
    changed_at: datetime
    fiscal_doc: StoredFiscalDoc | None
    sent_by: SentBy | None = None  # None: it came by /v1


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Events after a cursor, oldest first, and whether more follow."""

    events: Sequence[FeedEvent]
    has_more: bool


_QUERY = (
    select(
        buffer_events.c.id,
        buffer_events.c.event_type,
        buffer_events.c.timestamp,
        buffer_events.c.metadata,
        receipts.c.id.label("receipt_id"),
        receipts.c.idempotency_key,
        receipts.c.pos_id,
        receipts.c.type,
        receipts.c.total_kop,
        receipts.c.fiscal_doc,
        receipts.c.door,
        receipts.c.account,
        receipts.c.client_key,
    )
    .join(receipts, receipts.c.id == buffer_events.c.receipt_id)
    .where(
        buffer_events.c.event_type.in_([event.value for event in MEANINGS]),
        buffer_events.c.id > bindparam("b_after"),
    )
    .order_by(buffer_events.c.id)
    .limit(bindparam("b_limit"))
)


def page(conn: Connection, *, after: int, limit: int) -> Page:
    """At most ``limit`` events with an id above ``after``; 0 begins at the beginning."""
    events: list[FeedEvent] = []
    # Row by row, because a row's document is much longer than its event.
    with conn.execute(_QUERY, {"b_after": after, "b_limit": limit + 1}) as rows:
        for row in rows:
            if len(events) == limit:
                return Page(events=events, has_more=True)
            events.append(_event(row))
    return Page(events=events, has_more=False)


def _event(row: Any) -> FeedEvent:
    meaning = MEANINGS[EventType(row.event_type)]
    return FeedEvent(
        event_id=row.id,
        key=row.idempotency_key,
        receipt_id=row.receipt_id,
        pos_id=row.pos_id,
        kind=ReceiptKind(row.type),
        total_kop=Kopecks(row.total_kop),
        state=meaning.state,
        is_printed=meaning.printed,
        error=_error(row.metadata),
        changed_at=row.timestamp,
        fiscal_doc=read_fiscal_doc(row.fiscal_doc) if meaning.printed and row.fiscal_doc else None,
        sent_by=_door(row),
    )


def _door(row: Any) -> SentBy | None:
    if row.door is None:
        return None
    return SentBy(door=row.door, account=row.account, client_key=row.client_key)


def _error(metadata: str | None) -> str | None:
    said = json.loads(metadata).get("error") if metadata else None
    if not isinstance(said, str):
        return None
    return said.partition(": ")[0][:MAX_ERROR_CHARACTERS]

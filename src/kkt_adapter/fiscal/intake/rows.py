"""The statements that accept receipts, each for a whole batch, and the rows that they write."""

from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import ScalarSelect, select, update

from kkt_adapter.fiscal.intake.items import Accepted, AcceptItem
from kkt_adapter.fiscal.intake.origin import origin_row
from kkt_adapter.fiscal.lifecycle import PrintState, Status
from kkt_adapter.fiscal.store.runtime_settings import CAPACITY, MAINTENANCE
from kkt_adapter.fiscal.store.tables import callbacks, config, counters, idempotency, receipts
from kkt_adapter.runtime.db.bulk import bulk, bulk_insert, single
from kkt_adapter.runtime.db.columns import millis

CALLBACK_AFTER = timedelta(seconds=3)  # a callback that overtakes the answer confuses shops (atol-online.md)


def _setting(name: str) -> ScalarSelect[str]:
    return select(config.c.value).where(config.c.name == name).scalar_subquery()


class State(NamedTuple):
    """The totals and settings that decide about the next receipt, read in its transaction."""

    next_seq: int
    next_attempt: int
    hlc_local_time: int
    hlc_logical_counter: int
    total: int
    pending: int
    syncing: int
    unprinted: int
    capacity: str | None
    maintenance: str | None


STATE = single(
    (counters.c.id,),
    lambda given: (
        select(
            *(counters.c[name] for name in State._fields if name in counters.c),
            _setting(CAPACITY),
            _setting(MAINTENANCE),
        )
        .where(counters.c.id == given["id"])
        .with_for_update(of=counters)
    ),
)
_MOVED = (  # in their order in the table
    counters.c.next_seq,
    counters.c.next_attempt,
    counters.c.hlc_local_time,
    counters.c.hlc_logical_counter,
    counters.c.total,
    counters.c.pending,
    counters.c.unprinted,
)
SET_COUNTERS = single(
    _MOVED,
    lambda given: update(counters).where(counters.c.id == 1).values({c.name: given[c.name] for c in _MOVED}),
)
KNOWN = bulk(
    (idempotency.c.key_hash,),
    lambda given: select(
        idempotency.c.key_hash, idempotency.c.receipt_id, idempotency.c.request_hash, idempotency.c.answer
    ).join(given, idempotency.c.key_hash == given.c.key_hash),
)
INSERT_RECEIPTS = bulk_insert(
    receipts,
    receipts.c.seq,
    receipts.c.id,
    receipts.c.idempotency_key,
    receipts.c.receipt_key,
    receipts.c.register_id,
    receipts.c.pos_id,
    receipts.c.type,
    receipts.c.total_kop,
    receipts.c.payload,
    receipts.c.warnings,
    receipts.c.created_at,
    receipts.c.hlc_local_time,
    receipts.c.hlc_logical_counter,
    receipts.c.queue_position,
    receipts.c.print_state,
    receipts.c.status,
    receipts.c.door,
    receipts.c.account,
    receipts.c.door_group,
    receipts.c.client_key,
    receipts.c.door_facts,
)
INSERT_CALLBACKS = bulk_insert(
    callbacks,
    callbacks.c.receipt_seq,
    callbacks.c.account,
    callbacks.c.url,
    callbacks.c.state,
    callbacks.c.due_at,
)
INSERT_KEYS = bulk_insert(
    idempotency,
    idempotency.c.seq,
    idempotency.c.key_hash,
    idempotency.c.key,
    idempotency.c.request_hash,
    idempotency.c.receipt_id,
    idempotency.c.created_at,
)


def receipt_row(item: AcceptItem, accepted: Accepted) -> tuple[Any, ...]:
    """In the order of ``INSERT_RECEIPTS``."""
    receipt = item.receipt
    return (
        accepted.seq,
        receipt.id,
        item.key,
        receipt.key,
        receipt.register_id,
        receipt.pos_id,
        receipt.kind.value,
        receipt.total_kop,
        item.payload,
        item.warnings,
        millis(item.at),
        accepted.stamp.local_time,
        accepted.stamp.logical_counter,
        accepted.queue_position,
        (PrintState.NEW if item.attempt is None else PrintState.PRINTING).value,
        Status.PENDING.value,
        *origin_row(item.origin),
    )


def key_row(item: AcceptItem, accepted: Accepted) -> tuple[Any, ...]:
    """In the order of ``INSERT_KEYS``."""
    return (
        accepted.seq,
        item.key_hash,
        item.key,
        item.request_hash,
        item.receipt.id,
        millis(item.at),
    )


def callback_row(item: AcceptItem, accepted: Accepted) -> tuple[Any, ...] | None:
    """In the order of ``INSERT_CALLBACKS``; None when nobody wants to be called back."""
    origin = item.origin
    if origin is None or origin.callback_url is None:
        return None
    return (accepted.seq, origin.account, origin.callback_url, "waiting", millis(item.at + CALLBACK_AFTER))

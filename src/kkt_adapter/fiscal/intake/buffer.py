"""The durable buffer: accepting receipts.

Plain functions of a connection inside a transaction. ``accept`` takes many receipts at a time and uses
one statement per table for all of them, because a group shares one commit anyway.

Invariants: the unique row in ``idempotency``, the receipt, its event and (when its lane is free) its
attempt are one commit; capacity and key are checked in that same transaction; ``counters`` moves with it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, ScalarSelect, select, update

from kkt_adapter.fiscal.intake import suspicions
from kkt_adapter.fiscal.intake.choice import Option, Wanted, choose
from kkt_adapter.fiscal.intake.known_keys import Known, known_as
from kkt_adapter.fiscal.intake.origin import Origin, origin_facts, origin_row
from kkt_adapter.fiscal.intake.press_guard import INSERT_PRESSES, NewPress, equal_press
from kkt_adapter.fiscal.intake.refusals import refusal
from kkt_adapter.fiscal.lifecycle import AttemptKind, PrintState, Status
from kkt_adapter.fiscal.model import Receipt
from kkt_adapter.fiscal.store import events as journal
from kkt_adapter.fiscal.store import group_rows, receipt_json
from kkt_adapter.fiscal.store.attempts import INSERT_ATTEMPTS, NewAttempt, attempt_row
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.fiscal.store.runtime_settings import CAPACITY, MAINTENANCE
from kkt_adapter.fiscal.store.tables import callbacks, config, counters, idempotency, receipts
from kkt_adapter.kernel import hlc
from kkt_adapter.kernel.hlc import HybridTimestamp
from kkt_adapter.kernel.quick import quickly_made
from kkt_adapter.runtime.db.bulk import bulk, bulk_insert
from kkt_adapter.runtime.db.columns import millis
from kkt_adapter.runtime.leases.database import check_terms

CALLBACK_AFTER = timedelta(seconds=3)  # a callback that overtakes the answer confuses shops (atol-online.md)


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptItem:
    """One receipt to be stored. ``attempt`` when its lane is free and may print it at once."""

    receipt: Receipt
    payload: str
    warnings: str | None
    key: str
    key_hash: bytes
    request_hash: bytes
    at: datetime
    default_capacity: int  # used until somebody has set another one
    sale_must_be_synced: str | None  # id of the refunded sale, when that rule is on
    attempt: NewAttempt | None
    options: tuple[Option, ...] = ()  # of a group: the registers that can print it; the commit chooses
    choice: int = 0  # the chosen one
    sale_id: str | None = None  # of the refunded sale, when it is known here
    sale_pos: str | None = None  # its till
    looked: int | None = None  # the newest receipt about the same that was seen; None: nobody looked
    force_reason: str | None = None  # why a sale that was written off is refunded all the same
    origin: Origin | None = None  # None: it came by /v1


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """On disk. ``attempt_id`` is None when the lane was busy; ``choice``: the place of the chosen option."""

    seq: int
    stamp: HybridTimestamp
    queue_position: int
    attempt_id: int | None
    choice: int = 0


def _setting(name: str) -> ScalarSelect[str]:
    return select(config.c.value).where(config.c.name == name).scalar_subquery()


class _State(NamedTuple):
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


_STATE = bulk(
    (counters.c.id,),
    lambda given: (
        select(
            *(counters.c[name] for name in _State._fields if name in counters.c),
            _setting(CAPACITY),
            _setting(MAINTENANCE),
        )
        .join(given, counters.c.id == given.c.id)
        .with_for_update(of=counters)
    ),
)
_MOVED = (
    counters.c.id,
    counters.c.next_seq,
    counters.c.next_attempt,
    counters.c.hlc_local_time,
    counters.c.hlc_logical_counter,
    counters.c.total,
    counters.c.pending,
    counters.c.unprinted,
)
_SET_COUNTERS = bulk(
    _MOVED,
    lambda given: (
        update(counters)
        .where(counters.c.id == given.c.id)
        .values({c.name: given.c[c.name] for c in _MOVED if c is not counters.c.id})
    ),
)
_KNOWN = bulk(
    (idempotency.c.key_hash,),
    lambda given: select(
        idempotency.c.key_hash, idempotency.c.receipt_id, idempotency.c.request_hash, idempotency.c.answer
    ).join(given, idempotency.c.key_hash == given.c.key_hash),
)
_INSERT_RECEIPTS = bulk_insert(
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
_INSERT_CALLBACKS = bulk_insert(
    callbacks,
    callbacks.c.receipt_seq,
    callbacks.c.account,
    callbacks.c.url,
    callbacks.c.state,
    callbacks.c.due_at,
)
_INSERT_KEYS = bulk_insert(
    idempotency,
    idempotency.c.seq,
    idempotency.c.key_hash,
    idempotency.c.key,
    idempotency.c.request_hash,
    idempotency.c.receipt_id,
    idempotency.c.created_at,
)


def accept(conn: Connection, items: Sequence[AcceptItem]) -> list[Accepted | Known | Exception]:
    """Store receipts in the order given; each gets its place, or what its key was used for before."""
    (row,) = _STATE.rows(conn, [(1,)])
    state = _State(*row)
    known = {
        bytes(key_hash): known_as(*found)
        for key_hash, *found in _KNOWN.rows(conn, [(item.key_hash,) for item in items])
    }
    seq, attempt_id = state.next_seq, state.next_attempt
    stamp = HybridTimestamp(state.hlc_local_time, state.hlc_logical_counter)
    undelivered = state.pending + state.syncing
    outcomes: list[Accepted | Known | Exception] = []
    placed: list[AcceptItem] = []
    receipt_rows: list[tuple[Any, ...]] = []
    key_rows: list[tuple[Any, ...]] = []
    attempt_rows: list[tuple[Any, ...]] = []
    events: list[journal.NewEvent] = []
    links: list[tuple[int, suspicions.Link]] = []
    callback_rows: list[tuple[Any, ...]] = []
    pressed: list[NewPress] = []
    for item in _with_registers(conn, items, known):
        earlier = known.get(item.key_hash)
        if earlier is not None:
            outcomes.append(earlier)
            continue
        if isinstance(item, _Unplaced):
            outcomes.append(item.refusal)
            continue
        refused = refusal(
            conn,
            maintenance=state.maintenance,
            stored_capacity=state.capacity,
            undelivered=undelivered,
            default_capacity=item.default_capacity,
            sale_must_be_synced=item.sale_must_be_synced,
            forced=item.force_reason is not None,
            at=item.at,
        )
        if refused is None:
            refused = _equal_press(conn, item, beside=pressed)
        if refused is not None:
            outcomes.append(refused)
            continue
        own = suspicions.links_of(item.receipt, item.sale_id)
        if item.looked is not None and suspicions.overtaken(conn, own, looked=item.looked, beside=links):
            outcomes.append(suspicions.LookAgain())
            continue
        stamp = hlc.tick(stamp, int(item.at.timestamp()))
        undelivered += 1
        accepted = Accepted(
            seq=seq,
            stamp=stamp,
            queue_position=undelivered,
            attempt_id=None if item.attempt is None else attempt_id,
            choice=item.choice,
        )
        outcomes.append(accepted)
        known[item.key_hash] = Known(receipt_id=item.receipt.id, request_hash=item.request_hash, answer=None)
        placed.append(item)
        receipt_rows.append(_receipt_row(item, accepted))
        key_rows.append((seq, item.key_hash, item.key, item.request_hash, item.receipt.id, millis(item.at)))
        events.append(
            journal.entry(
                EventType.RECEIPT_ADDED,
                item.at,
                receipt_id=item.receipt.id,
                pos_id=item.receipt.pos_id,
                **origin_facts(item.origin),
            )
        )
        if item.origin is not None and item.origin.callback_url is not None:
            due_at = millis(item.at + CALLBACK_AFTER)
            wanted = (seq, item.origin.account, item.origin.callback_url, "waiting", due_at)
            callback_rows.append(wanted)
        if item.origin is not None and item.origin.guard is not None:
            pressed.append(NewPress(subject=item.receipt.id, guard=item.origin.guard, at=item.at))
        links += [(seq, link) for link in own]
        events += suspicions.refund_events(
            item.receipt, item.at, sale_id=item.sale_id, sale_pos=item.sale_pos, forced=item.force_reason
        )
        if item.warnings is not None:
            events.append(
                journal.entry(
                    EventType.RECEIPT_WARNING,
                    item.at,
                    receipt_id=item.receipt.id,
                    level=EventLevel.WARNING,
                    warnings=item.warnings,
                )
            )
        if item.attempt is not None:
            attempt_rows.append(
                attempt_row(
                    attempt_id, AttemptKind.PRINT, item.receipt.register_id, seq, item.attempt, item.at
                )
            )
            attempt_id += 1
        seq += 1
    if receipt_rows:
        _INSERT_RECEIPTS.put(conn, receipt_rows)
        _INSERT_KEYS.put(conn, key_rows)
        journal.write(conn, events)
        suspicions.write_links(conn, links)
        if pressed:
            INSERT_PRESSES.put(conn, [press.row for press in pressed])
        if callback_rows:
            _INSERT_CALLBACKS.put(conn, callback_rows)
        shops = {item.origin.account: item.at for item in items if item.origin is not None}
        if shops:
            group_rows.note_use(conn, shops, prefix=group_rows.SHOP_PREFIX)
        if attempt_rows:
            check_terms(
                conn,
                {
                    (i.attempt.lane.lease, i.attempt.lane.owner, i.attempt.lane.number)
                    for i in placed
                    if i.attempt is not None
                },
            )
            INSERT_ATTEMPTS.put(conn, attempt_rows)
        stored = len(receipt_rows)
        _SET_COUNTERS.put(
            conn,
            [
                (
                    1,
                    seq,
                    attempt_id,
                    stamp.local_time,
                    stamp.logical_counter,
                    state.total + stored,
                    state.pending + stored,
                    state.unprinted + stored,
                )
            ],
        )
    return outcomes


class _Unplaced(NamedTuple):
    """A receipt of a group that no register takes."""

    key_hash: bytes
    refusal: Exception


def _with_registers(
    conn: Connection, items: Sequence[AcceptItem], known: Mapping[bytes, Known]
) -> Iterator[AcceptItem | _Unplaced]:
    """The receipts of groups with the register that prints each; not those whose key was used before."""
    pooled = [item for item in items if item.options and item.key_hash not in known]
    if not pooled:
        yield from items
        return
    wanted = [Wanted(group_id=i.receipt.pos_id, options=i.options, at=i.at) for i in pooled]
    places = iter(choose(conn, wanted))
    for item in items:
        if not item.options or item.key_hash in known:
            yield item
            continue
        place = next(places)
        if isinstance(place, Exception):
            yield _Unplaced(item.key_hash, place)
            continue
        option = item.options[place]
        yield replace(
            item,
            receipt=option.receipt,
            payload=receipt_json.dump(option.receipt),
            warnings=option.warnings,
            attempt=option.attempt,
            choice=place,
        )


def refusal_now(
    conn: Connection, *, default_capacity: int, sale_must_be_synced: str | None, forced: bool, at: datetime
) -> Exception | None:
    """What ``accept`` would refuse a receipt with at the moment; stores nothing."""
    (row,) = _STATE.rows(conn, [(1,)])
    state = _State(*row)
    return refusal(
        conn,
        maintenance=state.maintenance,
        stored_capacity=state.capacity,
        undelivered=state.pending + state.syncing,
        default_capacity=default_capacity,
        sale_must_be_synced=sale_must_be_synced,
        forced=forced,
        at=at,
    )


def _equal_press(conn: Connection, item: AcceptItem, *, beside: Sequence[NewPress]) -> Exception | None:
    guard = None if item.origin is None else item.origin.guard
    return None if guard is None else equal_press(conn, guard, at=item.at, beside=beside)


def _receipt_row(item: AcceptItem, accepted: Accepted) -> tuple[Any, ...]:
    """In the order of ``_INSERT_RECEIPTS``."""
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

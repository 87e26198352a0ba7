"""The durable buffer: accepting receipts.

Plain functions of a connection inside a transaction. ``accept`` takes many receipts at a time and uses
one statement per table for all of them, because a group shares one commit anyway.

Invariants: the unique row in ``idempotency``, the receipt, its event and (when its lane is free) its
attempt are one commit; capacity and key are checked in that same transaction; ``counters`` moves with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from kkt_adapter.fiscal import journal
from kkt_adapter.fiscal.attempts import INSERT_ATTEMPT, NewAttempt, attempt_row
from kkt_adapter.fiscal.journal import EventType, Level
from kkt_adapter.fiscal.lifecycle import Status
from kkt_adapter.fiscal.model import Receipt
from kkt_adapter.fiscal.tables import config, counters, idempotency, receipts
from kkt_adapter.kernel import hlc
from kkt_adapter.kernel.errors import BufferFull, Maintenance, RefundBlocked
from kkt_adapter.kernel.hlc import HybridTimestamp
from kkt_adapter.runtime.lease_database import check_terms

CAPACITY = "capacity"
MAINTENANCE = "maintenance"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """On disk. ``attempt_id`` is None when the lane was busy."""

    seq: int
    stamp: HybridTimestamp
    queue_position: int
    attempt_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The key was used before; nothing was stored now."""

    receipt_id: str
    request_hash: bytes
    answer: str | None


_COUNTERS = select(counters).where(counters.c.id == 1).with_for_update()
_SET_COUNTERS = (
    update(counters)
    .where(counters.c.id == 1)
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in (
                "next_seq",
                "next_attempt",
                "hlc_local_time",
                "hlc_logical_counter",
                "total",
                "pending",
                "unprinted",
            )
        }
    )
)
_CONFIG = select(config.c.name, config.c.value).where(config.c.name.in_([CAPACITY, MAINTENANCE]))
_KNOWN = select(
    idempotency.c.key_hash, idempotency.c.receipt_id, idempotency.c.request_hash, idempotency.c.answer
).where(idempotency.c.key_hash.in_(bindparam("hashes", expanding=True)))
_INSERT_RECEIPT = insert(receipts)
_INSERT_KEY = insert(idempotency)


def accept(conn: Connection, items: Sequence[AcceptItem]) -> list[Accepted | Known | Exception]:
    """Store receipts in the order given; each gets its place, or what its key was used for before."""
    row = conn.execute(_COUNTERS).mappings().one()
    settings = dict(conn.execute(_CONFIG).all())
    known = {
        found.key_hash: Known(
            receipt_id=found.receipt_id, request_hash=bytes(found.request_hash), answer=found.answer
        )
        for found in conn.execute(_KNOWN, {"hashes": [item.key_hash for item in items]})
    }
    seq, attempt_id = row["next_seq"], row["next_attempt"]
    stamp = HybridTimestamp(row["hlc_local_time"], row["hlc_logical_counter"])
    undelivered = row["pending"] + row["syncing"]
    outcomes: list[Accepted | Known | Exception] = []
    receipt_rows: list[dict[str, Any]] = []
    key_rows: list[dict[str, Any]] = []
    attempt_rows: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    for item in items:
        earlier = known.get(item.key_hash)
        if earlier is not None:
            outcomes.append(earlier)
            continue
        refusal = _refusal(conn, item, settings, undelivered)
        if refusal is not None:
            outcomes.append(refusal)
            continue
        stamp = hlc.tick(stamp, int(item.at.timestamp()))
        undelivered += 1
        accepted = Accepted(
            seq=seq,
            stamp=stamp,
            queue_position=undelivered,
            attempt_id=None if item.attempt is None else attempt_id,
        )
        outcomes.append(accepted)
        known[item.key_hash] = Known(receipt_id=item.receipt.id, request_hash=item.request_hash, answer=None)
        receipt_rows.append(_receipt_row(item, accepted))
        key_rows.append(
            {
                "seq": seq,
                "key_hash": item.key_hash,
                "key": item.key,
                "request_hash": item.request_hash,
                "receipt_id": item.receipt.id,
                "created_at": item.at,
            }
        )
        events.append(
            journal.entry(
                EventType.RECEIPT_ADDED, item.at, receipt_id=item.receipt.id, pos_id=item.receipt.pos_id
            )
        )
        if item.warnings is not None:
            events.append(
                journal.entry(
                    EventType.RECEIPT_WARNING,
                    item.at,
                    receipt_id=item.receipt.id,
                    level=Level.WARNING,
                    warnings=item.warnings,
                )
            )
        if item.attempt is not None:
            attempt_rows.append(
                attempt_row(attempt_id, "print", item.receipt.register_id, seq, item.attempt, item.at)
            )
            attempt_id += 1
        seq += 1
    if receipt_rows:
        conn.execute(_INSERT_RECEIPT, receipt_rows)
        conn.execute(_INSERT_KEY, key_rows)
        journal.write(conn, events)
        if attempt_rows:
            check_terms(
                conn,
                {
                    (i.attempt.lane.lease, i.attempt.lane.owner, i.attempt.lane.number)
                    for i in items
                    if i.attempt is not None
                },
            )
            conn.execute(INSERT_ATTEMPT, attempt_rows)
        conn.execute(
            _SET_COUNTERS,
            {
                "new_next_seq": seq,
                "new_next_attempt": attempt_id,
                "new_hlc_local_time": stamp.local_time,
                "new_hlc_logical_counter": stamp.logical_counter,
                "new_total": row["total"] + len(receipt_rows),
                "new_pending": row["pending"] + len(receipt_rows),
                "new_unprinted": row["unprinted"] + len(receipt_rows),
            },
        )
    return outcomes


def _refusal(
    conn: Connection, item: AcceptItem, settings: dict[str, str], undelivered: int
) -> Exception | None:
    if MAINTENANCE in settings:
        return Maintenance(
            f"Maintenance mode is on: {settings[MAINTENANCE]}. Wait until it is ended.",
            f"Включён режим обслуживания: {settings[MAINTENANCE]}. Дождитесь его окончания.",
        )
    capacity = int(settings.get(CAPACITY, item.default_capacity))
    if capacity and undelivered >= capacity:
        return BufferFull(
            f"Buffer full: {undelivered}/{capacity}. Restore the connection to the operator or raise the "
            "capacity; the first delivered receipt opens it again.",
            f"Buffer full: {undelivered}/{capacity}. Буфер заполнен: восстановите связь с ОФД или увеличьте "
            "ёмкость; приём откроется с первым доставленным чеком.",
            reason="CAPACITY",
            retry_after=60,
        )
    if item.sale_must_be_synced is not None:
        sale = conn.execute(
            select(receipts.c.status).where(receipts.c.id == item.sale_must_be_synced)
        ).scalar_one_or_none()
        if sale is not None and sale != Status.SYNCED:
            return RefundBlocked(
                f"The sale being refunded is not synced yet ({sale}). Try again when it is delivered.",
                f"Исходный чек ещё не передан оператору ({sale}). Повторите после его доставки.",
                reason=f"original receipt is not synced: {sale}",
                sync_status=sale,
            )
    return None


def _receipt_row(item: AcceptItem, accepted: Accepted) -> dict[str, Any]:
    receipt = item.receipt
    return {
        "seq": accepted.seq,
        "id": receipt.id,
        "idempotency_key": item.key,
        "receipt_key": receipt.key,
        "register_id": receipt.register_id,
        "pos_id": receipt.pos_id,
        "type": receipt.kind.value,
        "total_kop": receipt.total_kop,
        "payload": item.payload,
        "warnings": item.warnings,
        "created_at": item.at,
        "hlc_local_time": accepted.stamp.local_time,
        "hlc_logical_counter": accepted.stamp.logical_counter,
        "queue_position": accepted.queue_position,
        "print_state": "new" if item.attempt is None else "printing",
        "status": "pending",
    }


def find_key(conn: Connection, key_hash: bytes) -> Known | None:
    """What a key was used for; None when it is new."""
    row = conn.execute(
        select(idempotency.c.receipt_id, idempotency.c.request_hash, idempotency.c.answer).where(
            idempotency.c.key_hash == key_hash
        )
    ).first()
    if row is None:
        return None
    return Known(receipt_id=row.receipt_id, request_hash=bytes(row.request_hash), answer=row.answer)


def answer_of(conn: Connection, seq: int) -> str | None:
    """The stored answer of a printed receipt."""
    return conn.execute(select(idempotency.c.answer).where(idempotency.c.seq == seq)).scalar_one_or_none()

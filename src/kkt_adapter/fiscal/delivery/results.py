"""Writing down what delivery does: a lane's result and its next claim in one commit, with dead letters.

Every result names its claim's owner and number; one whose claim is over changes nothing. Counts move in the
same transaction.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update
from structlog.typing import FilteringBoundLogger

from kkt_adapter.fiscal.delivery import claims
from kkt_adapter.fiscal.delivery.claims import Claim, ClaimRequest
from kkt_adapter.fiscal.lifecycle import (
    AttemptKind,
    AttemptOutcome,
    LetterResolution,
    Status,
    delivery_move,
)
from kkt_adapter.fiscal.model import OfdMessage
from kkt_adapter.fiscal.store import counters, document_bytes
from kkt_adapter.fiscal.store import events as journal
from kkt_adapter.fiscal.store.events import EventLevel, EventType, NewEvent
from kkt_adapter.fiscal.store.tables import RARE_EVENTS, attempts, buffer_events, dlq, receipts
from kkt_adapter.kernel.errors import LeaseLost
from kkt_adapter.kernel.quick import quickly_made
from kkt_adapter.runtime.db.bulk import bulk, bulk_insert
from kkt_adapter.runtime.db.columns import constant, millis

MAX_RETRIES_EXCEEDED = "max_retries_exceeded"


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    claim: Claim
    at: datetime
    ofd_id: str | None = None
    server_time: int | None = None
    note: str | None = None  # for people: the operator had it already
    ticket: bytes | None = None  # the operator's answer as it came, to be kept with the document
    late: bool = False  # its dead letter is closed as delivered_later


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A failed attempt. ``counts`` is False for a probe, which costs the receipt nothing."""

    claim: Claim
    at: datetime
    error: str
    due_at: datetime | None
    counts: bool = True
    to_dead_letters: bool = False


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class LaneStep:
    """A lane's result and its next claim, in one commit."""

    result: Synced | Failed | None
    claim: ClaimRequest | None


_SET_SYNCED = bulk(
    (
        receipts.c.seq,
        receipts.c.owner,
        receipts.c.claim,
        receipts.c.ofd_id,
        receipts.c.hlc_server_time,
        receipts.c.synced_at,
    ),
    lambda given: (
        update(receipts)
        .where(
            receipts.c.seq == given.c.seq,
            receipts.c.status == constant(Status.SYNCING),
            receipts.c.owner == given.c.owner,
            receipts.c.claim == given.c.claim,
        )
        .values(
            status=delivery_move(Status.SYNCING, Status.SYNCED),
            owner=None,
            lease_until=None,
            next_attempt_at=None,
            last_error=None,
            ofd_id=given.c.ofd_id,
            hlc_server_time=given.c.hlc_server_time,
            synced_at=given.c.synced_at,
        )
    ),
)
_AGAIN = delivery_move(Status.SYNCING, Status.PENDING)
_DEAD = delivery_move(Status.SYNCING, Status.FAILED)
_SET_FAILED = (
    update(receipts)
    .where(
        receipts.c.seq == bindparam("b_seq"),
        receipts.c.status == constant(Status.SYNCING),
        receipts.c.owner == bindparam("b_owner"),
        receipts.c.claim == bindparam("b_claim"),
    )
    .values(
        status=bindparam("b_status"),
        owner=None,
        lease_until=None,
        next_attempt_at=bindparam("b_due"),
        retry_count=receipts.c.retry_count + bindparam("b_counts"),
        last_error=bindparam("b_error"),
    )
)
_ALARMS = select(buffer_events.c.metadata).where(
    buffer_events.c.receipt_id == bindparam("b_receipt"),
    buffer_events.c.event_type == EventType.OPERATOR_ALARM.value,
)
ALARMS_SEEN = 1000  # the newest without a receipt: a document is sent again while its FN keeps it
_OTHER_ALARMS = (
    select(buffer_events.c.metadata)
    .where(
        RARE_EVENTS,
        buffer_events.c.event_type == EventType.OPERATOR_ALARM.value,
        buffer_events.c.receipt_id.is_(None),
    )
    .order_by(buffer_events.c.id.desc())
    .limit(ALARMS_SEEN)
)
_INSERT_TRIES = bulk_insert(
    attempts,
    attempts.c.id,
    attempts.c.what,
    attempts.c.register_id,
    attempts.c.receipt_seq,
    attempts.c.owner,
    attempts.c.term,
    attempts.c.started_at,
    attempts.c.ended_at,
    attempts.c.outcome,
    attempts.c.error,
)


class Additions:
    """What the results of one transaction add to totals, attempts and journal; written once for all."""

    def __init__(self) -> None:
        self.deltas = {"pending": 0, "syncing": 0, "synced": 0, "failed": 0, "dlq_open": 0}
        self.events: list[NewEvent] = []
        self.tries: list[tuple[Any, ...]] = []

    def claimed(self, count: int) -> None:
        """``count`` receipts went from pending to syncing; below zero: back."""
        self.deltas["pending"] -= count
        self.deltas["syncing"] += count

    def write(self, conn: Connection) -> None:
        if self.tries:
            first = counters.take_attempt_ids(conn, len(self.tries))
            _INSERT_TRIES.put(conn, [(number, *row) for number, row in enumerate(self.tries, first)])
        journal.write(conn, self.events)
        counters.bump(conn, **self.deltas)


def step(conn: Connection, steps: Sequence[LaneStep]) -> list[Claim | Exception | None]:
    """For each lane: write its result, then claim its next receipt; None when nothing is due.

    A result whose claim is not ours any more changes nothing.

    Raises:
        LeaseLost: such a result is among the delivered ones. In a group of several its caller gets it alone:
            the group is repeated step by step.
    """
    counters.lock(conn)
    added = Additions()
    lost: dict[int, LeaseLost] = {}  # by the step's place
    write_synced(conn, [one.result for one in steps if isinstance(one.result, Synced)], added)
    for place, one in enumerate(steps):
        if isinstance(one.result, Failed):
            try:
                write_failed(conn, one.result, added)
            except LeaseLost as error:
                lost[place] = error
    wanted = [one.claim for place, one in enumerate(steps) if one.claim and place not in lost]
    claimed = claims.take(conn, wanted)
    added.claimed(len(claimed))
    added.write(conn)
    return [
        lost.get(place) or (claimed.pop(one.claim.fn_number, None) if one.claim else None)
        for place, one in enumerate(steps)
    ]


def log_delivered(log: FilteringBoundLogger, result: Synced | Failed | None) -> None:
    """One line for a delivery that is written down; those that failed are told where they are decided."""
    if isinstance(result, Synced):
        claim = result.claim
        log.info(
            "receipt_delivered",
            receipt_id=claim.receipt_id,
            register_id=claim.register_id,
            fn_number=claim.fn_number,
            fd_number=claim.fd_number,
        )


def write_synced(conn: Connection, results: Sequence[Synced], added: Additions) -> None:
    """Delivered receipts. Raises LeaseLost: the claim of one of them is over."""
    if not results:
        return
    written = _SET_SYNCED.run(
        conn,
        [
            (r.claim.seq, r.claim.owner, r.claim.number, r.ofd_id, r.server_time, millis(r.at))
            for r in results
        ],
    )
    if written != len(results):
        raise LeaseLost(f"the claim on receipt {results[0].claim.receipt_id} is over")
    document_bytes.keep_tickets(
        conn, [(r.claim.fn_number, r.claim.fd_number, r.ticket) for r in results if r.ticket is not None]
    )
    added.deltas["syncing"] -= len(results)
    added.deltas["synced"] += len(results)
    late = [r for r in results if r.late or r.claim.retry_count]
    if late:
        added.deltas["dlq_open"] -= close_letters(conn, [r.claim.receipt_id for r in late], late[0].at)
    for result in results:
        added.tries.append(_attempt(result.claim, result.at, AttemptOutcome.DONE, None))
        added.events.append(
            journal.entry(
                EventType.RECEIPT_SYNCED,
                result.at,
                receipt_id=result.claim.receipt_id,
                level=EventLevel.INFO if result.note is None else EventLevel.WARNING,
                **({} if result.note is None else {"note": result.note}),
            )
        )


def write_alarm(
    conn: Connection, code: int, at: datetime, *, message: OfdMessage, claim: Claim | None
) -> None:
    """The operator answered with ``code``: it takes the document and finds fault with it. Told once for each
    document, however often it is sent; ``claim`` None: a report, or a receipt without a row."""
    receipt_id = None if claim is None else claim.receipt_id
    if _is_told(conn, (message.fn_number, message.fd_number, code), receipt_id):
        return
    entry = journal.entry(
        EventType.OPERATOR_ALARM,
        at,
        receipt_id=receipt_id,
        level=EventLevel.ERROR,
        code=code,
        register_id=None if claim is None else claim.register_id,
        fn_number=message.fn_number,
        fd_number=message.fd_number,
    )
    journal.write(conn, [entry])


def _is_told(conn: Connection, alarm: tuple[str, int, int], receipt_id: str | None) -> bool:
    """``alarm``: FN, document and code."""
    given = {} if receipt_id is None else {"b_receipt": receipt_id}
    alarms = map(json.loads, conn.execute(_ALARMS if given else _OTHER_ALARMS, given).scalars())
    return any((said.get("fn_number"), said.get("fd_number"), said["code"]) == alarm for said in alarms)


def write_failed(conn: Connection, result: Failed, added: Additions) -> None:
    """A failed attempt. Raises LeaseLost: the claim is over."""
    claim, error = result.claim, result.error[:500]
    done = conn.execute(
        _SET_FAILED,
        {
            "b_seq": claim.seq,
            "b_owner": claim.owner,
            "b_claim": claim.number,
            "b_status": _DEAD if result.to_dead_letters else _AGAIN,
            "b_due": result.due_at,
            "b_counts": int(result.counts),
            "b_error": error,
        },
    )
    if done.rowcount != 1:
        raise LeaseLost(f"the claim on receipt {claim.receipt_id} is over")
    added.deltas["syncing"] -= 1
    added.tries.append(_attempt(claim, result.at, AttemptOutcome.FAILED, error))
    if not result.to_dead_letters:
        added.deltas["pending"] += 1
        added.events.append(
            journal.entry(
                EventType.RECEIPT_RETRY,
                result.at,
                receipt_id=claim.receipt_id,
                level=EventLevel.WARNING,
                error=error,
                retry_count=claim.retry_count + int(result.counts),
            )
        )
        return
    added.deltas["failed"] += 1
    added.deltas["dlq_open"] += 1
    conn.execute(
        insert(dlq).values(
            original_receipt_id=claim.receipt_id,
            failed_at=result.at,
            reason=MAX_RETRIES_EXCEEDED,
            fiscal_doc=select(receipts.c.fiscal_doc).where(receipts.c.seq == claim.seq).scalar_subquery(),
            retry_attempts=claim.retry_count + 1,
            last_error=error,
        )
    )
    added.events.append(
        journal.entry(
            EventType.RECEIPT_FAILED,
            result.at,
            receipt_id=claim.receipt_id,
            level=EventLevel.ERROR,
            error=error,
        )
    )


def _attempt(claim: Claim, ended_at: datetime, outcome: AttemptOutcome, error: str | None) -> tuple[Any, ...]:
    """In the order of ``_INSERT_TRIES``, without the number."""
    return (
        AttemptKind.SEND.value,
        claim.register_id,
        claim.seq,
        claim.owner,
        claim.number,
        millis(claim.started_at),
        millis(ended_at),
        outcome.value,
        error,
    )


def close_letters(conn: Connection, receipt_ids: Sequence[str], at: datetime) -> int:
    """Close the open dead letters of receipts that were delivered after all; returns how many."""
    closed = conn.execute(
        update(dlq)
        .where(dlq.c.original_receipt_id.in_(receipt_ids), dlq.c.resolved_at.is_(None))
        .values(resolved_at=at, resolved_by="system", resolution=LetterResolution.DELIVERED_LATER.value)
    )
    return closed.rowcount

"""Writing down what delivery does: claims, results, dead letters.

A claim is one atomic UPDATE with owner, number and lease time; every later write of that attempt names
all three, so a worker that slept through its claim changes nothing. Counts move in the same transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from kkt_adapter.fiscal import counts, journal
from kkt_adapter.fiscal.journal import EventType, Level
from kkt_adapter.fiscal.tables import UNDELIVERED_ROWS, attempts, dlq, receipts
from kkt_adapter.kernel.errors import LeaseLost

MAX_RETRIES_EXCEEDED = "max_retries_exceeded"
LONGEST_S = 330.0  # a claim and a Retry-After: 300 s (contract 4.1, 4.3); and a clock put right by a little


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRequest:
    """The next receipt of one FN. ``fd_number``: exactly that one (relay); None: the first that is due."""

    fn_number: str
    owner: str
    at: datetime
    lease_until: datetime
    fd_number: int | None = None
    after: int = 0  # of those, one with a higher document number: a pass that ignores due times goes on so
    ignore_due: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One receipt in ``syncing``, ours until ``lease_until``."""

    seq: int
    receipt_id: str
    register_id: str
    fn_number: str
    fd_number: int
    owner: str
    number: int
    retry_count: int
    started_at: datetime
    payload: str
    fiscal_doc: str
    idempotency_key: str
    hlc: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    claim: Claim
    at: datetime
    ofd_id: str | None = None
    server_time: int | None = None
    note: str | None = None  # an alarm for people: a response code other than 0, a duplicate
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A lane's result and its next claim, in one commit."""

    result: Synced | Failed | None
    claim: ClaimRequest | None


_WANTED = (
    receipts.c.seq,
    receipts.c.id,
    receipts.c.register_id,
    receipts.c.fn_number,
    receipts.c.fiscal_doc_number,
    receipts.c.claim,
    receipts.c.retry_count,
    receipts.c.payload,
    receipts.c.fiscal_doc,
    receipts.c.idempotency_key,
    receipts.c.hlc_local_time,
    receipts.c.hlc_logical_counter,
)
_CLAIM = (
    update(receipts)
    .where(
        receipts.c.fn_number == bindparam("b_fn"),
        receipts.c.fiscal_doc_number == bindparam("b_fd"),
        receipts.c.status == "pending",
        receipts.c.print_state == "printed",
    )
    .values(
        status="syncing",
        owner=bindparam("b_owner"),
        claim=receipts.c.claim + 1,
        lease_until=bindparam("b_until"),
    )
    .returning(*_WANTED)
)
_HEAD = (
    select(receipts.c.fiscal_doc_number)
    .where(
        receipts.c.fn_number == bindparam("b_fn"),
        receipts.c.fiscal_doc_number > bindparam("b_after"),
        UNDELIVERED_ROWS,
        receipts.c.status == "pending",
        receipts.c.print_state == "printed",
    )
    .order_by(receipts.c.fiscal_doc_number)
    .limit(1)
)
DUE_HEAD = _HEAD.where(
    or_(
        receipts.c.next_attempt_at.is_(None),
        receipts.c.next_attempt_at <= bindparam("b_now"),
        receipts.c.next_attempt_at > bindparam("b_far"),
    )
)
_OURS = (
    receipts.c.seq == bindparam("b_seq"),
    receipts.c.status == "syncing",
    receipts.c.owner == bindparam("b_owner"),
    receipts.c.claim == bindparam("b_claim"),
)
_SET_SYNCED = (
    update(receipts)
    .where(*_OURS)
    .values(
        status="synced",
        owner=None,
        lease_until=None,
        next_attempt_at=None,
        last_error=None,
        ofd_id=bindparam("b_ofd_id"),
        hlc_server_time=bindparam("b_server"),
        synced_at=bindparam("b_at"),
    )
)
_SET_FAILED = (
    update(receipts)
    .where(*_OURS)
    .values(
        status=bindparam("b_status"),
        owner=None,
        lease_until=None,
        next_attempt_at=bindparam("b_due"),
        retry_count=receipts.c.retry_count + bindparam("b_counts"),
        last_error=bindparam("b_error"),
    )
)
_INSERT_ATTEMPT = insert(attempts)


def step(conn: Connection, steps: Sequence[Step]) -> list[Claim | Exception | None]:
    """For each lane: write its result, then claim its next receipt; None when nothing is due.

    A result whose claim is not ours any more changes nothing: its caller gets LeaseLost.
    """
    counts.lock(conn)
    deltas = {"pending": 0, "syncing": 0, "synced": 0, "failed": 0, "dlq_open": 0}
    events: list[dict[str, Any]] = []
    tries: list[dict[str, Any]] = []
    outcomes: list[Claim | Exception | None] = []
    for one in steps:
        try:
            if isinstance(one.result, Synced):
                _synced(conn, one.result, deltas, events, tries)
            elif one.result is not None:
                _failed(conn, one.result, deltas, events, tries)
        except LeaseLost as lost:
            outcomes.append(lost)
            continue
        outcomes.append(None if one.claim is None else _claim(conn, one.claim, deltas))
    if tries:
        first = counts.take_attempt_ids(conn, len(tries))
        for number, row in enumerate(tries, first):
            row["id"] = number
        conn.execute(_INSERT_ATTEMPT, tries)
    journal.write(conn, events)
    counts.bump(conn, **deltas)
    return outcomes


def _claim(conn: Connection, want: ClaimRequest, deltas: dict[str, int]) -> Claim | None:
    number = want.fd_number
    if number is None:
        head = _HEAD if want.ignore_due else DUE_HEAD
        number = conn.execute(
            head,
            {"b_fn": want.fn_number, "b_after": want.after, "b_now": want.at, "b_far": far(want.at)},
        ).scalar_one_or_none()
        if number is None:
            return None
    row = conn.execute(
        _CLAIM,
        {"b_fn": want.fn_number, "b_fd": number, "b_owner": want.owner, "b_until": want.lease_until},
    ).first()
    if row is None:
        return None
    deltas["pending"] -= 1
    deltas["syncing"] += 1
    return Claim(
        seq=row.seq,
        receipt_id=row.id,
        register_id=row.register_id,
        fn_number=row.fn_number,
        fd_number=row.fiscal_doc_number,
        owner=want.owner,
        number=row.claim,
        retry_count=row.retry_count,
        started_at=want.at,
        payload=row.payload,
        fiscal_doc=row.fiscal_doc,
        idempotency_key=row.idempotency_key,
        hlc=(row.hlc_local_time, row.hlc_logical_counter),
    )


def _require_ours(rowcount: int, claim: Claim) -> None:
    if rowcount != 1:
        raise LeaseLost(f"the claim on receipt {claim.receipt_id} is over")


def _synced(
    conn: Connection,
    result: Synced,
    deltas: dict[str, int],
    events: list[dict[str, Any]],
    tries: list[dict[str, Any]],
) -> None:
    claim = result.claim
    done = conn.execute(
        _SET_SYNCED,
        {
            "b_seq": claim.seq,
            "b_owner": claim.owner,
            "b_claim": claim.number,
            "b_ofd_id": result.ofd_id,
            "b_server": result.server_time,
            "b_at": result.at,
        },
    )
    _require_ours(done.rowcount, claim)
    deltas["syncing"] -= 1
    deltas["synced"] += 1
    if result.late or claim.retry_count:
        deltas["dlq_open"] -= close_letters(conn, [claim.receipt_id], result.at)
    tries.append(_attempt(claim, result.at, "done", None))
    events.append(
        journal.entry(
            EventType.RECEIPT_SYNCED,
            result.at,
            receipt_id=claim.receipt_id,
            level=Level.INFO if result.note is None else Level.WARNING,
            **({} if result.note is None else {"note": result.note}),
        )
    )


def _failed(
    conn: Connection,
    result: Failed,
    deltas: dict[str, int],
    events: list[dict[str, Any]],
    tries: list[dict[str, Any]],
) -> None:
    claim, error = result.claim, result.error[:500]
    done = conn.execute(
        _SET_FAILED,
        {
            "b_seq": claim.seq,
            "b_owner": claim.owner,
            "b_claim": claim.number,
            "b_status": "failed" if result.to_dead_letters else "pending",
            "b_due": result.due_at,
            "b_counts": int(result.counts),
            "b_error": error,
        },
    )
    _require_ours(done.rowcount, claim)
    deltas["syncing"] -= 1
    tries.append(_attempt(claim, result.at, "failed", error))
    if not result.to_dead_letters:
        deltas["pending"] += 1
        events.append(
            journal.entry(
                EventType.RECEIPT_RETRY,
                result.at,
                receipt_id=claim.receipt_id,
                level=Level.WARNING,
                error=error,
                retry_count=claim.retry_count + int(result.counts),
            )
        )
        return
    deltas["failed"] += 1
    deltas["dlq_open"] += 1
    conn.execute(
        insert(dlq).values(
            original_receipt_id=claim.receipt_id,
            failed_at=result.at,
            reason=MAX_RETRIES_EXCEEDED,
            fiscal_doc=claim.fiscal_doc,
            retry_attempts=claim.retry_count + 1,
            last_error=error,
        )
    )
    events.append(
        journal.entry(
            EventType.RECEIPT_FAILED, result.at, receipt_id=claim.receipt_id, level=Level.ERROR, error=error
        )
    )


def _attempt(claim: Claim, ended_at: datetime, outcome: str, error: str | None) -> dict[str, Any]:
    return {
        "what": "send",
        "register_id": claim.register_id,
        "receipt_seq": claim.seq,
        "owner": claim.owner,
        "term": claim.number,
        "started_at": claim.started_at,
        "ended_at": ended_at,
        "outcome": outcome,
        "error": error,
    }


def close_letters(conn: Connection, receipt_ids: Sequence[str], at: datetime) -> int:
    """Close the open dead letters of receipts that were delivered after all; returns how many."""
    closed = conn.execute(
        update(dlq)
        .where(dlq.c.original_receipt_id.in_(receipt_ids), dlq.c.resolved_at.is_(None))
        .values(resolved_at=at, resolved_by="system", resolution="delivered_later")
    )
    return closed.rowcount


def far(now: datetime) -> datetime:
    """No due time and no lease ends later than this, unless the wall clock was ahead when it was written."""
    return now + timedelta(seconds=LONGEST_S)


def release_claims(conn: Connection, *, owners: Sequence[str], before: datetime) -> int:
    """``syncing`` rows back to ``pending``: those of ended ``owners``, and those whose lease ran out.

    A lease that ends too far in the future was taken while the wall clock was wrong: it is over, too.
    """
    counts.lock(conn)
    over = or_(
        receipts.c.owner.in_(list(owners)),
        receipts.c.lease_until < before,
        receipts.c.lease_until > far(before),
    )
    freed = conn.execute(
        update(receipts)
        .where(UNDELIVERED_ROWS, receipts.c.status == "syncing", over)
        .values(status="pending", owner=None, lease_until=None)
    ).rowcount
    counts.bump(conn, pending=freed, syncing=-freed)
    return freed


def claim_owners(conn: Connection) -> list[str]:
    """Who holds claims at the moment."""
    rows = conn.execute(
        select(receipts.c.owner).where(UNDELIVERED_ROWS, receipts.c.status == "syncing").distinct()
    )
    return [owner for (owner,) in rows if owner]

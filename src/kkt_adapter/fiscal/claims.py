"""Writing down what delivery does: claims, results, dead letters.

A claim is one atomic UPDATE with owner, number and lease time; every later write of that attempt names
all three, so a worker that slept through its claim changes nothing. Counts move in the same transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, exists, insert, or_, select, update

from kkt_adapter.fiscal import counts, journal
from kkt_adapter.fiscal.journal import EventType, Level
from kkt_adapter.fiscal.tables import UNDELIVERED_ROWS, attempts, dlq, millis, receipts
from kkt_adapter.kernel.errors import LeaseLost
from kkt_adapter.runtime.bulk import bulk, bulk_insert

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
_CLAIM = bulk(
    (receipts.c.fn_number, receipts.c.fiscal_doc_number, receipts.c.owner, receipts.c.lease_until),
    lambda given: (
        update(receipts)
        .where(
            receipts.c.fn_number == given.c.fn_number,
            receipts.c.fiscal_doc_number == given.c.fiscal_doc_number,
            receipts.c.status == "pending",
            receipts.c.print_state == "printed",
        )
        .values(
            status="syncing",
            owner=given.c.owner,
            claim=receipts.c.claim + 1,
            lease_until=given.c.lease_until,
        )
        .returning(*_WANTED)
    ),
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
# Another process has an older document of this FN in hand: order is kept by waiting for it, or for the end of
# its claim. Older ones only, so that a backlog behind the head is never walked through.
_elsewhere = receipts.alias("elsewhere")
_OLDER_IN_HAND = exists(
    select(_elsewhere.c.seq)
    .where(
        _elsewhere.c.fn_number == receipts.c.fn_number,
        _elsewhere.c.fiscal_doc_number < receipts.c.fiscal_doc_number,
        UNDELIVERED_ROWS,
        _elsewhere.c.status == "syncing",
        _elsewhere.c.owner != bindparam("b_owner"),
    )
    .correlate(receipts)
).label("older_in_hand")
_HEAD_FOR_CLAIM = _HEAD.add_columns(_OLDER_IN_HAND)
_DUE_HEAD_FOR_CLAIM = DUE_HEAD.add_columns(_OLDER_IN_HAND)
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
            receipts.c.status == "syncing",
            receipts.c.owner == given.c.owner,
            receipts.c.claim == given.c.claim,
        )
        .values(
            status="synced",
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
_SET_FAILED = (
    update(receipts)
    .where(
        receipts.c.seq == bindparam("b_seq"),
        receipts.c.status == "syncing",
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


def step(conn: Connection, steps: Sequence[Step]) -> list[Claim | Exception | None]:
    """For each lane: write its result, then claim its next receipt; None when nothing is due.

    A result whose claim is not ours any more changes nothing.

    Raises:
        LeaseLost: such a result is among the delivered ones. In a group of several its caller gets it alone:
            the group is repeated step by step.
    """
    counts.lock(conn)
    deltas = {"pending": 0, "syncing": 0, "synced": 0, "failed": 0, "dlq_open": 0}
    events: list[dict[str, Any]] = []
    tries: list[tuple[Any, ...]] = []
    lost: dict[int, LeaseLost] = {}  # by the step's place
    _synced(conn, [one.result for one in steps if isinstance(one.result, Synced)], deltas, events, tries)
    for place, one in enumerate(steps):
        if isinstance(one.result, Failed):
            try:
                _failed(conn, one.result, deltas, events, tries)
            except LeaseLost as error:
                lost[place] = error
    claimed = _claim(
        conn, [one.claim for place, one in enumerate(steps) if one.claim and place not in lost], deltas
    )
    if tries:
        first = counts.take_attempt_ids(conn, len(tries))
        _INSERT_TRIES.run(conn, [(number, *row) for number, row in enumerate(tries, first)])
    journal.write(conn, events)
    counts.bump(conn, **deltas)
    return [
        lost.get(place) or (claimed.pop(one.claim.fn_number, None) if one.claim else None)
        for place, one in enumerate(steps)
    ]


def _claim(conn: Connection, wanted: Sequence[ClaimRequest], deltas: dict[str, int]) -> dict[str, Claim]:
    """One receipt for each FN that has one, by FN."""
    by_fn = {want.fn_number: want for want in wanted}
    heads = {
        fn_number: _head(conn, want) if want.fd_number is None else want.fd_number
        for fn_number, want in by_fn.items()
    }
    rows = _CLAIM.rows(
        conn,
        [
            (fn_number, number, by_fn[fn_number].owner, millis(by_fn[fn_number].lease_until))
            for fn_number, number in heads.items()
            if number is not None
        ],
    )
    deltas["pending"] -= len(rows)
    deltas["syncing"] += len(rows)
    return {row[3]: _claimed(by_fn[row[3]], row) for row in rows}


def _head(conn: Connection, want: ClaimRequest) -> int | None:
    """The next one to claim; None also while another process sends an older one of the same FN."""
    head = _HEAD_FOR_CLAIM if want.ignore_due else _DUE_HEAD_FOR_CLAIM
    given = {"b_fn": want.fn_number, "b_after": want.after, "b_owner": want.owner}
    found = conn.execute(head, given | {"b_now": want.at, "b_far": far(want.at)}).first()
    return None if found is None or found.older_in_hand else int(found.fiscal_doc_number)


def _claimed(want: ClaimRequest, row: tuple[Any, ...]) -> Claim:
    """``row`` in the order of ``_WANTED``."""
    seq, receipt_id, register_id, fn_number, fd_number, number, retries, payload, doc, key, *hlc = row
    return Claim(
        seq=seq,
        receipt_id=receipt_id,
        register_id=register_id,
        fn_number=fn_number,
        fd_number=fd_number,
        owner=want.owner,
        number=number,
        retry_count=retries,
        started_at=want.at,
        payload=payload,
        fiscal_doc=doc,
        idempotency_key=key,
        hlc=(hlc[0], hlc[1]),
    )


def _synced(
    conn: Connection,
    results: Sequence[Synced],
    deltas: dict[str, int],
    events: list[dict[str, Any]],
    tries: list[tuple[Any, ...]],
) -> None:
    written = _SET_SYNCED.run(
        conn,
        [
            (r.claim.seq, r.claim.owner, r.claim.number, r.ofd_id, r.server_time, millis(r.at))
            for r in results
        ],
    )
    if written != len(results):
        raise LeaseLost(f"the claim on receipt {results[0].claim.receipt_id} is over")
    deltas["syncing"] -= len(results)
    deltas["synced"] += len(results)
    late = [r for r in results if r.late or r.claim.retry_count]
    if late:
        deltas["dlq_open"] -= close_letters(conn, [r.claim.receipt_id for r in late], late[0].at)
    for result in results:
        tries.append(_attempt(result.claim, result.at, "done", None))
        events.append(
            journal.entry(
                EventType.RECEIPT_SYNCED,
                result.at,
                receipt_id=result.claim.receipt_id,
                level=Level.INFO if result.note is None else Level.WARNING,
                **({} if result.note is None else {"note": result.note}),
            )
        )


def _failed(
    conn: Connection,
    result: Failed,
    deltas: dict[str, int],
    events: list[dict[str, Any]],
    tries: list[tuple[Any, ...]],
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
    if done.rowcount != 1:
        raise LeaseLost(f"the claim on receipt {claim.receipt_id} is over")
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


def _attempt(claim: Claim, ended_at: datetime, outcome: str, error: str | None) -> tuple[Any, ...]:
    """In the order of ``_INSERT_TRIES``, without the number."""
    return (
        "send",
        claim.register_id,
        claim.seq,
        claim.owner,
        claim.number,
        millis(claim.started_at),
        millis(ended_at),
        outcome,
        error,
    )


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

"""Which process delivers a receipt.

A claim is one atomic UPDATE with owner, number and lease time; every later write of that attempt names
owner and number, so a worker that slept through its claim changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, bindparam, exists, or_, select, update

from kkt_adapter.fiscal.lifecycle import PrintState, Status, delivery_move
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.tables import UNDELIVERED_ROWS, receipts
from kkt_adapter.kernel.quick import quickly_made
from kkt_adapter.runtime.db.bulk import Bulk, bulk
from kkt_adapter.runtime.db.columns import constant, millis

# a claim (delivery.md#claims), a Retry-After (delivery.md#circuit-breaker), a clock put right by a little
LONGEST_S = 330.0


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRequest:
    """The next receipt of one FN that is due, with what it says."""

    fn_number: str
    owner: str
    at: datetime
    lease_until: datetime
    after: int = 0  # of those, one with a higher document number: a pass that ignores due times goes on so
    ignore_due: bool = False


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRequest:
    """The receipts of these document numbers of one FN, as far as they wait; what they say is not read."""

    fn_number: str
    fd_numbers: Sequence[int]
    owner: str
    at: datetime
    lease_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedContents:
    """What a claimed receipt says, as stored."""

    payload: str
    fiscal_doc: str
    idempotency_key: str
    hlc: tuple[int, int]


@quickly_made
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
    contents: ClaimedContents | None = None  # None: of a block


_WANTED = (
    receipts.c.seq,
    receipts.c.id,
    receipts.c.register_id,
    receipts.c.fn_number,
    receipts.c.fiscal_doc_number,
    receipts.c.claim,
    receipts.c.retry_count,
)
_CONTENTS = (
    receipts.c.payload,
    receipts.c.fiscal_doc,
    receipts.c.idempotency_key,
    receipts.c.hlc_local_time,
    receipts.c.hlc_logical_counter,
)


def _claiming(*wanted: Column[Any]) -> Bulk:
    return bulk(
        (receipts.c.fn_number, receipts.c.fiscal_doc_number, receipts.c.owner, receipts.c.lease_until),
        lambda given: (
            update(receipts)
            .where(
                receipts.c.fn_number == given.c.fn_number,
                receipts.c.fiscal_doc_number == given.c.fiscal_doc_number,
                receipts.c.status == constant(Status.PENDING),
                receipts.c.print_state == constant(PrintState.PRINTED),
            )
            .values(
                status=delivery_move(Status.PENDING, Status.SYNCING),
                owner=given.c.owner,
                claim=receipts.c.claim + 1,
                lease_until=given.c.lease_until,
            )
            .returning(*wanted)
        ),
    )


_CLAIM = _claiming(*_WANTED)  # a stored receipt is some kilobytes: only the sender reads it
_CLAIM_WITH_CONTENTS = _claiming(*_WANTED, *_CONTENTS)
_GIVE_BACK = bulk(
    (receipts.c.seq, receipts.c.owner, receipts.c.claim),
    lambda given: (
        update(receipts)
        .where(
            receipts.c.seq == given.c.seq,
            receipts.c.status == constant(Status.SYNCING),
            receipts.c.owner == given.c.owner,
            receipts.c.claim == given.c.claim,
        )
        .values(status=delivery_move(Status.SYNCING, Status.PENDING), owner=None, lease_until=None)
    ),
)
_HEAD = (
    select(receipts.c.fiscal_doc_number)
    .where(
        receipts.c.fn_number == bindparam("b_fn"),
        receipts.c.fiscal_doc_number > bindparam("b_after"),
        UNDELIVERED_ROWS,
        receipts.c.status == constant(Status.PENDING),
        receipts.c.print_state == constant(PrintState.PRINTED),
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
# Another process has an older document of this FN in flight: order is kept by waiting for it, or for the end
# of its claim. Older ones only, so that a backlog behind the head is never walked through.
_elsewhere = receipts.alias("elsewhere")
_OLDER_IN_FLIGHT = exists(
    select(_elsewhere.c.seq)
    .where(
        _elsewhere.c.fn_number == receipts.c.fn_number,
        _elsewhere.c.fiscal_doc_number < receipts.c.fiscal_doc_number,
        UNDELIVERED_ROWS,
        _elsewhere.c.status == constant(Status.SYNCING),
        _elsewhere.c.owner != bindparam("b_owner"),
    )
    .correlate(receipts)
).label("older_in_flight")
_HEAD_FOR_CLAIM = _HEAD.add_columns(_OLDER_IN_FLIGHT)
_DUE_HEAD_FOR_CLAIM = DUE_HEAD.add_columns(_OLDER_IN_FLIGHT)


def take(conn: Connection, wanted: Sequence[ClaimRequest]) -> dict[str, Claim]:
    """Claim one receipt for each FN that has one, by FN; the caller counts them."""
    by_fn = {want.fn_number: want for want in wanted}
    heads = {fn_number: _head(conn, want) for fn_number, want in by_fn.items()}
    rows = _CLAIM_WITH_CONTENTS.rows(
        conn,
        [
            (fn_number, number, by_fn[fn_number].owner, millis(by_fn[fn_number].lease_until))
            for fn_number, number in heads.items()
            if number is not None
        ],
    )
    return {row[3]: _claimed(by_fn[row[3]], row) for row in rows}


def take_blocks(conn: Connection, wanted: Sequence[BlockRequest]) -> dict[str, list[Claim]]:
    """Claim what waits of each block, by FN, in the order of documents; the caller counts them."""
    by_fn = {want.fn_number: want for want in wanted}
    rows = _CLAIM.rows(
        conn,
        [
            (want.fn_number, number, want.owner, millis(want.lease_until))
            for want in by_fn.values()
            for number in want.fd_numbers
        ],
    )
    found: dict[str, list[Claim]] = {}
    for row in sorted(rows, key=lambda row: row[4]):
        found.setdefault(row[3], []).append(_claimed(by_fn[row[3]], row))
    return found


def give_back(conn: Connection, taken: Sequence[Claim]) -> int:
    """Claims of documents that were not sent after all; returns how many were still ours."""
    return _GIVE_BACK.run(conn, [(one.seq, one.owner, one.number) for one in taken])


def _head(conn: Connection, want: ClaimRequest) -> int | None:
    """The next one to claim; None also while another process sends an older one of the same FN."""
    head = _HEAD_FOR_CLAIM if want.ignore_due else _DUE_HEAD_FOR_CLAIM
    given = {"b_fn": want.fn_number, "b_after": want.after, "b_owner": want.owner}
    found = conn.execute(head, given | {"b_now": want.at, "b_far": far(want.at)}).first()
    return None if found is None or found.older_in_flight else int(found.fiscal_doc_number)


def _claimed(want: ClaimRequest | BlockRequest, row: tuple[Any, ...]) -> Claim:
    """``row`` in the order of ``_WANTED``, and of ``_CONTENTS`` if they were read."""
    seq, receipt_id, register_id, fn_number, fd_number, number, retries, *rest = row
    contents = None
    if rest:
        payload, doc, key, *hlc = rest
        contents = ClaimedContents(payload=payload, fiscal_doc=doc, idempotency_key=key, hlc=(hlc[0], hlc[1]))
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
        contents=contents,
    )


def far(now: datetime) -> datetime:
    """No due time and no lease ends later than this, unless the wall clock was ahead when it was written."""
    return now + timedelta(seconds=LONGEST_S)


def release_claims(conn: Connection, *, owners: Sequence[str], before: datetime) -> int:
    """``syncing`` rows back to ``pending``: those of ended ``owners``, and those whose lease ran out.

    A lease that ends too far in the future was taken while the wall clock was wrong: it is over, too.
    """
    counters.lock(conn)
    over = or_(
        receipts.c.owner.in_(list(owners)),
        receipts.c.lease_until < before,
        receipts.c.lease_until > far(before),
    )
    freed = conn.execute(
        update(receipts)
        .where(UNDELIVERED_ROWS, receipts.c.status == constant(Status.SYNCING), over)
        .values(status=delivery_move(Status.SYNCING, Status.PENDING), owner=None, lease_until=None)
    ).rowcount
    counters.bump(conn, pending=freed, syncing=-freed)
    return freed


def claim_owners(conn: Connection) -> list[str]:
    """Who holds claims at the moment."""
    rows = conn.execute(
        select(receipts.c.owner)
        .where(UNDELIVERED_ROWS, receipts.c.status == constant(Status.SYNCING))
        .distinct()
    )
    return [owner for (owner,) in rows if owner]

"""Which receipts wait for delivery, and which of them an FN says are confirmed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, or_, select, update

from kkt_adapter.fiscal.delivery.claims import DUE_HEAD, far
from kkt_adapter.fiscal.delivery.results import close_letters
from kkt_adapter.fiscal.lifecycle import DELIVERY_MOVES, PrintState, Status, sources
from kkt_adapter.fiscal.store import counters, events
from kkt_adapter.fiscal.store.events import EventType
from kkt_adapter.fiscal.store.tables import FAILED_ROWS, UNDELIVERED_ROWS, receipts
from kkt_adapter.runtime.db.columns import constant


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingFn:
    """One FN with undelivered receipts."""

    fn_number: str
    register_id: str
    head_fd: int
    head_retry_count: int
    due: bool


def undelivered_fns(conn: Connection) -> list[tuple[str, str]]:
    """Every FN that has undelivered printed receipts, with its register; FNs that were replaced included."""
    rows = conn.execute(
        select(receipts.c.fn_number, receipts.c.register_id)
        .where(UNDELIVERED_ROWS, receipts.c.fn_number.is_not(None))
        .distinct()
    )
    return sorted((fn, register_id) for fn, register_id in rows)


def waiting_fns(conn: Connection, fn_numbers: Sequence[str], *, now: datetime) -> list[WaitingFn]:
    """For each FN the oldest pending receipt, and whether any of its receipts is due."""
    found = []
    for fn_number in fn_numbers:
        row = _pending(conn, fn_number)
        if row is None:
            continue
        due = (
            conn.execute(DUE_HEAD, {"b_fn": fn_number, "b_after": 0, "b_now": now, "b_far": far(now)}).first()
            is not None
        )
        found.append(
            WaitingFn(
                fn_number=fn_number,
                register_id=row.register_id,
                head_fd=row.fiscal_doc_number,
                head_retry_count=row.retry_count,
                due=due,
            )
        )
    return found


def next_due_at(conn: Connection, fn_number: str, *, now: datetime) -> datetime | None:
    """When the next receipt of this FN that waits for its due time may be sent; None: none waits."""
    found: datetime | None = conn.execute(
        select(func.min(receipts.c.next_attempt_at)).where(
            receipts.c.fn_number == fn_number,
            UNDELIVERED_ROWS,
            receipts.c.status == constant(Status.PENDING),
            receipts.c.next_attempt_at > now,
            receipts.c.next_attempt_at <= far(now),
        )
    ).scalar_one()
    return found


def _pending(conn: Connection, fn_number: str) -> Any:
    return conn.execute(
        select(
            receipts.c.register_id,
            receipts.c.fiscal_doc_number,
            receipts.c.retry_count,
            receipts.c.next_attempt_at,
        )
        .where(
            receipts.c.fn_number == fn_number,
            UNDELIVERED_ROWS,
            receipts.c.status == constant(Status.PENDING),
            receipts.c.print_state == constant(PrintState.PRINTED),
        )
        .order_by(receipts.c.fiscal_doc_number)
        .limit(1)
    ).first()


_MAY_BE_SYNCED = or_(*(receipts.c.status == constant(old) for old in sources(DELIVERY_MOVES, Status.SYNCED)))
_BELOW = (
    select(receipts.c.seq)
    .where(receipts.c.fn_number == bindparam("b_fn"), receipts.c.fiscal_doc_number < bindparam("b_below"))
    .limit(1)
)
_UNDELIVERED_BELOW = _BELOW.where(UNDELIVERED_ROWS)
_FAILED_BELOW = _BELOW.where(FAILED_ROWS)


def behind_fn(conn: Connection, fn_number: str, *, below: int) -> bool:
    """Is there a receipt below this document number that our rows do not call synced?"""
    given = {"b_fn": fn_number, "b_below": below}
    return any(conn.execute(one, given).first() is not None for one in (_UNDELIVERED_BELOW, _FAILED_BELOW))


def confirmed_by_fn(conn: Connection, fn_number: str, *, below: int, at: datetime) -> int:
    """The FN says that every document below ``below`` is confirmed: so are its receipts.

    Covers ``pending``, ``syncing`` (a break between the FN's confirmation and our row) and ``failed``.
    Returns how many receipts became ``synced``.
    """
    counters.lock(conn)
    rows = conn.execute(
        select(receipts.c.seq, receipts.c.id, receipts.c.status, receipts.c.retry_count)
        .where(
            receipts.c.fn_number == fn_number,
            receipts.c.fiscal_doc_number < below,
            UNDELIVERED_ROWS,
        )
        .union_all(
            select(receipts.c.seq, receipts.c.id, receipts.c.status, receipts.c.retry_count).where(
                FAILED_ROWS,
                receipts.c.fn_number == fn_number,
                receipts.c.fiscal_doc_number < below,
            )
        )
    ).all()
    if not rows:
        return 0
    conn.execute(
        update(receipts)
        .where(receipts.c.seq == bindparam("b_seq"), _MAY_BE_SYNCED)
        .values(
            status=Status.SYNCED.value,
            owner=None,
            lease_until=None,
            next_attempt_at=None,
            last_error=None,
            synced_at=bindparam("b_at"),
        ),
        [{"b_seq": row.seq, "b_at": at} for row in rows],
    )
    by_status: dict[str, int] = {}
    for row in rows:
        by_status[row.status] = by_status.get(row.status, 0) + 1
    failed = [row.id for row in rows if row.status == Status.FAILED]
    letters = close_letters(conn, failed, at) if failed else 0
    events.write(
        conn,
        [events.entry(EventType.RECEIPT_SYNCED, at, receipt_id=row.id, confirmed_by="fn") for row in rows],
    )
    counters.bump(
        conn,
        pending=-by_status.get(Status.PENDING, 0),
        syncing=-by_status.get(Status.SYNCING, 0),
        failed=-by_status.get(Status.FAILED, 0),
        synced=len(rows),
        dlq_open=-letters,
    )
    return len(rows)


def failed_head(conn: Connection, fn_number: str, fd_number: int) -> bool:
    """Is this document a receipt in the dead letters, which the FN still keeps at its head?"""
    return (
        conn.execute(
            select(receipts.c.seq).where(
                receipts.c.fn_number == fn_number,
                receipts.c.fiscal_doc_number == fd_number,
                receipts.c.status == constant(Status.FAILED),
            )
        ).first()
        is not None
    )

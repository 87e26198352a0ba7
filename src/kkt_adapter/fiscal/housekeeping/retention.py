"""What may be forgotten, and when (data.md#retention).

Every step deletes at most about 500 rows in one short transaction, so that sales go on beside it. Long tables
are walked in the order of their primary key, from a cursor, and a walk ends with the first step that meets
nothing old: old rows lie at the beginning. Never deleted: what is pending, failed or unprinted; an event that
a back office has not acknowledged, and the receipt it is about; a dead letter that nobody resolved; a key
whose receipt is there; the newest document of an FN, which tells a lane whether the FN is ahead.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, false, func, literal, select, tuple_

from kkt_adapter.fiscal.lifecycle import PrintState, Status
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.alert_tables import alerts
from kkt_adapter.fiscal.store.orphan_documents import newest_number
from kkt_adapter.fiscal.store.session_tables import cash_transactions, pos_sessions
from kkt_adapter.fiscal.store.tables import (
    attempts,
    back_office_acks,
    buffer_events,
    callbacks,
    dlq,
    document_bytes,
    documents,
    idempotency,
    receipt_links,
    receipts,
    rejected_documents,
    report_keys,
    shifts,
)

NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # nothing is from before that
STEP_ROWS = 500  # data.md#retention
MAX_FD_NUMBER = 2**32  # tag 1040 has four bytes
RECEIPTS_A_LOOK = 100  # each takes its attempts and its document along
EVENTS_LIVE = timedelta(days=90)  # and alerts that are over
BYTES_LIVE = timedelta(days=400)  # of documents, unless another time is set
LETTERS_LIVE = timedelta(days=90)  # after they were resolved
KEYS_LIVE = timedelta(days=30)  # and as long as their receipt
DOOR_LIVES = timedelta(days=32)  # of a shop's receipt after its outcome (ATOL Online v4 5.23, section 5)
ACTION_KEYS_LIVE = DOOR_LIVES  # of cash movements and reports, which shops send through doors too
BOOKS_LIVE = timedelta(days=5 * 366)  # sessions, shifts, cash movements


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Whatever is from before these moments may go; aware UTC. ``told``: events up to this id are no longer
    wanted by any back office; None: nobody waits for any."""

    receipts: datetime  # by synced_at
    door_receipts: datetime  # by synced_at: a shop asks for its receipts so long
    documents: datetime  # their bytes
    events: datetime
    letters: datetime  # by resolved_at
    keys: datetime
    actions: datetime
    books: datetime
    told: int | None

    @classmethod
    def at(
        cls,
        now: datetime,
        *,
        receipts_live: timedelta,
        told: int | None,
        may_forget: Callable[[timedelta], bool],
        documents_live: timedelta = BYTES_LIVE,
    ) -> "Limits":
        """``may_forget``: is a row that looks so old surely so old? Where not, nothing of that age goes."""

        def edge(live: timedelta) -> datetime:
            return now - live if may_forget(live) else NEVER

        return cls(
            receipts=edge(receipts_live),
            door_receipts=edge(max(receipts_live, DOOR_LIVES)),
            documents=edge(documents_live),
            events=edge(EVENTS_LIVE),
            letters=edge(LETTERS_LIVE),
            keys=edge(KEYS_LIVE),
            actions=edge(ACTION_KEYS_LIVE),
            books=edge(BOOKS_LIVE),
            told=told,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionBatch:
    """What one step found: ids that may go, and where the next step begins (None: nothing old is left)."""

    old: Sequence[Any]
    next: Any | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionKind:
    """One kind of rows. ``look`` only reads; ``forget`` deletes what it is given and counts the rows."""

    look: Callable[[Connection, Limits, Any], RetentionBatch]
    forget: Callable[[Connection, Sequence[Any]], int]
    begin: Any = 0  # the cursor of the first look


def _look_at_receipts(conn: Connection, limits: Limits, after: int) -> RetentionBatch:
    """As many as make one step together with what goes along with them."""
    columns = (receipts.c.seq, receipts.c.created_at, receipts.c.synced_at, receipts.c.door)
    done = (receipts.c.status == Status.SYNCED) & (receipts.c.print_state == PrintState.PRINTED)
    rows = conn.execute(
        select(*columns, (done & ~_still_wanted(limits)).label("done"))
        .where(receipts.c.seq > after)
        .order_by(receipts.c.seq)
        .limit(RECEIPTS_A_LOOK)
    ).all()
    old = [row.seq for row in rows if row.done and row.synced_at and row.synced_at < _edge(limits, row.door)]
    tries = _attempts_of(conn, old)
    room = STEP_ROWS
    for index, seq in enumerate(old):
        room -= tries.get(seq, 0) + 2  # the receipt and its document
        if room < 0:
            return RetentionBatch(old=old[: max(index, 1)], next=seq - 1)
    more = any(row.created_at < limits.receipts for row in rows)
    return RetentionBatch(old=old, next=rows[-1].seq if more else None)


def _edge(limits: Limits, door: str | None) -> datetime:
    return limits.receipts if door is None else limits.door_receipts


def _still_wanted(limits: Limits) -> ColumnElement[bool]:
    """Is there an event of this receipt that a back office has not acknowledged?"""
    if limits.told is None:
        return false()
    events = select(buffer_events.c.id).where(
        buffer_events.c.receipt_id == receipts.c.id, buffer_events.c.id > limits.told
    )
    return events.exists()


def _attempts_of(conn: Connection, seqs: Sequence[int]) -> dict[int, int]:
    rows = conn.execute(
        select(attempts.c.receipt_seq, func.count().label("n"))
        .where(attempts.c.receipt_seq.in_(seqs))
        .group_by(attempts.c.receipt_seq)
    )
    return {row.receipt_seq: row.n for row in rows}


def _forget_receipts(conn: Connection, seqs: Sequence[int]) -> int:
    counters.lock(conn)
    still = (receipts.c.seq.in_(seqs), receipts.c.status == Status.SYNCED)
    rows = conn.execute(
        select(receipts.c.seq, receipts.c.fn_number, receipts.c.fiscal_doc_number).where(*still)
    ).all()
    found = [row.seq for row in rows]
    these_attempts = select(attempts.c.id).where(attempts.c.receipt_seq.in_(found)).limit(STEP_ROWS)
    gone = conn.execute(delete(attempts).where(attempts.c.id.in_(these_attempts))).rowcount
    if gone == STEP_ROWS:  # one receipt with more attempts than a step takes: it goes in a later step
        return gone
    numbers: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        numbers[row.fn_number].append(row.fiscal_doc_number)
    for fn_number, made in numbers.items():
        newest = newest_number(conn, fn_number)
        these = documents.c.fd_number.in_([number for number in made if number != newest])
        gone += conn.execute(delete(documents).where(documents.c.fn_number == fn_number, these)).rowcount
    gone += conn.execute(
        delete(rejected_documents).where(rejected_documents.c.receipt_seq.in_(found))
    ).rowcount
    gone += conn.execute(delete(receipt_links).where(receipt_links.c.receipt_seq.in_(found))).rowcount
    gone += conn.execute(delete(callbacks).where(callbacks.c.receipt_seq.in_(found))).rowcount
    forgotten = conn.execute(delete(receipts).where(receipts.c.seq.in_(found))).rowcount
    counters.bump(conn, synced=-forgotten)
    return gone + forgotten


def _look_at_keys(conn: Connection, limits: Limits, after: int) -> RetentionBatch:
    rows = conn.execute(
        select(idempotency.c.seq, idempotency.c.created_at, receipts.c.seq.label("receipt"))
        .outerjoin_from(idempotency, receipts, receipts.c.seq == idempotency.c.seq)
        .where(idempotency.c.seq > after)
        .order_by(idempotency.c.seq)
        .limit(STEP_ROWS)
    ).all()
    old = [row.seq for row in rows if row.receipt is None and row.created_at < limits.keys]
    more = any(row.created_at < limits.keys for row in rows)
    return RetentionBatch(old=old, next=rows[-1].seq if more else None)


def _walk(table: Table, column: str, limit: str) -> Callable[[Connection, Limits, Any], RetentionBatch]:
    """Along a numbered table that grows at its end: rows whose ``column`` is before the limit."""

    def look(conn: Connection, limits: Limits, after: int) -> RetentionBatch:
        before: datetime = getattr(limits, limit)
        rows = conn.execute(
            select(table.c.id, table.c[column])
            .where(table.c.id > after)
            .order_by(table.c.id)
            .limit(STEP_ROWS)
        ).all()
        old = [number for number, at in rows if at is not None and at < before]
        return RetentionBatch(old=old, next=rows[-1].id if old else None)

    return look


def _look_at_events(conn: Connection, limits: Limits, after: int) -> RetentionBatch:
    found = _walk(buffer_events, "timestamp", "events")(conn, limits, after)
    if limits.told is None or found.next is None or found.next <= limits.told:
        return found
    return RetentionBatch(old=[number for number in found.old if number <= limits.told], next=None)


def _search(
    key: ColumnElement[Any], where: Callable[[Limits], ColumnElement[bool]]
) -> Callable[[Connection, Limits, Any], RetentionBatch]:
    """In a table that stays small: whatever fits, a step's worth at a time."""

    def look(conn: Connection, limits: Limits, _: Any) -> RetentionBatch:
        old = list(conn.execute(select(key).where(where(limits)).limit(STEP_ROWS)).scalars())
        return RetentionBatch(old=old, next=0 if len(old) == STEP_ROWS else None)

    return look


def _delete(key: ColumnElement[Any], table: Table) -> Callable[[Connection, Sequence[Any]], int]:
    return lambda conn, ids: conn.execute(delete(table).where(key.in_(ids))).rowcount


def _look_at_shifts(conn: Connection, limits: Limits, _: Any) -> RetentionBatch:
    """Times there are the register's wall clock as text; a day more or less does not matter after years."""
    rows = conn.execute(
        select(shifts.c.register_id, shifts.c.fn_number, shifts.c.shift_number)
        .where(shifts.c.closed_at < limits.books.replace(tzinfo=None).isoformat())
        .limit(STEP_ROWS)
    )
    old = [tuple(row) for row in rows]
    return RetentionBatch(old=old, next=0 if len(old) == STEP_ROWS else None)


def _forget_shifts(conn: Connection, keys: Sequence[tuple[str, str, int]]) -> int:
    gone = 0
    for register_id, fn_number, number in keys:
        done = conn.execute(
            delete(shifts).where(
                shifts.c.register_id == register_id,
                shifts.c.fn_number == fn_number,
                shifts.c.shift_number == number,
            )
        )
        gone += done.rowcount
    return gone


def _look_at_bytes(conn: Connection, limits: Limits, after: tuple[str, int]) -> RetentionBatch:
    """Along the numbers of each FN, which rise with time; from its first young document on to the next FN."""
    key = (document_bytes.c.fn_number, document_bytes.c.fd_number)
    rows = conn.execute(
        select(*key, document_bytes.c.kept_at)
        .where(tuple_(*key) > tuple_(literal(after[0]), literal(after[1])))
        .order_by(*key)
        .limit(STEP_ROWS)
    ).all()
    old: list[tuple[str, int]] = []
    for row in rows:
        if row.kept_at >= limits.documents:
            return RetentionBatch(old=old, next=(row.fn_number, MAX_FD_NUMBER))
        old.append((row.fn_number, row.fd_number))
    return RetentionBatch(old=old, next=old[-1] if old else None)


def _forget_bytes(conn: Connection, keys: Sequence[tuple[str, int]]) -> int:
    gone = 0
    numbers: dict[str, list[int]] = defaultdict(list)
    for fn_number, fd_number in keys:
        numbers[fn_number].append(fd_number)
    for fn_number, made in numbers.items():
        these = (document_bytes.c.fn_number == fn_number, document_bytes.c.fd_number.in_(made))
        gone += conn.execute(delete(document_bytes).where(*these)).rowcount
    return gone


def _look_at_acknowledgements(conn: Connection, limits: Limits, _: Any) -> RetentionBatch:
    """As long as the events that they are about."""
    key = (back_office_acks.c.name, back_office_acks.c.event_id)
    rows = conn.execute(select(*key).where(back_office_acks.c.at < limits.events).limit(STEP_ROWS))
    old = [tuple(row) for row in rows]
    return RetentionBatch(old=old, next=0 if len(old) == STEP_ROWS else None)


def _forget_acknowledgements(conn: Connection, keys: Sequence[tuple[str, int]]) -> int:
    these = tuple_(back_office_acks.c.name, back_office_acks.c.event_id).in_(keys)
    return conn.execute(delete(back_office_acks).where(these)).rowcount


KINDS: Mapping[str, RetentionKind] = MappingProxyType(
    {
        "receipts": RetentionKind(look=_look_at_receipts, forget=_forget_receipts),
        "keys": RetentionKind(look=_look_at_keys, forget=_delete(idempotency.c.seq, idempotency)),
        "report_keys": RetentionKind(
            look=_search(report_keys.c.key_hash, lambda limits: report_keys.c.created_at < limits.actions),
            forget=_delete(report_keys.c.key_hash, report_keys),
        ),
        "events": RetentionKind(
            look=_look_at_events,
            forget=_delete(buffer_events.c.id, buffer_events),
        ),
        "acknowledgements": RetentionKind(
            look=_look_at_acknowledgements,
            forget=_forget_acknowledgements,
        ),
        "report_attempts": RetentionKind(  # of shifts and cash: those of receipts go with them
            look=_search(
                attempts.c.id,
                lambda limits: attempts.c.receipt_seq.is_(None) & (attempts.c.ended_at < limits.books),
            ),
            forget=_delete(attempts.c.id, attempts),
        ),
        "alerts": RetentionKind(
            look=_search(alerts.c.id, lambda limits: alerts.c.ended_at < limits.events),
            forget=_delete(alerts.c.id, alerts),
        ),
        "dead_letters": RetentionKind(
            look=_search(
                dlq.c.id, lambda limits: (dlq.c.resolved_at < limits.letters) & dlq.c.outcome.is_(None)
            ),
            forget=_delete(dlq.c.id, dlq),
        ),
        "cash_movements": RetentionKind(
            look=_walk(cash_transactions, "timestamp", "books"),
            forget=_delete(cash_transactions.c.id, cash_transactions),
        ),
        "sessions": RetentionKind(
            look=_search(pos_sessions.c.session_id, lambda limits: pos_sessions.c.closed_at < limits.books),
            forget=_delete(pos_sessions.c.session_id, pos_sessions),
        ),
        "document_bytes": RetentionKind(look=_look_at_bytes, forget=_forget_bytes, begin=("", 0)),
        "shifts": RetentionKind(look=_look_at_shifts, forget=_forget_shifts),
    }
)

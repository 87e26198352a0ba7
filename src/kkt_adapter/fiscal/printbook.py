"""The print book: what became of each receipt at its register, written down.

``printed`` runs for every receipt and takes many at a time. ``printing`` is never set without an open
attempt row that names the FN's position, and every write of a lane names the lane's term, so a lane that
lost its lease changes nothing. ``counters`` moves in the same transactions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, insert, or_, select, update

from kkt_adapter.fiscal import cash, counts, journal
from kkt_adapter.fiscal.attempts import (
    END_ATTEMPT,
    INSERT_ATTEMPT,
    LaneTerm,
    NewAttempt,
    attempt_row,
    end_attempt,
)
from kkt_adapter.fiscal.journal import EventType, Level
from kkt_adapter.fiscal.kkt.driver import Baseline
from kkt_adapter.fiscal.lifecycle import PRINT_MOVES, PrintState, sources
from kkt_adapter.fiscal.model import FiscalDocument, Receipt
from kkt_adapter.fiscal.tables import PRINT_FAILED_ROWS, UNPRINTED_ROWS, documents, idempotency, receipts
from kkt_adapter.kernel.errors import IllegalTransition
from kkt_adapter.kernel.hlc import HybridTimestamp
from kkt_adapter.runtime.lease_database import check_terms


@dataclass(frozen=True, slots=True, kw_only=True)
class NextPrint:
    """The lane's following receipt, whose attempt shares the commit of this one's result."""

    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedItem:
    """The document of one receipt, to be written down."""

    seq: int
    receipt: Receipt
    document: FiscalDocument
    fiscal_doc: str  # JSON text
    answer: str  # JSON text; what a replay of the key gets
    attempt_id: int
    at: datetime
    lane: LaneTerm
    recovered: bool = False
    next: NextPrint | None = None

    @property
    def baseline(self) -> Baseline:
        """Where the FN stands after this document."""
        return Baseline(fn_number=self.document.fn_number, fd_number=self.document.fd_number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """``next_attempt_id`` is set when the next receipt may be printed at once."""

    next_attempt_id: int | None


_INSERT_DOCUMENT = insert(documents)


def _may_become(target: PrintState) -> ColumnElement[bool]:
    """Spelled with OR: an expanding IN cannot be executed for many rows at once."""
    return or_(*(receipts.c.print_state == state.value for state in sources(PRINT_MOVES, target)))


_SET_PRINTED = (
    update(receipts)
    .where(receipts.c.seq == bindparam("p_seq"), _may_become(PrintState.PRINTED))
    .values(
        print_state="printed",
        print_due_at=None,
        last_error=None,
        fiscal_doc=bindparam("p_doc"),
        fn_number=bindparam("p_fn"),
        fiscal_doc_number=bindparam("p_fd"),
        printed_at=bindparam("p_at"),
    )
)
_SET_ANSWER = (
    update(idempotency).where(idempotency.c.seq == bindparam("p_seq")).values(answer=bindparam("p_answer"))
)
_SET_PRINTING = (
    update(receipts)
    .where(receipts.c.seq == bindparam("p_seq"), _may_become(PrintState.PRINTING))
    .values(print_state="printing", print_due_at=None)
)


def printed(conn: Connection, items: Sequence[PrintedItem]) -> list[Printed | Exception]:
    """Write documents down, end their attempts, store the answers, and begin the lanes' next attempts.

    Raises:
        LeaseLost: a lane's term is over.
        IllegalTransition: a receipt is not in a state that can become printed. In a group of several the
            caller gets it alone: the group is repeated item by item.
    """
    counts.lock(conn)
    check_terms(conn, {(i.lane.lease, i.lane.owner, i.lane.number) for i in items})
    done = conn.execute(
        _SET_PRINTED,
        [
            {
                "p_seq": i.seq,
                "p_doc": i.fiscal_doc,
                "p_fn": i.document.fn_number,
                "p_fd": i.document.fd_number,
                "p_at": i.at,
            }
            for i in items
        ],
    )
    if done.rowcount != len(items):
        raise IllegalTransition("a receipt of this group cannot become printed")
    conn.execute(_SET_ANSWER, [{"p_seq": i.seq, "p_answer": i.answer} for i in items])
    conn.execute(
        END_ATTEMPT,
        [
            {
                "p_id": i.attempt_id,
                "p_at": i.at,
                "p_outcome": "adopted" if i.recovered else "done",
                "p_error": None,
            }
            for i in items
        ],
    )
    conn.execute(_INSERT_DOCUMENT, [_document_row(i.document, i.receipt, i.seq) for i in items])
    journal.write(
        conn,
        [
            journal.entry(
                EventType.PRINT_RECOVERED if i.recovered else EventType.RECEIPT_PRINTED,
                i.at,
                receipt_id=i.receipt.id,
                fn_number=i.document.fn_number,
                fd_number=i.document.fd_number,
            )
            for i in items
        ],
    )
    following = [i for i in items if i.next is not None]
    if following:
        conn.execute(_SET_PRINTING, [{"p_seq": i.next.seq} for i in following if i.next])
    first = counts.take_attempt_ids(conn, len(following)) if following else 0
    ids = dict(zip((i.seq for i in following), range(first, first + len(following)), strict=True))
    if following:
        conn.execute(
            INSERT_ATTEMPT,
            [
                attempt_row(
                    ids[i.seq],
                    "print",
                    i.receipt.register_id,
                    i.next.seq,
                    NewAttempt(
                        lane=i.lane,
                        baseline=i.baseline,
                    ),
                    i.at,
                )
                for i in following
                if i.next
            ],
        )
    cash.record(conn, [(i.receipt, i.at) for i in items])
    counts.bump(conn, unprinted=-len(items))
    return [Printed(next_attempt_id=ids.get(i.seq)) for i in items]


def _document_row(document: FiscalDocument, receipt: Receipt | None, seq: int | None) -> dict[str, Any]:
    return {
        "fn_number": document.fn_number,
        "fd_number": document.fd_number,
        "code": int(document.code),
        "register_id": receipt.register_id if receipt else "",
        "receipt_seq": seq,
        "receipt_key": document.key,
        "fiscal_sign": document.fiscal_sign,
        "fiscalized_at": document.fiscalized_at.isoformat(),
        "shift_number": document.shift_number,
        "total_kop": document.total_kop,
    }


def is_known(conn: Connection, fn_number: str, fd_number: int) -> bool:
    """Is this document written down already?"""
    query = select(documents.c.fd_number).where(
        documents.c.fn_number == fn_number, documents.c.fd_number == fd_number
    )
    return conn.execute(query).first() is not None


def store_document(conn: Connection, document: FiscalDocument, *, register_id: str) -> None:
    """Write down a document that belongs to no receipt (shift opening, Z report). Twice is harmless."""
    if not is_known(conn, document.fn_number, document.fd_number):
        conn.execute(_INSERT_DOCUMENT, [_document_row(document, None, None) | {"register_id": register_id}])


def begin_attempt(
    conn: Connection,
    attempt: NewAttempt,
    *,
    what: str,
    register_id: str,
    at: datetime,
    receipt_seq: int | None = None,
) -> int:
    """Commit this before the device is touched. A receipt goes to ``printing`` with it. Returns the id."""
    counts.lock(conn)
    check_terms(conn, {(attempt.lane.lease, attempt.lane.owner, attempt.lane.number)})
    if receipt_seq is not None:
        was = conn.execute(select(receipts.c.print_state).where(receipts.c.seq == receipt_seq)).scalar_one()
        if conn.execute(_SET_PRINTING, {"p_seq": receipt_seq}).rowcount != 1:
            raise IllegalTransition(f"receipt {receipt_seq} cannot be printed now: it is {was}")
        if was == PrintState.PRINT_FAILED:
            counts.bump(conn, print_failed=-1, unprinted=1)
    attempt_id = counts.take_attempt_ids(conn, 1)
    conn.execute(INSERT_ATTEMPT, [attempt_row(attempt_id, what, register_id, receipt_seq, attempt, at)])
    return attempt_id


def _move_print(conn: Connection, seq: int, target: PrintState, **values: Any) -> None:
    allowed = [state.value for state in sources(PRINT_MOVES, target)]
    moved = conn.execute(
        update(receipts)
        .where(receipts.c.seq == seq, receipts.c.print_state.in_(allowed))
        .values(print_state=target.value, **values)
    )
    if moved.rowcount != 1:
        raise IllegalTransition(
            f"receipt {seq} cannot become {target} from its present state",
            f"чек {seq} не может перейти в состояние {target} из текущего",
        )


def print_not_ready(
    conn: Connection, seq: int, *, attempt_id: int, lane: LaneTerm, at: datetime, error: str
) -> None:
    """The register said "not now": nothing was fiscalised, the receipt waits for its turn again."""
    counts.lock(conn)
    check_terms(conn, {(lane.lease, lane.owner, lane.number)})
    _move_print(conn, seq, PrintState.NEW, last_error=error)
    end_attempt(conn, attempt_id, outcome="not_ready", at=at, error=error)


def print_refused(
    conn: Connection,
    seq: int,
    *,
    receipt_id: str,
    attempt_id: int,
    lane: LaneTerm,
    at: datetime,
    error: str,
    due_at: datetime | None,
) -> None:
    """The device refuses this receipt. ``due_at``: when it is tried again by itself; None: by request."""
    counts.lock(conn)
    check_terms(conn, {(lane.lease, lane.owner, lane.number)})
    _move_print(
        conn,
        seq,
        PrintState.PRINT_FAILED,
        last_error=error,
        print_due_at=due_at,
        print_attempts=receipts.c.print_attempts + 1,
    )
    end_attempt(conn, attempt_id, outcome="refused", at=at, error=error)
    counts.bump(conn, unprinted=-1, print_failed=1)
    journal.write(
        conn,
        [journal.entry(EventType.PRINT_FAILED, at, receipt_id=receipt_id, level=Level.ERROR, error=error)],
    )


def print_unknown(conn: Connection, seq: int, *, receipt_id: str, at: datetime, error: str) -> None:
    """Nobody knows whether the document exists; the attempt stays open until somebody does."""
    _move_print(conn, seq, PrintState.PRINT_UNKNOWN, last_error=error)
    journal.write(
        conn,
        [journal.entry(EventType.PRINT_UNKNOWN, at, receipt_id=receipt_id, level=Level.WARNING, error=error)],
    )


def print_absent(conn: Connection, seq: int, *, attempt_id: int, lane: LaneTerm, at: datetime) -> None:
    """Absence is proven: the receipt goes back to the head of its lane."""
    counts.lock(conn)
    check_terms(conn, {(lane.lease, lane.owner, lane.number)})
    _move_print(conn, seq, PrintState.NEW)
    end_attempt(conn, attempt_id, outcome="absent", at=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unprinted:
    """A receipt that its register has still to print, or whose outcome is not known."""

    seq: int
    payload: str
    print_state: PrintState
    print_attempts: int
    print_due_at: datetime | None  # of a refused receipt that is tried again by itself, or by request
    stamp: HybridTimestamp
    queue_position: int
    warnings: str | None


_UNPRINTED_COLUMNS = (
    receipts.c.seq,
    receipts.c.payload,
    receipts.c.print_state,
    receipts.c.print_attempts,
    receipts.c.print_due_at,
    receipts.c.hlc_local_time,
    receipts.c.hlc_logical_counter,
    receipts.c.queue_position,
    receipts.c.warnings,
)


def unprinted(conn: Connection, register_id: str, *, limit: int) -> list[Unprinted]:
    """The oldest receipts of a register in ``new``, ``printing`` or ``print_unknown``, in HLC order.

    ``seq`` is handed out together with the HLC stamp, in one transaction, so their orders agree.
    """
    rows = conn.execute(
        select(*_UNPRINTED_COLUMNS)
        .where(
            receipts.c.register_id == register_id,
            UNPRINTED_ROWS,
        )
        .order_by(receipts.c.seq)
        .limit(limit)
    )
    return [_unprinted(row) for row in rows]


def refused_due(conn: Connection, register_id: str) -> list[Unprinted]:
    """Refused receipts that are tried again, now or later, the oldest first."""
    rows = conn.execute(
        select(*_UNPRINTED_COLUMNS)
        .where(
            PRINT_FAILED_ROWS,
            receipts.c.register_id == register_id,
            receipts.c.print_due_at.is_not(None),
        )
        .order_by(receipts.c.seq)
        .limit(100)
    )
    return [_unprinted(row) for row in rows]


def one_unprinted(conn: Connection, receipt_id: str) -> Unprinted | None:
    """One receipt by id, whatever its state."""
    row = conn.execute(select(*_UNPRINTED_COLUMNS).where(receipts.c.id == receipt_id)).first()
    return None if row is None else _unprinted(row)


def unprinted_by_seq(conn: Connection, seq: int) -> Unprinted:
    """One receipt by its number, whatever its state."""
    return _unprinted(conn.execute(select(*_UNPRINTED_COLUMNS).where(receipts.c.seq == seq)).one())


def note_decision(
    conn: Connection, receipt_id: str, *, adopt: int | None, by: str, reason: str, at: datetime
) -> None:
    """The audit entry of a person's decision about an unknown outcome."""
    action = "print_again" if adopt is None else "adopt"
    journal.write(
        conn,
        [
            journal.entry(
                EventType.PRINT_RESOLVED,
                at,
                receipt_id=receipt_id,
                level=Level.WARNING,
                action=action,
                fd_number=adopt,
                by=by,
                reason=reason,
            )
        ],
    )


def _unprinted(row: Any) -> Unprinted:
    return Unprinted(
        seq=row.seq,
        payload=row.payload,
        print_state=PrintState(row.print_state),
        print_attempts=row.print_attempts,
        print_due_at=row.print_due_at,
        stamp=HybridTimestamp(row.hlc_local_time, row.hlc_logical_counter),
        queue_position=row.queue_position,
        warnings=row.warnings,
    )

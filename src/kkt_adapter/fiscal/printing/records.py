"""Print records: what became of each receipt at its register, written down.

``printed`` runs for every receipt and takes many at a time. ``printing`` is never set without an open
attempt row that names the FN's position, and every write of a lane names the lane's term, so a lane that
lost its lease changes nothing. ``counters`` moves in the same transactions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, or_, select, update

from kkt_adapter.fiscal.lifecycle import PRINT_MOVES, AttemptKind, AttemptOutcome, PrintState, sources
from kkt_adapter.fiscal.model import Baseline, FiscalDocument, Receipt
from kkt_adapter.fiscal.shifts import cash_movements
from kkt_adapter.fiscal.store import counters, document_bytes, events, orphan_documents
from kkt_adapter.fiscal.store.attempts import (
    END_ATTEMPTS,
    INSERT_ATTEMPTS,
    LaneTerm,
    NewAttempt,
    attempt_row,
    end_attempt,
)
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.fiscal.store.tables import (
    documents,
    idempotency,
    receipts,
)
from kkt_adapter.kernel.errors import IllegalTransition
from kkt_adapter.kernel.quick import quickly_made
from kkt_adapter.runtime.db.bulk import bulk, bulk_insert
from kkt_adapter.runtime.db.columns import constant, millis
from kkt_adapter.runtime.leases.database import ask_terms, check_terms


@dataclass(frozen=True, slots=True, kw_only=True)
class NextPrint:
    """The lane's following receipt, whose attempt shares the commit of this one's result."""

    seq: int
    tells: bool = False  # as ``NewAttempt`` has it


@quickly_made
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
    commands: str | None = None  # what it cost at the device (``attempt_commands``)
    next: NextPrint | None = None

    @property
    def baseline(self) -> Baseline:
        """Where the FN stands after this document."""
        return Baseline(fn_number=self.document.fn_number, fd_number=self.document.fd_number)


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """``next_attempt_id`` is set when the next receipt may be printed at once."""

    next_attempt_id: int | None


_INSERT_DOCUMENTS = bulk_insert(
    documents,
    documents.c.fn_number,
    documents.c.fd_number,
    documents.c.code,
    documents.c.register_id,
    documents.c.receipt_seq,
    documents.c.receipt_key,
    documents.c.fiscal_sign,
    documents.c.fiscalized_at,
    documents.c.shift_number,
    documents.c.total_kop,
)


def _may_become(target: PrintState) -> ColumnElement[bool]:
    return or_(*(receipts.c.print_state == constant(state) for state in sources(PRINT_MOVES, target)))


_SET_PRINTED = bulk(
    (
        receipts.c.seq,
        receipts.c.fiscal_doc,
        receipts.c.fn_number,
        receipts.c.fiscal_doc_number,
        receipts.c.printed_at,
    ),
    lambda given: (
        update(receipts)
        .where(receipts.c.seq == given.c.seq, _may_become(PrintState.PRINTED))
        .values(
            print_state=PrintState.PRINTED.value,
            print_due_at=None,
            last_error=None,
            fiscal_doc=given.c.fiscal_doc,
            fn_number=given.c.fn_number,
            fiscal_doc_number=given.c.fiscal_doc_number,
            printed_at=given.c.printed_at,
        )
    ),
)
_SET_ANSWERS = bulk(
    (idempotency.c.seq, idempotency.c.answer),
    lambda given: update(idempotency).where(idempotency.c.seq == given.c.seq).values(answer=given.c.answer),
)
_SET_PRINTING = bulk(
    (receipts.c.seq, receipts.c.register_id),  # one that was moved to another register is not this lane's
    lambda given: (
        update(receipts)
        .where(
            receipts.c.seq == given.c.seq,
            receipts.c.register_id == given.c.register_id,
            _may_become(PrintState.PRINTING),
        )
        .values(print_state=PrintState.PRINTING.value, print_due_at=None)
    ),
)


def printed(conn: Connection, items: Sequence[PrintedItem]) -> list[Printed | Exception]:
    """Write documents down, end their attempts, store the answers, and begin the lanes' next attempts.

    Raises:
        LeaseLost: a lane's term is over.
        IllegalTransition: a receipt is not in a state that can become printed. In a group of several the
            caller gets it alone: the group is repeated item by item.
    """
    terms = {i.lane.key for i in items}
    counters.lock(conn)
    held = ask_terms(conn, terms)
    done = _SET_PRINTED.ask(
        conn,
        [(i.seq, i.fiscal_doc, i.document.fn_number, i.document.fd_number, millis(i.at)) for i in items],
    )
    following = _Following(conn, items)
    sessions = cash_movements.ask_open(conn, [i.receipt for i in items])
    held.check(terms)
    if done.count() != len(items):
        raise IllegalTransition("a receipt of this group cannot become printed")
    _SET_ANSWERS.put(conn, [(i.seq, i.answer) for i in items])
    END_ATTEMPTS.put(
        conn,
        [(i.attempt_id, millis(i.at), _ending(i), i.commands) for i in items],
    )
    _INSERT_DOCUMENTS.put(conn, [_document_row(i.document, i.receipt.register_id, i.seq) for i in items])
    document_bytes.keep(conn, [(i.document, i.at) for i in items])
    events.write(
        conn,
        [
            events.entry(
                EventType.PRINT_RECOVERED if i.recovered else EventType.RECEIPT_PRINTED,
                i.at,
                receipt_id=i.receipt.id,
                fn_number=i.document.fn_number,
                fd_number=i.document.fd_number,
            )
            for i in items
        ],
    )
    ids = following.begin()
    cash_movements.record(conn, [(i.receipt, i.at) for i in items], sessions)
    counters.bump(conn, unprinted=-len(items))
    return [Printed(next_attempt_id=ids.get(i.seq)) for i in items]


class _Following:
    """The attempts of the lanes' next receipts; what they need is asked for beside the results."""

    def __init__(self, conn: Connection, items: Sequence[PrintedItem]) -> None:
        self._conn = conn
        self._items = [(i, i.next) for i in items if i.next is not None]
        if self._items:
            receipts_after = [(after.seq, i.receipt.register_id) for i, after in self._items]
            self._begun = _SET_PRINTING.ask(conn, receipts_after)
            self._first = counters.ask_attempt_ids(conn, len(self._items))

    def begin(self) -> dict[int, int]:
        """Their ids, by the ``seq`` of the receipt before. Raises IllegalTransition."""
        if not self._items:
            return {}
        if self._begun.count() != len(self._items):
            raise IllegalTransition("a receipt of this group cannot be printed now")
        begun = list(enumerate(self._items, self._first()))
        INSERT_ATTEMPTS.put(
            self._conn,
            [
                attempt_row(
                    number,
                    AttemptKind.PRINT,
                    i.receipt.register_id,
                    after.seq,
                    NewAttempt(lane=i.lane, baseline=i.baseline, tells=after.tells),
                    i.at,
                )
                for number, (i, after) in begun
            ],
        )
        return {i.seq: number for number, (i, _) in begun}


def _document_row(document: FiscalDocument, register_id: str, seq: int | None) -> tuple[Any, ...]:
    """In the order of ``_INSERT_DOCUMENTS``."""
    return (
        document.fn_number,
        document.fd_number,
        int(document.code),
        register_id,
        seq,
        document.key,
        document.fiscal_sign,
        document.fiscalized_at.isoformat(),
        document.shift_number,
        document.total_kop,
    )


def is_known(conn: Connection, fn_number: str, fd_number: int) -> bool:
    """Is this document written down already?"""
    query = select(documents.c.fd_number).where(
        documents.c.fn_number == fn_number, documents.c.fd_number == fd_number
    )
    return conn.execute(query).first() is not None


def store_document(conn: Connection, document: FiscalDocument, *, register_id: str, at: datetime) -> None:
    """Write down a document that belongs to no receipt (shift opening, Z report). Twice is harmless."""
    if not is_known(conn, document.fn_number, document.fd_number):
        _INSERT_DOCUMENTS.put(conn, [_document_row(document, register_id, None)])
        if document.unread is not None:
            orphan_documents.mark_unread(conn, document)
        document_bytes.keep(conn, [(document, at)])


_STANDS = bulk(
    (receipts.c.seq,),
    lambda given: select(receipts.c.register_id, receipts.c.print_state).join(
        given, receipts.c.seq == given.c.seq
    ),
)


def begin_attempt(
    conn: Connection,
    attempt: NewAttempt,
    *,
    what: AttemptKind,
    register_id: str,
    at: datetime,
    receipt_seq: int | None = None,
) -> int:
    """Commit this before the device is touched. A receipt goes to ``printing`` with it. Returns the id.

    Raises:
        IllegalTransition: the receipt cannot be printed from its present state, or is another register's.
    """
    term = attempt.lane.key
    counters.lock(conn)
    held = ask_terms(conn, {term})
    stood = None if receipt_seq is None else _STANDS.ask(conn, [(receipt_seq,)])
    begun = None if receipt_seq is None else _SET_PRINTING.ask(conn, [(receipt_seq, register_id)])
    first_id = counters.ask_attempt_ids(conn, 1)
    held.check({term})
    if stood is not None and begun is not None:
        ((_, was),) = stood.rows()
        if begun.count() != 1:
            raise IllegalTransition(f"receipt {receipt_seq} cannot be printed now: it is {was}")
        if was == PrintState.PRINT_FAILED:
            counters.bump(conn, print_failed=-1, unprinted=1)
    attempt_id = first_id()
    INSERT_ATTEMPTS.put(conn, [attempt_row(attempt_id, what, register_id, receipt_seq, attempt, at)])
    return attempt_id


def _ending(item: PrintedItem) -> str:
    return (AttemptOutcome.ADOPTED if item.recovered else AttemptOutcome.DONE).value


def begin_print(
    conn: Connection, attempt: NewAttempt, *, register_id: str, at: datetime, seq: int
) -> int | None:
    """``begin_attempt`` for a receipt; None: it was moved to another register, whose lane prints it."""
    counters.lock(conn)
    ((owner, _),) = _STANDS.rows(conn, [(seq,)])
    if owner != register_id:
        return None
    return begin_attempt(
        conn, attempt, what=AttemptKind.PRINT, register_id=register_id, at=at, receipt_seq=seq
    )


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
    conn: Connection,
    seq: int,
    *,
    attempt_id: int,
    lane: LaneTerm,
    at: datetime,
    error: str,
    commands: str | None = None,
) -> None:
    """The register said "not now": nothing was fiscalised, the receipt waits for its turn again."""
    counters.lock(conn)
    check_terms(conn, {lane.key})
    _move_print(conn, seq, PrintState.NEW, last_error=error)
    end_attempt(conn, attempt_id, outcome=AttemptOutcome.NOT_READY, at=at, error=error, commands=commands)


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
    commands: str | None = None,
) -> None:
    """The device refuses this receipt. ``due_at``: when it is tried again by itself; None: by request."""
    counters.lock(conn)
    check_terms(conn, {lane.key})
    _move_print(
        conn,
        seq,
        PrintState.PRINT_FAILED,
        last_error=error,
        print_due_at=due_at,
        print_attempts=receipts.c.print_attempts + 1,
    )
    end_attempt(conn, attempt_id, outcome=AttemptOutcome.REFUSED, at=at, error=error, commands=commands)
    counters.bump(conn, unprinted=-1, print_failed=1)
    events.write(
        conn,
        [
            events.entry(
                EventType.PRINT_FAILED, at, receipt_id=receipt_id, level=EventLevel.ERROR, error=error
            )
        ],
    )


def print_unknown(conn: Connection, seq: int, *, receipt_id: str, at: datetime, error: str) -> None:
    """Nobody knows whether the document exists; the attempt stays open until somebody does."""
    counters.lock(conn)
    _move_print(conn, seq, PrintState.PRINT_UNKNOWN, last_error=error)
    events.write(
        conn,
        [
            events.entry(
                EventType.PRINT_UNKNOWN, at, receipt_id=receipt_id, level=EventLevel.WARNING, error=error
            )
        ],
    )


def print_absent(conn: Connection, seq: int, *, attempt_id: int, lane: LaneTerm, at: datetime) -> None:
    """Absence is proven: the receipt goes back to the head of its lane."""
    counters.lock(conn)
    check_terms(conn, {lane.key})
    _move_print(conn, seq, PrintState.NEW)
    end_attempt(conn, attempt_id, outcome=AttemptOutcome.ABSENT, at=at)

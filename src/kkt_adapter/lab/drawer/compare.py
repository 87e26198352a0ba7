"""Comparing the drawer's books: what tills asked for, the adapter's rows, and the shifts in the FNs."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from kkt_adapter.fiscal.model import DocumentCode
from kkt_adapter.fiscal.store.session_tables import cash_transactions, pos_sessions
from kkt_adapter.lab.books import RECEIPTS, FnBook
from kkt_adapter.lab.drawer.ledger import CashMove, DrawerLedger
from kkt_adapter.lab.reconcile import BookFinding, FindingKind

INTO = {"sale": 1, "refund": -1, "cash_in": 1, "cash_out": -1}  # the drawer, where it is cash
CASH = "cash"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    session_id: str
    kind: str
    method: str
    amount_kop: int
    receipt_id: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawerRows:
    """The adapter's rows. ``sessions``: id, opening and present cash."""

    sessions: tuple[tuple[str, int, int], ...]
    transactions: tuple[Transaction, ...]


def read_drawer(connection: Connection) -> DrawerRows:
    """For ``Database.read``."""
    sessions = select(pos_sessions.c.session_id, pos_sessions.c.opening_cash_kop, pos_sessions.c.cash_kop)
    c = cash_transactions.c
    rows = select(
        c.session_id, c.transaction_type, c.payment_method, c.amount_kop, c.receipt_id, c.reason
    ).order_by(c.id)
    return DrawerRows(
        sessions=tuple((row[0], int(row[1]), int(row[2])) for row in connection.execute(sessions)),
        transactions=tuple(
            Transaction(
                session_id=row.session_id,
                kind=row.transaction_type,
                method=row.payment_method,
                amount_kop=int(row.amount_kop),
                receipt_id=row.receipt_id,
                reason=row.reason,
            )
            for row in connection.execute(rows)
        ),
    )


def compare_drawers(
    ledger: DrawerLedger, drawer: DrawerRows, archives: Sequence[FnBook]
) -> list[BookFinding]:
    """Everything on which they do not agree."""
    return [
        *(finding for movement in ledger.movements for finding in _movement(movement, drawer)),
        *_receipts_once(drawer),
        *_sessions(drawer),
        *_reports(ledger, archives),
        *(finding for archive in archives for finding in _shifts(archive)),
        *(BookFinding(kind=FindingKind.WRONG, subject="report", text=text) for text in ledger.wrong),
    ]


def _movement(movement: CashMove, drawer: DrawerRows) -> Iterator[BookFinding]:
    rows = [row for row in drawer.transactions if row.reason == movement.name]
    if len(rows) > 1:
        yield BookFinding(kind=FindingKind.DOUBLED, subject=movement.name, text=f"{len(rows)} movements")
    elif not rows and movement.told and not movement.lost:
        yield BookFinding(kind=FindingKind.LOST, subject=movement.name, text="told, and it is not stored")
    elif rows and movement.refused:
        yield BookFinding(kind=FindingKind.WRONG, subject=movement.name, text="refused, and it is stored")
    elif rows and (rows[0].kind, rows[0].amount_kop) != (movement.kind, movement.amount_kop):
        text = f"asked for {movement.kind} {movement.amount_kop}, got {rows[0].kind} {rows[0].amount_kop}"
        yield BookFinding(kind=FindingKind.WRONG, subject=movement.name, text=text)


def _receipts_once(drawer: DrawerRows) -> Iterator[BookFinding]:
    """A receipt moves a session's money once, whatever happened to it."""
    times = Counter((row.receipt_id, row.method) for row in drawer.transactions if row.receipt_id)
    for (receipt_id, method), n in times.items():
        if n > 1:
            text = f"moved the {method} of its session {n} times"
            yield BookFinding(kind=FindingKind.DOUBLED, subject=str(receipt_id), text=text)


def _sessions(drawer: DrawerRows) -> Iterator[BookFinding]:
    moved: defaultdict[str, int] = defaultdict(int)
    for row in drawer.transactions:
        if row.method == CASH:
            moved[row.session_id] += INTO[row.kind] * row.amount_kop
    for session_id, opening, cash in drawer.sessions:
        if opening + moved[session_id] != cash:
            text = f"its drawer says {cash}, its movements come to {opening + moved[session_id]}"
            yield BookFinding(kind=FindingKind.WRONG, subject=f"session {session_id}", text=text)


def _reports(ledger: DrawerLedger, archives: Sequence[FnBook]) -> Iterator[BookFinding]:
    closings = {
        archive.register_id: {d.fd_number for d in archive.documents if d.code is DocumentCode.CLOSE_SHIFT}
        for archive in archives
    }
    for report in ledger.reports:
        who = f"Z report {report.key}"
        if len(report.numbers) > 1:
            text = f"one key, documents {sorted(report.numbers)}"
            yield BookFinding(kind=FindingKind.DOUBLED, subject=who, text=text)
        if report.numbers - closings[report.register_id]:
            text = f"told of {sorted(report.numbers)}, and the FN has no such report"
            yield BookFinding(kind=FindingKind.LOST, subject=who, text=text)


def _shifts(archive: FnBook) -> Iterator[BookFinding]:
    """Opened and closed in turns, and no receipt outside."""
    is_open = False
    for document in archive.documents:
        opens, closes = (
            document.code is code for code in (DocumentCode.OPEN_SHIFT, DocumentCode.CLOSE_SHIFT)
        )
        if (opens and is_open) or ((closes or document.code in RECEIPTS) and not is_open):
            text = f"document {document.fd_number} ({document.code.name}) in a shift that is no such"
            yield BookFinding(kind=FindingKind.WRONG, subject=f"FN of {archive.register_id}", text=text)
        is_open = opens or (is_open and not closes)

"""Pure and transactional: what a printed receipt moves in its till's session.

Mixed payments are split by payment. A sale and an expense refund bring money in, a refund and an expense
take it out; a correction moves what its operation moves. ``record`` runs in the same transaction as the
receipt's ``printed``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Text, column, select, update

from kkt_adapter.fiscal.model import Operation, PaymentKind, Receipt
from kkt_adapter.fiscal.store.session_tables import NOT_TOLD, OPEN_SESSION, cash_transactions, pos_sessions
from kkt_adapter.runtime.db.bulk import AskedRows, bulk, bulk_insert
from kkt_adapter.runtime.db.columns import millis

INCOMING = (Operation.SALE, Operation.EXPENSE_REFUND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Changes of a session's balances; kopecks, signed."""

    cash_kop: int = 0
    card_kop: int = 0
    sales_kop: int = 0
    refunds_kop: int = 0


def movement_of(receipt: Receipt) -> Movement:
    """What the receipt moves, by payment."""
    sign = 1 if receipt.operation in INCOMING else -1
    total = sum(payment.amount_kop for payment in receipt.payments)
    return Movement(
        cash_kop=sign * receipt.paid_kop(PaymentKind.CASH),
        card_kop=sign * receipt.paid_kop(PaymentKind.CARD),
        sales_kop=total if sign > 0 else 0,
        refunds_kop=total if sign < 0 else 0,
    )


_BALANCES = ("cash_kop", "card_kop", "sales_kop", "refunds_kop", "receipt_count")
_MOVE = bulk(
    (pos_sessions.c.session_id, *(pos_sessions.c[name] for name in _BALANCES)),
    lambda given: (
        update(pos_sessions)
        .where(pos_sessions.c.session_id == given.c.session_id)
        .values({name: pos_sessions.c[name] + given.c[name] for name in _BALANCES})
    ),
)
_INSERT = bulk_insert(
    cash_transactions,
    cash_transactions.c.session_id,
    cash_transactions.c.pos_id,
    cash_transactions.c.receipt_id,
    cash_transactions.c.transaction_type,
    cash_transactions.c.amount_kop,
    cash_transactions.c.payment_method,
    cash_transactions.c.timestamp,
    cash_transactions.c.synced_to_odoo,
)
_OPEN = bulk(
    (pos_sessions.c.pos_id,),
    lambda given: (
        select(pos_sessions.c.pos_id, pos_sessions.c.session_id)
        .join(given, pos_sessions.c.pos_id == given.c.pos_id)
        .where(OPEN_SESSION)
    ),
)


def ask_open(conn: Connection, printed: Sequence[Receipt]) -> AskedRows:
    """The open sessions of the receipts' tills, for ``record``."""
    return _OPEN.ask(conn, [(till,) for till in sorted({receipt.pos_id for receipt in printed})])


def record(conn: Connection, printed: Sequence[tuple[Receipt, datetime]], open_sessions: AskedRows) -> None:
    """Write the movements of printed receipts into the open sessions of their tills."""
    sessions = dict(open_sessions.rows())
    moved: dict[str, tuple[int, ...]] = {}  # by session, as _BALANCES
    rows: list[tuple[object, ...]] = []
    for receipt, at in printed:
        session_id = sessions.get(receipt.pos_id)
        if session_id is None:
            continue
        movement = movement_of(receipt)
        one = (movement.cash_kop, movement.card_kop, movement.sales_kop, movement.refunds_kop, 1)
        before = moved.get(session_id, (0,) * len(one))
        moved[session_id] = tuple(a + b for a, b in zip(before, one, strict=True))
        rows.extend(_rows(receipt, session_id, at))
    if moved:
        _MOVE.put(conn, [(session_id, *balances) for session_id, balances in moved.items()])
        _INSERT.put(conn, rows)


_TELL = bulk(
    [column("told_id", Text)],  # another name than the table's, which NOT_TOLD says bare
    lambda given: (
        update(cash_transactions)
        .where(cash_transactions.c.receipt_id == given.c.told_id, NOT_TOLD)
        .values(synced_to_odoo=True)
    ),
)


def told(conn: Connection, receipt_ids: Sequence[str]) -> None:
    """A back office has acknowledged these receipts as printed: so are their movements.

    In parts of fixed sizes: a list of any length would make a text of its own for each length, and the
    connection keeps what it has prepared.
    """
    _TELL.run(conn, [(receipt_id,) for receipt_id in receipt_ids])


def _rows(receipt: Receipt, session_id: str, at: datetime) -> Sequence[tuple[object, ...]]:
    """In the order of ``_INSERT``."""
    kind = "sale" if receipt.operation in INCOMING else "refund"
    return [
        (
            session_id,
            receipt.pos_id,
            receipt.id,
            kind,
            payment.amount_kop,
            payment.kind.value,
            millis(at),
            False,
        )
        for payment in receipt.payments
    ]

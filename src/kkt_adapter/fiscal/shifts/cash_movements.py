"""Pure and transactional: what a printed receipt moves in its till's session.

Mixed payments are split by payment. A sale and an expense refund bring money in, a refund and an expense
take it out; a correction moves what its operation moves. ``record`` runs in the same transaction as the
receipt's ``printed``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Text, bindparam, column, insert, select, update

from kkt_adapter.fiscal.model import Operation, PaymentKind, Receipt
from kkt_adapter.fiscal.store.session_tables import NOT_TOLD, OPEN_SESSION, cash_transactions, pos_sessions
from kkt_adapter.runtime.db.bulk import bulk

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


_MOVE = (
    update(pos_sessions)
    .where(pos_sessions.c.session_id == bindparam("b_session"))
    .values(
        cash_kop=pos_sessions.c.cash_kop + bindparam("b_cash"),
        card_kop=pos_sessions.c.card_kop + bindparam("b_card"),
        sales_kop=pos_sessions.c.sales_kop + bindparam("b_sales"),
        refunds_kop=pos_sessions.c.refunds_kop + bindparam("b_refunds"),
        receipt_count=pos_sessions.c.receipt_count + 1,
    )
)
_OPEN = bulk(
    (pos_sessions.c.pos_id,),
    lambda given: (
        select(pos_sessions.c.pos_id, pos_sessions.c.session_id)
        .join(given, pos_sessions.c.pos_id == given.c.pos_id)
        .where(OPEN_SESSION)
    ),
)


MovementRow = dict[str, str | int | bool | datetime | None]  # of cash_transactions, by column


def record(conn: Connection, printed: Sequence[tuple[Receipt, datetime]]) -> None:
    """Write the movements of printed receipts into the open sessions of their tills."""
    tills = sorted({receipt.pos_id for receipt, _ in printed})
    sessions = dict(_OPEN.rows(conn, [(till,) for till in tills]))
    if not sessions:
        return
    moves: list[dict[str, str | int]] = []
    rows: list[MovementRow] = []
    for receipt, at in printed:
        session_id = sessions.get(receipt.pos_id)
        if session_id is None:
            continue
        movement = movement_of(receipt)
        moves.append(
            {
                "b_session": session_id,
                "b_cash": movement.cash_kop,
                "b_card": movement.card_kop,
                "b_sales": movement.sales_kop,
                "b_refunds": movement.refunds_kop,
            }
        )
        rows.extend(_rows(receipt, session_id, at))
    if moves:
        conn.execute(_MOVE, moves)
        conn.execute(insert(cash_transactions), rows)


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


def _rows(receipt: Receipt, session_id: str, at: datetime) -> Sequence[MovementRow]:
    kind = "sale" if receipt.operation in INCOMING else "refund"
    return [
        {
            "session_id": session_id,
            "pos_id": receipt.pos_id,
            "receipt_id": receipt.id,
            "transaction_type": kind,
            "amount_kop": payment.amount_kop,
            "payment_method": payment.kind.value,
            "reason": None,
            "timestamp": at,
            "synced_to_odoo": False,
        }
        for payment in receipt.payments
    ]

"""One stored receipt by any of its names: receipt id, FN and document number, or document number."""

from typing import Any

from sqlalchemy import Connection, Row, select

from kkt_adapter.fiscal.lifecycle import LetterOutcome, Status
from kkt_adapter.fiscal.model import Receipt
from kkt_adapter.fiscal.store import receipt_json
from kkt_adapter.fiscal.store.tables import dlq, receipts, shifts

FD_NUMBER_DIGITS = 10  # tag 1040 is 32 bits wide


def sale_of(conn: Connection, original: str) -> Receipt | None:
    """The stored sale that a refund names by receipt id or fiscal_doc_id; None when it is not here."""
    row = find(conn, original)
    return None if row is None else receipt_json.load(row.payload)


def find(conn: Connection, name: str) -> Row[Any] | None:
    """A receipt by its id, by ``<fn>-<number>``, or by fiscal document number (the newest with it)."""
    query = select(receipts)
    fn, _, number = name.rpartition("-")
    if len(fn) == 16 and _is_number(fn) and _is_document_number(number):
        query = query.where(receipts.c.fn_number == fn, receipts.c.fiscal_doc_number == int(number))
    elif _is_document_number(name):
        fns = select(shifts.c.fn_number).distinct()  # one row a shift: small
        query = query.where(
            receipts.c.fn_number.in_(fns), receipts.c.fiscal_doc_number == int(name)
        ).order_by(receipts.c.seq.desc())
    else:
        query = query.where(receipts.c.id == name)
    return conn.execute(query.limit(1)).first()


def refund_state(conn: Connection, receipt_id: str, status: str) -> str:
    """What a refund of this receipt goes by: its status or, for one that could not be delivered and whose
    dead letter a person has closed, the ``LetterOutcome`` they gave."""
    if status != Status.FAILED:
        return status
    said = conn.execute(
        select(dlq.c.outcome)
        .where(dlq.c.original_receipt_id == receipt_id)
        .order_by(dlq.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return status if said is None else LetterOutcome(said)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _is_document_number(text: str) -> bool:
    return len(text) <= FD_NUMBER_DIGITS and _is_number(text)

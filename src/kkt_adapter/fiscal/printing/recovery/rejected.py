"""What a person said about a receipt whose outcome was unknown: none of these documents is it.

Kept as one bound for each FN: who decides sees every document up to the FN's last one.
"""

from sqlalchemy import Connection, delete, insert, select

from kkt_adapter.fiscal.model import Baseline
from kkt_adapter.fiscal.store.tables import rejected_documents


def reject(conn: Connection, receipt_seq: int, up_to: Baseline) -> None:
    """No document of this FN up to ``up_to`` is evidence for the receipt any more."""
    bound = max(up_to.fd_number, rejected_up_to(conn, receipt_seq, up_to.fn_number))
    conn.execute(
        delete(rejected_documents).where(
            rejected_documents.c.receipt_seq == receipt_seq,
            rejected_documents.c.fn_number == up_to.fn_number,
        )
    )
    conn.execute(
        insert(rejected_documents).values(receipt_seq=receipt_seq, fn_number=up_to.fn_number, up_to_fd=bound)
    )


def rejected_up_to(conn: Connection, receipt_seq: int, fn_number: str) -> int:
    """The last document of this FN that a person rejected for the receipt; 0: none."""
    query = select(rejected_documents.c.up_to_fd).where(
        rejected_documents.c.receipt_seq == receipt_seq, rejected_documents.c.fn_number == fn_number
    )
    return int(conn.execute(query).scalar_one_or_none() or 0)

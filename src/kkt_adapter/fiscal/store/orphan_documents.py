"""Documents that an FN holds and that no receipt of ours owns: what is left when the database is older than
the FN, because it was restored from a copy or made anew.

Pure choice (``match``) and rows; ``printing/recovery/fn_readback.py`` reads them from the FN.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from kkt_adapter.fiscal.model import Receipt
from kkt_adapter.fiscal.store.tables import UNCLAIMED_ROWS, counters, documents


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclaimed:
    """One receipt's document without a receipt."""

    fd_number: int
    key: str | None
    total_kop: int | None


class UnclaimedDocuments:
    """Those of one FN; empty nearly always, so that printing costs nothing more."""

    def __init__(self, found: Sequence[Unclaimed] = (), *, next_seq: int = 0) -> None:
        """``next_seq``: every receipt from this number on was accepted after the documents were made."""
        self._found = {document.fd_number: document for document in found}
        self._next_seq = next_seq

    def __len__(self) -> int:
        return len(self._found)

    def match(self, receipt: Receipt, seq: int) -> Unclaimed | None:
        """The document that may be this receipt: of the same sum and with its key.

        A receipt without a key fits a document without one, but only if the receipt is the older of the two:
        a new sale of the same sum must never be taken for an old document.
        """
        for document in self._found.values():
            old_enough = receipt.key is not None or seq < self._next_seq
            if document.key == receipt.key and document.total_kop == receipt.total_kop and old_enough:
                return document
        return None

    def drop(self, fd_number: int) -> None:
        """It has an owner now, or was found not to fit."""
        self._found.pop(fd_number, None)


def newest_number(conn: Connection, fn_number: str) -> int:
    """The last document of this FN that was written down; 0 when there is none."""
    query = select(func.max(documents.c.fd_number)).where(documents.c.fn_number == fn_number)
    return int(conn.execute(query).scalar_one() or 0)


def unclaimed_rows(
    conn: Connection, register_id: str, fn_number: str, *, since: datetime
) -> UnclaimedDocuments:
    """Receipts' documents without a receipt, not older than ``since`` (the register's wall clock)."""
    rows = conn.execute(
        select(documents.c.fd_number, documents.c.receipt_key, documents.c.total_kop)
        .where(
            UNCLAIMED_ROWS,
            documents.c.register_id == register_id,
            documents.c.fn_number == fn_number,
            documents.c.fiscalized_at >= since.isoformat(),
        )
        .order_by(documents.c.fd_number)
    ).all()
    if not rows:
        return UnclaimedDocuments()
    return UnclaimedDocuments(
        [Unclaimed(fd_number=row.fd_number, key=row.receipt_key, total_kop=row.total_kop) for row in rows],
        next_seq=conn.execute(select(counters.c.next_seq)).scalar_one(),
    )


def make_room(conn: Connection, fn_number: str, fd_number: int) -> None:
    """A receipt is about to own this document: forget that nobody did."""
    conn.execute(
        delete(documents).where(
            documents.c.fn_number == fn_number,
            documents.c.fd_number == fd_number,
            documents.c.receipt_seq.is_(None),
        )
    )


def has_owner(conn: Connection, fn_number: str, fd_number: int) -> bool:
    """Does a receipt own this document?"""
    query = select(documents.c.fd_number).where(
        documents.c.fn_number == fn_number,
        documents.c.fd_number == fd_number,
        documents.c.receipt_seq.is_not(None),
    )
    return conn.execute(query).first() is not None

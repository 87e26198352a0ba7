"""The bytes of each document, kept when it is made: what later evidence stands on.

A real FN gives a document's full contents for 30 days only (Shtrih-M protocol, FF3A). The bytes are written
in the commit of ``printed``, the operator's ticket in the commit of ``synced``; both outlive the receipt.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, insert, select, update

from kkt_adapter.fiscal.model import FiscalDocument
from kkt_adapter.fiscal.store.tables import document_bytes
from kkt_adapter.runtime.db.bulk import bulk
from kkt_adapter.runtime.db.columns import millis


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDocument:
    tlv: bytes  # the document as one element: code, length, contents
    ticket: bytes | None  # the operator's answer, as it came
    kept_at: datetime


_COLUMNS = (
    document_bytes.c.fn_number,
    document_bytes.c.fd_number,
    document_bytes.c.tlv,
    document_bytes.c.kept_at,
)
_INSERT = bulk(
    _COLUMNS,
    lambda given: insert(document_bytes).from_select(
        [column.name for column in _COLUMNS],
        select(given.c.fn_number, given.c.fd_number, given.c.tlv, given.c.kept_at).where(
            ~exists(
                select(document_bytes.c.fd_number).where(
                    document_bytes.c.fn_number == given.c.fn_number,
                    document_bytes.c.fd_number == given.c.fd_number,
                )
            )
        ),
    ),
)
_SET_TICKETS = bulk(
    (document_bytes.c.fn_number, document_bytes.c.fd_number, document_bytes.c.ticket),
    lambda given: (
        update(document_bytes)
        .where(
            document_bytes.c.fn_number == given.c.fn_number,
            document_bytes.c.fd_number == given.c.fd_number,
        )
        .values(ticket=given.c.ticket)
    ),
)


def keep(conn: Connection, documents: Iterable[tuple[FiscalDocument, datetime]]) -> None:
    """Write the bytes of those documents that brought them. What is kept already stays as it is."""
    rows = [(d.fn_number, d.fd_number, d.tlv, millis(at)) for d, at in documents if d.tlv is not None]
    if rows:
        _INSERT.put(conn, rows)


def keep_tickets(conn: Connection, tickets: Sequence[tuple[str, int, bytes]]) -> None:
    """FN, document number, the operator's answer; of a document that is not kept, nothing is written."""
    if tickets:
        _SET_TICKETS.put(conn, tickets)


def kept_document(conn: Connection, *, fn_number: str, fd_number: int) -> KeptDocument | None:
    row = conn.execute(
        select(document_bytes.c.tlv, document_bytes.c.ticket, document_bytes.c.kept_at).where(
            document_bytes.c.fn_number == fn_number, document_bytes.c.fd_number == fd_number
        )
    ).first()
    if row is None:
        return None
    ticket = None if row.ticket is None else bytes(row.ticket)
    return KeptDocument(tlv=bytes(row.tlv), ticket=ticket, kept_at=row.kept_at)

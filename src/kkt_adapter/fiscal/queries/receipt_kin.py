"""Receipts that are tied to another: the sale of a refund, the receipt that a correction repairs, and back.

A correction names the wrong document by its fiscal sign (tag 1192) and the day of its settlement (1178). The
fiscal sign alone has no index, so on the side of the correction the documents of that day are looked through,
at most ``DAY_LOOKED`` of each FN.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from kkt_adapter.fiscal.lifecycle import PrintState, Status
from kkt_adapter.fiscal.model import Correction, Receipt
from kkt_adapter.fiscal.queries.receipt_filter import Stage, stage_of
from kkt_adapter.fiscal.store import receipt_lookup
from kkt_adapter.fiscal.store.document_dates import first_since
from kkt_adapter.fiscal.store.tables import documents, met_fns, receipt_links, receipts

KIN_SHOWN = 50
DAY_LOOKED = 5000  # documents
REFUND, CORRECTION = "refund", "correction"  # kinds of links (intake/suspicions.py)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kin:
    """Another receipt that this one is tied to. ``relation``: original (this one refunds it), refund (it
    refunds this one), corrected (this one repairs it), correction (it repairs this one)."""

    id: str
    relation: str
    fd_number: int | None
    total_kop: int
    stage: Stage


def kin_of(conn: Connection, row: Row[Any], receipt: Receipt) -> list[Kin]:
    """``row`` of ``receipts`` with its contents; what it repairs or refunds first."""
    return [*_before(conn, row, receipt), *_after(conn, row)]


def _before(conn: Connection, row: Row[Any], receipt: Receipt) -> Iterator[Kin]:
    if receipt.original_receipt_id is not None:
        original = receipt_lookup.find(conn, receipt.original_receipt_id)
        if original is not None and original.seq != row.seq:
            yield _kinsman(original, "original")
    if receipt.correction is not None and receipt.correction.fiscal_sign is not None:
        wrong = _corrected(conn, row.register_id, receipt.correction)
        if wrong is not None and wrong.seq != row.seq:
            yield _kinsman(wrong, "corrected")


def _after(conn: Connection, row: Row[Any]) -> Iterator[Kin]:
    yield from (_kinsman(one, "refund") for one in _linked(conn, REFUND, row.id))
    signed = conn.execute(
        select(documents.c.fiscal_sign).where(
            documents.c.fn_number == row.fn_number, documents.c.fd_number == row.fiscal_doc_number
        )
    ).scalar_one_or_none()
    if signed is not None:
        yield from (_kinsman(one, "correction") for one in _linked(conn, CORRECTION, str(signed)))


def _linked(conn: Connection, kind: str, value: str) -> list[Row[Any]]:
    query = (
        select(receipts)
        .join(receipt_links, receipt_links.c.receipt_seq == receipts.c.seq)
        .where(receipt_links.c.kind == kind, receipt_links.c.value == value)
        .order_by(receipts.c.seq)
        .limit(KIN_SHOWN)
    )
    return list(conn.execute(query))


def _corrected(conn: Connection, register_id: str, correction: Correction) -> Row[Any] | None:
    """The receipt with this fiscal sign among the documents of its day, on the FNs of the same register."""
    fns = conn.execute(select(met_fns.c.fn_number).where(met_fns.c.register_id == register_id)).scalars()
    for fn_number in list(fns):
        first, end = (_first_of(conn, fn_number, correction.date + timedelta(days=n)) for n in (0, 1))
        if first is None:
            continue
        last = first + DAY_LOOKED if end is None else min(end - 1, first + DAY_LOOKED)
        found = conn.execute(
            select(receipts)
            .join(documents, documents.c.receipt_seq == receipts.c.seq)
            .where(
                documents.c.fn_number == fn_number,
                documents.c.fd_number.between(first, last),
                documents.c.fiscal_sign == int(correction.fiscal_sign or 0),
            )
            .limit(1)
        ).first()
        if found is not None:
            return found
    return None


def _first_of(conn: Connection, fn_number: str, day: date) -> int | None:
    return first_since(conn, fn_number, datetime.combine(day, time()))


def _kinsman(row: Row[Any], relation: str) -> Kin:
    return Kin(
        id=row.id,
        relation=relation,
        fd_number=row.fiscal_doc_number,
        total_kop=row.total_kop,
        stage=stage_of(PrintState(row.print_state), Status(row.status)),
    )

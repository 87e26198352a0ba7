"""Documents that an FN holds and that no receipt of ours owns: what is left when the database is older than
the FN, because it was restored from a copy or made anew.

Pure choice (``matching``) and rows; ``printing/recovery/fn_readback.py`` reads them from the FN.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Select, delete, func, or_, select, update

from kkt_adapter.fiscal.model import Baseline, FiscalDocument, Receipt, Unread, sum_fits
from kkt_adapter.fiscal.store.tables import (
    ORPHAN_ROWS,
    PRINT_FAILED_ROWS,
    UNPRINTED_ROWS,
    counters,
    documents,
    receipts,
)
from kkt_adapter.kernel.ids import FnNumber

UNREAD_LIVE: Final = timedelta(days=31)
"""A till asks for no older document under a key again (backup-restore.md)."""

_OLDEST_WITHOUT_DOCUMENT = tuple(
    select(func.min(receipts.c.seq)).where(rows).scalar_subquery()
    for rows in (UNPRINTED_ROWS, PRINT_FAILED_ROWS)
)


_COLUMNS = (
    documents.c.fn_number,
    documents.c.fd_number,
    documents.c.receipt_key,
    documents.c.total_kop,
    documents.c.accepted_before,
    documents.c.unread,
    documents.c.fiscalized_at,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanDocument:
    """One receipt's document without a receipt."""

    fn_number: FnNumber
    fd_number: int
    key: str | None
    total_kop: int | None
    accepted_before: int | None  # a receipt from this number on was accepted after it was read back
    unread: Unread | None = None  # its key is not known
    old: bool = False  # too old for a receipt that was accepted after it was read back


class OrphanDocuments:
    """Those of one FN; empty nearly always, so that printing costs nothing more. ``elsewhere``: more of them
    are written down under another register, which has been renamed or has given the FN away."""

    def __init__(self, found: Sequence[OrphanDocument] = (), *, elsewhere: bool = False) -> None:
        self.elsewhere = elsewhere
        self._found = {document.fd_number: document for document in found}

    def __len__(self) -> int:
        return len(self._found)

    def matching(self, receipt: Receipt, seq: int, *, after: int = 0) -> list[OrphanDocument]:
        """The documents after number ``after`` that may be this receipt: of the same sum and with its key.

        A receipt without a key fits a document without one, but only if the receipt is the older of the two:
        a new sale of the same sum must never be taken for an old document. A document whose key could not be
        read fits by its sum alone: a receipt with a key may be asked for again also after it was read back.
        """
        return [
            document
            for document in self._found.values()
            if document.fd_number > after
            and _fits(document, receipt)
            and (_accepted_before(seq, document) or _may_be_repeated(document, receipt))
        ]

    def learn(self, fd_number: int, key: str | None) -> None:
        """Its tags can be read by now."""
        self._found[fd_number] = replace(self._found[fd_number], key=key, unread=None)

    def drop(self, fd_number: int) -> None:
        """It has an owner now, or was found not to fit."""
        self._found.pop(fd_number, None)


def newest_number(conn: Connection, fn_number: str) -> int:
    """The last document of this FN that was written down; 0 when there is none."""
    query = select(func.max(documents.c.fd_number)).where(documents.c.fn_number == fn_number)
    return int(conn.execute(query).scalar_one() or 0)


def orphan_rows(conn: Connection, register_id: str, fn_number: str, *, since: datetime) -> OrphanDocuments:
    """Receipts' documents without a receipt, as far as one of ours may ask for them.

    No date ends that: the clock may have been wrong. A document without a key fits receipts that were
    accepted before it was read back, so that it is left out once none of them waits or is refused. One whose
    key could not be read is ``old`` for what was accepted later when it is older than ``since`` (the
    register's wall clock).
    """
    oldest = since.isoformat()
    rows = conn.execute(
        select(*_COLUMNS)
        .where(
            ORPHAN_ROWS,
            documents.c.register_id == register_id,
            documents.c.fn_number == fn_number,
            or_(
                documents.c.receipt_key.is_not(None),
                documents.c.unread.is_not(None),
                documents.c.accepted_before.is_(None),
                *(documents.c.accepted_before > seq for seq in _OLDEST_WITHOUT_DOCUMENT),
            ),
        )
        .order_by(documents.c.fd_number)
    )
    return OrphanDocuments(
        [replace(_orphan(row), old=row.unread is not None and row.fiscalized_at < oldest) for row in rows]
    )


def registers_with_orphans(conn: Connection) -> list[str]:
    """The registers that ``orphan_rows`` may give something for."""
    return list(conn.execute(select(documents.c.register_id).where(ORPHAN_ROWS).distinct()).scalars())


def is_elsewhere(conn: Connection, fn_number: str, register_ids: Collection[str]) -> bool:
    """Does an orphan of this FN stand under one of these registers?"""
    return (
        bool(register_ids) and conn.execute(_elsewhere(fn_number, register_ids).limit(1)).first() is not None
    )


def take_over(conn: Connection, fn_number: str, *, register_id: str) -> None:
    """The FN's orphans belong to the register that it is in now, whatever that was called before: under
    another name nobody would find them, and a receipt that is asked for again would be printed again."""
    others = [other for other in registers_with_orphans(conn) if other != register_id]
    for number in conn.execute(_elsewhere(fn_number, others)).scalars().all():
        of_one = (documents.c.fn_number == fn_number) & (documents.c.fd_number == number)
        conn.execute(update(documents).where(of_one).values(register_id=register_id))


def _elsewhere(fn_number: str, register_ids: Collection[str]) -> Select[tuple[int]]:
    return select(documents.c.fd_number).where(
        ORPHAN_ROWS, documents.c.register_id.in_(register_ids), documents.c.fn_number == fn_number
    )


def holder_of(conn: Connection, receipt: Receipt, seq: int, register_ids: Collection[str]) -> str | None:
    """The register among these whose FN was read back with this receipt's document: by its key, else one that
    may be it (``OrphanDocuments.matching``). None: nothing speaks for any of them."""
    key = documents.c.receipt_key
    own = key.is_(None) if receipt.key is None else key == receipt.key
    rows = conn.execute(
        select(documents.c.register_id, *_COLUMNS).where(
            ORPHAN_ROWS,
            documents.c.register_id.in_(register_ids),
            or_(own & (documents.c.total_kop == receipt.total_kop), documents.c.unread.is_not(None)),
        )
    ).all()
    found = [(row.register_id, _orphan(row)) for row in rows]
    for register_id, document in found:
        if document.key is not None and _fits(document, receipt):
            return str(register_id)
    for register_id, document in found:
        if document.key is None and _fits(document, receipt) and _accepted_before(seq, document):
            return str(register_id)
    return None


def keyed_or_unread(
    conn: Connection, register_ids: Collection[str], keys: Collection[str], *, since: datetime
) -> Sequence[tuple[str, OrphanDocument]]:
    """What ``asked_again`` looks through: the documents with these keys, and the unread ones that are not
    older than ``since`` (the registers' wall clocks), each with its register."""
    unread = documents.c.unread.is_not(None) & (documents.c.fiscalized_at >= since.isoformat())
    rows = conn.execute(
        select(documents.c.register_id, *_COLUMNS)
        .where(
            ORPHAN_ROWS,
            documents.c.register_id.in_(register_ids),
            or_(documents.c.receipt_key.in_(keys), unread),
        )
        .order_by(documents.c.register_id, documents.c.fd_number)
    )
    return [(str(row.register_id), _orphan(row)) for row in rows]


def asked_again(found: Sequence[tuple[str, OrphanDocument]], receipt: Receipt) -> str | None:
    """The register among ``found`` that has this receipt's document already, by its key, else one that may
    have it; None: it is new. For a receipt that is being accepted: without a key it is new."""
    for register_id, document in found:
        if document.key is not None and document.key == receipt.key:
            return register_id
    for register_id, document in found:
        if document.key is None and _fits(document, receipt) and _may_be_repeated(document, receipt):
            return register_id
    return None


def mark_unread(conn: Connection, document: FiscalDocument) -> None:
    """Its key is not known: it must not pass for a document without one."""
    conn.execute(
        update(documents)
        .where(documents.c.fn_number == document.fn_number, documents.c.fd_number == document.fd_number)
        .values(unread=document.unread)
    )


def mark_read_back(conn: Connection, fn_number: str) -> None:
    """No receipt that is accepted from now on can be one of the documents that were written down just now."""
    next_seq = select(counters.c.next_seq).scalar_subquery()
    conn.execute(
        update(documents)
        .where(ORPHAN_ROWS, documents.c.fn_number == fn_number, documents.c.accepted_before.is_(None))
        .values(accepted_before=next_seq)
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


def owned_numbers(conn: Connection, after: Baseline) -> frozenset[int]:
    """The documents of this FN after ``after`` that are receipts' documents already."""
    query = select(documents.c.fd_number).where(
        documents.c.fn_number == after.fn_number,
        documents.c.fd_number > after.fd_number,
        documents.c.receipt_seq.is_not(None),
    )
    return frozenset(conn.execute(query).scalars())


def _accepted_before(seq: int, document: OrphanDocument) -> bool:
    return document.accepted_before is None or seq < document.accepted_before


def _may_be_repeated(document: OrphanDocument, receipt: Receipt) -> bool:
    """May a receipt that was accepted after the reading be this document, under its former key?"""
    return receipt.key is not None and not document.old


def _fits(document: OrphanDocument, receipt: Receipt) -> bool:
    named = document.unread is not None or document.key == receipt.key
    return named and sum_fits(document.total_kop, document.unread, receipt.total_kop)


def _orphan(row: Any) -> OrphanDocument:
    """``row``: of ``_COLUMNS``."""
    return OrphanDocument(
        fn_number=FnNumber(row.fn_number),
        fd_number=row.fd_number,
        key=row.receipt_key,
        total_kop=row.total_kop,
        accepted_before=row.accepted_before,
        unread=None if row.unread is None else Unread(row.unread),
    )

"""The books of the FNs, of the operator and of the adapter, read when everything has stopped.

An FN's archive is its file, opened without the product; the operator's book is the emulator's memory. The
adapter's rows are only compared with both: they prove nothing.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from kkt_adapter.emulators.ofd import OfdBook
from kkt_adapter.emulators.ofd.book import Kept, OperatorChannel
from kkt_adapter.fiscal.ffd.tlv import Element, decode
from kkt_adapter.fiscal.kkt.virtual.documents import read_document
from kkt_adapter.fiscal.model import DocumentCode
from kkt_adapter.fiscal.ofd.frame import parse_message, read_confirmation
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.events import EventType
from kkt_adapter.fiscal.store.tables import (
    OPEN_ROWS,
    attempts,
    buffer_events,
    dlq,
    document_bytes,
    documents,
    idempotency,
    receipts,
)

RECEIPTS = frozenset({DocumentCode.RECEIPT, DocumentCode.CORRECTION})
NAME = 1030  # tag: name of the line
KEPT = 1_000_000  # documents of an operator's book, all there are


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """One document as an FN keeps it."""

    fn_number: str
    fd_number: int
    code: DocumentCode
    name: str | None  # of its line; None: no receipt
    total_kop: int | None
    fiscal_sign: str
    message: bytes

    @property
    def id(self) -> str:
        return f"{self.fn_number}-{self.fd_number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FnBook:
    """One FN. ``queued``: its documents go to the operator over the binary protocol; ``relayed``: the adapter
    carries them, and hears what the operator says."""

    register_id: str
    queued: bool
    documents: tuple[Archived, ...]
    objections: Mapping[str, int] = field(default_factory=dict)  # by document: codes of operators' answers
    relayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BookRow:
    """One receipt as the adapter has it."""

    id: str
    key: str
    print_state: str
    status: str
    document_id: str | None
    error: str | None
    settled: str | None = None  # note of its dead letter that a person has closed


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterBook:
    rows: tuple[BookRow, ...]
    documents: frozenset[str]  # FN and number of each that was written down
    keys: int  # stored Idempotency-Keys
    open_attempts: int
    open_letters: tuple[str, ...]  # the receipts of open dead letters
    wrong_totals: dict[str, tuple[int, int]]
    objections: Mapping[str, int] = field(default_factory=dict)  # by document: codes in operators' answers
    alarms: frozenset[str] = frozenset()  # documents with an event about such a code


def read_archive(path: Path, *, register_id: str, queued: bool) -> FnBook:
    """Every document in an FN's file.

    Raises:
        sqlite3.Error, ValueError: the file is damaged.
    """
    with _reading(path) as connection:
        found = _documents(connection)
        codes = connection.execute(
            "SELECT fd_number, response_code FROM confirmations WHERE response_code > 0"
        ).fetchall()
    objections = {f"{found[0].fn_number}-{number}": code for number, code in codes}
    return FnBook(register_id=register_id, queued=queued, documents=found, objections=objections)


def read_documents(path: Path) -> tuple[Archived, ...]:
    """The documents alone, in their order; also while a node works on it. Raises as ``read_archive``."""
    with _reading(path) as connection:
        return _documents(connection)


def _documents(connection: sqlite3.Connection) -> tuple[Archived, ...]:
    rows = connection.execute("SELECT message FROM documents ORDER BY fd_number").fetchall()
    return tuple(_archived(bytes(message)) for (message,) in rows)


@contextmanager
def _reading(path: Path, *, within_s: float = 10.0) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=within_s)
    try:
        yield connection
    finally:
        connection.close()


def is_confirmed(path: Path) -> bool:
    """Has the operator confirmed every document of an FN, reports included? Also while a node works with it;
    False too when the file cannot be read now."""
    state = _made_and_confirmed(path)
    return state is not None and state[1] >= state[0]


def confirmed_number(path: Path) -> int | None:
    """The last document that the operator has confirmed; None when the file cannot be read now."""
    state = _made_and_confirmed(path)
    return None if state is None else state[1]


def _made_and_confirmed(path: Path) -> tuple[int, int] | None:
    try:
        with _reading(path, within_s=1.0) as connection:
            made, confirmed = connection.execute("SELECT fd_number, confirmed FROM state").fetchone()
    except (sqlite3.Error, TypeError):
        return None
    return int(made), int(confirmed)


def _archived(message: bytes) -> Archived:
    document = read_document(message, confirmed=False)
    return Archived(
        fn_number=document.fn_number,
        fd_number=document.fd_number,
        code=document.code,
        name=_name(message) if document.code in RECEIPTS else None,
        total_kop=document.total_kop,
        fiscal_sign=str(document.fiscal_sign),
        message=message,
    )


def _name(message: bytes) -> str | None:
    container = parse_message(message).container
    assert container is not None
    return _find_text(decode(container.document), NAME)


def _find_text(elements: Sequence[Element], tag: int) -> str | None:
    for element in elements:
        if element.tag == tag and isinstance(element.value, str):
            return element.value
        found = _find_text(element.children, tag)
        if found is not None:
            return found
    return None


def read_adapter(connection: Connection) -> AdapterBook:
    """For ``Database.read``."""
    settled = (
        select(func.max(dlq.c.note))
        .where(dlq.c.original_receipt_id == receipts.c.id, dlq.c.outcome.is_not(None))
        .scalar_subquery()
    )
    rows = connection.execute(
        select(
            receipts.c.id,
            receipts.c.idempotency_key,
            receipts.c.print_state,
            receipts.c.status,
            receipts.c.fn_number,
            receipts.c.fiscal_doc_number,
            receipts.c.last_error,
            settled.label("settled"),
        ).order_by(receipts.c.seq)
    )
    known = connection.execute(select(documents.c.fn_number, documents.c.fd_number))
    letters = select(dlq.c.original_receipt_id).where(dlq.c.resolved_at.is_(None))
    return AdapterBook(
        rows=tuple(_row(row) for row in rows),
        documents=frozenset(f"{fn}-{fd}" for fn, fd in known),
        keys=_count(connection, idempotency),
        open_attempts=_count(connection, attempts, OPEN_ROWS),
        open_letters=tuple(connection.scalars(letters)),
        wrong_totals=counters.verify(connection),
        objections=_objections(connection),
        alarms=_alarms(connection),
    )


def _objections(connection: Connection) -> dict[str, int]:
    """Out of the operator's answers, as they were kept."""
    c = document_bytes.c
    found = {}
    for fn, fd, ticket in connection.execute(
        select(c.fn_number, c.fd_number, c.ticket).where(c.ticket.is_not(None))
    ):
        code = read_confirmation(bytes(ticket), fn_number=fn, fd_number=fd).response_code
        if code:
            found[f"{fn}-{fd}"] = code
    return found


def _alarms(connection: Connection) -> frozenset[str]:
    c = buffer_events.c
    said = connection.execute(select(c.metadata).where(c.event_type == EventType.OPERATOR_ALARM.value))
    facts = [json.loads(metadata) for (metadata,) in said]
    return frozenset(f"{one['fn_number']}-{one['fd_number']}" for one in facts)


def _row(row: Any) -> BookRow:
    printed = row.fiscal_doc_number is not None
    return BookRow(
        id=row.id,
        key=row.idempotency_key,
        print_state=row.print_state,
        status=row.status,
        document_id=f"{row.fn_number}-{row.fiscal_doc_number}" if printed else None,
        error=row.last_error,
        settled=row.settled,
    )


def _count(connection: Connection, table: Any, *where: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one())


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedOverHttp:
    """One document as the operator got it over HTTP."""

    id: str  # FN and number
    name: str | None  # of its first line
    total_kop: int
    fiscal_sign: str | None


def _received(kept: Kept) -> ReceivedOverHttp:
    body = json.loads(kept.raw, parse_float=Decimal)
    fiscal = {**(body.get("fiscal_doc") or {}), **body}
    lines = body["items"]
    sign = fiscal.get("fiscal_sign")
    return ReceivedOverHttp(
        id=f"{kept.fn_number}-{kept.fd_number}",
        name=lines[0]["name"] if lines else None,
        total_kop=sum(int(Decimal(payment["amount"]) * 100) for payment in body["payments"]),
        fiscal_sign=None if sign is None else str(sign),
    )


class OperatorBook:
    """The third book: what has arrived at the operator."""

    def __init__(self, book: OfdBook) -> None:
        self._book = book

    def has_message(self, document: Archived) -> bool:
        """Has exactly these bytes arrived, over the binary protocol?"""
        drive = self._book.drives.get(document.fn_number)
        digest = None if drive is None else drive.numbers.digest(document.fd_number)
        return digest is not None and digest == hash(document.message) & 0xFFFF_FFFF_FFFF_FFFF

    def has_receipt(self, receipt_id: str, document_id: str) -> bool:
        """Has this receipt arrived over HTTP, under this document?"""
        known = self._book.receipts.get(receipt_id)
        return known is not None and f"{known.fn_number}-{known.fd_number}" == document_id

    def renumbered(self, receipt_id: str) -> int:
        """How often a receipt that is known over HTTP came again as another document, and was refused."""
        return self._book.renumbered[receipt_id]

    def over_http(self, fn_number: str) -> list[ReceivedOverHttp]:
        """Everything that has arrived over HTTP with this FN's number, as it was sent."""
        found = self._book.documents(fn_number=fn_number, limit=KEPT)
        return [_received(kept) for kept in found if kept.transport is OperatorChannel.HTTP]

    @property
    def conflicts(self) -> int:
        """Two documents under one number, or one receipt under two."""
        return sum(drive.conflicts for drive in self._book.drives.values())

    @property
    def documents(self) -> int:
        return self._book.unique

    @property
    def repeated(self) -> int:
        """Times a document came again; the operator recognised each by FN, number and bytes."""
        return sum(drive.repeated for drive in self._book.drives.values())

    def numbers(self, fn_number: str) -> int:
        """How many documents of one FN have arrived."""
        drive = self._book.drives.get(fn_number)
        return 0 if drive is None else drive.unique

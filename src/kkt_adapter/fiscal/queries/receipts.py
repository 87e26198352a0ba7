"""Reading receipts back: one, by key, in pages, and as a slip (http-api.md#receipts)."""

import asyncio
import base64
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select, true

from kkt_adapter.fiscal.lifecycle import PrintState, Status
from kkt_adapter.fiscal.model import (
    DocumentCode,
    FiscalDocument,
    Receipt,
    ReceiptKind,
)
from kkt_adapter.fiscal.printing.registers import Registers
from kkt_adapter.fiscal.queries.documents import Documents, composed
from kkt_adapter.fiscal.queries.door_receipts import callback_shown
from kkt_adapter.fiscal.queries.event_log import event_of
from kkt_adapter.fiscal.queries.receipt_models import (
    ReceiptDetail,
    ReceiptPage,
    attempt,
    summary,
)
from kkt_adapter.fiscal.slip import (
    Slip,
    qr_svg,
    render_buyer_html,
    render_buyer_pdf,
    render_html,
    render_pdf,
    render_text,
)
from kkt_adapter.fiscal.store import receipt_json
from kkt_adapter.fiscal.store.events import EventType
from kkt_adapter.fiscal.store.fiscal_doc import StoredFiscalDoc, read_fiscal_doc
from kkt_adapter.fiscal.store.receipt_lookup import (
    _is_number,
)
from kkt_adapter.fiscal.store.tables import (
    FAILED_ROWS,
    PRINT_FAILED_ROWS,
    UNDELIVERED_ROWS,
    UNPRINTED_ROWS,
    attempts,
    buffer_events,
    idempotency,
    receipts,
)
from kkt_adapter.kernel.errors import Conflict, InvalidInput, ReceiptNotFound
from kkt_adapter.kernel.money import Kopecks
from kkt_adapter.runtime.db.protocol import Database

CURSOR_DIGITS = 18  # more do not fit the 64 bits of a row number

# The rows of these states are few, and each has an index of its own; others are found by walking back.
_FEW = {
    Status.PENDING: UNDELIVERED_ROWS,
    Status.SYNCING: UNDELIVERED_ROWS,
    Status.FAILED: FAILED_ROWS,
    PrintState.NEW: UNPRINTED_ROWS,
    PrintState.PRINTING: UNPRINTED_ROWS,
    PrintState.PRINT_UNKNOWN: UNPRINTED_ROWS,
    PrintState.PRINT_FAILED: PRINT_FAILED_ROWS,
}


class Receipts:
    """The read side; every call is one snapshot of the database."""

    def __init__(self, *, database: Database, registers: Registers, documents: Documents) -> None:
        self._db = database
        self._registers = registers
        self._documents = documents

    async def by_id(self, receipt_id: str) -> ReceiptDetail:
        """One receipt with its attempts and events. Raises ReceiptNotFound."""

        def read(conn: Connection) -> ReceiptDetail | None:
            row = conn.execute(select(receipts).where(receipts.c.id == receipt_id)).first()
            return None if row is None else detail(conn, row)

        found = await self._db.read(read)
        if found is None:
            raise _unknown(receipt_id)
        return found

    async def by_key(self, key: str) -> ReceiptDetail:
        """The same by Idempotency-Key; ReceiptNotFound means that it was never accepted."""

        def read(conn: Connection) -> ReceiptDetail | None:
            row = conn.execute(
                select(receipts)
                .join(idempotency, idempotency.c.seq == receipts.c.seq)
                .where(idempotency.c.key_hash == receipt_json.key_hash(key))
            ).first()
            return None if row is None else detail(conn, row)

        found = await self._db.read(read)
        if found is None:
            raise ReceiptNotFound(
                "No receipt was accepted with this Idempotency-Key.",
                "С этим Idempotency-Key чек не принимался.",
            )
        return found

    async def page(
        self,
        *,
        status: str | None,
        print_state: str | None,
        pos_id: str | None,
        since: datetime | None,
        limit: int,
        cursor: str | None,
    ) -> ReceiptPage:
        """Newest first. Raises InvalidInput for a bad cursor."""
        query = select(receipts).order_by(receipts.c.seq.desc()).limit(limit + 1)
        if status is not None:
            query = query.where(receipts.c.status == Status(status).value)
            query = query.where(_among_few(Status(status)))
        if print_state is not None:
            query = query.where(receipts.c.print_state == PrintState(print_state).value)
            query = query.where(_among_few(PrintState(print_state)))
        if pos_id is not None:
            query = query.where(receipts.c.pos_id == pos_id)
        if since is not None:
            query = query.where(receipts.c.created_at >= since)
        if cursor is not None:
            query = query.where(receipts.c.seq < _read_cursor(cursor))
        rows = await self._db.read(lambda c: c.execute(query).all())
        page = rows[:limit]
        more = len(rows) > limit
        return ReceiptPage(
            items=[summary(row) for row in page], next_cursor=_cursor(page[-1].seq) if more else None
        )

    async def slip_text(self, receipt_id: str) -> str:
        return render_text(await self.slip(receipt_id))

    async def slip_html(self, receipt_id: str) -> str:
        return render_html(await self.slip(receipt_id))

    async def slip_pdf(self, receipt_id: str) -> bytes:
        slip = await self.slip(receipt_id)
        return await asyncio.to_thread(render_pdf, slip)  # some hundred milliseconds, most of them the font's

    async def buyer_html(self, receipt_id: str, *, pdf: bool) -> str:
        """The public page; ``pdf``: it links to the PDF."""
        return render_buyer_html(await self.slip(receipt_id), pdf=pdf)

    async def buyer_pdf(self, receipt_id: str) -> bytes:
        slip = await self.slip(receipt_id)
        return await asyncio.to_thread(render_buyer_pdf, slip)

    async def qr_svg(self, receipt_id: str) -> str:
        """Raises Conflict while the receipt is not printed."""
        row = await self._row(receipt_id)
        return qr_svg(_doc(row).qr)

    async def _row(self, receipt_id: str) -> Row[Any]:
        row = await self._db.read(
            lambda c: c.execute(select(receipts).where(receipts.c.id == receipt_id)).first()
        )
        if row is None:
            raise _unknown(receipt_id)
        return row

    async def slip(self, receipt_id: str) -> Slip:
        """From the signed document. One that nobody has any more, of before documents were kept, is put
        together from what was sent to the register."""
        row = await self._row(receipt_id)
        doc = _doc(row)
        profile = await self._registers.unit(row.register_id).profile()
        tlv = await self._documents.tlv(row.fn_number, row.fiscal_doc_number)
        if tlv is None:
            tlv = composed(_document(doc, receipt_json.load(row.payload)), row.payload, profile.registration)
        return Slip(tlv=tlv, registration=profile.registration)


def _doc(row: Row[Any]) -> StoredFiscalDoc:
    if row.fiscal_doc is None:
        raise Conflict("this receipt is not printed yet", "этот чек ещё не напечатан")
    return read_fiscal_doc(row.fiscal_doc)


def _document(doc: StoredFiscalDoc, receipt: Receipt) -> FiscalDocument:
    corrected = receipt.kind is ReceiptKind.CORRECTION
    return FiscalDocument(
        fn_number=doc.fn_number,
        fd_number=doc.fd_number,
        code=DocumentCode.CORRECTION if corrected else DocumentCode.RECEIPT,
        fiscal_sign=int(doc.fiscal_sign),
        fiscalized_at=doc.fiscalized_at,
        shift_number=doc.shift_number,
        receipt_number=doc.receipt_number,
        operation=receipt.operation,
        total_kop=Kopecks(receipt.total_kop),
        key=receipt.key,
    )


def _operator_code(events: Sequence[Row[Any]]) -> int | None:
    """The response code with which the operator took the document, when it is an alarm (11, 14)."""
    said = [e.metadata for e in events if e.event_type == EventType.OPERATOR_ALARM]
    return int(json.loads(said[-1])["code"]) if said else None


def detail(conn: Connection, row: Row[Any]) -> ReceiptDetail:
    """A receipt with its items, attempts and events."""
    tries = conn.execute(
        select(attempts).where(attempts.c.receipt_seq == row.seq).order_by(attempts.c.id).limit(200)
    )
    events = conn.execute(
        select(buffer_events)
        .where(buffer_events.c.receipt_id == row.id)
        .order_by(buffer_events.c.id)
        .limit(200)
    ).all()
    return ReceiptDetail(
        summary=summary(row),
        receipt=receipt_json.load(row.payload),
        operator_code=_operator_code(events),
        callback=callback_shown(conn, row.seq),
        warnings=receipt_json.load_warnings(row.warnings),
        attempts=[attempt(one) for one in tries],
        events=[event_of(one) for one in events],
    )


def _unknown(receipt_id: str) -> ReceiptNotFound:
    return ReceiptNotFound(f"no receipt {receipt_id[:64]}", f"нет чека {receipt_id[:64]}")


def _among_few(state: Status | PrintState) -> ColumnElement[bool]:
    """Picks the rows by the state's own index; the planner would rather walk back over the whole table."""
    rows = _FEW.get(state)
    return true() if rows is None else receipts.c.seq.in_(select(receipts.c.seq).where(rows))


def _cursor(seq: int) -> str:
    return base64.urlsafe_b64encode(f"s{seq}".encode()).decode().rstrip("=")


def _read_cursor(text: str) -> int:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
        if not (raw.startswith("s") and len(raw) <= CURSOR_DIGITS + 1 and _is_number(raw[1:])):
            raise ValueError
        return int(raw[1:])
    except ValueError:
        raise InvalidInput(
            "cursor: take it from next_cursor of the page before",
            "cursor: берите его из next_cursor предыдущей страницы",
        ) from None

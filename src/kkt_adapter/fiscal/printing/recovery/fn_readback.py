"""Reading an FN's newest documents back when it is ahead of the database.

In normal life it never is: what the register made is written down, or an attempt says that something may
be missing (``resolve.py``). It is ahead after the database was restored from a copy, or begun anew. What was
printed since then is in the FN and nowhere else; read back, it is there to be matched by key before anything
is printed: a till that asks again for such a receipt gets its document, and not a second one.
"""

from collections.abc import Sequence
from datetime import timedelta

import structlog
from sqlalchemy import Connection

from kkt_adapter.fiscal.kkt.driver import KktStatus
from kkt_adapter.fiscal.model import DocumentCode, FiscalDocument, ShiftReport
from kkt_adapter.fiscal.printing import records
from kkt_adapter.fiscal.printing.register_session import RegisterSession
from kkt_adapter.fiscal.shifts.shift_rows import record_shift
from kkt_adapter.fiscal.store import events
from kkt_adapter.fiscal.store.attempts import LaneTerm
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.fiscal.store.orphan_documents import (
    OrphanDocuments,
    mark_read_back,
    newest_number,
    orphan_rows,
)
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.database import check_terms

STEP = 200  # documents written down in one commit
KEYS_LIVE = timedelta(days=31)  # idempotency.md: keys live 30 days; a day for the zone of the wall clock

_SHIFT_CODES = (DocumentCode.OPEN_SHIFT, DocumentCode.CLOSE_SHIFT)


def orphans_of(conn: Connection, register_id: str, status: KktStatus) -> OrphanDocuments:
    """The receipts' documents without a receipt that still matter, of the FN that is in the register now."""
    return orphan_rows(conn, register_id, status.fn_number, since=status.clock - KEYS_LIVE)


class FnReadback:
    """Works for one lane, at the beginning of each of its terms, when no attempt is open."""

    def __init__(self, session: RegisterSession, *, database: Database, clock: Clock) -> None:
        self._session = session
        self._db = database
        self._clock = clock
        self._log = structlog.get_logger("fn_readback").bind(register_id=session.register_id)

    async def read(self, lane: LaneTerm) -> OrphanDocuments:
        """Write down whatever the FN has and we have not; return the receipts' documents without a receipt.

        Raises:
            KktUnavailable: the device cannot be asked now.
        """
        status = await self._session.driver.status()
        fn_number, last = status.fn_number, status.fd_number
        known = await self._db.read(lambda c: newest_number(c, fn_number))
        if known < last:
            await self._read_back(max(known + 1, last - self._session.driver.readback_limit + 1), last, lane)
        return await self._db.read(lambda c: orphans_of(c, self._session.register_id, status))

    async def _read_back(self, first: int, last: int, lane: LaneTerm) -> None:
        receipts = 0
        for begin in range(first, last + 1, STEP):
            found: list[tuple[FiscalDocument, ShiftReport | None]] = []
            for number in range(begin, min(begin + STEP, last + 1)):
                document = await self._session.driver.document(number)
                if document is None:
                    continue
                report = None
                if document.code is DocumentCode.CLOSE_SHIFT:
                    report = await self._session.driver.shift_report(number)
                receipts += document.total_kop is not None
                found.append((document, report))
            await self._write_down(found, lane)
        if receipts:
            self._log.warning("fn_was_ahead", first=first, last=last, receipts=receipts)

    async def _write_down(
        self, found: Sequence[tuple[FiscalDocument, ShiftReport | None]], lane: LaneTerm
    ) -> None:
        now, register_id = self._clock.now(), self._session.register_id
        receipts = [document.fd_number for document, _ in found if document.total_kop is not None]

        def write(conn: Connection) -> None:
            check_terms(conn, {(lane.lease, lane.owner, lane.number)})
            for document, report in found:
                records.store_document(conn, document, register_id=register_id, at=now)
                if document.code in _SHIFT_CODES:
                    record_shift(conn, register_id, document, report)
            if receipts:
                mark_read_back(conn, found[0][0].fn_number)
                events.write(
                    conn,
                    [
                        events.entry(
                            EventType.DOCUMENTS_READ_BACK,
                            now,
                            level=EventLevel.WARNING,
                            register_id=register_id,
                            first=receipts[0],
                            last=receipts[-1],
                            count=len(receipts),
                        )
                    ],
                )

        if found:
            await self._db.write(write)

"""Reading an FN's newest documents back when it is ahead of the database.

Usually it is not: what the register made is written down, or an attempt says that something may be missing
(``resolve.py``). It is ahead after the database was restored from a copy. Receipts that were printed since
then are in the FN alone. They are read back and matched by key before anything is printed, so a till that
asks again for such a receipt gets its document and not a second one.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import Connection

from kkt_adapter.fiscal.kkt.driver import KktStatus
from kkt_adapter.fiscal.model import DocumentCode, FiscalDocument, ShiftReport
from kkt_adapter.fiscal.printing import records
from kkt_adapter.fiscal.printing.blocked import fn_behind
from kkt_adapter.fiscal.printing.lane_rows import OrphansOf
from kkt_adapter.fiscal.printing.register_session import RegisterSession
from kkt_adapter.fiscal.shifts.shift_rows import record_shift
from kkt_adapter.fiscal.store import events, fn_contacts
from kkt_adapter.fiscal.store import losses as loss_rows
from kkt_adapter.fiscal.store.attempts import LaneTerm
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.fiscal.store.losses import Loss, LossKind, note_loss
from kkt_adapter.fiscal.store.orphan_documents import (
    UNREAD_LIVE,
    OrphanDocuments,
    mark_read_back,
    orphan_rows,
    take_over,
)
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError, KktUnavailable
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.database import check_terms

STEP = 200  # documents written down in one commit

_SHIFT_CODES = (DocumentCode.OPEN_SHIFT, DocumentCode.CLOSE_SHIFT)


def orphans_of(conn: Connection, register_id: str, status: KktStatus) -> OrphanDocuments:
    """The receipts' documents without a receipt that still matter, of the FN that is in the register now."""
    return orphan_rows(conn, register_id, status.fn_number, since=status.clock - UNREAD_LIVE)


class FnReadback:
    """Works for one lane, at the beginning of each of its terms, when no attempt is open."""

    def __init__(self, session: RegisterSession, *, database: Database, clock: Clock) -> None:
        self._session = session
        self._db = database
        self._clock = clock
        self._log = structlog.get_logger("fn_readback").bind(register_id=session.register_id)

    async def read(self, lane: LaneTerm) -> OrphanDocuments:
        """Write down whatever the FN has and we have not; return the receipts' documents without a receipt.

        The first contact with an FN takes its last document as the baseline and reads nothing: a register
        comes with documents of others. A database that has lately taken the place of a newer state of itself
        reads all that the driver allows: the contact may be what it has lost.

        Raises:
            KktUnavailable: the device cannot be asked now. FnDamaged: it stands before what it has made.
        """
        status = await self._session.driver.status()
        fn_number, last = status.fn_number, status.fd_number
        rows = await self._session.rows.of_fn(fn_number)
        contact = rows.contact
        met_at = self._session.met.first_fd(fn_number) if contact is None else contact.first_fd
        known = rows.newest or met_at
        if known is None:
            known = 0 if await self._may_have_driven_it() else last
        if known > last:
            raise fn_behind(fn_number, last=last, known=known)
        await self._remember(fn_number, known if met_at is None else met_at)
        if contact is None:
            await self._meet(fn_number, known)
        first = known + 1
        if contact is not None and contact.unread_from is not None:
            first = min(first, contact.unread_from)
        if first <= last:
            await self._read_back(first, last, status, lane)
        wanted = OrphansOf(
            register_id=self._session.register_id, fn_number=fn_number, since=status.clock - UNREAD_LIVE
        )
        orphans = await self._session.rows.orphans(wanted)
        if orphans.elsewhere:
            await self._take_over(fn_number, lane)
            orphans = await self._session.rows.orphans(wanted)
        return orphans

    async def _take_over(self, fn_number: str, lane: LaneTerm) -> None:
        def write(conn: Connection) -> None:
            check_terms(conn, {lane.key})
            take_over(conn, fn_number, register_id=self._session.register_id)

        await self._db.write(write)
        self._log.warning("fn_under_another_register", fn_number=fn_number)

    async def _may_have_driven_it(self) -> bool:
        """A newer state of the database was lost, and may have met the FN through a node with another data
        directory. No date ends that before the event of it is forgotten: the clock may have been wrong."""
        return await self._db.read(loss_rows.replaced_at) is not None

    async def _remember(self, fn_number: str, first_fd: int) -> None:
        """In the data directory, before the database: a process may end between the two, and a database may
        be replaced by a copy from before the first contact."""
        if self._session.met.first_fd(fn_number) is not None:
            return
        try:
            await asyncio.to_thread(self._session.met.remember_fn, fn_number, first_fd)
        except (AdapterError, OSError) as error:
            self._log.warning("fn_not_remembered", error=str(error))

    async def _meet(self, fn_number: str, first_fd: int) -> None:
        now, register_id = self._clock.now(), self._session.register_id
        await self._db.write(
            lambda c: fn_contacts.meet(c, fn_number, register_id=register_id, first_fd=first_fd, at=now)
        )
        self._log.info("fn_met", fn_number=fn_number, first_fd=first_fd)

    async def _read_back(self, first: int, last: int, status: KktStatus, lane: LaneTerm) -> None:
        """Newest first, so that what may be asked for is there soonest; at most ``readback_limit``. Dates end
        nothing: the register's clock may be years ahead of documents that are asked for in a minute."""
        lowest = max(first, last - self._session.driver.readback_limit + 1)
        found = _Found()
        lost_before = await self._lost_before(status)
        try:
            for end in range(last, lowest - 1, -STEP):
                begin = max(lowest, end - STEP + 1)
                self._session.reading_back = _reading(last - end, last - lowest + 1)
                step = await self._step(status.fn_number, begin, end)
                found.add(step, lost_before=lost_before)
                await self._write_down(
                    step,
                    lane,
                    fn_number=status.fn_number,
                    unread_from=None if begin == lowest else first,
                )
                self._log.info("fn_read_back", first=begin, last=end, of_first=lowest)
        finally:
            self._session.reading_back = None
        await self._say(found, status.fn_number)

    async def _step(
        self, fn_number: str, begin: int, end: int
    ) -> list[tuple[FiscalDocument, ShiftReport | None]]:
        known = await self._db.read(lambda c: fn_contacts.known_numbers(c, fn_number, first=begin, last=end))
        found: list[tuple[FiscalDocument, ShiftReport | None]] = []
        for number in range(begin, end + 1):
            if number in known:
                continue
            document = await self._session.driver.document(number)
            if document is None:
                continue
            report = None
            if document.code is DocumentCode.CLOSE_SHIFT:
                report = await self._session.driver.shift_report(number)
            found.append((document, report))
        return found

    async def _write_down(
        self,
        found: Sequence[tuple[FiscalDocument, ShiftReport | None]],
        lane: LaneTerm,
        *,
        fn_number: str,
        unread_from: int | None,
    ) -> None:
        now, register_id = self._clock.now(), self._session.register_id
        receipts = [document.fd_number for document, _ in found if document.total_kop is not None]

        def write(conn: Connection) -> None:
            check_terms(conn, {lane.key})
            for document, report in found:
                records.store_document(conn, document, register_id=register_id, at=now)
                if document.code in _SHIFT_CODES:
                    record_shift(conn, register_id, document, report)
            fn_contacts.set_unread(conn, fn_number, unread_from)
            if receipts:
                mark_read_back(conn, fn_number)
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

        await self._db.write(write)

    async def _lost_before(self, status: KktStatus) -> datetime | None:
        """When this database took the place of a newer state of itself, by the register's wall clock; None
        when it never did."""
        at = await self._db.read(loss_rows.replaced_at)
        return None if at is None else status.clock - (self._clock.now() - at)

    async def _say(self, found: "_Found", fn_number: str) -> None:
        """Evidence for the alerts: receipts of ours that the database has lost, and receipts of others."""
        now = self._clock.now()
        losses = [
            Loss(
                kind=kind,
                first=min(numbers),
                last=max(numbers),
                count=len(numbers),
                fn_number=fn_number,
                register_id=self._session.register_id,
            )
            for kind, numbers in ((LossKind.LOST, found.ours), (LossKind.OTHERS, found.others))
            if numbers
        ]
        if not losses:
            return

        def write(conn: Connection) -> None:
            for loss in losses:
                note_loss(conn, loss, at=now)

        await self._db.write(write)
        self._log.warning("fn_was_ahead", ours=len(found.ours), others=len(found.others))


class _Found:
    """Numbers of receipts that were read back: ours that are lost, and those of others.

    With a key it is ours. Without one it is ours too when the database that drove the register then has been
    replaced since by an older one: nobody can tell any more whose it was, and a loss must not pass for less.
    """

    def __init__(self) -> None:
        self.ours: list[int] = []
        self.others: list[int] = []

    def add(
        self, step: Sequence[tuple[FiscalDocument, ShiftReport | None]], *, lost_before: datetime | None
    ) -> None:
        for document, _ in step:
            if document.total_kop is None:
                continue
            lost = lost_before is not None and document.fiscalized_at <= lost_before
            ours = document.key is not None or lost
            (self.ours if ours else self.others).append(document.fd_number)


def _reading(done: int, total: int) -> KktUnavailable:
    return KktUnavailable(
        f"the FN is ahead of the database: its documents are being read, {done} of {total}",
        f"ФН опережает базу: читаются его документы, {done} из {total}",
        reason="READING_FN",
    )

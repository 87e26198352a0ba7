"""Writing down what became of an attempt: adopted, absent, ended. Each is one commit, with the audit note of
the person who decided it, if a person did.
"""

from dataclasses import replace

import structlog
from sqlalchemy import Connection

from kkt_adapter.fiscal.lifecycle import AttemptKind, AttemptOutcome, PrintState
from kkt_adapter.fiscal.model import Baseline, DocumentCode, FiscalDocument
from kkt_adapter.fiscal.printing import records
from kkt_adapter.fiscal.printing.job import PrintJob, job_of, printed_item
from kkt_adapter.fiscal.printing.lane_rows import Unprinted, unprinted_by_seq
from kkt_adapter.fiscal.printing.printer import PrintListener
from kkt_adapter.fiscal.printing.records import PrintedItem
from kkt_adapter.fiscal.printing.recovery import rejected
from kkt_adapter.fiscal.printing.recovery.open_question import PersonDecision
from kkt_adapter.fiscal.printing.register_session import RegisterSession
from kkt_adapter.fiscal.printing.reply_waiters import Waiting
from kkt_adapter.fiscal.shifts import session_rows
from kkt_adapter.fiscal.store import attempts, fn_contacts
from kkt_adapter.fiscal.store.attempts import LaneTerm, NewAttempt, OpenAttempt
from kkt_adapter.fiscal.store.orphan_documents import has_owner, make_room
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import Conflict
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.database import check_terms


class Outcomes:
    """Works for one lane, under the lane's term."""

    def __init__(
        self,
        session: RegisterSession,
        *,
        database: Database,
        clock: Clock,
        waiting: Waiting,
        listener: PrintListener,
    ) -> None:
        self._session = session
        self._db = database
        self._clock = clock
        self._waiting = waiting
        self._listener = listener
        self._log = structlog.get_logger("recovery").bind(register_id=session.register_id)

    async def open_attempts(self) -> list[OpenAttempt]:
        return await self._session.rows.open_attempts(self._session.register_id)

    async def put_back(self, attempt: OpenAttempt, lane: LaneTerm) -> bool:
        """End an attempt that has sent nothing; its receipt is the lane's next. False: it is beyond that."""
        if attempt.receipt_seq is None:
            return False
        seq, now = attempt.receipt_seq, self._clock.now()

        def write(conn: Connection) -> bool:
            if unprinted_by_seq(conn, seq).print_state is not PrintState.PRINTING:
                return False
            error = "операция прервана до закрытия чека: в ККТ ничего не оформлено"
            records.print_not_ready(conn, seq, attempt_id=attempt.id, lane=lane, at=now, error=error)
            return True

        done = await self._db.write(write)
        if done:
            self._log.info("receipt_not_sent", attempt=attempt.id)
        return done

    async def mark_unknown(self, attempt: OpenAttempt, lane: LaneTerm) -> Unprinted | None:
        """The receipt of an attempt, in ``print_unknown`` if it was ``printing``; None for a report."""
        if attempt.receipt_seq is None:
            return None
        seq, now = attempt.receipt_seq, self._clock.now()

        def mark(conn: Connection) -> Unprinted:
            row = unprinted_by_seq(conn, seq)
            if row.print_state is not PrintState.PRINTING:
                return row
            check_terms(conn, {lane.key})
            records.print_unknown(
                conn,
                seq,
                receipt_id=job_of(row).receipt.id,
                at=now,
                error="нет ответа ККТ: исход выясняется по ФН",
            )
            return replace(row, print_state=PrintState.PRINT_UNKNOWN)

        return await self._db.write(mark)

    async def adopt(
        self,
        attempt: OpenAttempt,
        job: PrintJob,
        document: FiscalDocument,
        lane: LaneTerm,
        note: PersonDecision | None = None,
    ) -> None:
        """The document is this receipt's. Raises Conflict when another receipt owns it."""
        item = await self._item(job, document, lane, attempt_id=attempt.id)

        def write(conn: Connection) -> None:
            self._note_gap(conn, attempt, document)
            _own(conn, document)
            records.printed(conn, [item])
            if note is not None:
                note.write(conn)

        await self._db.write(write)
        self._adopted(job, item)

    async def adopt_unasked(self, job: PrintJob, document: FiscalDocument, lane: LaneTerm) -> None:
        """The same for a receipt that has no attempt: its document was read back from the FN."""
        before = Baseline(fn_number=document.fn_number, fd_number=document.fd_number - 1)
        item, now = await self._item(job, document, lane, attempt_id=0), self._clock.now()

        def write(conn: Connection) -> None:
            attempt_id = self._begin(conn, job, before, lane)
            _own(conn, document)
            records.printed(conn, [replace(item, attempt_id=attempt_id, at=now)])

        await self._db.write(write)
        self._adopted(job, item)

    async def suspect(self, job: PrintJob, before: Baseline, lane: LaneTerm) -> None:
        """Documents after ``before`` may be this receipt: an attempt that sends nothing, for ``settle`` to
        ask about."""

        def write(conn: Connection) -> None:
            attempts.mark_suspected(conn, self._begin(conn, job, before, lane))

        await self._db.write(write)

    def _begin(self, conn: Connection, job: PrintJob, baseline: Baseline, lane: LaneTerm) -> int:
        return records.begin_attempt(
            conn,
            NewAttempt(lane=lane, baseline=baseline),
            what=AttemptKind.PRINT,
            register_id=self._session.register_id,
            at=self._clock.now(),
            receipt_seq=job.seq,
        )

    async def absent(
        self,
        attempt: OpenAttempt,
        seq: int,
        lane: LaneTerm,
        note: PersonDecision | None = None,
        *,
        rejected_up_to: Baseline | None = None,
    ) -> None:
        """The receipt is printed again. ``rejected_up_to``: a person said that no document up to this one is
        it; none of them is evidence any more."""
        now = self._clock.now()

        def write(conn: Connection) -> None:
            records.print_absent(conn, seq, attempt_id=attempt.id, lane=lane, at=now)
            if rejected_up_to is not None:
                rejected.reject(conn, seq, rejected_up_to)
            if note is not None:
                note.write(conn)

        await self._db.write(write)

    async def _item(
        self, job: PrintJob, document: FiscalDocument, lane: LaneTerm, *, attempt_id: int
    ) -> PrintedItem:
        return printed_item(
            job,
            replace(document, total_kop=job.receipt.total_kop, unread=None),
            await self._session.open(),
            attempt_id=attempt_id,
            lane=lane,
            at=self._clock.now(),
            recovered=True,
        )

    def _adopted(self, job: PrintJob, item: PrintedItem) -> None:
        self._waiting.settle(job.receipt.id, item.answer)
        self._log.info("print_recovered", receipt_id=job.receipt.id, fd_number=item.document.fd_number)
        self._listener.document_made(self._session.register_id, item.document, took_s=0.0)
        self._listener.receipt_made(self._session.register_id, job.receipt, item.document)

    async def report(
        self,
        attempt: OpenAttempt,
        document: FiscalDocument,
        lane: LaneTerm,
        note: PersonDecision | None = None,
    ) -> None:
        """The document is this shift opening or Z report."""
        report = None
        if document.code is DocumentCode.CLOSE_SHIFT:
            report = await self._session.driver.shift_report(document.fd_number)

        def note_all(conn: Connection) -> None:
            self._note_gap(conn, attempt, document)
            self._settle_sessions(conn, note)

        await self._session.write_report(
            attempt.id,
            document,
            report,
            lane=lane,
            outcome=AttemptOutcome.ADOPTED,
            note=note_all,
        )

    def _note_gap(self, conn: Connection, attempt: OpenAttempt, document: FiscalDocument) -> None:
        fn_contacts.note_gap(
            conn,
            document,
            after=attempt.baseline.fd_number,
            register_id=self._session.register_id,
            at=self._clock.now(),
        )

    async def end(
        self,
        attempt: OpenAttempt,
        outcome: AttemptOutcome,
        lane: LaneTerm,
        note: PersonDecision | None = None,
    ) -> None:
        now = self._clock.now()

        def write(conn: Connection) -> None:
            check_terms(conn, {lane.key})
            attempts.end_attempt(conn, attempt.id, outcome=outcome, at=now)
            self._settle_sessions(conn, note)

        await self._db.write(write)

    async def end_closing(self, lane: LaneTerm) -> None:
        """A Z report that never came as far as an attempt has left its sessions ``closing``."""
        if not await self._session.rows.is_closing(self._session.register_id):
            return

        def write(conn: Connection) -> None:
            check_terms(conn, {lane.key})
            self._settle_sessions(conn, None)

        await self._db.write(write)

    def _settle_sessions(self, conn: Connection, note: PersonDecision | None) -> None:
        """A Z report whose outcome is known now ends the closing of its sessions; in the same transaction."""
        session_rows.end_closing(conn, self._session.register_id, at=self._clock.now())
        if note is not None:
            note.write(conn)


def _own(conn: Connection, document: FiscalDocument) -> None:
    """Make the row of this document free for its receipt. Raises Conflict when it has one."""
    if has_owner(conn, document.fn_number, document.fd_number):
        raise Conflict(
            f"document {document.fd_number} belongs to another receipt already",
            f"ФД № {document.fd_number} уже принадлежит другому чеку",
        )
    make_room(conn, document.fn_number, document.fd_number)

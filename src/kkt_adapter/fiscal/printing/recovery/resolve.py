"""Giving every open attempt its result, after a crash or a lost answer.

An open attempt means: a command may have reached the device and nobody wrote down what came of it. The
FN knows. Either the document is found and adopted, or its absence is proven and the receipt is printed
again, or the lane stops here and a person decides with the evidence before them.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import structlog
from sqlalchemy import Connection

from kkt_adapter.fiscal.kkt.driver import Fence
from kkt_adapter.fiscal.lifecycle import PrintState
from kkt_adapter.fiscal.model import Baseline, DocumentCode, FiscalDocument
from kkt_adapter.fiscal.printing import records
from kkt_adapter.fiscal.printing.device import Evidence, RegisterDesk
from kkt_adapter.fiscal.printing.job import Job, job_of, printed_item
from kkt_adapter.fiscal.printing.printer import PrintListener
from kkt_adapter.fiscal.printing.records import PrintedItem, Unprinted
from kkt_adapter.fiscal.printing.recovery.open_question import Decision, OpenQuestion
from kkt_adapter.fiscal.printing.recovery.rules import (
    Absent,
    Adopt,
    Doubt,
    Verdict,
    judge_receipt,
    judge_report,
    misfit,
    report_misfit,
)
from kkt_adapter.fiscal.printing.reply_waiters import Waiting
from kkt_adapter.fiscal.shifts import session_rows
from kkt_adapter.fiscal.store import attempts
from kkt_adapter.fiscal.store.attempts import LaneTerm, NewAttempt, OpenAttempt
from kkt_adapter.fiscal.store.orphan_documents import has_owner, make_room
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import Conflict, OutcomeUndecided, Text
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.database import check_terms


class Recovery:
    """Works for one lane, under the lane's term. Settling and deciding never overlap."""

    def __init__(
        self,
        desk: RegisterDesk,
        *,
        database: Database,
        clock: Clock,
        waiting: Waiting,
        listener: PrintListener,
        owner_ended: Callable[[str], bool],
    ) -> None:
        """``owner_ended``: is the process of that owner proven to have ended? Called in a thread."""
        self._desk = desk
        self._db = database
        self._clock = clock
        self._waiting = waiting
        self._listener = listener
        self._owner_ended = owner_ended
        self._one_at_a_time = asyncio.Lock()
        self._log = structlog.get_logger("recovery").bind(register_id=desk.register_id)
        self.question: OpenQuestion | None = None

    async def settle(self, lane: LaneTerm) -> None:
        """Resolve all open attempts, oldest first; then no session is ``closing`` any more.

        Raises:
            OutcomeUndecided: the evidence does not decide; ``question`` holds it.
            KktUnavailable: the device cannot be asked now.
        """
        async with self._one_at_a_time:
            for attempt in await self._open_attempts():
                await self._settle(attempt, lane)
            await self._end_closing(lane)
            self.question = None
            self._desk.report_open = False

    async def decide(
        self, receipt_id: str, lane: LaneTerm, *, adopt: int | None, by: str, reason: str
    ) -> None:
        """End the open question: adopt document ``adopt`` of the FN, or (None) print again.

        Raises:
            Conflict: this receipt is not the open question, or the document does not fit it.
        """
        async with self._one_at_a_time:
            row = await self._db.read(lambda c: records.one_unprinted(c, receipt_id))
            attempt = next(
                (a for a in await self._open_attempts() if row is not None and a.receipt_seq == row.seq), None
            )
            asked = self.question is not None and self.question.receipt_id == receipt_id
            if row is None or attempt is None or not asked:
                raise Conflict(
                    "this receipt's outcome is not an open question: the register is still being asked, "
                    "or cannot be asked now",
                    "исход этого чека сейчас не требует решения: ККТ ещё опрашивается или не отвечает",
                )
            note = Decision(
                receipt_id=receipt_id, what="print", adopt=adopt, by=by, reason=reason, at=self._clock.now()
            )
            if adopt is None:
                await self._absent(attempt, row, lane, note)
            else:
                await self._adopt_chosen(attempt, job_of(row), adopt, lane, note)
            self.question = None

    async def decide_report(self, lane: LaneTerm, *, adopt: int | None, by: str, reason: str) -> str:
        """End the open question about a shift opening or a Z report: adopt document ``adopt`` of the FN, or
        (None) let it be made again. Says which of the two it was.

        Raises:
            Conflict: no report is the open question, or the document does not fit it.
        """
        async with self._one_at_a_time:
            question = self.question
            asked = None if question is None or question.receipt_id is not None else question.attempt_id
            attempt = next((a for a in await self._open_attempts() if a.id == asked), None)
            if attempt is None:
                raise Conflict(
                    "no report of this register is an open question: see its status",
                    "ни один отчёт этой ККТ сейчас не требует решения: см. её состояние",
                )
            note = Decision(
                receipt_id=None,
                what=attempt.what,
                adopt=adopt,
                by=by,
                reason=reason,
                at=self._clock.now(),
                register_id=self._desk.register_id,
            )
            if adopt is None:
                await self._end(attempt, "absent", lane, note)
            else:
                await self._adopt_report(attempt, adopt, lane, note)
            self.question = None
            self._desk.report_open = False
            return attempt.what

    async def _adopt_report(self, attempt: OpenAttempt, number: int, lane: LaneTerm, note: Decision) -> None:
        document = await self._desk.driver.document(number)
        wrong = report_misfit(_report_code(attempt), attempt.baseline, document, number)
        if document is None or wrong is not None:
            why = wrong or Text("it is not in the FN", "его нет в ФН")
            raise Conflict(
                f"document {number} cannot be this report: {why.en}",
                f"ФД № {number} не может быть этим отчётом: {why.ru}",
            )
        await self._write_report(attempt, document, lane, note)

    async def _write_report(
        self, attempt: OpenAttempt, document: FiscalDocument, lane: LaneTerm, note: Decision | None = None
    ) -> None:
        report = None
        if document.code is DocumentCode.CLOSE_SHIFT:
            report = await self._desk.driver.shift_report(document.fd_number)
        await self._desk.write_report(
            attempt.id,
            document,
            report,
            lane=lane,
            outcome="adopted",
            note=lambda conn: self._settle_sessions(conn, note),
        )

    def _settle_sessions(self, conn: Connection, note: Decision | None) -> None:
        """A Z report whose outcome is known now ends the closing of its sessions; in the same transaction."""
        session_rows.end_closing(conn, self._desk.register_id, at=self._clock.now())
        if note is not None:
            note.write(conn)

    async def _end_closing(self, lane: LaneTerm) -> None:
        """A Z report that never came as far as an attempt has left its sessions ``closing``."""
        if not await self._db.read(lambda c: session_rows.is_closing(c, self._desk.register_id)):
            return

        def write(conn: Connection) -> None:
            check_terms(conn, {(lane.lease, lane.owner, lane.number)})
            self._settle_sessions(conn, None)

        await self._db.write(write)

    async def _open_attempts(self) -> list[OpenAttempt]:
        return await self._db.read(lambda c: attempts.open_attempts(c, self._desk.register_id))

    async def _settle(self, attempt: OpenAttempt, lane: LaneTerm) -> None:
        row = await self._mark_unknown(attempt, lane)
        if row is not None and row.print_state is not PrintState.PRINT_UNKNOWN:
            await self._end(attempt, "done" if row.print_state is PrintState.PRINTED else "not_ready", lane)
            return
        evidence = await self._desk.evidence(attempt.baseline)
        verdict = _judge(attempt, row, evidence)
        if isinstance(verdict, Absent) and not await self._nothing_on_its_way(attempt, lane):
            verdict = Doubt(
                reason=Text(
                    "the process that began this is not proven to have ended, and the register does not shut "
                    "it out: it may still send",
                    "процесс, начавший операцию, возможно ещё работает, а ККТ его не отсекает: "
                    "команда может прийти позже",
                )
            )
        await self._apply(attempt, row, verdict, evidence, lane)

    async def _nothing_on_its_way(self, attempt: OpenAttempt, lane: LaneTerm) -> bool:
        """Absence now is absence for good: only where nobody else can still send (contract 4.2)."""
        if attempt.owner == lane.owner or self._desk.driver.fence is not Fence.NONE:
            return True
        return await asyncio.to_thread(self._owner_ended, attempt.owner)

    async def _apply(
        self,
        attempt: OpenAttempt,
        row: Unprinted | None,
        verdict: Verdict,
        evidence: Evidence,
        lane: LaneTerm,
    ) -> None:
        match verdict:
            case Adopt(document=document) if row is not None:
                await self._adopt_receipt(attempt, job_of(row), document, lane)
            case Adopt(document=document):
                await self._write_report(attempt, document, lane)
            case Absent() if row is not None:
                await self._absent(attempt, row, lane)
            case Absent():
                await self._end(attempt, "absent", lane)
            case Doubt(reason=reason):
                receipt_id = None if row is None else job_of(row).receipt.id
                self.question = OpenQuestion(
                    attempt_id=attempt.id,
                    receipt_id=receipt_id,
                    what=attempt.what,
                    reason=reason,
                    baseline=attempt.baseline,
                    found=evidence.found,
                )
                if receipt_id is not None:
                    self._waiting.settle(receipt_id, None)
                raise OutcomeUndecided(reason.en, reason.ru, receipt_id=receipt_id)

    async def _mark_unknown(self, attempt: OpenAttempt, lane: LaneTerm) -> Unprinted | None:
        """The receipt of an attempt, in ``print_unknown`` if it was ``printing``; None for a report."""
        if attempt.receipt_seq is None:
            return None
        seq, now = attempt.receipt_seq, self._clock.now()

        def mark(conn: Connection) -> Unprinted:
            row = records.unprinted_by_seq(conn, seq)
            if row.print_state is not PrintState.PRINTING:
                return row
            check_terms(conn, {(lane.lease, lane.owner, lane.number)})
            records.print_unknown(
                conn,
                seq,
                receipt_id=job_of(row).receipt.id,
                at=now,
                error="нет ответа ККТ: исход выясняется по ФН",
            )
            return replace(row, print_state=PrintState.PRINT_UNKNOWN)

        return await self._db.write(mark)

    async def _adopt_receipt(
        self, attempt: OpenAttempt, job: Job, document: FiscalDocument, lane: LaneTerm
    ) -> None:
        item = await self._item(attempt, job, document, lane)

        def write(conn: Connection) -> None:
            make_room(conn, document.fn_number, document.fd_number)
            records.printed(conn, [item])

        await self._db.write(write)
        self._adopted(job, item)

    async def adopt_unclaimed(self, job: Job, fd_number: int, lane: LaneTerm) -> bool:
        """Make a document that the FN was ahead with this receipt's, instead of printing it. False: it is
        another receipt's after all.

        Raises:
            KktUnavailable: the device cannot be asked now.
        """
        document = await self._desk.driver.document(fd_number)
        if document is None:
            return False
        before = Baseline(fn_number=document.fn_number, fd_number=fd_number - 1)
        if misfit(job.receipt, before, document, fd_number) is not None:
            return False
        now = self._clock.now()
        item = printed_item(
            job,
            document,
            await self._desk.open(),
            attempt_id=0,
            lane=lane,
            at=now,
            recovered=True,
        )

        def write(conn: Connection) -> None:
            attempt_id = self._begin(conn, job, before, lane, now)
            make_room(conn, document.fn_number, fd_number)
            records.printed(conn, [replace(item, attempt_id=attempt_id)])

        await self._db.write(write)
        self._adopted(job, item)
        return True

    async def suspect_unclaimed(self, job: Job, fd_number: int, lane: LaneTerm) -> None:
        """A document that the FN was ahead with may be this receipt's, and neither has a key: open an attempt
        from before that document, for ``settle`` to judge."""
        fn_number = (await self._desk.driver.status()).fn_number
        before, now = Baseline(fn_number=fn_number, fd_number=fd_number - 1), self._clock.now()
        await self._db.write(lambda c: self._begin(c, job, before, lane, now))

    def _begin(self, conn: Connection, job: Job, baseline: Baseline, lane: LaneTerm, at: datetime) -> int:
        return records.begin_attempt(
            conn,
            NewAttempt(lane=lane, baseline=baseline),
            what="print",
            register_id=self._desk.register_id,
            at=at,
            receipt_seq=job.seq,
        )

    async def _adopt_chosen(
        self, attempt: OpenAttempt, job: Job, number: int, lane: LaneTerm, note: Decision
    ) -> None:
        """A person says which document it is; the FN and our rows must not say otherwise."""
        document = await self._desk.driver.document(number)
        wrong = misfit(job.receipt, attempt.baseline, document, number)
        if document is None or wrong is not None:
            why = wrong or Text("it is not in the FN", "его нет в ФН")
            raise Conflict(
                f"document {number} cannot be this receipt: {why.en}",
                f"ФД № {number} не может быть этим чеком: {why.ru}",
            )
        item = await self._item(attempt, job, document, lane)

        def write(conn: Connection) -> None:
            if has_owner(conn, document.fn_number, number):
                raise Conflict(
                    f"document {number} belongs to another receipt already",
                    f"ФД № {number} уже принадлежит другому чеку",
                )
            make_room(conn, document.fn_number, number)
            records.printed(conn, [item])
            note.write(conn)

        await self._db.write(write)
        self._adopted(job, item)

    async def _item(
        self, attempt: OpenAttempt, job: Job, document: FiscalDocument, lane: LaneTerm
    ) -> PrintedItem:
        return printed_item(
            job,
            document,
            await self._desk.open(),
            attempt_id=attempt.id,
            lane=lane,
            at=self._clock.now(),
            recovered=True,
        )

    def _adopted(self, job: Job, item: PrintedItem) -> None:
        self._waiting.settle(job.receipt.id, item.answer)
        self._log.info("print_recovered", receipt_id=job.receipt.id, fd_number=item.document.fd_number)
        self._listener.document_made(self._desk.register_id, item.document, took_s=0.0)

    async def _absent(
        self, attempt: OpenAttempt, row: Unprinted, lane: LaneTerm, note: Decision | None = None
    ) -> None:
        seq, now = row.seq, self._clock.now()

        def write(conn: Connection) -> None:
            records.print_absent(conn, seq, attempt_id=attempt.id, lane=lane, at=now)
            if note is not None:
                note.write(conn)

        await self._db.write(write)

    async def _end(
        self, attempt: OpenAttempt, outcome: str, lane: LaneTerm, note: Decision | None = None
    ) -> None:
        now = self._clock.now()

        def write(conn: Connection) -> None:
            check_terms(conn, {(lane.lease, lane.owner, lane.number)})
            attempts.end_attempt(conn, attempt.id, outcome=outcome, at=now)
            self._settle_sessions(conn, note)

        await self._db.write(write)


def _judge(attempt: OpenAttempt, row: Unprinted | None, evidence: Evidence) -> Verdict:
    if row is not None:
        return judge_receipt(job_of(row).receipt, attempt.baseline, evidence.now, evidence.found)
    return judge_report(_report_code(attempt), attempt.baseline, evidence.now, evidence.found)


def _report_code(attempt: OpenAttempt) -> DocumentCode:
    return DocumentCode.OPEN_SHIFT if attempt.what == "open_shift" else DocumentCode.CLOSE_SHIFT

"""Giving every open attempt its result, after a crash or a lost answer.

An open attempt means: a command may have reached the device and nobody wrote down what came of it. The
FN knows. Either the document is found and adopted, or its absence is proven and the receipt is printed
again, or the lane stops here and a person decides with the evidence before them.
"""

from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from kkt_adapter.fiscal import attempts, printbook
from kkt_adapter.fiscal.attempts import LaneTerm, OpenAttempt
from kkt_adapter.fiscal.job import Job, job_of, printed_item
from kkt_adapter.fiscal.kkt.driver import Baseline
from kkt_adapter.fiscal.lifecycle import PrintState
from kkt_adapter.fiscal.model import DocumentCode, FiscalDocument, Receipt
from kkt_adapter.fiscal.printbook import Unprinted
from kkt_adapter.fiscal.shifts import Evidence, RegisterDesk
from kkt_adapter.fiscal.verdict import Absent, Adopt, Doubt, Verdict, judge_receipt, judge_report
from kkt_adapter.fiscal.waiting import Waiting
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import Conflict, OutcomeUndecided, Text
from kkt_adapter.runtime.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQuestion:
    """Why a lane stands still, and what a person needs to decide."""

    receipt_id: str | None  # None: a shift report
    what: str  # print, open_shift, close_shift
    reason: Text
    baseline: Baseline
    found: tuple[FiscalDocument, ...]


class Recovery:
    """Works for one lane, under the lane's term."""

    def __init__(self, desk: RegisterDesk, *, database: Database, clock: Clock, waiting: Waiting) -> None:
        self._desk = desk
        self._db = database
        self._clock = clock
        self._waiting = waiting
        self._log = structlog.get_logger("recovery").bind(register_id=desk.register_id)
        self.question: OpenQuestion | None = None

    async def settle(self, lane: LaneTerm) -> None:
        """Resolve all open attempts, oldest first.

        Raises:
            OutcomeUndecided: the evidence does not decide; ``question`` holds it.
            KktUnavailable: the device cannot be asked now.
        """
        for attempt in await self._db.read(lambda c: attempts.open_attempts(c, self._desk.register_id)):
            row = await self._mark_unknown(attempt)
            if row is not None and row.print_state is not PrintState.PRINT_UNKNOWN:
                await self._end(attempt, "done" if row.print_state is PrintState.PRINTED else "not_ready")
                continue
            evidence = await self._desk.evidence(attempt.baseline)
            await self._apply(attempt, row, _judge(attempt, row, evidence), evidence, lane)
        self.question = None
        self._desk.report_open = False

    async def decide(
        self, receipt_id: str, lane: LaneTerm, *, adopt: int | None, by: str, reason: str
    ) -> None:
        """End the open question: adopt document ``adopt`` of the FN, or (None) print again.

        Raises:
            Conflict: this receipt is not the open question, or the document does not fit it.
        """
        row = await self._db.read(lambda c: printbook.one_unprinted(c, receipt_id))
        open_ones = await self._db.read(lambda c: attempts.open_attempts(c, self._desk.register_id))
        attempt = next((a for a in open_ones if row is not None and a.receipt_seq == row.seq), None)
        if row is None or attempt is None or row.print_state is not PrintState.PRINT_UNKNOWN:
            raise Conflict(
                "this receipt's outcome is not an open question", "исход этого чека не требует решения"
            )
        if adopt is None:
            await self._absent(attempt, row, lane)
        else:
            document = await self._desk.driver.document(adopt)
            if document is None or not _fits(document, job_of(row).receipt):
                raise Conflict(
                    f"document {adopt} is not in the FN, or its operation or sum is another one",
                    f"ФД № {adopt} нет в ФН, или у него другой признак расчёта либо сумма",
                )
            await self._adopt_receipt(attempt, job_of(row), document, lane)
        now = self._clock.now()
        await self._db.write(
            lambda c: printbook.note_decision(c, receipt_id, adopt=adopt, by=by, reason=reason, at=now)
        )
        self.question = None

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
                report = None
                if document.code is DocumentCode.CLOSE_SHIFT:
                    report = await self._desk.driver.shift_report(document.fd_number)
                await self._desk.write_report(attempt.id, document, report, outcome="adopted")
            case Absent():
                await self._absent(attempt, row, lane)
            case Doubt(reason=reason):
                receipt_id = None if row is None else job_of(row).receipt.id
                self.question = OpenQuestion(
                    receipt_id=receipt_id,
                    what=attempt.what,
                    reason=reason,
                    baseline=attempt.baseline,
                    found=evidence.found,
                )
                if receipt_id is not None:
                    self._waiting.settle(receipt_id, None)
                raise OutcomeUndecided(reason.en, reason.ru, receipt_id=receipt_id)

    async def _mark_unknown(self, attempt: OpenAttempt) -> Unprinted | None:
        """The receipt of an attempt, in ``print_unknown`` if it was ``printing``; None for a report."""
        if attempt.receipt_seq is None:
            return None
        seq, now = attempt.receipt_seq, self._clock.now()

        def mark(conn: Connection) -> Unprinted:
            row = printbook.unprinted_by_seq(conn, seq)
            if row.print_state is not PrintState.PRINTING:
                return row
            printbook.print_unknown(
                conn,
                seq,
                receipt_id=job_of(row).receipt.id,
                at=now,
                error="нет ответа ККТ: исход выясняется по ФН",
            )
            return printbook.unprinted_by_seq(conn, seq)

        return await self._db.write(mark)

    async def _adopt_receipt(
        self, attempt: OpenAttempt, job: Job, document: FiscalDocument, lane: LaneTerm
    ) -> None:
        registration = await self._desk.open()
        item = printed_item(
            job,
            document,
            registration,
            attempt_id=attempt.id,
            lane=lane,
            at=self._clock.now(),
            recovered=True,
        )
        await self._db.write_each(printbook.printed, item)
        self._waiting.settle(job.receipt.id, item.answer)
        self._log.info("print_recovered", receipt_id=job.receipt.id, fd_number=document.fd_number)

    async def _absent(self, attempt: OpenAttempt, row: Unprinted | None, lane: LaneTerm) -> None:
        if row is None:
            await self._end(attempt, "absent")
            return
        seq, now = row.seq, self._clock.now()
        await self._db.write(
            lambda c: printbook.print_absent(c, seq, attempt_id=attempt.id, lane=lane, at=now)
        )

    async def _end(self, attempt: OpenAttempt, outcome: str) -> None:
        now = self._clock.now()
        await self._db.write(lambda c: attempts.end_attempt(c, attempt.id, outcome=outcome, at=now))


def _judge(attempt: OpenAttempt, row: Unprinted | None, evidence: Evidence) -> Verdict:
    if row is not None:
        return judge_receipt(job_of(row).receipt, attempt.baseline, evidence.now, evidence.found)
    code = DocumentCode.OPEN_SHIFT if attempt.what == "open_shift" else DocumentCode.CLOSE_SHIFT
    return judge_report(code, attempt.baseline, evidence.now, evidence.found)


def _fits(document: FiscalDocument, receipt: Receipt) -> bool:
    return document.operation is receipt.operation and document.total_kop == receipt.total_kop

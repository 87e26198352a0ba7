"""Giving every open attempt its result, after a crash or a lost answer.

An open attempt means: a command may have reached the device and nobody wrote down what came of it. Some
attempts tell by themselves that the command which makes the document was never given
(``attempts.mark_sent``): nothing was made, whatever the FN holds by now. Of all others the FN knows. Either
the document is found and adopted, or its absence is proven and the receipt is printed again, or the lane
stops here and a person decides with the evidence before them. What a person has decided is final: documents
they rejected are no evidence for that receipt any more.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from kkt_adapter.fiscal.kkt.driver import Fence
from kkt_adapter.fiscal.lifecycle import AttemptKind, AttemptOutcome, PrintState
from kkt_adapter.fiscal.model import Baseline, DocumentCode
from kkt_adapter.fiscal.printing.job import PrintJob, job_of
from kkt_adapter.fiscal.printing.lane_rows import Unprinted, one_unprinted
from kkt_adapter.fiscal.printing.printer import PrintListener
from kkt_adapter.fiscal.printing.recovery.fn_readback import orphans_of
from kkt_adapter.fiscal.printing.recovery.open_question import OpenQuestion, PersonDecision, changed
from kkt_adapter.fiscal.printing.recovery.outcomes import Outcomes
from kkt_adapter.fiscal.printing.recovery.rejected import rejected_up_to
from kkt_adapter.fiscal.printing.recovery.rules import (
    Absent,
    Adopt,
    Doubt,
    Judgement,
    judge_receipt,
    judge_report,
    judge_suspected,
    mismatch,
    names,
    report_mismatch,
)
from kkt_adapter.fiscal.printing.register_session import Evidence, RegisterSession
from kkt_adapter.fiscal.printing.reply_waiters import Waiting
from kkt_adapter.fiscal.store.attempts import LaneTerm, OpenAttempt
from kkt_adapter.fiscal.store.orphan_documents import owned_numbers
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import Conflict, OutcomeUndecided, Text
from kkt_adapter.runtime.db.protocol import Database


class Recovery:
    """Works for one lane, under the lane's term. Settling and deciding never overlap."""

    def __init__(
        self,
        session: RegisterSession,
        *,
        database: Database,
        clock: Clock,
        waiting: Waiting,
        listener: PrintListener,
        owner_ended: Callable[[str], bool],
    ) -> None:
        """``owner_ended``: is the process of that owner proven to have ended? Called in a thread."""
        self._session = session
        self._db = database
        self._clock = clock
        self._waiting = waiting
        self._owner_ended = owner_ended
        self._one_at_a_time = asyncio.Lock()
        self.outcomes = Outcomes(session, database=database, clock=clock, waiting=waiting, listener=listener)
        self.question: OpenQuestion | None = None

    async def settle(self, lane: LaneTerm) -> None:
        """Resolve all open attempts, oldest first; then no session is ``closing`` any more.

        Raises:
            OutcomeUndecided: the evidence does not decide; ``question`` holds it.
            KktUnavailable: the device cannot be asked now.
        """
        async with self._one_at_a_time:
            for attempt in await self.outcomes.open_attempts():
                await self._settle(attempt, lane)
            await self.outcomes.end_closing(lane)
            self.question = None
            self._session.report_open = False

    async def _settle(self, attempt: OpenAttempt, lane: LaneTerm) -> None:
        if not attempt.sent and await self.outcomes.put_back(attempt, lane):
            return
        row = await self.outcomes.mark_unknown(attempt, lane)
        if row is not None and row.print_state is not PrintState.PRINT_UNKNOWN:
            is_printed = row.print_state is PrintState.PRINTED
            outcome = AttemptOutcome.DONE if is_printed else AttemptOutcome.NOT_READY
            await self.outcomes.end(attempt, outcome, lane)
            return
        evidence, judgement = await self._judge(attempt, row)
        if isinstance(judgement, Absent) and not await self._nothing_on_its_way(attempt, lane):
            judgement = Doubt(
                reason=Text(
                    "the process that began this is not proven to have ended, and the register does not shut "
                    "it out: it may still send",
                    "процесс, начавший операцию, возможно ещё работает, а ККТ его не отсекает: "
                    "команда может прийти позже",
                )
            )
        await self._apply(attempt, row, judgement, evidence, lane)

    async def _judge(self, attempt: OpenAttempt, row: Unprinted | None) -> tuple[Evidence, Judgement]:
        """What the FN holds after the attempt's baseline, and what follows from it."""
        if row is None:
            evidence = await self._session.evidence(attempt.baseline)
            code = _report_code(attempt)
            return evidence, judge_report(code, attempt.baseline, evidence.now, evidence.found)
        job = job_of(row)
        baseline = await self._baseline(attempt, row.seq)
        if attempt.suspected:
            evidence = await self._suspicion(job, baseline)
            return evidence, judge_suspected(job.receipt, baseline, evidence.now, evidence.found)
        evidence = await self._session.evidence(baseline)
        owned = await self._db.read(lambda c: owned_numbers(c, baseline))
        return evidence, judge_receipt(job.receipt, baseline, evidence.now, evidence.found, owned=owned)

    async def _baseline(self, attempt: OpenAttempt, seq: int) -> Baseline:
        """The attempt's baseline, or what a person has rejected since: the later of the two."""
        before = attempt.baseline
        bound = await self._db.read(lambda c: rejected_up_to(c, seq, before.fn_number))
        return replace(before, fd_number=max(before.fd_number, bound))

    async def _suspicion(self, job: PrintJob, baseline: Baseline) -> Evidence:
        """The documents that were read back after ``baseline`` and that may be this receipt."""
        status = await self._session.position()
        now = status.baseline
        if now.fn_number != baseline.fn_number:
            return Evidence(now=now, found=())
        orphans = await self._db.read(lambda c: orphans_of(c, self._session.register_id, status))
        found = []
        for orphan in orphans.matching(job.receipt, job.seq, after=baseline.fd_number):
            number = orphan.fd_number
            document = await self._session.driver.document(number)
            if document is None or mismatch(job.receipt, baseline, document, number) is not None:
                continue
            if orphan.key is not None or names(document, job.receipt):
                found.append(document)
        return Evidence(now=now, found=tuple(found))

    async def _nothing_on_its_way(self, attempt: OpenAttempt, lane: LaneTerm) -> bool:
        """Absence now is absence for good: only where nobody else can still send (printing.md#recovery)."""
        if attempt.suspected or attempt.owner == lane.owner or self._session.driver.fence is not Fence.NONE:
            return True
        return await asyncio.to_thread(self._owner_ended, attempt.owner)

    async def _apply(
        self,
        attempt: OpenAttempt,
        row: Unprinted | None,
        judgement: Judgement,
        evidence: Evidence,
        lane: LaneTerm,
    ) -> None:
        match judgement:
            case Adopt(document=document) if row is not None:
                await self.outcomes.adopt(attempt, job_of(row), document, lane)
            case Adopt(document=document):
                await self.outcomes.report(attempt, document, lane)
            case Absent() if row is not None:
                await self.outcomes.absent(attempt, row.seq, lane)
            case Absent():
                await self.outcomes.end(attempt, AttemptOutcome.ABSENT, lane)
            case Doubt(reason=reason):
                receipt_id = None if row is None else job_of(row).receipt.id
                self.question = OpenQuestion(
                    attempt_id=attempt.id,
                    receipt_id=receipt_id,
                    what=attempt.what,
                    reason=reason,
                    baseline=attempt.baseline,
                    now=evidence.now,
                    found=evidence.found,
                )
                if receipt_id is not None:
                    self._waiting.settle(receipt_id, None)
                raise OutcomeUndecided(reason.en, reason.ru, receipt_id=receipt_id)

    async def decide(
        self,
        receipt_id: str,
        lane: LaneTerm,
        *,
        adopt: int | None,
        version: str | None,
        by: str,
        reason: str,
    ) -> None:
        """End the open question: adopt document ``adopt`` of the FN, or (None) print again.

        Raises:
            Conflict: this receipt is not the open question, the question is no longer the one that was seen
                (``version``; None: the one asked last), or the document does not fit it.
            KktUnavailable: the device cannot be asked whether documents came in since.
        """
        async with self._one_at_a_time:
            row = await self._db.read(lambda c: one_unprinted(c, receipt_id))
            attempt = next(
                (
                    a
                    for a in await self.outcomes.open_attempts()
                    if row is not None and a.receipt_seq == row.seq
                ),
                None,
            )
            question = self.question
            if row is None or attempt is None or question is None or question.receipt_id != receipt_id:
                raise Conflict(
                    "this receipt's outcome is not an open question: the register is still being asked, "
                    "or cannot be asked now",
                    "исход этого чека сейчас не требует решения: ККТ ещё опрашивается или не отвечает",
                )
            await self._ensure_unchanged(question, attempt, row, version)
            note = PersonDecision(
                receipt_id=receipt_id,
                what=AttemptKind.PRINT,
                adopt=adopt,
                by=by,
                reason=reason,
                at=self._clock.now(),
                version=question.version,
            )
            if adopt is None:
                await self.outcomes.absent(attempt, row.seq, lane, note, rejected_up_to=question.now)
            else:
                await self._adopt_chosen(attempt, job_of(row), adopt, lane, note)
            self.question = None

    async def _ensure_unchanged(
        self, question: OpenQuestion, attempt: OpenAttempt, row: Unprinted | None, version: str | None
    ) -> None:
        """Is the question still the one that the person saw? Else it is asked anew, and Conflict raised."""
        if (await self._session.position()).baseline != question.now:
            evidence, _ = await self._judge(attempt, row)
            question = replace(question, now=evidence.now, found=evidence.found)
            self.question = question
            raise changed(question)
        if version is not None and version != question.version:
            raise changed(question)

    async def _adopt_chosen(
        self, attempt: OpenAttempt, job: PrintJob, number: int, lane: LaneTerm, note: PersonDecision
    ) -> None:
        """A person says which document it is; the FN and our rows must not say otherwise."""
        document = await self._session.driver.document(number)
        wrong = mismatch(job.receipt, attempt.baseline, document, number)
        if document is None or wrong is not None:
            why = wrong or Text("it is not in the FN", "его нет в ФН")
            raise Conflict(
                f"document {number} cannot be this receipt: {why.en}",
                f"ФД № {number} не может быть этим чеком: {why.ru}",
            )
        fn_number = document.fn_number
        if number <= await self._db.read(lambda c: rejected_up_to(c, job.seq, fn_number)):
            raise Conflict(
                f"document {number} was rejected for this receipt by an earlier decision",
                f"ФД № {number} уже отвергнут для этого чека прежним решением",
            )
        await self.outcomes.adopt(attempt, job, document, lane, note)

    async def decide_report(
        self, lane: LaneTerm, *, adopt: int | None, version: str | None, by: str, reason: str
    ) -> AttemptKind:
        """End the open question about a shift opening or a Z report: adopt document ``adopt`` of the FN, or
        (None) let it be made again. Says which of the two it was.

        Raises:
            Conflict: no report is the open question, the question has changed since, or the document does
                not fit it.
            KktUnavailable: the device cannot be asked whether documents came in since.
        """
        async with self._one_at_a_time:
            question = self.question
            asked = None if question is None or question.receipt_id is not None else question.attempt_id
            attempt = next((a for a in await self.outcomes.open_attempts() if a.id == asked), None)
            if attempt is None or question is None:
                raise Conflict(
                    "no report of this register is an open question: see its status",
                    "ни один отчёт этой ККТ сейчас не требует решения: см. её состояние",
                )
            await self._ensure_unchanged(question, attempt, None, version)
            note = PersonDecision(
                receipt_id=None,
                what=attempt.what,
                adopt=adopt,
                by=by,
                reason=reason,
                at=self._clock.now(),
                version=question.version,
                register_id=self._session.register_id,
            )
            if adopt is None:
                await self.outcomes.end(attempt, AttemptOutcome.ABSENT, lane, note)
            else:
                await self._adopt_report(attempt, adopt, lane, note)
            self.question = None
            self._session.report_open = False
            return attempt.what

    async def _adopt_report(
        self, attempt: OpenAttempt, number: int, lane: LaneTerm, note: PersonDecision
    ) -> None:
        document = await self._session.driver.document(number)
        wrong = report_mismatch(_report_code(attempt), attempt.baseline, document, number)
        if document is None or wrong is not None:
            why = wrong or Text("it is not in the FN", "его нет в ФН")
            raise Conflict(
                f"document {number} cannot be this report: {why.en}",
                f"ФД № {number} не может быть этим отчётом: {why.ru}",
            )
        await self.outcomes.report(attempt, document, lane, note)


def _report_code(attempt: OpenAttempt) -> DocumentCode:
    return DocumentCode.OPEN_SHIFT if attempt.what is AttemptKind.OPEN_SHIFT else DocumentCode.CLOSE_SHIFT

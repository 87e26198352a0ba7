"""Jobs that make documents: which uuid, what their end proves, and which document it is."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from kkt_adapter.fiscal.kkt.atol import codes
from kkt_adapter.fiscal.kkt.atol.answers import NOT_RUN, JobStatus, told_document
from kkt_adapter.fiscal.kkt.atol.archive import Archive
from kkt_adapter.fiscal.kkt.atol.conditions import Fits
from kkt_adapter.fiscal.kkt.atol.jobs import Ended, JobLost, Jobs, job_uuid
from kkt_adapter.fiscal.kkt.atol.snapshot import AtolSnapshot
from kkt_adapter.fiscal.kkt.atol.task import Task
from kkt_adapter.fiscal.kkt.atol.troubles import busy, lost, refused
from kkt_adapter.fiscal.kkt.atol.values import BadAtolAnswer
from kkt_adapter.fiscal.model import Baseline, FiscalDocument
from kkt_adapter.kernel.errors import AdapterError, KktBlocked, KktRefused, KktUnavailable, Text

T = TypeVar("T")

MAX_ATTEMPTS = 500  # jobs of one receipt that ended without a document


class Making:
    """Belongs to one driver; called for one document at a time."""

    def __init__(self, jobs: Jobs, archive: Archive, *, look: Callable[[], Awaitable[AtolSnapshot]]) -> None:
        self._jobs = jobs
        self._archive = archive
        self._look = look
        self.in_doubt = True  # an earlier process may have left something unfinished in the register
        self._used_up: set[str] = set()  # uuids of jobs that ended: absence is proven, or the FN was asked
        self._log = structlog.get_logger("atol")

    async def make(
        self, what: str, task: Task, before: Baseline, fits: Fits, *, compare: bool = False
    ) -> FiscalDocument:
        """One job that makes a document, under the first uuid that is not used up.

        A uuid is used up once its job has ended without the document, and that is certain: by its code, or
        because the FN was asked since (the caller comes again only then).
        """
        for attempt in range(1, MAX_ATTEMPTS + 1):
            uuid = job_uuid(before.fn_number, what, attempt)
            if uuid in self._used_up:
                continue
            self._log.info("job", what=what, attempt=attempt, uuid=uuid)
            doubted, self.in_doubt = self.in_doubt, True
            try:
                ended = await self._jobs.make(uuid, task)
            except JobLost as error:
                raise lost(error.why) from error
            except AdapterError:
                self.in_doubt = doubted  # nothing was queued
                raise
            if ended.result.status is JobStatus.READY:
                document = await self._named(ended, before, fits)
                self.in_doubt = False
                return document
            await self._ensure_absent(ended, before, compare=compare)
            self._used_up.add(uuid)
            self.in_doubt = doubted
            if not ended.old:
                raise refused(ended.result.code or codes.INTERRUPTED, ended.result.description)
        raise busy(Text("its jobs end without a document", "задания завершаются без документа"))

    async def _ensure_absent(self, ended: Ended, before: Baseline, *, compare: bool) -> None:
        """A job has ended without success. Raises KktOutcomeUnknown: only the FN can tell what it made."""
        result = ended.result
        if result.status in NOT_RUN:
            return
        asks = compare or result.code in codes.PAPER
        certain = codes.proves_absence(result.code) or (result.code in codes.PAPER and not ended.old)
        if certain and (not asks or await self._stands_at(before)):
            return
        self._used_up.add(ended.uuid)
        known = codes.code_of(result.code)
        raise lost(Text(f"{result.code}: {known.meaning.en}", f"{result.code}: {known.meaning.ru}"))

    async def _named(self, ended: Ended, before: Baseline, fits: Fits) -> FiscalDocument:
        """The document that a result names, as the FN has it.

        Raises:
            KktOutcomeUnknown: it names none, or one that does not fit.
        """
        try:
            told = told_document(ended.result.result)
        except BadAtolAnswer:
            told = None
        if told is not None and told.fn_number in ("", before.fn_number):
            number = told.fd_number
            found = await self.after(lambda: self._archive.find(number))
            document = None if found is None or found.short else found.document
            if document is not None and document.fn_number == before.fn_number and fits(document, ended.old):
                return document
        self._used_up.add(ended.uuid)
        raise lost(Text("its result names no document that fits", "в результате нет подходящего документа"))

    async def _stands_at(self, before: Baseline) -> bool:
        return (await self.after(self._look)).baseline == before

    async def after(self, ask: Callable[[], Awaitable[T]]) -> T:
        """A question after a job that may have made something. Raises KktOutcomeUnknown instead."""
        try:
            return await ask()
        except (KktUnavailable, KktBlocked, KktRefused) as error:
            raise lost(error.detail) from error

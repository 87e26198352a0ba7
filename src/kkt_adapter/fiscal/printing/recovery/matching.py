"""Before a receipt is printed: is it one of the documents that the FN was ahead with?

A document with the receipt's key is its document and is adopted. One without a key that looks like it may be
it, or may be another program's; one whose key could not be read may belong to anybody. Then an attempt is
opened that sends nothing, and ``resolve.py`` asks a person.
"""

from enum import StrEnum

from kkt_adapter.fiscal.model import Baseline
from kkt_adapter.fiscal.printing.job import PrintJob
from kkt_adapter.fiscal.printing.recovery.fn_readback import FnReadback
from kkt_adapter.fiscal.printing.recovery.outcomes import Outcomes
from kkt_adapter.fiscal.printing.recovery.rejected import rejected_up_to
from kkt_adapter.fiscal.printing.recovery.rules import mismatch, names
from kkt_adapter.fiscal.printing.register_session import RegisterSession
from kkt_adapter.fiscal.store.attempts import LaneTerm
from kkt_adapter.fiscal.store.orphan_documents import OrphanDocuments
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.ids import FnNumber
from kkt_adapter.runtime.db.protocol import Database


class Match(StrEnum):
    NONE = "none"  # print it
    ADOPTED = "adopted"
    SUSPECTED = "suspected"  # an attempt is open: settle it


class OrphanMatching:
    """Works for one lane. False while there is nothing to match, so that printing costs nothing more."""

    def __init__(
        self, session: RegisterSession, *, database: Database, clock: Clock, outcomes: Outcomes
    ) -> None:
        self._session = session
        self._db = database
        self._outcomes = outcomes
        self._readback = FnReadback(session, database=database, clock=clock)
        self._documents: OrphanDocuments | None = None  # None: read the FN back first

    def __bool__(self) -> bool:
        return bool(self._documents)

    @property
    def is_read(self) -> bool:
        """The FN was read back in this term."""
        return self._documents is not None

    def forget(self) -> None:
        """Another term, or a person's decision: read the FN back before the next receipt."""
        self._documents = None

    async def read_back(self, lane: LaneTerm) -> None:
        """Once after ``forget``. Raises KktUnavailable."""
        if self._documents is None:
            self._documents = await self._readback.read(lane)

    async def match(self, job: PrintJob, lane: LaneTerm) -> Match:
        """Has the FN this receipt's document already?

        Raises:
            KktUnavailable: the device cannot be asked now.
        """
        if not self._documents or job.attempt_id is not None:
            return Match.NONE
        alike: Baseline | None = None
        for orphan in self._documents.matching(job.receipt, job.seq):
            fn_number, number = orphan.fn_number, orphan.fd_number
            if number <= await self._rejected(job.seq, fn_number):
                continue
            before = Baseline(fn_number=fn_number, fd_number=number - 1)
            document = await self._session.driver.document(number)
            if document is None or document.fn_number != fn_number:
                continue
            if orphan.unread is not None and document.unread is None:
                self._documents.learn(number, document.key)
            if mismatch(job.receipt, before, document, number) is not None:
                continue
            if orphan.key is None and not names(document, job.receipt):
                continue
            if (orphan.key or document.key) is not None:
                await self._outcomes.adopt_unasked(job, document, lane)
                self._documents.drop(number)
                return Match.ADOPTED
            alike = alike or before
        if alike is None:
            return Match.NONE
        await self._outcomes.suspect(job, alike, lane)
        return Match.SUSPECTED

    async def _rejected(self, seq: int, fn_number: FnNumber) -> int:
        return await self._db.read(lambda c: rejected_up_to(c, seq, fn_number))

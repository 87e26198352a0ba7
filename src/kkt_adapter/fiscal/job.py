"""One receipt on its way through a print lane."""

from dataclasses import dataclass, replace
from datetime import datetime

from kkt_adapter.fiscal import answers, payload
from kkt_adapter.fiscal.answers import Place
from kkt_adapter.fiscal.attempts import LaneTerm
from kkt_adapter.fiscal.model import FiscalDocument, Receipt, ReceiptWarning, Registration
from kkt_adapter.fiscal.printbook import NextPrint, PrintedItem, Unprinted


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """``attempt_id`` when its attempt is already on disk; ``tries`` counts the device's refusals."""

    seq: int
    receipt: Receipt
    place: Place
    warnings: tuple[ReceiptWarning, ...]
    attempt_id: int | None = None
    tries: int = 0

    def with_attempt(self, attempt_id: int | None) -> "Job":
        return replace(self, attempt_id=attempt_id)


def job_of(row: Unprinted) -> Job:
    """The job of a stored row, without an attempt."""
    return Job(
        seq=row.seq,
        receipt=payload.load(row.payload),
        place=Place(stamp=row.stamp, queue_position=row.queue_position),
        warnings=payload.load_warnings(row.warnings),
        tries=row.print_attempts,
    )


def printed_item(
    job: Job,
    document: FiscalDocument,
    registration: Registration,
    *,
    attempt_id: int,
    lane: LaneTerm,
    at: datetime,
    following: Job | None = None,
    recovered: bool = False,
) -> PrintedItem:
    """Everything ``printbook.printed`` writes for one document, answer included."""
    doc = answers.fiscal_doc(document, job.receipt, registration)
    return PrintedItem(
        seq=job.seq,
        receipt=job.receipt,
        document=document,
        fiscal_doc=doc,
        answer=answers.printed(document, job.receipt, job.place, doc=doc, warnings=job.warnings),
        attempt_id=attempt_id,
        at=at,
        lane=lane,
        recovered=recovered,
        next=None if following is None else NextPrint(seq=following.seq),
    )

"""One receipt on its way through a print lane."""

from dataclasses import dataclass, replace
from datetime import datetime

from kkt_adapter.fiscal.model import FiscalDocument, Receipt, ReceiptWarning, Registration
from kkt_adapter.fiscal.printing import reply
from kkt_adapter.fiscal.printing.lane_rows import Unprinted
from kkt_adapter.fiscal.printing.records import NextPrint, PrintedItem
from kkt_adapter.fiscal.printing.reply import Place
from kkt_adapter.fiscal.store import receipt_json
from kkt_adapter.fiscal.store.attempts import LaneTerm
from kkt_adapter.kernel.quick import quickly_made


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class PrintJob:
    """``attempt_id`` when its attempt is already on disk; ``tries`` counts the device's refusals."""

    seq: int
    receipt: Receipt
    place: Place
    warnings: tuple[ReceiptWarning, ...]
    attempt_id: int | None = None
    tries: int = 0

    def with_attempt(self, attempt_id: int | None) -> "PrintJob":
        return replace(self, attempt_id=attempt_id)


def job_of(row: Unprinted) -> PrintJob:
    """The job of a stored row, without an attempt."""
    return PrintJob(
        seq=row.seq,
        receipt=receipt_json.load(row.payload),
        place=Place(stamp=row.stamp, queue_position=row.queue_position),
        warnings=receipt_json.load_warnings(row.warnings),
        tries=row.print_attempts,
    )


def printed_item(
    job: PrintJob,
    document: FiscalDocument,
    registration: Registration,
    *,
    attempt_id: int,
    lane: LaneTerm,
    at: datetime,
    following: PrintJob | None = None,
    tells: bool = False,
    recovered: bool = False,
    commands: str | None = None,
) -> PrintedItem:
    """Everything ``records.printed`` writes for one document, answer included. ``tells``: does the driver of
    ``following`` say when it is about to make a document?"""
    doc = reply.fiscal_doc(document, job.receipt, registration)
    return PrintedItem(
        seq=job.seq,
        receipt=job.receipt,
        document=document,
        fiscal_doc=doc,
        answer=reply.printed(document, job.receipt, job.place, doc=doc, warnings=job.warnings),
        attempt_id=attempt_id,
        at=at,
        lane=lane,
        recovered=recovered,
        commands=commands,
        next=None if following is None else NextPrint(seq=following.seq, tells=tells),
    )

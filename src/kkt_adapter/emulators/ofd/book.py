"""The operator's memory: what has arrived, how often, in which order, and the newest documents themselves.

Counters and the sets that tell "new" from "repeated" are exact as long as the book is not full; a full book
takes no new document and says so, rather than forget one. The documents themselves (raw bytes, decoded only
when somebody asks) are kept for the newest arrivals. Everything is in memory: a restart is an empty book.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from kkt_adapter.emulators.ofd.ledger import Arrival, DriveLedger

KEEP_DOCUMENTS = 20_000  # newest documents that can be read back
KEEP_BYTES = 64 * 1024 * 1024  # of all kept documents together
MAX_DOCUMENTS = 1_000_000  # unique documents; 8 bytes each over TCP, about 300 over HTTP
MAX_DRIVES = 10_000  # FN numbers; about 1 KiB each


class OperatorChannel(StrEnum):
    TCP = "tcp"
    HTTP = "http"


@dataclass(slots=True, kw_only=True)
class Kept:
    """One document as it arrived."""

    sequence: int  # 1, 2, 3 ... in order of arrival
    transport: OperatorChannel
    fn_number: str
    fd_number: int
    code: int
    raw: bytes  # TCP: the message; HTTP: the body
    received_at: datetime  # aware UTC, first arrival
    receipt_id: str | None = None
    repeated: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownReceipt:
    """What the HTTP side must remember of a receipt to answer it again."""

    fn_number: str
    fd_number: int
    accepted_at: int  # Unix seconds


class OfdBook:
    def __init__(
        self,
        *,
        keep_documents: int = KEEP_DOCUMENTS,
        keep_bytes: int = KEEP_BYTES,
        max_documents: int = MAX_DOCUMENTS,
        max_drives: int = MAX_DRIVES,
    ) -> None:
        self._keep_documents = keep_documents
        self._keep_bytes = keep_bytes
        self._max_documents = max_documents
        self._max_drives = max_drives
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.drives: dict[str, DriveLedger] = {}
        self.receipts: dict[str, KnownReceipt] = {}
        self.renumbered: Counter[str] = Counter()  # known receipt -> times it came as another document
        self.refusals: Counter[str] = Counter()  # reason -> messages that got no confirmation
        self.answers: Counter[str] = Counter()  # what was answered: good, code_14, bad_crc, nothing ...
        self.unique = 0
        self._sequence = 0
        self._kept: dict[int, Kept] = {}
        self._kept_bytes = 0
        self._index: dict[tuple[str, int], int] = {}

    def receive(
        self,
        transport: OperatorChannel,
        *,
        fn_number: str,
        fd_number: int,
        code: int,
        raw: bytes,
        now: datetime,
    ) -> Arrival:
        """Enter one document that came as the binary protocol's message, in the FN's own order."""
        return self._enter(
            Kept(
                sequence=0,
                transport=transport,
                fn_number=fn_number,
                fd_number=fd_number,
                code=code,
                raw=raw,
                received_at=now,
            ),
            digest=hash(raw),
        )

    def receive_receipt(self, receipt_id: str, kept: Kept, *, content: str) -> Arrival:
        """Enter one receipt of the HTTP profile. Its FN also makes documents that never come here, so a
        skipped number is no fault; two contents under one number, or one receipt with two numbers, are a
        conflict. The same content under another receipt id is the same document: a till asked for it again
        after a database was restored."""
        known = self.receipts.get(receipt_id)
        if known is not None and (known.fn_number, known.fd_number) != (kept.fn_number, kept.fd_number):
            self._ledger(known.fn_number).conflicts += 1
            self.renumbered[receipt_id] += 1
            return Arrival.CONFLICT
        arrival = self._enter(kept, digest=hash(content))
        if arrival in (Arrival.NEW, Arrival.REPEATED):
            receipt = KnownReceipt(
                fn_number=kept.fn_number,
                fd_number=kept.fd_number,
                accepted_at=int(kept.received_at.timestamp()),
            )
            self.receipts.setdefault(receipt_id, receipt)
        return arrival

    def first_receipt(self, fn_number: str, fd_number: int) -> str | None:
        """The id under which a document came first, while it is kept."""
        kept = self.document(fn_number, fd_number)
        return None if kept is None else kept.receipt_id

    def confirm(self, fn_number: str, fd_number: int) -> None:
        """A good answer for that document is on its way."""
        ledger = self._ledger(fn_number)
        ledger.confirmed = max(ledger.confirmed, fd_number)

    def state(self) -> dict[str, Any]:
        """All counters, as the control interface shows them."""
        drives = self.drives.values()
        by_code: Counter[int] = Counter()
        for ledger in drives:
            by_code.update(ledger.codes)
        return {
            "unique": self.unique,
            "repeated": sum(d.repeated for d in drives),
            "refused": sum(self.refusals.values()),
            "order_faults": sum(d.order_faults for d in drives),
            "conflicts": sum(d.conflicts for d in drives),
            "by_code": {str(code): count for code, count in sorted(by_code.items())},
            "refusals": dict(sorted(self.refusals.items())),
            "answers": dict(sorted(self.answers.items())),
            "kept_documents": len(self._kept),
            "per_fn": {fn: _drive_state(ledger) for fn, ledger in sorted(self.drives.items())},
        }

    def documents(self, *, fn_number: str | None = None, limit: int, after: int | None = None) -> list[Kept]:
        """Kept documents: the newest ``limit``, newest first; with ``after``, the next ones behind that
        sequence number, oldest first."""
        order = reversed(self._kept.values()) if after is None else iter(self._kept.values())
        found: list[Kept] = []
        for kept in order:
            if len(found) >= limit:
                break
            if (fn_number is None or kept.fn_number == fn_number) and (
                after is None or kept.sequence > after
            ):
                found.append(kept)
        return found

    def document(self, fn_number: str, fd_number: int) -> Kept | None:
        """One document, while it is kept."""
        sequence = self._index.get((fn_number, fd_number))
        return None if sequence is None else self._kept[sequence]

    def _ledger(self, fn_number: str) -> DriveLedger:
        return self.drives.setdefault(fn_number, DriveLedger())

    def _enter(self, kept: Kept, *, digest: int) -> Arrival:
        ledger = self.drives.get(kept.fn_number)
        known = ledger is not None and ledger.numbers.digest(kept.fd_number) is not None
        if not known and self._is_full(kept.fn_number):
            return Arrival.FULL
        arrival = self._ledger(kept.fn_number).receive(
            kept.fd_number,
            digest=digest,
            code=kept.code,
            consecutive=kept.transport is OperatorChannel.TCP,
        )
        if arrival is Arrival.NEW:
            self.unique += 1
            self._keep(kept)
        elif arrival is Arrival.REPEATED and (before := self.document(kept.fn_number, kept.fd_number)):
            before.repeated += 1
        return arrival

    def _is_full(self, fn_number: str) -> bool:
        return self.unique >= self._max_documents or (
            fn_number not in self.drives and len(self.drives) >= self._max_drives
        )

    def _keep(self, kept: Kept) -> None:
        self._sequence += 1
        kept.sequence = self._sequence
        self._kept[kept.sequence] = kept
        self._kept_bytes += len(kept.raw)
        self._index[kept.fn_number, kept.fd_number] = kept.sequence
        while len(self._kept) > self._keep_documents or self._kept_bytes > self._keep_bytes:
            oldest = self._kept.pop(next(iter(self._kept)))
            self._kept_bytes -= len(oldest.raw)
            del self._index[oldest.fn_number, oldest.fd_number]


def _drive_state(ledger: DriveLedger) -> dict[str, Any]:
    return {
        "unique": ledger.unique,
        "repeated": ledger.repeated,
        "conflicts": ledger.conflicts,
        "order_faults": ledger.order_faults,
        "gaps": ledger.gaps,
        "late": ledger.late,
        "missing": ledger.missing,
        "highest": ledger.highest,
        "confirmed": ledger.confirmed,
        "by_code": {str(code): count for code, count in sorted(ledger.codes.items())},
    }

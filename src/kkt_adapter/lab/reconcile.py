"""Comparing the books: pure, and unforgiving."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from kkt_adapter.fiscal.model import DocumentCode
from kkt_adapter.lab.books import AdapterBook, Archived, BookRow, FnBook, OperatorBook
from kkt_adapter.lab.ledger import Asked, CommandKind, Ledger, LedgerOutcome, is_foreign


class FindingKind(StrEnum):
    """What is wrong."""

    LOST = "lost"  # a client was told, and the receipt or its document is gone
    DOUBLED = "doubled"  # one receipt, two documents; or one number, two documents
    UNDELIVERED = "undelivered"  # it exists, and has not reached the operator (or the register) in time
    OPEN = "open question"  # the adapter waits for a person
    WRONG = "wrong"  # the books contradict each other in some other way


@dataclass(frozen=True, slots=True, kw_only=True)
class BookFinding:
    kind: FindingKind
    subject: str
    text: str


def reconcile(
    ledger: Ledger, archives: Sequence[FnBook], operator: OperatorBook, adapter: AdapterBook
) -> list[BookFinding]:
    """Everything on which the books do not agree; empty when every promise was kept."""
    return _Comparison(ledger, archives, operator, adapter).findings()


def forgotten(ledger: Ledger, adapter: AdapterBook) -> list[BookFinding]:
    """Receipts that a client was told of, and that are not stored: before anybody asks for them again, as
    then they would be stored once more."""
    keys = {row.key for row in adapter.rows}
    return [
        BookFinding(
            kind=FindingKind.LOST,
            subject=asked.name,
            text=f"told {asked.told[0].status}, and it is not stored",
        )
        for asked in ledger.asked
        if asked.outcome is LedgerOutcome.TOLD and keys.isdisjoint(asked.keys)
    ]


class _Comparison:
    def __init__(
        self, ledger: Ledger, archives: Sequence[FnBook], operator: OperatorBook, adapter: AdapterBook
    ) -> None:
        self._ledger = ledger
        self._archives = archives
        self._operator = operator
        self._adapter = adapter
        self._found: list[BookFinding] = []
        self._rows = {row.key: row for row in adapter.rows}
        self._by_name: dict[str, list[Archived]] = defaultdict(list)
        self._queued: set[str] = set()
        self._decided = {asked.name for asked in ledger.asked if asked.allowed > 1 or asked.adopted}
        for archive in archives:
            for document in archive.documents:
                if archive.queued:
                    self._queued.add(document.fn_number)
                if document.name is not None:
                    self._by_name[document.name].append(document)
        self._renumbered = self._renumbered_by_people()

    def findings(self) -> list[BookFinding]:
        for asked in self._ledger.asked:
            self._receipt(asked)
        names = {asked.name for asked in self._ledger.asked}
        for name, documents in self._by_name.items():
            if name not in names and not is_foreign(name):
                self._say(FindingKind.WRONG, name, f"nobody asked for {[d.id for d in documents]}")
        for archive in self._archives:
            self._archive(archive)
        self._adapters_own()
        if conflicts := self._operator.conflicts - sum(self._renumbered.values()):
            text = f"{conflicts} documents contradict others under the same number or receipt"
            self._say(FindingKind.DOUBLED, "operator", text)
        for answer in self._ledger.wrong_answers:
            self._say(FindingKind.WRONG, "answer", answer)
        return self._found

    def _renumbered_by_people(self) -> dict[str, int]:
        """Over HTTP an operator knows a receipt by its id, under one document. One that a person had printed
        again after a restore, which had forgotten that document, comes under another, and is refused: how
        often, by the receipt's id."""
        decided = [self._rows.get(asked.key) for asked in self._ledger.asked if asked.name in self._decided]
        times = {row.id: self._operator.renumbered(row.id) for row in decided if row is not None}
        return {receipt_id: count for receipt_id, count in times.items() if count}

    def _say(self, kind: FindingKind, subject: str, text: str) -> None:
        self._found.append(BookFinding(kind=kind, subject=subject, text=text))

    def _receipt(self, asked: Asked) -> None:
        documents = self._by_name.get(asked.name, [])
        row = self._rows.get(asked.told_key or asked.key)
        for complaint in asked.complaints:
            doubled = complaint.startswith("one key, two")
            self._say(FindingKind.DOUBLED if doubled else FindingKind.WRONG, asked.name, complaint)
        if len(documents) > asked.allowed:
            allowed = f", {asked.allowed} allowed" if asked.allowed > 1 else ""
            text = f"documents {[d.id for d in documents]}{allowed}"
            self._say(FindingKind.DOUBLED, asked.name, text)
            return
        match asked.outcome:
            case LedgerOutcome.REFUSED:
                if documents or row is not None:
                    text = f"refused with {asked.refusal}, yet it exists"
                    self._say(FindingKind.WRONG, asked.name, text)
            case LedgerOutcome.OPEN:
                self._say(FindingKind.UNDELIVERED, asked.name, f"no answer after {asked.tries} tries")
            case LedgerOutcome.TOLD:
                self._told(asked, documents, row)
            case LedgerOutcome.GONE:
                made = {document.id for document in documents} | asked.adopted
                if asked.document_ids - made:
                    text = f"told of {sorted(asked.document_ids)}, and the FN has {sorted(made)}"
                    self._say(FindingKind.LOST, asked.name, text)

    def _told(self, asked: Asked, documents: Sequence[Archived], row: BookRow | None) -> None:
        if row is None:
            self._say(FindingKind.LOST, asked.name, "asked for again, and still not stored")
            return
        if row.id != asked.receipt_id:
            self._say(FindingKind.WRONG, asked.name, f"stored as {row.id}, told {asked.receipt_id}")
        if row.document_id in asked.adopted:
            return  # a person took another program's document for it, and it stays like that
        document = next((d for d in documents if d.id == row.document_id), next(iter(documents), None))
        if document is None:
            self._unprinted(asked, row)
            return
        if row.document_id != document.id:
            self._say(FindingKind.WRONG, asked.name, f"the row says {row.document_id}, the FN {document.id}")
        if asked.document_ids - {made.id for made in documents} - asked.adopted:
            text = f"told of {sorted(asked.document_ids)}, the FN has {document.id}"
            self._say(FindingKind.WRONG, asked.name, text)
        code = DocumentCode.CORRECTION if asked.kind is CommandKind.CORRECTION else DocumentCode.RECEIPT
        if document.total_kop != asked.total_kop or document.code is not code:
            text = f"asked for {asked.kind} {asked.total_kop}, got {document.code} {document.total_kop}"
            self._say(FindingKind.WRONG, asked.name, text)
        self._delivery(asked, document, row)

    def _unprinted(self, asked: Asked, row: BookRow) -> None:
        if row.print_state == "print_unknown":
            self._say(FindingKind.OPEN, asked.name, f"outcome unknown: {row.error}")
        elif row.print_state == "printed" or asked.document_ids:
            self._say(FindingKind.LOST, asked.name, f"called printed ({row.document_id}), and no FN has it")
        else:
            self._say(FindingKind.UNDELIVERED, asked.name, f"still {row.print_state}: {row.error}")

    def _delivery(self, asked: Asked, document: Archived, row: BookRow) -> None:
        if row.status == "failed" and row.settled in self._ledger.resolved:
            return  # the operator refused it for good, and a person has said what became of it
        if document.fn_number in self._queued:
            arrived = self._operator.has_message(document)
        else:
            arrived = self._operator.has_receipt(row.id, document.id)
            if row.status != "synced" and row.id in self._renumbered:
                return  # a dead letter asks a person about it
        if not arrived:
            lost = row.status == "synced"
            text = f"{document.id} is {row.status}, and the operator has not got it: {row.error}"
            self._say(FindingKind.LOST if lost else FindingKind.UNDELIVERED, asked.name, text)
        elif row.status != "synced":
            text = f"the operator has {document.id}, the row says {row.status}: {row.error}"
            self._say(FindingKind.UNDELIVERED, asked.name, text)

    def _archive(self, archive: FnBook) -> None:
        documents, who = archive.documents, f"FN of {archive.register_id}"
        numbers = [document.fd_number for document in documents]
        if numbers != list(range(1, len(numbers) + 1)):
            self._say(FindingKind.LOST, who, "its numbers have gaps")
        for document in documents:
            if document.code is DocumentCode.REGISTRATION or is_foreign(document.name):
                continue
            if document.name in self._decided:
                continue  # a person may have said that it is none of ours
            if document.id not in self._adapter.documents:
                text = f"document {document.fd_number} ({document.code.name}) was never written down"
                self._say(FindingKind.WRONG, who, text)
        if not archive.queued:
            self._over_http(archive)
            return
        for document in documents:
            if document.name is None and not self._operator.has_message(document):
                text = f"document {document.fd_number} ({document.code.name}) has not reached the operator"
                self._say(FindingKind.UNDELIVERED, who, text)
        if documents and self._operator.numbers(documents[0].fn_number) > len(documents):
            self._say(FindingKind.DOUBLED, who, "the operator has documents that the FN never made")

    def _over_http(self, archive: FnBook) -> None:
        """What the operator has must be what the FN made, word for word."""
        made = {document.id: document for document in archive.documents}
        for fn_number in sorted({document.fn_number for document in archive.documents}):
            for received in self._operator.over_http(fn_number):
                document = made.get(received.id)
                if document is None or document.name is None:
                    text = f"has receipt {received.id}, which the FN never made"
                    self._say(FindingKind.DOUBLED, "operator", text)
                    continue
                sent = (received.name, received.total_kop, received.fiscal_sign)
                if sent != (document.name, document.total_kop, document.fiscal_sign):
                    text = f"{received.id}: the operator got {sent}, the FN made {document.name} "
                    text += f"{document.total_kop} {document.fiscal_sign}"
                    self._say(FindingKind.WRONG, "operator", text)

    def _adapters_own(self) -> None:
        book = self._adapter
        made = {document.id for archive in self._archives for document in archive.documents}
        for document_id in sorted(book.documents - made):
            self._say(FindingKind.LOST, "adapter", f"{document_id} is written down, and no FN has it")
        if book.keys != len(book.rows):
            self._say(FindingKind.WRONG, "adapter", f"{book.keys} keys for {len(book.rows)} receipts")
        for name, (kept, counted) in book.wrong_totals.items():
            self._say(FindingKind.WRONG, "adapter", f"total {name}: {kept} kept, {counted} counted")
        questions = sum(finding.kind is FindingKind.OPEN for finding in self._found)
        if book.open_attempts > questions:
            self._say(FindingKind.WRONG, "adapter", f"{book.open_attempts} attempts have no result")
        letters = set(book.open_letters) - self._renumbered.keys()
        if letters:
            self._say(FindingKind.UNDELIVERED, "adapter", f"{len(letters)} dead letters are open")
        objections = dict(book.objections)
        if self._ledger.is_whole:
            for archive in self._archives:
                objections |= archive.objections if archive.relayed else {}
        for document_id in sorted(set(objections) - book.alarms):
            code = objections[document_id]
            text = f"the operator took {document_id} with code {code}, and nobody was told"
            self._say(FindingKind.WRONG, "adapter", text)
        keys = {key for asked in self._ledger.asked for key in asked.keys}
        for row in book.rows:
            if row.key not in keys:
                self._say(FindingKind.WRONG, "adapter", f"receipt {row.id} was asked for by nobody")

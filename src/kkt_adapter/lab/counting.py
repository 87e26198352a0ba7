"""The sums of the books: how many receipts the FNs must hold, counted from the clients' side.

One receipt accepted is one document. What makes it more or fewer is counted apart, so that a lost or a
doubled one has no place to hide: receipts of other programs, those that a person had printed again or took
another program's document for, and those that a database had forgotten and nobody asked for again.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from kkt_adapter.lab.books import FnBook
from kkt_adapter.lab.ledger import Asked, Ledger, LedgerOutcome, is_foreign


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What the archives and the operator hold."""

    documents: int = 0  # in all FNs, reports included
    receipts: int = 0  # of these
    others: int = 0  # of these: other programs'
    by_people: int = 0  # more than one for a receipt, or fewer, as people decided
    gone: int = 0  # of receipts that a replaced database had forgotten and nobody asked for again
    at_operator: int = 0  # different documents
    repeated: int = 0  # times a document came to the operator again, byte for byte the same

    @property
    def of_clients(self) -> int:
        """One for each receipt that was accepted and not forgotten, when nothing was lost or doubled."""
        return self.receipts - self.others - self.by_people - self.gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What the clients saw."""

    receipts: int = 0  # different receipts that were asked for
    accepted: int = 0  # a client heard 200
    gone: int = 0  # of these: forgotten by a database that was replaced, and not asked for again
    refused: int = 0  # refused for good, as the rules say
    tries_without_answer: int = 0
    replays: int = 0  # answers to a key that was known
    conflicts: int = 0  # other bodies under a used key, refused


def count(ledger: Ledger, archives: Sequence[FnBook], *, at_operator: int, repeated: int) -> Books:
    documents = [document for archive in archives for document in archive.documents]
    names = Counter(document.name for document in documents if document.name is not None)
    return Books(
        documents=len(documents),
        receipts=names.total(),
        others=sum(n for name, n in names.items() if is_foreign(name)),
        by_people=sum(_decided(asked, names[asked.name]) for asked in ledger.told()),
        gone=sum(names[asked.name] for asked in ledger.asked if asked.outcome is LedgerOutcome.GONE),
        at_operator=at_operator,
        repeated=repeated,
    )


def traffic(ledger: Ledger) -> Traffic:
    """What the clients asked, and what they were answered."""
    return Traffic(
        receipts=len(ledger.asked),
        accepted=sum(bool(asked.told) for asked in ledger.asked),
        gone=sum(bool(asked.told) and asked.outcome is LedgerOutcome.GONE for asked in ledger.asked),
        refused=sum(asked.outcome is LedgerOutcome.REFUSED for asked in ledger.asked),
        tries_without_answer=ledger.unanswered,
        replays=ledger.replays,
        conflicts=ledger.conflicts,
    )


def _decided(asked: Asked, documents: int) -> int:
    """How many more than one a person's decisions explain; -1 where another program's was taken for it."""
    if documents > 1:
        return min(documents, asked.allowed) - 1
    return -1 if asked.adopted and not documents else 0

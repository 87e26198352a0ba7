"""The first book: what the clients asked for, and every answer they got.

Nothing here knows the product. A receipt is known by the name of its only line, which is unique in a run and
ends up in the fiscal document; the product's own receipt key is not needed to find it there.
"""

from collections.abc import Set
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kkt_adapter.lab.drawer.ledger import DrawerLedger

NAME = "Lab {number:06d}"  # tag 1030 of the only line
CERTAIN = 8  # refusals in a row
FOREIGN = "Foreign"  # how the names begin that another program gives its lines


def is_foreign(name: str | None) -> bool:
    """Was this line another program's?"""
    return name is not None and name.startswith(FOREIGN)


class CommandKind(StrEnum):
    SALE = "sale"
    REFUND = "refund"
    CORRECTION = "correction"


class LedgerOutcome(StrEnum):
    """Where a client stands with one receipt."""

    OPEN = "open"  # no answer yet, or one that says "try again"
    TOLD = "told"  # a 200: the adapter has it
    REFUSED = "refused"  # and not asked again: it must not exist
    GONE = "gone"  # lost with a database that was replaced, and not asked again: the register's report tells


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One answer 200."""

    node: str
    receipt_id: str
    status: str  # printed or buffered
    document_id: str | None  # FN and number


@dataclass(slots=True, kw_only=True)
class Asked:
    """One receipt as its till knows it."""

    number: int
    key: str
    till: str
    kind: CommandKind
    total_kop: int
    body: dict[str, Any]
    keyless: bool  # the till took every place where the product could put its receipt key
    outcome: LedgerOutcome = LedgerOutcome.OPEN
    told: list[Told] = field(default_factory=list)
    tries: int = 0
    in_doubt: int = 0  # tries without an answer, be it for now or for good
    refusal: str | None = None
    heard: str = ""  # code of the last answer that was a refusal, for now or for good
    refused_for_good: int = 0  # times in a row
    complaints: list[str] = field(default_factory=list)  # answers that contradict each other
    allowed: int = 1  # documents; more when a person had it printed again although it was printed
    adopted: set[str] = field(default_factory=set)  # documents of others that a person took for it
    door_presses: bool = False  # its client presses again with a new key, and never has a failed one printed
    pressed: list[str] = field(default_factory=list)  # its later keys
    told_key: str | None = None  # the one of them under which a document was named
    may_exist: bool = False  # told of it by a database that was replaced: the register may have its document
    agree_from: int = 0  # answers of ``told`` before it may name another document: a person has decided since

    @property
    def name(self) -> str:
        return NAME.format(number=self.number)

    @property
    def keys(self) -> list[str]:
        """Every key under which it was asked for, in order."""
        return [self.key, *self.pressed]

    @property
    def is_over(self) -> bool:
        """Told, or given up: nobody asks for it as if it were new."""
        return self.outcome is not LedgerOutcome.OPEN

    def press_anew(self, key: str) -> None:
        self.pressed.append(key)

    @property
    def receipt_id(self) -> str | None:
        return self.told[0].receipt_id if self.told else None

    @property
    def document_ids(self) -> set[str]:
        """Every document that was named to the client; more than one between two decisions of a person is a
        broken promise."""
        return {told.document_id for told in self.told if told.document_id is not None}

    def lose(self, *, asks_again: bool) -> None:
        """The database that knew it was replaced by an older one: nothing told so far holds any more but that
        a document exists."""
        if self.outcome is LedgerOutcome.REFUSED or not self.tries:
            return
        self.outcome = LedgerOutcome.OPEN if asks_again else LedgerOutcome.GONE
        if asks_again:
            self.may_exist = self.may_exist or bool(self.told)
            self.told, self.agree_from = [], 0

    def decide(self) -> None:
        """A person says what became of it, in a database that may not know what its client was told."""
        self.agree_from = len(self.told)

    def note(self, told: Told) -> None:
        """An answer 200 came."""
        if self.told and told.receipt_id != self.told[0].receipt_id:
            self.complaints.append(f"one key, two receipts: {self.told[0].receipt_id} and {told.receipt_id}")
        before = {one.document_id for one in self.told[self.agree_from :] if one.document_id is not None}
        if told.document_id is not None and before - {told.document_id}:
            self.complaints.append(f"told of {told.document_id} after {sorted(before)}")
        self.told.append(told)
        if self.outcome is not LedgerOutcome.GONE:
            self.outcome = LedgerOutcome.TOLD

    def refuse(self, code: str, *, for_good: bool = False) -> bool:
        """The rules refuse it for now, or for good; is that the end of it?

        Not while another try has no answer: it may still be on its way to where it is accepted, and only
        asking again will tell; when it was refused for good ``CERTAIN`` times since, it is not on its way any
        more. And a twin may have been luckier: then that answer counts. What an older copy of the database
        refuses, because it knows less, may have been printed before.
        """
        self.refused_for_good += for_good
        is_certain = self.in_doubt == 0 or self.refused_for_good >= CERTAIN
        if self.outcome is LedgerOutcome.OPEN and is_certain:
            self.outcome = LedgerOutcome.GONE if self.may_exist else LedgerOutcome.REFUSED
            self.refusal = code
        return self.outcome is not LedgerOutcome.OPEN


class Ledger:
    """All receipts of a run, by number."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.drawer = DrawerLedger()
        self.answers = 0  # of all kinds
        self.replays = 0
        self.unanswered = 0  # tries that ended without an answer
        self.resolved: dict[str, str] = {}  # what a person said of dead letters, by the note they got
        self.is_whole = True  # no database was replaced that knew more than the books ask of it now
        self.forced = False  # has a person begun to have failed receipts printed?
        self.conflicts = 0  # other bodies under a used key that were refused as they must be
        self.wrong_answers: list[str] = []  # answers that the contract does not know

    @property
    def accepted(self) -> int:
        """Receipts with an answer 200."""
        return sum(bool(asked.told) for asked in self.asked)

    def by_key(self, key: str | None) -> Asked | None:
        return next((asked for asked in self.asked if key in asked.keys), None)

    def went_back(self, kept: Set[str]) -> None:
        """The database is an older one, with these keys. A till asks again for what can be found by its
        key."""
        self.is_whole = False
        for asked in self.asked:
            if not kept >= set(asked.keys):
                asked.lose(asks_again=not (asked.keyless or asked.door_presses))

    def told(self) -> list[Asked]:
        """Those that the adapter must have."""
        return [asked for asked in self.asked if asked.outcome is LedgerOutcome.TOLD]

    def open(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.outcome is LedgerOutcome.OPEN]

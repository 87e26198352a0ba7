"""What tills asked for beside receipts, and every answer they got."""

from collections.abc import Collection
from dataclasses import dataclass, field

CASH = "Lab cash {number:06d}"  # the reason of a movement, which ends up in the adapter's row


@dataclass(slots=True, kw_only=True)
class CashMove:
    """Cash put in or taken out. ``told``: a 200; ``lost``: with a database that was replaced."""

    number: int
    key: str
    pos_id: str
    kind: str  # cash_in or cash_out
    amount_kop: int
    told: bool = False
    refused: bool = False
    in_doubt: int = 0  # tries without an answer
    lost: bool = False

    @property
    def name(self) -> str:
        return CASH.format(number=self.number)


@dataclass(slots=True, kw_only=True)
class KeyedReport:
    """One key of one till. ``numbers``: of the documents that its answers named; more than one is a broken
    promise."""

    key: str
    register_id: str
    numbers: set[int] = field(default_factory=set)


class DrawerLedger:
    def __init__(self) -> None:
        self.movements: list[CashMove] = []
        self.reports: list[KeyedReport] = []
        self.wrong: list[str] = []  # answers that contradict themselves

    def went_back(self, kept: Collection[str]) -> None:
        """The database is an older one, with the movements of these names."""
        for movement in self.movements:
            movement.lost = movement.lost or movement.name not in kept

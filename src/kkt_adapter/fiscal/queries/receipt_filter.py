"""What a person looks for among receipts, and the states they are offered: values, and one rule."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kkt_adapter.fiscal.lifecycle import UNPRINTED, PrintState, Status
from kkt_adapter.fiscal.model import ReceiptKind


class Stage(StrEnum):
    """Where a receipt is on its way, in one word for people: exactly one for every receipt."""

    PRINTING = "printing"  # accepted, not printed yet
    QUESTION = "question"  # nobody knows whether it was printed
    PRINT_FAILED = "print_failed"
    WAITING = "waiting"  # printed, not confirmed yet
    CONFIRMED = "confirmed"
    DEAD = "dead"  # the operator did not take it: a dead letter


STAGES = tuple(Stage)


def stage_of(print_state: PrintState, status: Status) -> Stage:
    """What the operator has confirmed is done, whatever else is said of it."""
    if status is Status.SYNCED:
        return Stage.CONFIRMED
    if status is Status.FAILED:
        return Stage.DEAD
    if print_state is PrintState.PRINT_UNKNOWN:
        return Stage.QUESTION
    if print_state is PrintState.PRINT_FAILED:
        return Stage.PRINT_FAILED
    return Stage.PRINTING if print_state in UNPRINTED else Stage.WAITING


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFilter:
    """None: whatever it is. ``since`` and ``until`` are aware and bound the acceptance.

    ``text`` is the beginning of a receipt id or order, or of an Idempotency-Key; ``total_kop`` is exact.
    """

    since: datetime | None = None
    until: datetime | None = None
    stage: Stage | None = None
    register_id: str | None = None
    kind: ReceiptKind | None = None
    fd_number: int | None = None
    total_kop: int | None = None
    door: str | None = None  # "v1": the adapter's own
    account: str | None = None
    text: str | None = None

    @property
    def is_plain(self) -> bool:
        """Only the period and the state are asked for."""
        return not any(
            (
                self.register_id,
                self.kind,
                self.fd_number is not None,
                self.total_kop is not None,
                self.door,
                self.account,
                self.text,
            )
        )

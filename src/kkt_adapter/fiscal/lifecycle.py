"""Every state a receipt can be in, and every move that is allowed: the one source of truth.

Two independent sides (states.md): what the register did (``print_state``) and what the
operator confirmed (``status``). ``states.md`` draws these tables and a test compares them.
"""

from enum import StrEnum
from typing import TypeVar

from kkt_adapter.kernel.errors import IllegalTransition


class PrintState(StrEnum):
    NEW = "new"
    PRINTING = "printing"
    PRINTED = "printed"
    PRINT_UNKNOWN = "print_unknown"
    PRINT_FAILED = "print_failed"


class Status(StrEnum):
    PENDING = "pending"
    SYNCING = "syncing"
    SYNCED = "synced"
    FAILED = "failed"


PRINT_MOVES: dict[tuple[PrintState, PrintState], str] = {
    (PrintState.NEW, PrintState.PRINTING): "attempt row committed, the device may be touched",
    (PrintState.PRINTING, PrintState.PRINTED): "the document is written down",
    (PrintState.PRINTING, PrintState.PRINT_UNKNOWN): "time-out or crash while printing",
    (PrintState.PRINTING, PrintState.PRINT_FAILED): "the device refused this receipt",
    (PrintState.PRINTING, PrintState.NEW): "the register was not ready: nothing was fiscalised",
    (PrintState.PRINT_UNKNOWN, PrintState.PRINTED): "found in the FN, or adopted by a person",
    (PrintState.PRINT_UNKNOWN, PrintState.NEW): "absence proven, or print again by a person",
    (PrintState.PRINT_FAILED, PrintState.PRINTING): "tried again: 3 times by itself, then by request",
}

DELIVERY_MOVES: dict[tuple[Status, Status], str] = {
    (Status.PENDING, Status.SYNCING): "claimed",
    (Status.SYNCING, Status.SYNCED): "accepted, or known to the operator already",
    (Status.SYNCING, Status.PENDING): "failed attempt, or the claim ran out",
    (Status.SYNCING, Status.FAILED): "last failed attempt: dead letter",
    (Status.FAILED, Status.PENDING): "dead letter retried",
    (Status.PENDING, Status.SYNCED): "the FN says confirmed",
    (Status.FAILED, Status.SYNCED): "the FN says confirmed",
}

UNDELIVERED = (Status.PENDING, Status.SYNCING)


class LetterOutcome(StrEnum):
    """What became of a receipt whose dead letter a person closes."""

    DELIVERED_OTHERWISE = "delivered_otherwise"  # the operator has it by another way: it may be refunded
    WRITTEN_OFF = "written_off"  # the operator does not have it: a refund needs a reason


class LetterResolution(StrEnum):
    """How a dead letter was closed."""

    RETRIED = "retried"  # a person put the receipt back into the queue
    RESOLVED = "resolved"  # a person says what became of it: ``LetterOutcome``
    DELIVERED_LATER = "delivered_later"  # the operator has the document after all


class AttemptKind(StrEnum):
    """What an attempt tries to do."""

    PRINT = "print"
    SEND = "send"
    OPEN_SHIFT = "open_shift"
    CLOSE_SHIFT = "close_shift"


class AttemptOutcome(StrEnum):
    """What came of an attempt."""

    DONE = "done"
    FAILED = "failed"  # the operator did not take the document
    NOT_READY = "not_ready"  # the register did nothing: no paper, busy
    REFUSED = "refused"  # the register refused this document
    ABSENT = "absent"  # the outcome was unknown; the FN proved that there is no document
    ADOPTED = "adopted"  # the outcome was unknown; a document of the FN turned out to be this one


UNPRINTED = (PrintState.NEW, PrintState.PRINTING, PrintState.PRINT_UNKNOWN)


class SessionState(StrEnum):
    """A till's session."""

    OPEN = "open"
    CLOSING = "closing"  # its register is being told to close the shift
    CLOSED = "closed"


class DeviceCash(StrEnum):
    """Where a cash movement is at its register."""

    WAITING = "waiting"
    SENT = "sent"  # committed before it is sent: it may be done
    DONE = "done"
    REFUSED = "refused"  # the register does not do it (by its own count the drawer holds less)
    UNCLEAR = "unclear"  # its counters do not tell: a person decides


class WorkerTask(StrEnum):
    """The delivery worker as a task."""

    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    STOPPED = "stopped"  # not started, or ended by an error


S = TypeVar("S", PrintState, Status)


def sources(moves: dict[tuple[S, S], str], target: S) -> tuple[S, ...]:
    """All states from which ``target`` may be reached: the WHERE of an UPDATE."""
    return tuple(old for old, new in moves if new is target)


def delivery_move(old: Status, new: Status) -> str:
    """``new`` for the SET of an UPDATE whose WHERE says ``old``.

    Raises:
        IllegalTransition: ``DELIVERY_MOVES`` has no such move; a statement that wants it is not built.
    """
    if (old, new) not in DELIVERY_MOVES:
        raise IllegalTransition(
            f"delivery never goes from {old} to {new}", f"доставка не переходит из {old} в {new}"
        )
    return new.value

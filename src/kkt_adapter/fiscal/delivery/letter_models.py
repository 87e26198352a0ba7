"""Dead letters as they are read, and what became of a person's decision about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from kkt_adapter.fiscal.lifecycle import AttemptKind, AttemptOutcome, LetterOutcome, LetterResolution
from kkt_adapter.fiscal.store.fiscal_doc import StoredFiscalDoc, read_fiscal_doc
from kkt_adapter.fiscal.store.tables import attempts, receipts
from kkt_adapter.kernel.discretion import discreet_json

TRAIL = 200  # attempts of one letter that are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """Open while ``resolved_at`` is None. Texts are without addresses and paths; times are aware UTC."""

    id: int
    receipt_id: str
    failed_at: datetime
    reason: str
    fiscal_doc: StoredFiscalDoc | None
    retry_attempts: int
    last_error: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: LetterResolution | None
    note: str | None
    outcome: LetterOutcome | None  # of a resolved one; None: nobody said


@dataclass(frozen=True, slots=True, kw_only=True)
class SendAttempt:
    started_at: datetime
    ended_at: datetime | None
    outcome: AttemptOutcome | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterDetail:
    """``attempts``: oldest first, the last 200."""

    letter: DeadLetter
    attempts: Sequence[SendAttempt]


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterPage:
    """Newest first; ``next_cursor`` is None on the last page."""

    items: Sequence[DeadLetter]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterPreview:
    """How many open letters fit a filter, and the first of them, oldest first."""

    count: int
    items: Sequence[DeadLetter]


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterRetried:
    """``is_pending`` False: the receipt was delivered meanwhile."""

    letter: DeadLetter
    is_pending: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterResolved:
    """``outcome_assumed``: the person did not say what became of the receipt."""

    letter: DeadLetter
    outcome_assumed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyLetters:
    """Of ``matched`` open letters ``done`` were moved; somebody else closed the others meanwhile."""

    matched: int
    done: int
    outcome_assumed: bool = False

    @property
    def skipped(self) -> int:
        return self.matched - self.done


def letter_of(row: Any) -> DeadLetter:
    """A row of ``dlq``."""
    return DeadLetter(
        id=row.id,
        receipt_id=row.original_receipt_id,
        failed_at=row.failed_at,
        reason=discreet_json(row.reason),
        fiscal_doc=None if row.fiscal_doc is None else read_fiscal_doc(row.fiscal_doc),
        retry_attempts=row.retry_attempts,
        last_error=discreet_json(row.last_error),
        resolved_at=row.resolved_at,
        resolved_by=row.resolved_by,
        resolution=None if row.resolution is None else LetterResolution(row.resolution),
        note=row.note,
        outcome=None if row.outcome is None else LetterOutcome(row.outcome),
    )


def letter_detail(conn: Connection, row: Any) -> LetterDetail:
    """A row of ``dlq`` with the attempts to send its receipt."""
    trail = conn.execute(
        select(attempts)
        .join(receipts, receipts.c.seq == attempts.c.receipt_seq)
        .where(receipts.c.id == row.original_receipt_id, attempts.c.what == AttemptKind.SEND.value)
        .order_by(attempts.c.id.desc())
        .limit(TRAIL)
    ).all()
    return LetterDetail(
        letter=letter_of(row),
        attempts=[
            SendAttempt(
                started_at=one.started_at,
                ended_at=one.ended_at,
                outcome=None if one.outcome is None else AttemptOutcome(one.outcome),
                error=one.error,
            )
            for one in reversed(trail)
        ],
    )

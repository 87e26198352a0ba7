"""Attempts: the intent that is on disk before a device is touched, and what came of it.

An attempt without an end is the mark of a crash or a lost answer;
``printing/recovery/resolve.py`` gives it one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from kkt_adapter.fiscal.lifecycle import AttemptKind, AttemptOutcome
from kkt_adapter.fiscal.model import Baseline
from kkt_adapter.fiscal.store.tables import OPEN_ROWS, attempts
from kkt_adapter.kernel.errors import IllegalTransition
from kkt_adapter.kernel.quick import quickly_made
from kkt_adapter.runtime.db.bulk import bulk, bulk_insert
from kkt_adapter.runtime.db.columns import millis
from kkt_adapter.runtime.leases.database import TermKey, check_terms


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneTerm:
    """Who drives a lane, for the row and for the check that it still does."""

    lease: str  # the lease's name
    owner: str
    number: int

    @property
    def key(self) -> TermKey:
        """Whoever holds this term may write."""
        return (self.lease, self.owner, self.number)


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class NewAttempt:
    """The intent that must be on disk before the device is touched."""

    lane: LaneTerm
    baseline: Baseline
    tells: bool = False  # the driver says when it is about to make the document: ``mark_sent``


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAttempt:
    """An intent without a result: the process that wrote it may have died with the command in flight."""

    id: int
    what: AttemptKind
    receipt_seq: int | None
    baseline: Baseline
    owner: str
    started_at: datetime
    suspected: bool = False  # sent nothing: it asks whether documents that were read back are this receipt
    sent: bool = True  # False: the command that makes the document was surely not given, and never will be


def open_attempts(conn: Connection, register_id: str) -> list[OpenAttempt]:
    """Unfinished attempts of a register, oldest first."""
    rows = conn.execute(
        select(attempts).where(attempts.c.register_id == register_id, OPEN_ROWS).order_by(attempts.c.id)
    )
    return [
        OpenAttempt(
            id=row.id,
            what=AttemptKind(row.what),
            receipt_seq=row.receipt_seq,
            baseline=Baseline(fn_number=row.baseline_fn, fd_number=row.baseline_fd),
            owner=row.owner,
            started_at=row.started_at,
            suspected=bool(row.suspected),
            sent=row.sent != 0,
        )
        for row in rows
    ]


def registers_with_open(conn: Connection) -> list[str]:
    """All registers that ``open_attempts`` gives something for."""
    return list(conn.execute(select(attempts.c.register_id).where(OPEN_ROWS).distinct()).scalars())


INSERT_ATTEMPTS = bulk_insert(
    attempts,
    attempts.c.id,
    attempts.c.what,
    attempts.c.register_id,
    attempts.c.receipt_seq,
    attempts.c.owner,
    attempts.c.term,
    attempts.c.baseline_fn,
    attempts.c.baseline_fd,
    attempts.c.started_at,
    attempts.c.sent,
)
"""Begun attempts; the rows are made by ``attempt_row``."""


def attempt_row(
    attempt_id: int,
    what: AttemptKind,
    register_id: str,
    receipt_seq: int | None,
    attempt: NewAttempt,
    at: datetime,
) -> tuple[Any, ...]:
    """The row of a new attempt."""
    return (
        attempt_id,
        what.value,
        register_id,
        receipt_seq,
        attempt.lane.owner,
        attempt.lane.number,
        attempt.baseline.fn_number,
        attempt.baseline.fd_number,
        millis(at),
        0 if attempt.tells else None,
    )


END_ATTEMPTS = bulk(
    (attempts.c.id, attempts.c.ended_at, attempts.c.outcome, attempts.c.commands),
    lambda given: (
        update(attempts)
        .where(attempts.c.id == given.c.id)
        .values(
            ended_at=given.c.ended_at,
            outcome=given.c.outcome,
            commands=func.coalesce(given.c.commands, attempts.c.commands),
        )
    ),
)
"""Attempts that ended without an error."""


def end_attempt(
    conn: Connection,
    attempt_id: int,
    *,
    outcome: AttemptOutcome,
    at: datetime,
    error: str | None = None,
    commands: str | None = None,
) -> None:
    """``commands`` (``attempt_commands``); None leaves what was noted before."""
    conn.execute(
        update(attempts)
        .where(attempts.c.id == attempt_id)
        .values(ended_at=at, outcome=outcome.value, error=error)
    )
    if commands is not None:
        note_commands(conn, attempt_id, commands)


def note_commands(conn: Connection, attempt_id: int, commands: str) -> None:
    """What an attempt has cost so far; it stays open."""
    conn.execute(update(attempts).where(attempts.c.id == attempt_id).values(commands=commands))


def mark_sent(conn: Connection, attempt_id: int, lane: LaneTerm) -> None:
    """Commit this before the command that makes the document is given.

    It is a fence too: whoever lost the lane cannot commit it any more, and so sends nothing.

    Raises:
        LeaseLost: the lane's term is over.
        IllegalTransition: the attempt has ended meanwhile.
    """
    check_terms(conn, {lane.key})
    query = update(attempts).where(attempts.c.id == attempt_id, attempts.c.ended_at.is_(None))
    if conn.execute(query.values(sent=1)).rowcount != 1:
        raise IllegalTransition(f"attempt {attempt_id} has ended: nothing is sent for it")


def mark_suspected(conn: Connection, attempt_id: int) -> None:
    """This attempt sends no command."""
    conn.execute(update(attempts).where(attempts.c.id == attempt_id).values(suspected=1))

"""Attempts: the intent that is on disk before a device is touched, and what came of it.

An attempt without an end is the mark of a crash or a lost answer; ``recovery.py`` gives it one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from kkt_adapter.fiscal.kkt.driver import Baseline
from kkt_adapter.fiscal.tables import OPEN_ROWS, attempts


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneTerm:
    """Who drives a lane, for the row and for the check that it still does."""

    lease: str  # the lease's name
    owner: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAttempt:
    """The intent that must be on disk before the device is touched."""

    lane: LaneTerm
    baseline: Baseline


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAttempt:
    """An intent without a result: the process that wrote it may have died with the command in flight."""

    id: int
    what: str
    receipt_seq: int | None
    baseline: Baseline
    owner: str
    started_at: datetime


def open_attempts(conn: Connection, register_id: str) -> list[OpenAttempt]:
    """Unfinished attempts of a register, oldest first."""
    rows = conn.execute(
        select(attempts).where(attempts.c.register_id == register_id, OPEN_ROWS).order_by(attempts.c.id)
    )
    return [
        OpenAttempt(
            id=row.id,
            what=row.what,
            receipt_seq=row.receipt_seq,
            baseline=Baseline(fn_number=row.baseline_fn, fd_number=row.baseline_fd),
            owner=row.owner,
            started_at=row.started_at,
        )
        for row in rows
    ]


INSERT_ATTEMPT = insert(attempts)
END_ATTEMPT = (
    update(attempts)
    .where(attempts.c.id == bindparam("p_id"))
    .values(ended_at=bindparam("p_at"), outcome=bindparam("p_outcome"), error=bindparam("p_error"))
)


def attempt_row(
    attempt_id: int,
    what: str,
    register_id: str,
    receipt_seq: int | None,
    attempt: NewAttempt,
    at: datetime,
) -> dict[str, Any]:
    """The row of a new attempt."""
    return {
        "id": attempt_id,
        "what": what,
        "register_id": register_id,
        "receipt_seq": receipt_seq,
        "owner": attempt.lane.owner,
        "term": attempt.lane.number,
        "baseline_fn": attempt.baseline.fn_number,
        "baseline_fd": attempt.baseline.fd_number,
        "started_at": at,
    }


def end_attempt(
    conn: Connection, attempt_id: int, *, outcome: str, at: datetime, error: str | None = None
) -> None:
    conn.execute(END_ATTEMPT, {"p_id": attempt_id, "p_at": at, "p_outcome": outcome, "p_error": error})

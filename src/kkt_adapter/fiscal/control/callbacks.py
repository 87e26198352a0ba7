"""Rows of callbacks: whom a shop wants told of a receipt's outcome, and how often that was tried.

One row a receipt. It is due after the outcome, and never before ``due_at``; a person who has a failed receipt
printed again, or asks for it, makes it wait anew. Every try is an event in the receipt's timeline.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, select, update

from kkt_adapter.fiscal.queries.door_receipts import (
    COLUMNS,
    CallbackState,
    DoorReceipt,
    door_receipt,
    has_outcome,
)
from kkt_adapter.fiscal.store import events
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.fiscal.store.tables import WAITING_ROWS, callbacks, receipts
from kkt_adapter.kernel.errors import Conflict, NotFound

QUIET_S = 3 * 3600.0  # a failure that long ago says nothing of now: the longest usual pause is shorter
PAUSES_S = (10, 60, 300, 1800, 7200, 21_600, 86_400)  # between tries, +-10 %; then it is given up


@dataclass(slots=True)
class CallbackStats:
    """Plain counts of this process. All calls fail while ``failing_since`` is set; monotonic seconds."""

    done: int = 0
    failed: int = 0
    given_up: int = 0
    failing_since: float | None = None
    last_failure: float = 0.0

    def told(self) -> None:
        self.done += 1
        self.failing_since = None

    def not_told(self, now: float, *, over: bool) -> None:
        self.failed += 1
        self.given_up += over
        self.last_failure = now
        if self.failing_since is None:
            self.failing_since = now

    def failing_s(self, now: float) -> float | None:
        """For how long every call has failed; None: one got through since, or none was made for long."""
        if self.failing_since is None or now - self.last_failure > QUIET_S:
            return None
        return now - self.failing_since


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One callback to be made now."""

    receipt: DoorReceipt
    account: str
    url: str
    attempts: int  # failed so far
    due_at: datetime

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


def due(conn: Connection, *, now: datetime, limit: int, besides: Sequence[int]) -> list[Due]:
    """Those whose time has come and whose receipt has an outcome, the longest due first."""
    rows = conn.execute(
        select(callbacks, *COLUMNS)
        .join(receipts, receipts.c.seq == callbacks.c.receipt_seq)
        .where(
            WAITING_ROWS, callbacks.c.due_at <= now, has_outcome(), callbacks.c.receipt_seq.not_in(besides)
        )
        .order_by(callbacks.c.due_at, callbacks.c.receipt_seq)
        .limit(limit)
    )
    found = []
    for row in rows:
        of = row._mapping
        found.append(
            Due(
                receipt=door_receipt(row),
                account=of[callbacks.c.account],
                url=of[callbacks.c.url],
                attempts=of[callbacks.c.attempts],
                due_at=of[callbacks.c.due_at],
            )
        )
    return found


def told(conn: Connection, one: Due, *, at: datetime) -> None:
    """The shop has taken it."""
    if _settle(conn, one, state=CallbackState.DONE.value, done_at=at, last_error=None):
        _note(conn, one, EventType.CALLBACK_DONE, at, outcome=one.receipt.outcome.value)


def not_told(conn: Connection, one: Due, *, at: datetime, error: str, jitter: float, final: bool) -> None:
    """A try failed; ``jitter`` is a factor around 1. ``final``: trying again changes nothing."""
    attempts = one.attempts + 1
    over = final or attempts > len(PAUSES_S)
    values: dict[str, Any] = {"attempts": attempts, "last_error": error}
    if over:
        values |= {"state": CallbackState.GIVEN_UP.value, "done_at": at}
    else:
        values["due_at"] = at + timedelta(seconds=PAUSES_S[attempts - 1] * jitter)
    if _settle(conn, one, **values):
        level = EventLevel.ERROR if over else EventLevel.WARNING
        _note(
            conn, one, EventType.CALLBACK_FAILED, at, level=level, error=error, attempts=attempts, over=over
        )


def again(conn: Connection, receipt_id: str, *, at: datetime) -> None:
    """Tell the shop anew, from the first try on.

    Raises:
        NotFound: no such receipt.
        Conflict: its shop gave no address.
    """
    seq = conn.execute(select(receipts.c.seq).where(receipts.c.id == receipt_id)).scalar_one_or_none()
    if seq is None:
        raise NotFound(f"no receipt {receipt_id}", f"нет чека {receipt_id}")
    if not renew(conn, seq, at=at):
        raise Conflict(
            "The shop gave no callback_url with this receipt.",
            "Магазин не передал callback_url с этим чеком.",
        )


def renew(conn: Connection, seq: int, *, at: datetime) -> bool:
    """As ``again``, by number; False: nobody wants to be told."""
    anew = {"state": CallbackState.WAITING.value, "due_at": at, "attempts": 0, "done_at": None}
    done = conn.execute(update(callbacks).where(callbacks.c.receipt_seq == seq).values(**anew))
    return done.rowcount == 1


def _settle(conn: Connection, one: Due, **values: Any) -> bool:
    """Unless somebody made it wait anew meanwhile."""
    same = (
        callbacks.c.receipt_seq == one.receipt.seq,
        callbacks.c.due_at == one.due_at,
        callbacks.c.attempts == one.attempts,
        WAITING_ROWS,
    )
    return conn.execute(update(callbacks).where(*same).values(**values)).rowcount == 1


def _note(
    conn: Connection,
    one: Due,
    what: EventType,
    at: datetime,
    *,
    level: EventLevel = EventLevel.INFO,
    **facts: Any,
) -> None:
    entry = events.entry(what, at, receipt_id=one.receipt.id, level=level, host=one.host, **facts)
    events.write(conn, [entry])

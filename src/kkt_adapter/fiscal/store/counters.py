"""The one row of running totals, changed in the same transaction as the rows it counts.

Counting a million rows takes most of a second; reading this row takes microseconds, and it is never
behind. ``verify`` compares it with a real count and belongs to tests and ``db check``.
``fill`` sets them against the capacity of the buffer.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Column, Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from kkt_adapter.fiscal.lifecycle import UNPRINTED, PrintState, Status
from kkt_adapter.fiscal.store.runtime_settings import CAPACITY, read_setting
from kkt_adapter.fiscal.store.tables import counters, dlq, receipts
from kkt_adapter.runtime.db.bulk import bulk, single


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    total: int
    pending: int
    syncing: int
    synced: int
    failed: int
    dlq_open: int
    unprinted: int
    print_failed: int

    @property
    def undelivered(self) -> int:
        return self.pending + self.syncing

    @property
    def forgotten(self) -> int:
        """Receipts that were accepted and are not there any more."""
        return self.total - self.pending - self.syncing - self.synced - self.failed


_FIELDS = ("total", "pending", "syncing", "synced", "failed", "dlq_open", "unprinted", "print_failed")
_SELECT = select(*(counters.c[name] for name in _FIELDS)).where(counters.c.id == 1)


def ensure(conn: Connection) -> None:
    """Make the row in a new database. Called once at start."""
    if conn.execute(select(counters.c.id)).first() is not None:
        return
    zeros = dict.fromkeys((*_FIELDS, "hlc_local_time", "hlc_logical_counter"), 0)
    with suppress(IntegrityError), conn.begin_nested():  # another node may be starting too
        conn.execute(insert(counters).values(id=1, next_seq=1, next_attempt=1, **zeros))


def lock(conn: Connection) -> None:
    """Take the row first in every transaction that will change it, so that no two wait for each other.

    It goes out with the next statement that is waited for. SQLite has one writer at a time anyway.
    """
    if conn.dialect.name != "sqlite":
        _LOCK.put(conn, [(1,)])


def read(conn: Connection) -> Counts:
    return Counts(**conn.execute(_SELECT).one()._mapping)


def bump(conn: Connection, **deltas: int) -> None:
    """Add to the named totals."""
    if any(deltas.values()):
        _ADD.put(conn, [tuple(deltas.get(name, 0) for name in _FIELDS)])


def take_attempt_ids(conn: Connection, n: int) -> int:
    """Reserve ``n`` attempt numbers; returns the first."""
    return ask_attempt_ids(conn, n)()


def ask_attempt_ids(conn: Connection, n: int) -> Callable[[], int]:
    """``take_attempt_ids`` whose answer is looked at later (`Bulk.ask`)."""
    asked = _TAKE.ask(conn, [(n,)])

    def first() -> int:
        ((taken,),) = asked.rows()
        return int(taken) - n

    return first


_LOCK = bulk(
    [counters.c.id],
    lambda given: select(counters.c.id).join(given, counters.c.id == given.c.id).with_for_update(of=counters),
)
_ADD = single(
    [counters.c[name] for name in _FIELDS],
    lambda given: (
        update(counters)
        .where(counters.c.id == 1)
        .values({name: counters.c[name] + given[name] for name in _FIELDS})
    ),
)
_TAKE = single(
    [counters.c.next_attempt],
    lambda given: (
        update(counters)
        .where(counters.c.id == 1)
        .values(next_attempt=counters.c.next_attempt + given["next_attempt"])
        .returning(counters.c.next_attempt)
    ),
)


def verify(conn: Connection) -> dict[str, tuple[int, int]]:
    """Totals that disagree with a real count, as name -> (kept, counted). Scans the table."""
    kept = read(conn)
    by_status = _stats(conn, receipts.c.status)
    by_print = _stats(conn, receipts.c.print_state)
    open_letters = conn.execute(
        select(func.count()).select_from(dlq).where(dlq.c.resolved_at.is_(None))
    ).scalar_one()
    counted = {
        "total": sum(by_status.values()),
        "pending": by_status.get(Status.PENDING, 0),
        "syncing": by_status.get(Status.SYNCING, 0),
        "synced": by_status.get(Status.SYNCED, 0),
        "failed": by_status.get(Status.FAILED, 0),
        "dlq_open": open_letters,
        "unprinted": sum(by_print.get(state, 0) for state in UNPRINTED),
        "print_failed": by_print.get(PrintState.PRINT_FAILED, 0),
    }
    return {
        name: (getattr(kept, name), counted[name])
        for name in _FIELDS
        if name != "total" and getattr(kept, name) != counted[name]
    }


def _stats(conn: Connection, column: Column[str]) -> dict[str, int]:
    rows = conn.execute(select(column, func.count()).group_by(column)).all()
    return dict(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """``capacity`` 0 means no limit; ``percent`` is 0..100 with two decimals."""

    totals: Counts
    capacity: int
    configured: int  # what the configuration says; another number: an administrator set ``capacity``

    @property
    def percent(self) -> float:
        if self.capacity == 0:
            return 0.0
        return min(100.0, round(self.totals.undelivered * 100 / self.capacity, 2))


def fill(conn: Connection, *, default_capacity: int) -> Fill:
    """One snapshot of totals and capacity."""
    return Fill(
        totals=read(conn),
        capacity=capacity_in_force(read_setting(conn, CAPACITY), configured=default_capacity),
        configured=default_capacity,
    )


def capacity_text(capacity: int, *, configured: int) -> str:
    """What to store when an administrator sets the capacity; ``configured`` is what they overrule."""
    return f"{capacity}/{configured}"


def capacity_in_force(stored: str | None, *, configured: int) -> int:
    """Whoever spoke last: what an administrator set, until the configuration says something else than it did
    then. A row of an old version names no configuration and stays in force."""
    if stored is None:
        return configured
    capacity, _, overruled = stored.partition("/")
    return configured if overruled and int(overruled) != configured else int(capacity)

"""How full the buffer is: the capacity in force, and what is undelivered against it."""

from dataclasses import dataclass

from sqlalchemy import Connection

from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.counters import Counts
from kkt_adapter.fiscal.store.runtime_settings import CAPACITY, read_setting


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
        totals=counters.read(conn),
        capacity=in_force(read_setting(conn, CAPACITY), configured=default_capacity),
        configured=default_capacity,
    )


def given(capacity: int, *, configured: int) -> str:
    """What to store when an administrator sets the capacity; ``configured`` is what they overrule."""
    return f"{capacity}/{configured}"


def in_force(stored: str | None, *, configured: int) -> int:
    """Whoever spoke last: what an administrator set, until the configuration says something else than it did
    then. A row of an old version names no configuration and stays in force."""
    if stored is None:
        return configured
    capacity, _, overruled = stored.partition("/")
    return configured if overruled and int(overruled) != configured else int(capacity)

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

    @property
    def percent(self) -> float:
        if self.capacity == 0:
            return 0.0
        return min(100.0, round(self.totals.undelivered * 100 / self.capacity, 2))


def fill(conn: Connection, *, default_capacity: int) -> Fill:
    """One snapshot of totals and capacity."""
    stored = read_setting(conn, CAPACITY)
    return Fill(totals=counters.read(conn), capacity=default_capacity if stored is None else int(stored))

"""What one run of the lab is to be."""

from dataclasses import dataclass
from pathlib import Path

from kkt_adapter.lab.devices.brands import BRANDS


@dataclass(frozen=True, slots=True, kw_only=True)
class LabPlan:
    """What to run. Real seconds, but for what ``scale`` makes faster."""

    seed: int
    faults: int
    nodes: int = 1
    database: str = "sqlite"  # or "postgresql"
    redis: bool = False
    devices: tuple[str, ...] = ()  # brands of real registers, through their emulators
    demo: bool = False  # tills that nobody configured sell too, each with a register of its own
    small_disk: bool = False  # the data lie on a file system that gets full; where mounting is allowed
    scale: float = 10.0
    name: str = ""  # of this run; for those who start node processes of their own
    only: frozenset[str] | None = None  # names of fault kinds; None: all
    each: bool = False  # every kind hits at least once, if it can, and ``faults`` hit in all
    first: bool = False  # over as soon as a promise is seen to be broken
    points: tuple[str, ...] = ()  # named points to choose from; empty: all
    doors: bool = False  # shops sell through them too, where there are virtual registers with a queue
    registers: int = 6
    tills_per_register: int = 2
    think_s: float = 2.0  # between two actions of a till, on average
    gap_s: float = 0.15  # between two faults, on average
    receipts: int = 1  # that must be accepted; traffic goes on until they are
    limit_s: float = 3600.0  # for injecting
    settle_s: float = 120.0
    folder: Path | None = None  # where everything lies; None: a temporary one that is removed

    @property
    def setup(self) -> str:
        """What stands there, in words."""
        database = "SQLite" if self.database == "sqlite" else "PostgreSQL"
        words = [f"{self.nodes} node{'s' if self.nodes > 1 else ''}", database]
        words += ["Redis"] * self.redis + ["small disk"] * self.small_disk + ["demo"] * self.demo
        return ", ".join([*words, *(BRANDS[brand].name for brand in self.devices)])

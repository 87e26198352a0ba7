"""How many clients are connected to this process, and how many connections it refused or ended."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class ConnectionCounts:
    """One for all ports of the process. ``refused`` only grows, by reason."""

    open: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    refused_address: str = ""  # of the last refused connection, for the log

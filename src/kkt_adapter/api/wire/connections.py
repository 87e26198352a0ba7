"""Who gets a connection when there are too many.

A connection is *proven* once a valid credential was seen on it. Unproven ones may not take the reserve. When
there is no place, a newcomer takes that of the unproven connection that has asked for nothing longest: a
till sends its request at once, so connections that only hold a place lose it to tills.
"""

from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from kkt_adapter.api.wire.limits import WireLimits
from kkt_adapter.kernel.addresses import is_loopback
from kkt_adapter.runtime.connection_counts import ConnectionCounts


class Refusal(Enum):
    """Why a connection was refused or ended; the label of the metric."""

    TOTAL = "total"
    ADDRESS = "address"
    EVICTED = "evicted"
    HEAD_TOO_LARGE = "head_too_large"
    MALFORMED = "malformed"
    HEAD_LATE = "head_late"
    BODY_LATE = "body_late"
    IDLE = "idle"
    NOT_READING = "not_reading"


class Connection(Protocol):
    @property
    def address(self) -> str: ...

    @property
    def proven(self) -> bool: ...

    @property
    def at_work(self) -> bool:
        """A whole request of it is being answered."""
        ...

    @property
    def quiet_since(self) -> float: ...

    def evict(self) -> None:
        """Close it now; `Connections.leave` follows."""
        ...

    def look(self, now: float) -> None:
        """End it if a deadline is over."""
        ...


class Connections:
    """All open connections of one server. ``trusts``: is this the address of a trusted proxy.

    ``counts``: those of all servers of the process.
    """

    def __init__(
        self,
        limits: WireLimits,
        *,
        trusts: Callable[[str], bool] = lambda address: False,
        counts: ConnectionCounts | None = None,
    ) -> None:
        self.limits = limits
        self.counts = counts or ConnectionCounts()
        self.counts.refused.update({refusal.value: 0 for refusal in Refusal})
        self.refused: Counter[Refusal] = Counter()
        self._trusts = trusts
        self._open: dict[Connection, None] = {}  # in the order of their arrival
        self._unproven = 0
        self._by_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def opened(self) -> tuple[Connection, ...]:
        return tuple(self._open)

    def enter(self, connection: Connection) -> Refusal | None:
        """Give it a place, if need be that of another; or say why not."""
        limits, address = self.limits, connection.address
        busy = self._is_counted(address) and self._by_address[address] >= limits.connections_per_address
        if busy and not self._make_room(lambda other: other.address == address):
            return self._count(Refusal.ADDRESS, address)
        for_unproven = limits.connections - int(limits.connections * limits.reserve)
        full = len(self._open) >= limits.connections or self._unproven >= for_unproven
        if full and not self._make_room(lambda other: True):
            return self._count(Refusal.TOTAL, address)
        self._open[connection] = None
        self.counts.open += 1
        self._unproven += 1
        self._by_address[address] += 1
        return None

    def prove(self, connection: Connection) -> None:
        """A valid credential was seen on it for the first time; its ``proven`` is still False."""
        if connection in self._open:
            self._unproven -= 1

    def leave(self, connection: Connection) -> None:
        if connection not in self._open:
            return
        del self._open[connection]
        self.counts.open -= 1
        if not connection.proven:
            self._unproven -= 1
        self._by_address[connection.address] -= 1
        if not self._by_address[connection.address]:
            del self._by_address[connection.address]

    def look(self, now: float) -> None:
        """End every connection whose deadline is over."""
        for connection in list(self._open):
            connection.look(now)

    def count(self, refusal: Refusal, address: str) -> None:
        self.refused[refusal] += 1
        self.counts.refused[refusal.value] += 1
        if refusal is not Refusal.IDLE:
            self.counts.refused_address = address

    def _count(self, refusal: Refusal, address: str) -> Refusal:
        self.count(refusal, address)
        return refusal

    def _is_counted(self, address: str) -> bool:
        return not (is_loopback(address) or self._trusts(address))

    def _make_room(self, fits: Callable[[Connection], bool]) -> bool:
        quiet = [one for one in self._open if not one.proven and not one.at_work and fits(one)]
        if not quiet:
            return False
        longest = min(quiet, key=lambda one: one.quiet_since)
        self.count(Refusal.EVICTED, longest.address)
        self.leave(longest)
        longest.evict()
        return True

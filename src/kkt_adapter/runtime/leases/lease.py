"""Who may act: a lease makes one process the holder of a name, for as long as it can prove it.

Between a look at the lease and an act there is always a gap, and in it a process may stop for any time.
So a lease alone protects nothing; three things together do:

- **the trust window**: the holder trusts itself only until ``attempt_started + ttl - margin`` on its own
  clock, where the attempt is its last renewal that succeeded and the margin is at least its longest
  command to a device. Before each command that makes a document it asks `Term.still_trusted`;
- **patience**: others take over only after the row stood unchanged for a whole ttl of *their* clock,
  counted from the moment they saw it, or at once when the holder is proven ended;
- **fencing**: every taking has a higher number, and every write under the lease checks it in its own
  transaction. A late holder can compute, but writes nothing.

No clock is compared with another machine's, so none needs to be right; only their speeds must be alike.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from kkt_adapter.kernel.errors import Conflict, LeaseLost, Retry

TTL_S = 30.0  # printing.md#lanes: lease 30 s
RENEW_S = 10.0  # printing.md#lanes: renewed every 10 s
POLL_S = 3.0  # ttl + a poll or two stays within the 45 s that printing.md#lanes allows for a takeover
MARGIN_S = 12.0  # longer than connecting to a device: 5 s, and the read that follows is awaited for 10 s


class LeaseHeld(Conflict):
    """Somebody else holds the lease; ``facts`` name the owner, host and pid."""

    code = "CONFLICT"
    retry = Retry.LATER


class Term:
    """One taking of a lease, from entering ``lease.term()`` to leaving it.

    ``number`` grows with every taking of that name, by anybody. ``lost`` is set once, when the term is
    over before it was left: renewal failed for too long, or somebody else took it. A lost term stays lost.
    """

    __slots__ = ("_trusted_until", "lost", "name", "number", "owner")

    def __init__(self, *, name: str, owner: str, number: int, trusted_until: float) -> None:
        self.name = name
        self.owner = owner
        self.number = number
        self.lost = asyncio.Event()
        self._trusted_until = trusted_until

    @property
    def trusted_until(self) -> float:
        """The end of the trust window, in seconds of the holder's monotonic clock."""
        return self._trusted_until

    def still_trusted(self, now: float) -> bool:
        """May the holder start an act that cannot be taken back? ``now`` is its clock's ``monotonic()``."""
        return now < self._trusted_until and not self.lost.is_set()

    def ensure_trusted(self, now: float) -> None:
        """Raise LeaseLost outside the trust window."""
        if not self.still_trusted(now):
            raise lease_lost(self.name)

    def renewed(self, *, trusted_until: float) -> None:
        """Called by the lease after a renewal that succeeded."""
        self._trusted_until = trusted_until


class Lease(Protocol):
    """One name that one holder at a time may hold; safe to keep for the life of the process."""

    name: str

    def term(self, *, wait_s: float | None = None) -> AbstractAsyncContextManager[Term]:
        """Hold the lease inside the block; it is renewed in the background and given back at the end.

        Waits at most ``wait_s`` seconds for it (None: for as long as it takes; 0: one look). A holder
        that is cancelled gives the lease back too. When giving back fails, others wait for one ttl.

        Raises:
            LeaseHeld: not taken within ``wait_s``.
            StorageError: the store cannot be used, and ``wait_s`` is over.
        """
        ...

    def rise_above(self, number: int) -> None:
        """Every term that begins from now on is higher than ``number``: whoever is fenced by it has seen that
        one, although the store has not (it was restored from a copy)."""
        ...


class Leases(Protocol):
    """Makes the leases of one process."""

    owner: str

    def lease(self, name: str, *, margin_s: float = MARGIN_S) -> Lease:
        """The lease of that name; ``margin_s`` is at least the longest command given under it."""
        ...


def lease_lost(name: str) -> LeaseLost:
    return LeaseLost(
        f"The lease {name} is over: another process may hold it now.",
        f"Аренда {name} закончилась: её мог взять другой процесс.",
        lease=name,
    )


def lease_held(name: str, *, owner: str, host: str, pid: int) -> LeaseHeld:
    return LeaseHeld(
        f"{name} is held by another process ({host}, pid {pid}).",
        f"{name} занято другим процессом ({host}, pid {pid}).",
        lease=name,
        owner=owner,
        host=host,
        pid=pid,
    )

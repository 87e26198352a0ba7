"""Leases within one process: for tests, and for work that no other process can do."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from math import inf

from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.leases.lease import MARGIN_S, Term, lease_held
from kkt_adapter.runtime.wakeup import happens_within


class MemoryLeases:
    """The names of one process. Nothing is renewed: a term is trusted until it is left or revoked."""

    def __init__(self, *, owner: str, clock: Clock) -> None:
        self.owner = owner
        self.clock = clock
        self._numbers: dict[str, int] = {}
        self._held: dict[str, Term] = {}
        self._freed = asyncio.Event()

    def lease(self, name: str, *, margin_s: float = MARGIN_S) -> "MemoryLease":
        return MemoryLease(self, name)

    def revoke(self, name: str) -> None:
        """Take the lease away from its holder, as a takeover would; the next term may begin at once."""
        term = self._held.pop(name, None)
        if term is not None:
            term.lost.set()
            self._freed.set()

    def rise_above(self, name: str, number: int) -> None:
        self._numbers[name] = max(self._numbers.get(name, 0), number)

    async def hold(self, name: str, *, wait_s: float | None) -> Term:
        give_up = inf if wait_s is None else self.clock.monotonic() + wait_s
        while name in self._held:
            if self.clock.monotonic() >= give_up:
                raise lease_held(name, owner=self.owner, host=socket.gethostname(), pid=os.getpid())
            self._freed.clear()
            await happens_within(self.clock, give_up - self.clock.monotonic(), self._freed)
        self._numbers[name] = number = self._numbers.get(name, 0) + 1
        self._held[name] = term = Term(name=name, owner=self.owner, number=number, trusted_until=inf)
        return term

    def give_back(self, term: Term) -> None:
        if self._held.get(term.name) is term:
            del self._held[term.name]
            self._freed.set()


class MemoryLease:
    """Implements `Lease`."""

    def __init__(self, leases: MemoryLeases, name: str) -> None:
        self.name = name
        self._of = leases

    def term(self, *, wait_s: float | None = None) -> AbstractAsyncContextManager[Term]:
        return self._term(wait_s)

    def rise_above(self, number: int) -> None:
        self._of.rise_above(self.name, number)

    @asynccontextmanager
    async def _term(self, wait_s: float | None) -> AsyncIterator[Term]:
        term = await self._of.hold(self.name, wait_s=wait_s)
        try:
            yield term
        finally:
            self._of.give_back(term)

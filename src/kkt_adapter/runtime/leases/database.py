"""Leases as rows of the database; see `lease` for why they are safe.

A row is free when its ``owner`` is empty. Its ``term`` only grows; ``renewals`` changes with every sign of
life, and its value means nothing but "changed". Rows are never deleted, as the next term counts from them.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import (
    Connection,
    and_,
    select,
)

from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError, StorageError
from kkt_adapter.runtime.db.bulk import AskedRows, bulk
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.db.together import ReadTogether
from kkt_adapter.runtime.leases.lease import MARGIN_S, POLL_S, RENEW_S, TTL_S, Term, lease_held, lease_lost
from kkt_adapter.runtime.leases.rows import Held, LeaseRow, Taking, give_back, leases, look, renew, take

RETRY_S = 1.0  # a renewal that failed is tried again this soon, within the trust window
ENDED_KEPT = 100  # owners whose end is remembered; of others the proof is asked for again
RELEASE_S = 5.0  # giving back may take this long when the program stops

TermKey: TypeAlias = tuple[str, str, int]
"""A lease's name, its owner, the number of the term."""


def check_term(connection: Connection, name: str, owner: str, term: int) -> None:
    """Fence a write: call it first in a transaction that writes under a lease.

    On PostgreSQL the row is locked against a takeover until the commit (FOR SHARE); on SQLite the
    transaction is the only writer anyway.

    Raises:
        LeaseLost: somebody else took the lease, or it was given back.
    """
    held = connection.execute(
        select(leases.c.owner, leases.c.term).where(leases.c.name == name).with_for_update(read=True)
    ).one_or_none()
    if held is None or held.owner != owner or held.term != term:
        raise lease_lost(name)


_HELD = bulk(
    (leases.c.name, leases.c.owner, leases.c.term),
    lambda given: (
        select(leases.c.name, leases.c.owner, leases.c.term)
        .join(
            given,
            and_(
                leases.c.name == given.c.name,
                leases.c.owner == given.c.owner,
                leases.c.term == given.c.term,
            ),
        )
        .with_for_update(read=True, of=leases)
    ),
)


def sign_of_life(connection: Connection, name: str) -> object:
    """A value that changes as long as somebody holds and renews the lease."""
    row = connection.execute(
        select(leases.c.term, leases.c.renewals).where(leases.c.name == name)
    ).one_or_none()
    return None if row is None else (row.term, row.renewals)


def check_terms(connection: Connection, terms: Collection[TermKey]) -> None:
    """Like `check_term` for many at once.

    Raises:
        LeaseLost: naming the first of them that is over.
    """
    ask_terms(connection, terms).check(terms)


class AskedTerms:
    """Terms that were asked for; ``check`` looks at the answer."""

    __slots__ = ("_answer", "_held", "asked")

    def __init__(self, asked: frozenset[TermKey], answer: AskedRows) -> None:
        self.asked = asked
        self._answer = answer
        self._held: frozenset[tuple[Any, ...]] | None = None

    def check(self, terms: Collection[TermKey]) -> None:
        """Raises LeaseLost: naming the first of these that is over. They must have been asked for."""
        if self._held is None:
            self._held = frozenset(self._answer.rows())
        for term in sorted(terms):
            if term not in self._held:
                raise lease_lost(term[0])


def ask_terms(connection: Connection, terms: Collection[TermKey]) -> AskedTerms:
    """Fence the writes of a transaction that go under leases: ask, send what changes nothing yet or can be
    taken back, ``check``, and only then the rest. The rows are held as by `check_term`."""
    return AskedTerms(frozenset(terms), _HELD.ask(connection, sorted(terms)))


class TermSighting(NamedTuple):
    """A row and the monotonic time since when we know it like this."""

    row: LeaseRow
    since: float


def seen(earlier: TermSighting | None, row: LeaseRow, now: float) -> TermSighting:
    """What we know after looking: an unchanged row keeps its time, any change starts it anew."""
    if earlier is not None and earlier.row == row:
        return earlier
    return TermSighting(row, now)


def is_free(sighting: TermSighting, *, now: float, ttl_s: float) -> bool:
    """May the lease be taken without proof that its holder ended?"""
    return sighting.row.owner == "" or now - sighting.since >= ttl_s


class DatabaseLeases:
    """The leases of one process; ``owner`` is its instance id, new with every start.

    ``holder_ended`` tells whether the process behind an owner is proven to have ended; "do not know" is
    False. It is called in a thread.
    """

    def __init__(
        self,
        database: Database,
        *,
        owner: str,
        clock: Clock,
        holder_ended: Callable[[str], bool] = lambda owner: False,
        ttl_s: float = TTL_S,
        renew_s: float = RENEW_S,
        poll_s: float = POLL_S,
    ) -> None:
        if not owner:
            raise ValueError("an owner needs a name: the empty one means that nobody holds the lease")
        self.owner = owner
        self.database = database
        self.clock = clock
        self.holder_ended = holder_ended
        self.ttl_s = ttl_s
        self.renew_s = renew_s
        self.poll_s = poll_s
        self.host = socket.gethostname()[:255]
        self.look = ReadTogether(database, look)
        self._leases: dict[str, DatabaseLease] = {}
        self._ended: dict[str, None] = {}  # owners whose end was proven: an instance id is never used again

    async def ended(self, owner: str) -> bool:
        """Is the process behind ``owner`` proven to have ended? Many leases ask for the same one."""
        if owner not in self._ended and await asyncio.to_thread(self.holder_ended, owner):
            if len(self._ended) >= ENDED_KEPT:
                del self._ended[next(iter(self._ended))]  # the one that was proven first
            self._ended[owner] = None
            return True
        return owner in self._ended

    def lease(self, name: str, *, margin_s: float = MARGIN_S) -> "DatabaseLease":
        if not self.renew_s < self.ttl_s - margin_s:
            raise ValueError("no trust would be left between two renewals: margin_s is too long")
        lease = self._leases.setdefault(name, DatabaseLease(self, name, margin_s=margin_s))
        if lease.margin_s != margin_s:
            raise ValueError(f"the lease {name} was made with another margin_s: {lease.margin_s}")
        return lease


class DatabaseLease:
    """Implements `Lease`. There is one object for a name in a process: it knows which terms are its own."""

    def __init__(self, leases: DatabaseLeases, name: str, *, margin_s: float) -> None:
        self.name = name
        self.margin_s = margin_s
        self._of = leases
        self._window_s = leases.ttl_s - margin_s
        self._sighting: TermSighting | None = None
        self._trying = asyncio.Lock()
        self._floor = 0  # terms are higher than this, whatever the row says
        self._ownerless: int | None = None  # a term that nobody here uses, whatever its row says

    def term(self, *, wait_s: float | None = None) -> AbstractAsyncContextManager[Term]:
        return self._term(wait_s)

    def rise_above(self, number: int) -> None:
        self._floor = max(self._floor, number)

    @asynccontextmanager
    async def _term(self, wait_s: float | None) -> AsyncIterator[Term]:
        term = await self._take(wait_s)
        keepers = [asyncio.create_task(self._renew(term)), asyncio.create_task(self._watch(term))]
        try:
            yield term
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
            self._ownerless = term.number
            await self._give_back(term)

    async def _take(self, wait_s: float | None) -> Term:
        clock = self._of.clock
        give_up = None if wait_s is None else clock.monotonic() + wait_s
        while True:
            refusal: AdapterError
            try:
                async with self._trying:
                    taken = await self._try()
            except StorageError as error:
                refusal = error
            else:
                if isinstance(taken, Term):
                    return taken
                refusal = lease_held(self.name, owner=taken.owner, host=taken.host, pid=taken.pid)
            if give_up is not None and clock.monotonic() >= give_up:
                raise refusal
            pause = self._of.poll_s if give_up is None else min(self._of.poll_s, give_up - clock.monotonic())
            await clock.sleep(pause)

    async def _try(self) -> Term | LeaseRow:
        """One look, and a taking if the row allows it; else the row that is in the way."""
        of = self._of
        row = await of.look(self.name)
        now = of.clock.monotonic()  # after the look: what it saw is not older than the holder's last renewal
        if row is None:
            first = self._floor + 1
            if await self._write(None, number=first):
                return self._started(first, now)
            row = await of.look(self.name)
            assert row is not None, "lease rows are never deleted"
            now = of.clock.monotonic()
        self._sighting = sighting = seen(self._sighting, row, now)
        ours = row.owner == of.owner and row.term == self._ownerless
        if not (ours or is_free(sighting, now=now, ttl_s=of.ttl_s)) and not await self._ended(row.owner):
            return row
        started = of.clock.monotonic()
        number = max(row.term, self._floor) + 1
        if await self._write(row, number=number):
            return self._started(number, started)
        return row  # somebody was faster

    async def _write(self, seen: LeaseRow | None, *, number: int) -> bool:
        self._ownerless = number  # stays so when we are cancelled here: the taking may yet succeed
        taken = await self._of.database.write_each(
            take, Taking(name=self.name, seen=seen, number=number, owner=self._of.owner, host=self._of.host)
        )
        if taken:
            self._ownerless = None
        return taken

    def _started(self, number: int, started: float) -> Term:
        return Term(
            name=self.name, owner=self._of.owner, number=number, trusted_until=started + self._window_s
        )

    async def _ended(self, owner: str) -> bool:
        return owner != self._of.owner and await self._of.ended(owner)

    async def _renew(self, term: Term) -> None:
        clock, pause = self._of.clock, self._of.renew_s
        while not term.lost.is_set():
            await clock.sleep(pause)
            started = clock.monotonic()
            try:
                alive = await self._of.database.write_each(renew, _held(term))
            except AdapterError:  # the database is away: the watch ends the term if it stays away
                pause = RETRY_S
                continue
            if not alive:
                term.lost.set()
                return
            term.renewed(trusted_until=started + self._window_s)
            pause = self._of.renew_s

    async def _watch(self, term: Term) -> None:
        """Set ``lost`` when the trust window ends, however long a renewal hangs."""
        clock = self._of.clock
        while (left := term.trusted_until - clock.monotonic()) > 0 and not term.lost.is_set():
            await clock.sleep(left)
        term.lost.set()

    async def _give_back(self, term: Term) -> None:
        """Best effort; a cancelled holder gives back too, as a queued write is not cancelled."""
        try:
            async with asyncio.timeout(RELEASE_S):
                await self._of.database.write_each(give_back, _held(term))
        except (AdapterError, TimeoutError):
            return  # others take over when a ttl has passed


def _held(term: Term) -> Held:
    return Held(term.name, term.owner, term.number)

"""Watches the wall clock, so that nothing is destroyed because of a wrong one.

A part that deletes, forgets or skips something for good because of a time asks ``believed`` first, and does
it later when the answer is no. The decision is pure (``kernel/clock_trust.py``); here the witnesses are
gathered and what became of it is written down. No sale and no shift asks.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import Connection

from kkt_adapter.fiscal.delivery.endpoint import Endpoint
from kkt_adapter.fiscal.kkt.driver import KktStatus
from kkt_adapter.fiscal.printing.registers import Registers
from kkt_adapter.fiscal.store import clock_rows, events
from kkt_adapter.fiscal.store.clock_rows import ClockState
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.clock_trust import Believed, Bounds, Doubted, Sighting, Stored, Trust, Witness, judge
from kkt_adapter.kernel.errors import AdapterError, Text
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.wakeup import happens_within

LOOK_S = 15.0
STORE_EVERY = timedelta(minutes=10)
WITNESS_GOOD_FOR_S = 24 * 3600.0  # a steady clock loses less than the bound in a day
VIRTUAL = "virtual"  # registers that have no clock of their own

Told = tuple[datetime, float]
"""A time that a witness told (aware UTC), and the monotonic clock when it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockPeers:
    """Who may be asked. ``counts``: has this operator a clock of its own (it is not on this machine)?
    ``server_counts``: likewise the database server."""

    registers: Registers
    endpoints: Callable[[], Sequence[Endpoint]]
    counts: Callable[[Endpoint], bool]
    server_counts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReport:
    """The host's clock, why it is doubted (None: it is believed), and what other clocks say."""

    now: datetime
    doubt: Text | None
    state: ClockState
    witnesses: Sequence[Sighting]


class ClockWatch:
    """A ``Service``, and what it has seen. ``load`` before anybody asks."""

    name = "clock"

    def __init__(self, peers: ClockPeers, *, database: Database, clock: Clock, bounds: Bounds) -> None:
        self._peers = peers
        self._db = database
        self._clock = clock
        self._bounds = bounds
        self.state = ClockState()
        self._written_at: datetime | None = None
        self._anchor: Told | None = None  # when this process last believed the wall clock
        self._person: Told | None = None
        self._server: Told | None = None
        self._devices: dict[str, tuple[KktStatus, Told]] = {}
        self._doubted_since: datetime | None = None
        self._set_right = False
        self._one_at_a_time = asyncio.Lock()
        self._log = structlog.get_logger("clock")

    def believed(self) -> bool:
        return isinstance(self.trust(), Believed)

    def doubt(self) -> Text | None:
        """Why the clock is not believed now."""
        trust = self.trust()
        return trust.reason if isinstance(trust, Doubted) else None

    def may_forget(self, age: timedelta) -> bool:
        """May rows go that look ``age`` old? Not while the clock is doubted, nor within that age of a time
        when it was found behind: rows of then look older than they are."""
        return self.believed() and self.state.is_safe_for(age.total_seconds(), now=self._clock.now())

    @property
    def was_set_right(self) -> bool:
        """Is the clock believed after a time when it was not?"""
        return self._set_right and self.believed()

    def trust(self) -> Trust:
        wall, steady = self._clock.now(), self._clock.monotonic()
        anchor = self._anchor
        expected = None if anchor is None else anchor[0] + timedelta(seconds=steady - anchor[1])
        written_at, seen = self._written_at, self.state.seen_until
        if written_at is not None and seen is not None and written_at <= seen:
            written_at = None
        return judge(
            wall,
            self.sightings(),
            expected=expected,
            stored=Stored(believed_at=self.state.believed_at, written_at=written_at),
            bounds=self._bounds,
        )

    def sightings(self) -> list[Sighting]:
        """What every witness would say now."""
        told: list[tuple[Witness, Told | None]] = [
            (Witness.PERSON, self._person),
            (Witness.SERVER, self._server),
            *((Witness.REGISTER, one) for _, one in self._devices.values()),
            *((Witness.OPERATOR, e.told_time) for e in self._peers.endpoints() if self._peers.counts(e)),
        ]
        steady = self._clock.monotonic()
        return [
            Sighting(witness=witness, at=one[0] + timedelta(seconds=steady - one[1]))
            for witness, one in told
            if one is not None and (witness is Witness.PERSON or steady - one[1] <= WITNESS_GOOD_FOR_S)
        ]

    async def load(self) -> None:
        """What was stored before the start. Raises StorageError."""

        def read(conn: Connection) -> tuple[ClockState, list[tuple[str, datetime]]]:
            return clock_rows.load(conn), clock_rows.newest_documents(conn)

        self.state, made = await self._db.read(read)
        self._set_right = self.state.confirmed_at is not None or self.state.right_since is not None
        self._written_at = max(self._moments(made), default=None)

    def _moments(self, made: Sequence[tuple[str, datetime]]) -> Iterator[datetime]:
        """Aware times of documents; those of registers that are no longer configured have no zone and say
        nothing."""
        for register_id, local in made:
            unit = self._peers.registers.by_id(register_id)
            if unit is not None:
                yield local.replace(tzinfo=unit.zone).astimezone(UTC)

    async def run(self, stop: asyncio.Event) -> None:
        while True:
            try:
                await self.look()
            except AdapterError as error:
                self._log.warning("clock_not_looked_at", error=error.detail.en)
            if await happens_within(self._clock, LOOK_S, stop):
                return

    async def look(self) -> None:
        """Ask every witness, and write down what has changed. Raises StorageError."""
        async with self._one_at_a_time:
            await self._look()

    async def _look(self) -> None:
        await self._ask()
        wall, steady, trust = self._clock.now(), self._clock.monotonic(), self.trust()
        if isinstance(trust, Doubted):
            await self._doubted(trust, wall)
            return
        was_behind = False
        if self._anchor is not None:
            expected = self._anchor[0] + timedelta(seconds=steady - self._anchor[1])
            was_behind = wall - expected > self._bounds.between
        self._anchor = (wall, steady)
        await self._believed(trust, wall, was_behind=was_behind)

    async def _ask(self) -> None:
        def read(conn: Connection) -> tuple[ClockState, datetime | None]:
            server = clock_rows.server_time(conn) if self._peers.server_counts else None
            return clock_rows.load(conn), server

        state, server = await self._db.read(read)
        wall, steady = self._clock.now(), self._clock.monotonic()
        if server is not None:
            self._server = (server, steady)
        confirmed = state.confirmed_at
        news = confirmed != self.state.confirmed_at
        if news and confirmed is not None and abs(wall - confirmed) <= self._bounds.between:
            self._person = (confirmed, steady)  # on another node, just now
        self.state = state
        for unit in self._peers.registers.all():
            status, known = unit.lane.session.status, self._devices.get(unit.register_id)
            if unit.kind == VIRTUAL or status is None or (known is not None and known[0] is status):
                continue
            at = status.clock.replace(tzinfo=unit.zone).astimezone(UTC)
            self._devices[unit.register_id] = (status, (at, steady))

    async def _doubted(self, trust: Doubted, wall: datetime) -> None:
        first = self._doubted_since is None
        if first:
            self._doubted_since = wall
            self._log.warning("clock_doubted", reason=trust.reason.en)
        if not first and (self.state.behind or not trust.behind):
            return
        state = replace(self.state, behind=self.state.behind or trust.behind)
        reason = trust.reason
        entry = events.entry(EventType.CLOCK_DOUBTED, wall, level=EventLevel.WARNING, reason=reason.en)
        await self._store(state, wall, [entry] if first else [])

    async def _believed(self, trust: Believed, wall: datetime, *, was_behind: bool) -> None:
        state, entries = self.state, []
        if state.behind or was_behind:
            state = replace(state, behind=False, right_since=wall)
        if self._doubted_since is not None or was_behind:
            by = trust.by.value if trust.by is not None else None
            entries.append(events.entry(EventType.CLOCK_BELIEVED, wall, by=by))
            self._log.info("clock_believed", by=by)
        self._set_right = self._set_right or self._doubted_since is not None
        self._doubted_since = None
        last = state.believed_at
        if entries or state != self.state or last is None or abs(wall - last) >= STORE_EVERY:
            await self._store(replace(state, believed_at=wall), wall, entries)

    async def _store(
        self, state: ClockState, wall: datetime, entries: Sequence[events.NewEvent], *, by: str | None = None
    ) -> None:
        def write(conn: Connection) -> None:
            clock_rows.save(conn, state, at=wall, by=by)
            events.write(conn, entries)

        await self._db.write(write)
        self.state = state

    async def confirm(self, *, by: str, reason: str) -> ClockReport:
        """A person says that the wall clock is right now; what was postponed goes on. Raises StorageError."""
        doubt = self.doubt()
        wall, steady = self._clock.now(), self._clock.monotonic()
        was_behind = self.state.behind or doubt is not None
        state = ClockState(
            believed_at=wall,
            right_since=wall if was_behind else self.state.right_since,
            seen_until=self._written_at,
            confirmed_at=wall,
        )
        entry = events.entry(
            EventType.CLOCK_CONFIRMED,
            wall,
            level=EventLevel.WARNING,
            by=by,
            reason=reason,
            doubt=None if doubt is None else doubt.en,
        )
        await self._store(state, wall, [entry], by=by)
        self._anchor = self._person = (wall, steady)
        self._doubted_since, self._set_right = None, True
        self._log.warning("clock_confirmed", by=by)
        return self.report()

    def report(self) -> ClockReport:
        return ClockReport(
            now=self._clock.now(), doubt=self.doubt(), state=self.state, witnesses=self.sightings()
        )

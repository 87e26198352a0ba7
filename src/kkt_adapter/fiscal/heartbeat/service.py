"""The service that calls every back office at its own pace; one process of a database does so, by lease."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from kkt_adapter.fiscal.heartbeat import cursors
from kkt_adapter.fiscal.heartbeat.payload import Sender, Situation
from kkt_adapter.fiscal.heartbeat.points import Points
from kkt_adapter.fiscal.heartbeat.settings import BackOfficeSettings, Profile
from kkt_adapter.fiscal.heartbeat.target import Target, TargetState
from kkt_adapter.fiscal.store.events import NewEvent
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError, Conflict, Text
from kkt_adapter.kernel.hysteresis import Presence
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.lease import Lease, Term
from kkt_adapter.runtime.log import get_logger
from kkt_adapter.runtime.wakeup import happens_within

LEASE = "heartbeat"
JITTER = 0.1  # +-10 % (heartbeat.md), so that many adapters do not call at once
LOOK_S = 3.0  # how often a process that does not send looks whether it may
STALE_INTERVALS = 3  # another process's row older than this says nothing any more
_WORST_FIRST = (Presence.OFFLINE, Presence.UNKNOWN, Presence.ONLINE)
_WORST_WORD_FIRST = ("down", "hanging", "failing", "unknown", "ok")
METRIC_VALUE = {Presence.UNKNOWN: 0, Presence.ONLINE: 1, Presence.OFFLINE: 2}  # kkt_heartbeat_state


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficesReport:
    """How the back offices are: the worst word, and that of each. Without any: ``not_configured``."""

    word: str
    targets: Mapping[str, str]
    last_success_at: datetime | None
    last_error: Text | None
    called_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeStatus:
    name: str
    profile: Profile
    url: str  # without its query
    state: TargetState


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatStatus:
    """``state`` is that of the back office that is worst off. ``sends``: this process makes the calls."""

    running: bool
    sends: bool
    state: TargetState
    targets: tuple[OfficeStatus, ...]


class Heartbeat:
    """A ``Service``. ``mode`` and ``disk_free_bytes`` are read for each call."""

    name = "heartbeat"

    def __init__(
        self,
        offices: Sequence[BackOfficeSettings],
        *,
        sender: Sender,
        points: Points,
        mode: Callable[[], str],
        disk_free_bytes: Callable[[], int],
        database: Database,
        lease: Lease,
        clock: Clock,
        tell: Callable[[NewEvent], None],
        jitter: Callable[[], float] = lambda: random.uniform(1 - JITTER, 1 + JITTER),
        look_s: float = LOOK_S,
    ) -> None:
        self._points = points
        self._mode = mode
        self._disk_free_bytes = disk_free_bytes
        self._db = database
        self._lease = lease
        self._clock = clock
        self._look_s = look_s
        self._log = get_logger("heartbeat")
        self._running = False
        self._sends = False
        enabled = [office for office in offices if office.enabled]
        profiles = {office.profile for office in enabled}
        self.targets = [
            Target(
                office,
                sender=sender,
                situation=self._situation,
                database=database,
                clock=clock,
                tell=tell,
                jitter=jitter,
                marks_cash=office.profile is Profile.ODOO or Profile.ODOO not in profiles,
            )
            for office in enabled
        ]

    async def close(self) -> None:
        for target in self.targets:
            await target.close()

    async def run(self, stop: asyncio.Event) -> None:
        """Call every back office until ``stop``; without any there is nothing to do."""
        if not self.targets:
            await stop.wait()
            return
        self._running = True
        try:
            while not stop.is_set():
                await self._hold(stop)
        finally:
            self._running = False

    async def _hold(self, stop: asyncio.Event) -> None:
        """One term of the lease, or one look at it."""
        try:
            async with self._lease.term(wait_s=0) as term:
                self._sends = True
                try:
                    await self._call_all(term, stop)
                finally:
                    self._sends = False
        except Conflict:
            await self._look_at_rows()
        except AdapterError as error:  # the database is away: the service outlives that
            self._log.warning("heartbeat_waits", error=error.detail.en)
        await happens_within(self._clock, self._look_s, stop)

    async def _call_all(self, term: Term, stop: asyncio.Event) -> None:
        calling = [asyncio.create_task(target.run(term, stop)) for target in self.targets]
        try:
            await asyncio.wait(calling, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for task in calling:
                task.cancel()
            outcomes = await asyncio.gather(*calling, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    async def _situation(self) -> Situation:
        return Situation(
            state=self._mode(),
            disk_free_bytes=self._disk_free_bytes(),
            points=await self._points.read(),
        )

    @property
    def worst(self) -> Target | None:
        """The target that decides what is said of all; None without any."""
        ranked = sorted(self.targets, key=lambda target: _WORST_FIRST.index(target.state.presence))
        return ranked[0] if ranked else None

    async def presence(self) -> Presence | None:
        """Of the worst back office; None when none is configured. Raises nothing."""
        if not self._sends and self.targets:
            await self._look_at_rows()
        worst = self.worst
        return None if worst is None else worst.state.presence

    async def status(self) -> HeartbeatStatus:
        """``GET /v1/kkt/heartbeat/status``: the worst back office, and each of them."""
        if not self._sends and self.targets:
            await self._look_at_rows()
        worst = self.worst
        state = TargetState() if worst is None else worst.state
        return HeartbeatStatus(
            running=self._running,
            sends=self._sends,
            state=state,
            targets=tuple(
                OfficeStatus(
                    name=target.settings.name,
                    profile=target.settings.profile,
                    url="".join(target.settings.address).partition("?")[0],
                    state=target.state,
                )
                for target in self.targets
            ),
        )

    def component(self, *, hangs_s: float) -> OfficesReport:
        """``odoo`` of ``/v1/health``; a call in flight for longer than ``hangs_s`` hangs."""
        worst = self.worst
        if worst is None:
            return OfficesReport(
                word="not_configured",
                targets={},
                last_success_at=None,
                last_error=None,
                called_at=self._clock.now(),
            )
        words = {target.settings.name: _word(target, hangs_s=hangs_s) for target in self.targets}
        return OfficesReport(
            word=next(word for word in _WORST_WORD_FIRST if word in words.values()),
            targets=words,
            last_success_at=worst.state.last_success_at,
            last_error=worst.state.last_error,
            called_at=worst.state.called_at,
        )

    async def _look_at_rows(self) -> None:
        """What the process that sends wrote down."""
        names = [target.settings.name for target in self.targets]

        def rows(conn: Connection) -> list[Any]:
            return [cursors.read(conn, name) for name in names]

        try:
            found = await self._db.read(rows)
        except AdapterError:
            return
        for target, row in zip(self.targets, found, strict=True):
            if row is not None and not self._sends:
                target.state = _from_row(row, target.settings, self._clock.now())


def _from_row(row: Any, settings: BackOfficeSettings, now: datetime) -> TargetState:
    stale_s = STALE_INTERVALS * max(settings.interval_s, 300.0)  # the back office may have asked for 300 s
    fresh = row.beat_at is not None and now - row.beat_at < timedelta(seconds=stale_s)
    return TargetState(
        presence=Presence(row.state) if fresh else Presence.UNKNOWN,
        last_success_at=row.last_success_at,
        called_at=row.beat_at,
        last_error=None if row.last_error is None else Text(row.last_error, row.last_error),
        acked_event_id=row.acked_event_id,
    )


def _word(target: Target, *, hangs_s: float) -> str:
    """``failing``: the last call failed, but not often enough in a row to be ``down``."""
    if target.state.presence is Presence.OFFLINE:
        return "down"
    if target.calls.oldest_s > hangs_s:
        return "hanging"
    if target.state.last_error is not None:
        return "failing"
    return "ok" if target.state.presence is Presence.ONLINE else "unknown"

"""Network mode: online, degraded or offline, for people and for reports (heartbeat.md#network-mode).

The mode is shown and measured; nothing of accepting, printing or delivering asks it. It comes from what was
seen of the operators and the back offices, never from counts of receipts. A check looks at each operator's
end point: an open breaker is a failed check, a fresh outcome of a real delivery is taken as it is, and only
without one is the operator asked. The worst end point decides.

A mode is left after several like results in a row and a least time in it, so one result flips nothing. The
exception is the start: the mode is ``offline`` until the first finished check sets it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from kkt_adapter.fiscal.delivery.endpoint import Endpoint
from kkt_adapter.fiscal.store import events
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.kernel.breaker import BreakerState
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.hysteresis import Presence
from kkt_adapter.runtime.log import get_logger
from kkt_adapter.runtime.wakeup import happens_within, unless


class NetworkMode(StrEnum):
    ONLINE = "online"
    DEGRADED = "degraded"  # operators answer, a back office does not
    OFFLINE = "offline"


METRIC_VALUE = {NetworkMode.ONLINE: 0, NetworkMode.DEGRADED: 1, NetworkMode.OFFLINE: 2}  # metrics.md


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPolicy:
    """Seconds (heartbeat.md#network-mode)."""

    check_s: float = 30.0  # between two checks; an outcome younger than this needs no health call
    results: int = 3  # like results in a row before a mode is left
    least_s: float = 90.0  # in a mode before it is left


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeState:
    """A value: ``after`` returns the next one. ``since`` is monotonic; None until a check has finished."""

    mode: NetworkMode = NetworkMode.OFFLINE
    since: float | None = None
    found: NetworkMode | None = None  # what the last results in a row said, when it is another mode
    in_a_row: int = 0

    def after(self, found: NetworkMode, *, now: float, policy: NetworkPolicy) -> "ModeState":
        """What one finished check makes of the mode."""
        if self.since is None:
            return ModeState(mode=found, since=now)
        if found is self.mode:
            return replace(self, found=None, in_a_row=0)
        in_a_row = self.in_a_row + 1 if found is self.found else 1
        if in_a_row >= policy.results and now - self.since >= policy.least_s:
            return ModeState(mode=found, since=now)
        return replace(self, found=found, in_a_row=in_a_row)


def judge(*, operators_ok: bool, back_office: Presence | None) -> NetworkMode:
    """The mode that one check speaks for. ``back_office`` None: none is configured.

    A back office of which nothing is known yet has not been found missing.
    """
    if not operators_ok:
        return NetworkMode.OFFLINE
    return NetworkMode.DEGRADED if back_office is Presence.OFFLINE else NetworkMode.ONLINE


class NetworkEvidence(StrEnum):
    """What an end point was judged by."""

    BREAKER = "breaker"
    DELIVERY = "delivery"
    HEALTH_CALL = "health_call"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointCheck:
    name: str
    ok: bool
    by: NetworkEvidence
    at: datetime


class NetworkMonitor:
    """A ``Service``. ``back_office`` tells the worst presence of all targets, None without any."""

    name = "network"

    def __init__(
        self,
        *,
        endpoints: Callable[[], Sequence[Endpoint]],
        back_office: Callable[[], Awaitable[Presence | None]],
        clock: Clock,
        tell: Callable[[events.NewEvent], None],
        policy: NetworkPolicy,
    ) -> None:
        self._endpoints = endpoints
        self._back_office = back_office
        self._clock = clock
        self._tell = tell  # takes an entry for the journal, at once
        self._policy = policy
        self._state = ModeState()
        self._log = get_logger("network")
        self.changed_at: datetime | None = None
        self.checked_at: datetime | None = None
        self.checks: tuple[EndpointCheck, ...] = ()

    @property
    def mode(self) -> NetworkMode:
        return self._state.mode

    @property
    def is_online(self) -> bool:
        return self._state.mode is NetworkMode.ONLINE

    async def run(self, stop: asyncio.Event) -> None:
        """Check until ``stop``; a check under way is given up then."""
        while not stop.is_set():
            await unless(self.check(), stop)
            await happens_within(self._clock, self._policy.check_s, stop)

    async def check(self) -> NetworkMode:
        """One check of everything; gives the mode in force after it."""
        self.checks = tuple(await asyncio.gather(*(self._check_one(e) for e in self._endpoints())))
        operators_ok = bool(self.checks) and all(check.ok for check in self.checks)
        back_office = await self._back_office()
        before, now = self._state, self._clock.now()
        found = judge(operators_ok=operators_ok, back_office=back_office)
        self._state = before.after(found, now=self._clock.monotonic(), policy=self._policy)
        self.checked_at = now
        if before.since is None:
            self.changed_at = now
        if self._state.mode is not before.mode:
            self._changed(before.mode, back_office, now)
        return self._state.mode

    async def _check_one(self, endpoint: Endpoint) -> EndpointCheck:
        now, at = self._clock.monotonic(), endpoint.outcome_at
        if endpoint.state is BreakerState.OPEN:
            ok, by = False, NetworkEvidence.BREAKER
        elif at is not None and now - at < self._policy.check_s:
            ok, by = endpoint.outcome_ok, NetworkEvidence.DELIVERY
        else:
            ok, by = await endpoint.answers(), NetworkEvidence.HEALTH_CALL
        return EndpointCheck(name=endpoint.name, ok=ok, by=by, at=self._clock.now())

    def _changed(self, was: NetworkMode, back_office: Presence | None, now: datetime) -> None:
        self.changed_at = now
        mode, missing = self._state.mode, [check.name for check in self.checks if not check.ok]
        self._log.warning("network_mode_changed", mode=mode.value, was=was.value, missing=missing)
        self._tell(
            events.entry(
                EventType.NETWORK_MODE_CHANGED,
                now,
                level=EventLevel.INFO if mode is NetworkMode.ONLINE else EventLevel.WARNING,
                mode=mode.value,
                was=was.value,
                missing=missing,
                back_office=None if back_office is None else back_office.value,
            )
        )

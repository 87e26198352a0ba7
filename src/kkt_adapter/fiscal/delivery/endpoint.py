"""One operator's address: its breaker, its health call, and what its outcomes were."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog

from kkt_adapter.fiscal.delivery.outcome import Signal
from kkt_adapter.kernel.breaker import Breaker, BreakerState
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import OfdUnavailable
from kkt_adapter.kernel.histogram import Histogram
from kkt_adapter.kernel.in_flight import InFlightCalls

HEALTH_CALL_S = 10.0  # heartbeat.md#network-mode
REQUEST_BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
FORMAT_CODES: Final = frozenset({11, 14})  # not recognised; format control failed (ofd-protocol.md)
TOKEN_REFUSED: Final = frozenset({"http_401", "http_403"})


@dataclass(slots=True)
class EndpointStats:
    """Plain counts for metrics; only grow. Labels come from a closed set."""

    delivered: int = 0
    failures: int = 0  # channel failures, those that the breaker counts
    errors: dict[str, int] = field(default_factory=dict)
    alarms: dict[str, int] = field(default_factory=dict)  # documents taken with a code: 11, 14, other
    request_s: Histogram = field(default_factory=lambda: Histogram(REQUEST_BOUNDS_S))  # answered requests


class Endpoint:
    """``on_change`` is told the breaker's new state after every change."""

    def __init__(
        self,
        name: str,
        *,
        transport: str,
        breaker: Breaker,
        probe: Callable[[], Awaitable[None]],
        clock: Clock,
        on_change: Callable[["Endpoint", BreakerState], None],
    ) -> None:
        self.name = name
        self.transport = transport
        self.breaker = breaker
        self.stats = EndpointStats()
        self.last_ok_at: datetime | None = None
        self.last_failure_at: datetime | None = None
        self.last_error: str | None = None
        self.outcome_at: float | None = None  # monotonic: when a delivery or a probe last ended
        self.outcome_ok = False  # the operator was alive then; a refusal of a receipt counts as alive
        self.last_label: str | None = None  # of the last error; None after a success
        self.drift_s: float | None = None  # the operator's clock less ours, when it last told the time
        self.told_time: tuple[datetime, float] | None = None  # its time (aware UTC), and monotonic when told
        self.calls = InFlightCalls(clock)  # requests that wait for the operator
        self._probe = probe
        self._clock = clock
        self._on_change = on_change
        self._log = structlog.get_logger("endpoint").bind(endpoint=name)

    @property
    def state(self) -> BreakerState:
        return self.breaker.state

    @property
    def is_untroubled(self) -> bool:
        """No failure since the last document that was accepted."""
        return self.breaker.state is BreakerState.CLOSED and self.breaker.failure_count == 0

    def lets_through(self) -> bool:
        """May something be sent now? Becomes HALF_OPEN when the time has come."""
        before = self.breaker.state
        allowed = self.breaker.let_through(self._clock.monotonic())
        self._tell(before)
        return allowed

    def wait_s(self) -> float:
        return self.breaker.wait_s(self._clock.monotonic())

    def succeeded(self, took_s: float, *, drift_s: float | None = None, told: datetime | None = None) -> None:
        """A document was taken. ``drift_s`` and ``told``: what its answer says of the operator's clock."""
        before = self.breaker.state
        self.last_ok_at, self.last_label = self._clock.now(), None
        if drift_s is not None:
            self.drift_s = drift_s
        if told is not None:
            self.told_time = (told, self._clock.monotonic())
        self._was_alive(True)
        self.stats.delivered += 1
        self.stats.request_s.observe(took_s)
        self.breaker.success()
        self._tell(before)

    def heard(self, signal: Signal, *, label: str, error: str) -> None:
        """An attempt ended with an error."""
        before = self.breaker.state
        self.last_failure_at, self.last_error, self.last_label = self._clock.now(), error, label
        self._was_alive(signal is not Signal.FAILURE)
        self.stats.errors[label] = self.stats.errors.get(label, 0) + 1
        if signal is Signal.FAILURE:
            self.stats.failures += 1
            self.breaker.failure(self._clock.monotonic())
        else:
            self.breaker.alive()
        self._tell(before)

    def alarmed(self, code: int) -> None:
        """A document was taken, with a response code that says that something is wrong with it."""
        label = str(code) if code in FORMAT_CODES else "other"
        self.stats.alarms[label] = self.stats.alarms.get(label, 0) + 1

    @property
    def token_refused(self) -> bool:
        return self.last_label in TOKEN_REFUSED

    def force_half_open(self) -> None:
        """A forced pass may probe before the time is over."""
        before = self.breaker.state
        if before is BreakerState.OPEN:
            self.breaker.half_open()
        self._tell(before)

    def reset(self) -> None:
        before = self.breaker.state
        self.breaker.reset()
        self._tell(before)

    async def probe(self) -> bool:
        """The health call as a probe; False when it failed. Bounded by the gateway's own deadline."""
        before = self.breaker.state
        try:
            await self._health_call()
        except (OfdUnavailable, TimeoutError) as error:
            label = error.error_code if isinstance(error, OfdUnavailable) else "timeout"
            self.heard(Signal.FAILURE, label=label, error=str(error) or "timeout")
            return False
        self.last_ok_at, self.last_label = self._clock.now(), None
        self._was_alive(True)
        self.breaker.alive()
        self._tell(before)
        return True

    async def answers(self) -> bool:
        """The health call for those who only want to know: no stats, and the breaker hears nothing of it."""
        try:
            await self._health_call()
        except (OfdUnavailable, TimeoutError):
            return False
        return True

    async def _health_call(self) -> None:
        with self.calls.call():
            async with asyncio.timeout(HEALTH_CALL_S):
                await self._probe()

    def _was_alive(self, ok: bool) -> None:
        self.outcome_at, self.outcome_ok = self._clock.monotonic(), ok

    def _tell(self, before: BreakerState) -> None:
        if self.breaker.state is not before:
            self._log.warning("breaker_changed", state=self.breaker.state.value, was=before.value)
            self._on_change(self, self.breaker.state)

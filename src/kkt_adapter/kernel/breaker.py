"""Circuit breaker as a plain state machine (delivery.md#circuit-breaker).

It owns no clock and does no I/O: callers pass monotonic seconds. What counts as a failure is decided in
``fiscal/delivery/outcome.py``; here is only what the counts do.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class BreakerState(StrEnum):
    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


METRIC_VALUE = {BreakerState.CLOSED: 0, BreakerState.OPEN: 1, BreakerState.HALF_OPEN: 2}  # metrics.md


@dataclass(slots=True, kw_only=True)
class Breaker:
    """One per OFD end point."""

    failures_to_open: int = 5
    open_s: float = 60.0
    probes_to_close: int = 2
    state: BreakerState = BreakerState.CLOSED
    failure_count: int = 0
    success_count: int = 0  # good probes since HALF_OPEN
    opened_at: float = field(default=0.0)  # monotonic
    opens_total: int = 0

    def let_through(self, now: float) -> bool:
        """May something be sent now? Moves OPEN to HALF_OPEN when its time has come."""
        if self.state is BreakerState.OPEN and now >= self.opened_at + self.open_s:
            self.half_open()
        return self.state is not BreakerState.OPEN

    def wait_s(self, now: float) -> float:
        """Seconds until the breaker lets a probe through; 0 when it is not OPEN."""
        if self.state is not BreakerState.OPEN:
            return 0.0
        return max(0.0, self.opened_at + self.open_s - now)

    def half_open(self) -> None:
        """Let probes through, also before the time is over (a forced pass)."""
        self.state = BreakerState.HALF_OPEN
        self.success_count = 0

    def success(self) -> None:
        """An accepted receipt, or a good probe."""
        self.failure_count = 0
        if self.state is BreakerState.HALF_OPEN:
            self.success_count += 1
            if self.success_count >= self.probes_to_close:
                self.state = BreakerState.CLOSED

    def alive(self) -> None:
        """The peer refused something: alive, so a good probe in HALF_OPEN, and nothing while CLOSED."""
        if self.state is BreakerState.HALF_OPEN:
            self.success()

    def failure(self, now: float) -> None:
        """A channel failure."""
        self.failure_count += 1
        if self.state is BreakerState.HALF_OPEN or (
            self.state is BreakerState.CLOSED and self.failure_count >= self.failures_to_open
        ):
            self.state = BreakerState.OPEN
            self.opened_at = now
            self.opens_total += 1

    def reset(self) -> None:
        """Close by hand."""
        self.state = BreakerState.CLOSED
        self.failure_count = 0
        self.success_count = 0

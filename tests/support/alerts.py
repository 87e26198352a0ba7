"""A shop whose alerts a test watches while it shows one thing after another."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from kkt_adapter.fiscal.alerts.board import AlertBoard, Changes
from kkt_adapter.fiscal.alerts.rule import Level
from kkt_adapter.fiscal.monitoring.legal_clocks import ClockName, LegalClock
from kkt_adapter.fiscal.monitoring.observation import EndpointObservation, Observation, RegisterObservation
from kkt_adapter.kernel.breaker import BreakerState
from kkt_adapter.kernel.errors import Text

START = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
HEALTHY = Observation(at=START, monotonic=1000.0)
TROUBLE = Text("no paper", "нет бумаги")


@dataclass
class Shop:
    """A board that is shown one thing after another."""

    board: AlertBoard = field(default_factory=AlertBoard)
    passed_s: float = 0.0

    def shows(self, *, after_s: float = 0.0, **seen: Any) -> Changes:
        self.passed_s += after_s
        at, monotonic = START + timedelta(seconds=self.passed_s), 1000.0 + self.passed_s
        return self.board.update(replace(HEALTHY, at=at, monotonic=monotonic, **seen))

    @property
    def on(self) -> dict[str, Level]:
        """What people see: code -> level."""
        return {alert.rule.code: alert.level for alert in self.board.alerts()}


def register(**seen: Any) -> RegisterObservation:
    clocks = tuple(
        LegalClock(name=name, value=float(seen.pop(name.value)), limit=0.0)
        for name in ClockName
        if name.value in seen
    )
    return RegisterObservation(register_id="POS-001", clocks=clocks, **seen)


def endpoints(**seen: Any) -> dict[str, Any]:
    return {"endpoints": (EndpointObservation(name="ofd", **({"state": BreakerState.CLOSED} | seen)),)}

"""A rule of the alert table, and how soon somebody must look."""

from dataclasses import dataclass
from enum import StrEnum

from kkt_adapter.fiscal.alerts.finding import Find
from kkt_adapter.kernel.errors import Text


class Level(StrEnum):
    """How soon somebody must look: P1 in 15 minutes, P2 in an hour, P3 within a day."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    INFO = "INFO"  # a condition that has not lasted long enough yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    code: str
    level: Level
    family: str
    find: Find
    action: Text
    for_s: float = 0.0  # the condition must hold this long without a break

    @property
    def runbook(self) -> str:
        """Its page in docs/runbook."""
        return f"docs/runbook/{self.code.lower().replace('_', '-')}.md"

"""What a condition of the alert table tells."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kkt_adapter.fiscal.monitoring.observation import Observation
from kkt_adapter.kernel.errors import Text

MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong now. ``subject``: which register, end point ... it is about; may be empty."""

    message: Text
    subject: str = ""


Find = Callable[[Observation], Iterator[Finding]]


def in_hours(seconds: float) -> str:
    return f"{seconds / HOUR_S:.1f}"

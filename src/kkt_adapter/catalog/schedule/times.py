"""The time of the daily job as a value."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ScheduleSource(StrEnum):
    ENV = "env"
    API = "api"  # somebody changed it; wins over the environment until reset


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyTime:
    """The stored time of the daily job, UTC."""

    hour: int
    minute: int
    source: ScheduleSource
    changed_by: str
    changed_at: datetime

    def text(self) -> str:
        return f"{self.hour:02d}:{self.minute:02d}"

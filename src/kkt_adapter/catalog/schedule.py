"""The daily job: when it is due, who may change that, and what the status page says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kkt_adapter.catalog.records import RunRecord


class ScheduleSource(StrEnum):
    ENV = "env"
    API = "api"


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyTime:
    """The stored time of the daily job, UTC."""

    hour: int
    minute: int
    source: ScheduleSource
    changed_by: str
    changed_at: datetime


class Health(StrEnum):
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerStatus:
    """What anybody may see: no user name, error text, address or host.

    ``last_run`` is the newest ended full run; show only run_id, trigger, status and finished_at of it.
    """

    scheduler_running: bool
    status: Health
    total_jobs: int
    daily_sync_scheduled: bool
    daily_sync_next_run: datetime | None
    schedule: DailyTime
    sync_running: bool
    last_run: RunRecord | None
    log_file_ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """``daily_product_sync``, or ``manual_product_sync_<unique>`` for a manual run (kept with its run)."""

    id: str
    name: str
    trigger: str
    next_run_time: datetime | None
    status: str  # daily: scheduled, running or stopped; manual: the status of its run
    run_id: str | None
    last_run: RunRecord | None = None  # only from `DailySchedule.job`
    progress: RunRecord | None = None  # the run in progress; only from `DailySchedule.job`


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescheduled:
    """What a change of the time answers."""

    schedule: DailyTime
    next_run_time: datetime
    by: str


class DailySchedule:
    """The schedule lives in our table; every node follows it within ten seconds."""

    async def status(self) -> SchedulerStatus:
        """One short read of the database; never asks the source."""
        raise NotImplementedError

    async def jobs(self) -> Sequence[Job]:
        """The daily job, then manual jobs that are queued or going on."""
        raise NotImplementedError

    async def job(self, job_id: str) -> Job:
        """One job with its last run and progress. Raises JobNotFound."""
        raise NotImplementedError

    async def put(self, hour: int, minute: int = 0, *, by: str) -> Rescheduled:
        """Store another time (hour 0-23, minute 0-59); from now on it wins over the environment.

        Raises InvalidInput outside the ranges, and then nothing changes.
        """
        raise NotImplementedError

    async def delete(self, *, by: str) -> Rescheduled:
        """Drop the stored time and go back to the environment's."""
        raise NotImplementedError

    async def next_fires(self, count: int = 5) -> Sequence[datetime]:
        """The next planned moments, a preview."""
        raise NotImplementedError

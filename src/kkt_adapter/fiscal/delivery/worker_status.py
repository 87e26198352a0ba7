"""What the delivery worker tells of itself; values only."""

from dataclasses import dataclass
from datetime import datetime

from kkt_adapter.fiscal.lifecycle import WorkerTask


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualSync:
    """What a pass by hand did. ``skipped_all``: every breaker is open, nothing was tried."""

    skipped_all: bool
    synced: int
    failed: int
    skipped: int
    remaining: int  # undelivered receipts after it
    duration_s: float
    message: str  # for people


@dataclass(frozen=True, slots=True, kw_only=True)
class LastPass:
    at: datetime
    synced: int
    failed: int
    skipped: int
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """``failed_passes``: passes in a row that delivered nothing. ``lock_*``: of the lock between nodes."""

    task: WorkerTask
    last_pass: LastPass | None
    last_success_at: datetime | None
    failed_passes: int
    next_run_at: datetime | None
    lock_backend: str
    lock_held: bool
    pending: int

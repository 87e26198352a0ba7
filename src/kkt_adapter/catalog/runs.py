"""What is known about a run: its states, its record, its errors."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Trigger(StrEnum):
    DAILY = "daily"
    MANUAL = "manual"
    PAGE = "page"  # one page on request; never sweeps


class RunStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"  # complete and swept
    PARTIAL = "partial"  # something stored, not complete, not swept
    FAILED = "failed"  # nothing useful, or stopped by a fatal error
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"  # its node stopped; goes on from the checkpoint
    ABANDONED = "abandoned"  # interrupted for too long
    MISSED = "missed"  # a slot nobody was there for
    SKIPPED = "skipped"  # a slot that came due while a full run was going on


IN_PROGRESS = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.INTERRUPTED)

MOVES: dict[RunStatus, frozenset[RunStatus]] = {
    RunStatus.QUEUED: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED, RunStatus.FAILED}),
    RunStatus.RUNNING: frozenset(
        {
            RunStatus.SUCCEEDED,
            RunStatus.PARTIAL,
            RunStatus.FAILED,
            RunStatus.CANCELLED,
            RunStatus.INTERRUPTED,
        }
    ),
    RunStatus.INTERRUPTED: frozenset({RunStatus.RUNNING, RunStatus.ABANDONED, RunStatus.CANCELLED}),
}


class Phase(StrEnum):
    READING = "reading"
    VERIFYING = "verifying"
    SWEEPING = "sweeping"


class RunReason(StrEnum):
    """Why a run did not end as ``succeeded``, or why a slot has a record without work."""

    THROTTLED = "throttled"  # the source asked for a pause longer than a run may wait
    CATALOGUE_MOVED = "catalogue_moved"  # the list kept changing while it was read
    DUPLICATES = "duplicates"  # the list names products twice, also when its pages are asked again
    TOTAL_WRONG = "total_wrong"  # the source says another total than its pages hold, time after time
    SWEEP_HELD = "sweep_held"  # the sweep would take too much: a person must look
    CLOCK_DOUBTED = "clock_doubted"  # products are missing, and the clock that would date it is not believed
    PAGES_FAILED = "pages_failed"
    SOURCE_DOWN = "source_down"  # ten pages in a row without success
    TIMEOUT = "timeout"
    PAGE_CEILING = "page_ceiling"  # a price window of one cent is still too large
    AUTH = "source_auth_failed"
    REFUSED = "source_refused"
    NOT_CONFIGURED = "source_not_configured"
    CANCELLED = "cancelled"
    TOO_OLD = "too_old"  # interrupted for longer than may be resumed
    REPLACED = "replaced"  # somebody started afresh instead of resuming
    GRACE_OVER = "grace_over"  # the slot was noticed too late
    RUN_IN_PROGRESS = "run_in_progress"
    ERROR = "error"  # a fault of our own or of the database


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One row of the run history; the names are those of the wire.

    ``resumed_from`` is the id of the ended run whose stored pages this one took over. ``blocked_by`` is the
    run that was going on when a slot was skipped. ``held`` counts the products a held-back sweep would have
    taken. ``duration_seconds`` is working time, measured with the monotonic clock, all attempts together.
    """

    run_id: str
    job_id: str
    trigger: Trigger
    triggered_by: str
    node: str | None = None
    slot: datetime | None = None
    generation: int = 0
    status: RunStatus
    reason: str | None = None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration_seconds: float = 0.0
    resumed_from: str | None = None
    blocked_by: str | None = None
    pages_total: int = 0
    pages_processed: int = 0
    products_total: int = 0
    products_synced: int = 0
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    vanished: int = 0
    reappeared: int = 0
    skipped_items: int = 0
    held: int = 0
    errors: int = 0
    retries: int = 0
    throttled: int = 0
    bytes: int = 0
    requests: int = 0
    phase: Phase | None = None
    percent: float = 0.0  # 0..100, never goes down
    pages_per_second: float | None = None  # while running
    eta_seconds: float | None = None  # while running
    error: str | None = None  # one line for people, scrubbed of secrets
    full: bool = False
    force_sweep: bool = False
    cancel_requested: bool = False

    @property
    def in_progress(self) -> bool:
        return self.status in IN_PROGRESS


class ErrorKind(StrEnum):
    PAGE = "page"  # a page that was given up
    ITEM = "item"  # an entry that could not be stored


@dataclass(frozen=True, slots=True, kw_only=True)
class RunError:
    """One line of ``GET .../runs/{id}/errors``."""

    kind: ErrorKind
    page: int | None
    product_id: str | None
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunListing:
    """Newest first; ``next_cursor`` is None on the last page."""

    runs: tuple[RunRecord, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageResult:
    """The answer of a page sync; zeros and the true ``last_page`` for a page past the end."""

    run_id: str
    page: int
    last_page: int
    products_fetched: int = 0
    products_saved: int = 0
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    errors: int = 0
    duration_seconds: float = 0.0

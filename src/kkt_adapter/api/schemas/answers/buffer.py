"""Answers about the buffer and its delivery: status, sync, events, worker, dead letters, maintenance."""

from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from kkt_adapter.api.schemas.answers.receipts import FiscalDoc, ReceiptRemark
from kkt_adapter.api.schemas.units import (
    Count,
    English,
    Hours,
    Moment,
    NextCursor,
    Percent,
    ReceiptId,
    Russian,
    Seconds,
    words,
)

LevelName = Annotated[str, words("info", "warning", "error")]
BreakerName = Annotated[str, words("CLOSED", "OPEN", "HALF_OPEN")]
NetworkName = Annotated[str, words("online", "degraded", "offline")]
AlertLevel = Annotated[str, words("P1", "P2", "P3", "INFO")]


class OldestReceipt(TypedDict):
    """The oldest receipt that is not delivered."""

    id: ReceiptId
    created_at: Moment
    age_hours: Hours


class LastSync(TypedDict):
    """The last pass that sent anything."""

    timestamp: Moment
    synced_count: Count
    failed_count: Count
    duration_seconds: Seconds


class BriefAlert(TypedDict):
    level: AlertLevel
    code: str
    message: Russian
    message_en: English
    subject: Annotated[str, Field(description="What it is about: a register, an end point; may be empty.")]
    since: Moment


class BufferCounts(TypedDict):
    """Receipts by state. ``buffer_count`` and ``buffer_percent`` repeat two members."""

    total_capacity: Annotated[int, Field(ge=0, description="Undelivered receipts it takes; 0: no limit.")]
    configured_capacity: Annotated[
        int, Field(ge=0, description="What the configuration says; total_capacity if nobody set another one.")
    ]
    current_queued: Annotated[int, Field(ge=0, description="Undelivered receipts.")]
    percent_full: Percent
    network_status: NetworkName
    total_receipts: Count
    pending: Count
    syncing: Count
    synced: Count
    failed: Count
    unprinted: Count
    print_failed: Count
    dlq_size: Annotated[int, Field(ge=0, description="Open dead letters.")]
    oldest_receipt: OldestReceipt | None
    last_sync: LastSync | None
    buffer_count: Count
    buffer_percent: Percent
    cb_state: Annotated[BreakerName, Field(description="The worst circuit breaker.")]


class BufferStatus(BufferCounts):
    alerts: list[BriefAlert]


class SyncResult(TypedDict):
    """What a pass by hand did. ``skipped``: every operator's breaker is open."""

    status: Annotated[str, words("completed", "skipped")]
    synced: Count
    failed: Count
    skipped: Count
    remaining: Annotated[int, Field(ge=0, description="Undelivered receipts after the pass.")]
    duration_seconds: Seconds
    message: Annotated[str, Field(description="For people.")]


class LoggedEvent(TypedDict):
    timestamp: Moment
    level: LevelName
    event: str
    receipt_id: str | None
    message: str
    metadata: Annotated[dict[str, Any], Field(description="Facts of this event.")]


class EventLogPage(TypedDict):
    """``total`` is exact up to 100,000 events."""

    total: Count
    page: Annotated[int, Field(ge=1)]
    limit: Annotated[int, Field(ge=1)]
    items: list[LoggedEvent]


class LastPass(TypedDict):
    at: Moment
    synced: Count
    failed: Count
    skipped: Count
    duration_seconds: Seconds


class PassLockShown(TypedDict):
    """The lock that keeps two nodes from a pass at once."""

    backend: Annotated[str, Field(description="process, or redis with several nodes.")]
    held: bool


class WorkerStatus(TypedDict):
    running: bool
    task_status: Annotated[str, Field(description="running, completed, cancelled or stopped.")]
    last_pass: LastPass | None
    last_success_at: Moment | None
    consecutive_failures: Annotated[int, Field(ge=0, description="Passes in a row that delivered nothing.")]
    next_run_at: Moment | None
    lock: PassLockShown
    pending: Count


class BreakerReset(TypedDict):
    status: Annotated[str, words("reset")]
    circuit_breaker_state: BreakerName


class CapacityChange(TypedDict):
    """Undelivered receipts the buffer takes, now and before; 0: no limit."""

    capacity: Count
    configured_capacity: Count
    previous_capacity: Count
    current_queued: Count
    percent_full: Percent


class DeadLetter(TypedDict):
    """A receipt the operator would not take."""

    id: Annotated[int, Field(ge=1)]
    original_receipt_id: ReceiptId
    failed_at: Moment
    reason: str
    fiscal_doc: FiscalDoc | None
    retry_attempts: Count
    last_error: str | None
    resolved_at: Moment | None
    resolved_by: str | None
    resolution: Annotated[str | None, Field(description="retried or resolved; null: open.")]
    note: str | None
    outcome: Annotated[
        Annotated[str, words("delivered_otherwise", "written_off")] | None,
        Field(description="What became of a resolved one; null: open, retried, or nobody said."),
    ]


class SendAttempt(TypedDict):
    started_at: Moment
    ended_at: Moment | None
    outcome: str | None
    error: str | None


class DeadLetterDetail(DeadLetter):
    attempts: Annotated[list[SendAttempt], Field(description="Oldest first, the last 200.")]


class DeadLetterRetried(DeadLetter):
    status: Annotated[
        Annotated[str, words("pending", "unchanged")],
        Field(description="pending: it will be sent again; unchanged: it was delivered meanwhile."),
    ]


class DeadLetterResolved(DeadLetter):
    warnings: list[ReceiptRemark]


class ManyDeadLetters(TypedDict):
    matched: Annotated[int, Field(ge=0, description="Open rows that fitted the filter.")]
    done: Count
    skipped: Annotated[int, Field(ge=0, description="Closed by somebody else meanwhile.")]


class ManyDeadLettersResolved(ManyDeadLetters):
    warnings: list[ReceiptRemark]


class DeadLetterPage(TypedDict):
    items: list[DeadLetter]
    next_cursor: NextCursor


class MaintenanceBegun(TypedDict):
    maintenance: Literal[True]
    reason: str
    estimated_duration_minutes: Annotated[int | None, Field(description="Minutes.")]


class MaintenanceState(TypedDict):
    maintenance: bool
    reason: str | None
    since: Moment | None
    by: str | None
    estimated_end_at: Moment | None
    overdue: Annotated[bool, Field(description="It should be over: alert MAINTENANCE_OVERDUE.")]


class MaintenanceEnded(TypedDict):
    maintenance: Literal[False]

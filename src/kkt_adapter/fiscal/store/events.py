"""The append-only journal of what happened (``buffer_events``)."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

import orjson
import structlog
from sqlalchemy import Connection

from kkt_adapter.fiscal.store.tables import buffer_events
from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.kernel.quick import quickly_made
from kkt_adapter.runtime.db.bulk import bulk_insert
from kkt_adapter.runtime.db.columns import millis
from kkt_adapter.runtime.db.protocol import Database

EventFacts: TypeAlias = Mapping[str, Any]
"""What one event says beside its kind, moment and receipt: JSON values under names that each kind chooses for
itself. Nothing decides by them; people read them."""

MOST_WAITING = 1000  # events that may wait; the next one is dropped and said so in the log


class EventType(StrEnum):
    """The kinds of events in the journal; ``api/ui/texts/audit.py`` has a text for each."""

    RECEIPT_ADDED = "receipt_added"
    RECEIPT_WARNING = "receipt_warning"
    RECEIPT_MOVED = "receipt_moved"
    RECEIPT_PRINTED = "receipt_printed"
    PRINT_FAILED = "print_failed"
    PRINT_UNKNOWN = "print_unknown"
    PRINT_RECOVERED = "print_recovered"
    PRINT_RESOLVED = "print_resolved"
    REPRINT_FORCED = "reprint_forced"
    CALLBACK_DONE = "callback_done"
    CALLBACK_FAILED = "callback_failed"
    RECEIPT_SYNCED = "receipt_synced"
    OPERATOR_ALARM = "operator_alarm"
    RECEIPT_RETRY = "receipt_retry"
    RECEIPT_FAILED = "receipt_failed"
    REFUND_FORCED = "refund_forced"
    REFUND_OF_OTHER_TILL = "refund_of_other_till"
    DLQ_RETRIED = "dlq_retried"
    DLQ_RESOLVED = "dlq_resolved"
    CIRCUIT_OPENED = "circuit_opened"
    CIRCUIT_HALF_OPEN = "circuit_half_open"
    CIRCUIT_CLOSED = "circuit_closed"
    SYNC_STARTED = "sync_started"
    SYNC_COMPLETED = "sync_completed"
    SYNC_FAILED = "sync_failed"
    SYNC_LOCK_CONFLICT = "sync_lock_conflict"
    NETWORK_MODE_CHANGED = "network_mode_changed"
    HEARTBEAT_STATE_CHANGED = "heartbeat_state_changed"
    BUFFER_WARNING = "buffer_warning"
    BUFFER_FULL = "buffer_full"
    CAPACITY_CHANGED = "capacity_changed"
    SESSION_OPENED = "session_opened"
    SESSION_RESTORED = "session_restored"
    SESSION_MISMATCH = "session_mismatch"
    SESSION_CLOSED = "session_closed"
    CASH_MOVED = "cash_moved"
    CASH_COUNTED = "cash_counted"
    CASH_REFUSED = "cash_refused"  # by the register; the till's session has it
    CASH_UNCLEAR = "cash_unclear"  # did the register do it? A person decides
    CASH_DECIDED = "cash_decided"
    SHIFT_OPENED = "shift_opened"
    SHIFT_CLOSED = "shift_closed"
    MAINTENANCE_ON = "maintenance_on"
    MAINTENANCE_OFF = "maintenance_off"
    REGISTER_HELD = "register_held"
    REGISTER_DRAINED = "register_drained"
    REGISTER_RELEASED = "register_released"
    GROUP_GONE = "group_gone"
    SHOP_GONE = "shop_gone"
    RETENTION_DONE = "retention_done"
    DOCUMENTS_READ_BACK = "documents_read_back"
    REGISTER_TESTED = "register_tested"
    REGISTER_CLOCK_SET = "register_clock_set"
    TAGS_DIFFER = "tags_differ"
    DATABASE_BEGUN = "database_begun"
    DATABASE_RESTORED = "database_restored"
    DATABASE_WENT_BACK = "database_went_back"
    RECEIPTS_LOST = "receipts_lost"
    PRINTED_BY_OTHERS = "printed_by_others"
    LOSS_CONFIRMED = "loss_confirmed"
    CLOCK_DOUBTED = "clock_doubted"
    CLOCK_BELIEVED = "clock_believed"
    CLOCK_CONFIRMED = "clock_confirmed"
    ALERT_STARTED = "alert_started"
    ALERT_ENDED = "alert_ended"


class EventLevel(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event that is not written yet. ``metadata``: JSON text of its facts."""

    event_type: str
    receipt_id: str | None
    at: datetime
    level: str
    metadata: str | None


def entry(
    event_type: EventType,
    at: datetime,
    *,
    receipt_id: str | None = None,
    level: EventLevel = EventLevel.INFO,
    **metadata: Any,
) -> NewEvent:
    """One event for ``write``. No buyer contacts, no tokens in ``metadata``."""
    return NewEvent(
        event_type=event_type.value,
        receipt_id=receipt_id,
        at=at,
        level=level.value,
        metadata=orjson.dumps(metadata, default=str).decode() if metadata else None,
    )


_INSERT = bulk_insert(
    buffer_events,
    buffer_events.c.event_type,
    buffer_events.c.receipt_id,
    buffer_events.c.timestamp,
    buffer_events.c.level,
    buffer_events.c.metadata,
)


def write(conn: Connection, entries: Sequence[NewEvent]) -> None:
    """Append rows; must be part of the transaction that makes them true."""
    if entries:
        _INSERT.put(
            conn,
            [(one.event_type, one.receipt_id, millis(one.at), one.level, one.metadata) for one in entries],
        )


class EventWriter:
    """A ``Service`` for places that cannot wait for a commit, such as a breaker that opens: it takes entries
    at once and writes them in their order."""

    name = "journal"

    def __init__(self, database: Database) -> None:
        self._db = database
        self._waiting: asyncio.Queue[NewEvent] = asyncio.Queue(MOST_WAITING)
        self._log = structlog.get_logger("journal")

    def put(self, entry: NewEvent) -> None:
        """Event loop only; never waits."""
        try:
            self._waiting.put_nowait(entry)
        except asyncio.QueueFull:
            self._log.error("event_dropped", event_type=entry.event_type)

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``; what waits then is still written."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set() or not self._waiting.empty():
                getting = asyncio.create_task(self._waiting.get())
                await asyncio.wait((getting, stopping), return_when=asyncio.FIRST_COMPLETED)
                if not getting.done():
                    getting.cancel()
                    if self._waiting.empty():
                        return
                    continue
                await self._write([getting.result(), *self._rest()])
        finally:
            stopping.cancel()

    def _rest(self) -> list[NewEvent]:
        return [self._waiting.get_nowait() for _ in range(self._waiting.qsize())]

    async def _write(self, entries: list[NewEvent]) -> None:
        try:
            await self._db.write(lambda c: write(c, entries))
        except AdapterError as error:
            self._log.error("events_not_written", count=len(entries), error=error.detail.en)

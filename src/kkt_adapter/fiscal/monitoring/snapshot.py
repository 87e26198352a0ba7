"""What the database says of itself at one moment: the ground of status pages, alerts and metrics.

A handful of rows, whatever the number of stored receipts: running totals, settings, the oldest undelivered
receipt (partial index), open sessions (partial index), the newest event (primary key).
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from kkt_adapter.fiscal.control.sessions import Mismatch, still_open
from kkt_adapter.fiscal.shifts.device_cash import UnclearCash, unclear
from kkt_adapter.fiscal.store.counters import Fill, fill
from kkt_adapter.fiscal.store.events import EventType
from kkt_adapter.fiscal.store.losses import Loss, open_losses
from kkt_adapter.fiscal.store.runtime_settings import (
    LastSync,
    MaintenanceMode,
    last_sync,
    maintenance_mode,
)
from kkt_adapter.fiscal.store.session_tables import OPEN_SESSION, pos_sessions
from kkt_adapter.fiscal.store.tables import RARE_EVENTS, UNDELIVERED_ROWS, buffer_events, counters, receipts
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.db.protocol import Database

FRESH_S = 10.0  # an older snapshot says nothing of now; the alerts take one every 5 s
ALARMS_LAST = timedelta(days=1)  # an alert about a delivered document ends by itself
FIRST_WAIT_S = 2.0  # how long a reading is waited for while nothing fresh is known


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAlarm:
    """A document that was delivered and that the operator finds fault with."""

    fn_number: str
    fd_number: int
    code: int  # the operator's response code
    receipt_id: str | None  # None: a report


@dataclass(frozen=True, slots=True, kw_only=True)
class AlteredDocument:
    """A receipt whose document says something else than was asked for."""

    register_id: str
    fd_number: int
    receipt_id: str | None
    tag: int  # the first of those that differ
    line: int  # from 1; 0: the whole receipt
    asked: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    fill: Fill
    hlc_local_time: int  # Unix seconds of the last stamp
    oldest: tuple[str, datetime] | None  # id and acceptance of the oldest undelivered receipt
    last_sync: LastSync | None
    maintenance: MaintenanceMode | None
    mismatches: tuple[Mismatch, ...]
    unclear_cash: tuple[UnclearCash, ...]
    cash_kop: Mapping[str, int]  # of tills with an open session
    last_event_id: int  # 0: none yet
    losses: tuple[Loss, ...] = ()  # that alerts show
    alarms: tuple[OperatorAlarm, ...] = ()  # of the last day, the newest first
    altered: tuple[AlteredDocument, ...] = ()  # likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenSnapshot:
    """A snapshot and when it was read; aware UTC."""

    snapshot: Snapshot
    at: datetime
    monotonic: float


class Snapshots:
    """``mismatches``: those found at the start; the ones whose session is open yet are kept."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        default_capacity: int,
        mismatches: Callable[[], Sequence[Mismatch]],
    ) -> None:
        self._db = database
        self._clock = clock
        self._default_capacity = default_capacity
        self._mismatches = mismatches
        self._last: TakenSnapshot | None = None
        self._reading: asyncio.Task[Snapshot] | None = None

    async def take(self) -> Snapshot:
        """As of now. Raises StorageError."""
        snapshot = await self._db.read(self._take)
        self._last = TakenSnapshot(snapshot=snapshot, at=self._clock.now(), monotonic=self._clock.monotonic())
        return snapshot

    async def recent(self, *, wait_s: float) -> TakenSnapshot | None:
        """As of now or, where the database takes longer than ``wait_s``, the last one that is fresh enough.

        Callers that come at once share one reading, so a database that hangs is asked once. None: it does
        not answer, and what is known is older than ``FRESH_S``. Cancelling leaves the reading to the others.

        Raises:
            StorageError: the database cannot be used.
        """
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self.take())
            self._reading.add_done_callback(_heard)
        reading = self._reading
        await asyncio.wait([reading], timeout=wait_s if self._fresh() else FIRST_WAIT_S)
        if reading.done():
            reading.result()
        return self._fresh()

    def _fresh(self) -> TakenSnapshot | None:
        last = self._last
        return last if last and self._clock.monotonic() - last.monotonic <= FRESH_S else None

    def _take(self, conn: Connection) -> Snapshot:
        oldest = conn.execute(_OLDEST).first()
        return Snapshot(
            fill=fill(conn, default_capacity=self._default_capacity),
            hlc_local_time=conn.execute(_HLC).scalar_one(),
            oldest=None if oldest is None else (oldest.id, oldest.created_at),
            last_sync=last_sync(conn),
            maintenance=maintenance_mode(conn),
            mismatches=tuple(still_open(conn, self._mismatches())),
            unclear_cash=unclear(conn),
            cash_kop=dict(conn.execute(_CASH).all()),
            last_event_id=conn.execute(_LAST_EVENT).scalar_one() or 0,
            losses=open_losses(conn, now=self._clock.now()),
            alarms=_alarms(conn, since=self._clock.now() - ALARMS_LAST),
            altered=_altered(conn, since=self._clock.now() - ALARMS_LAST),
        )


def _alarms(conn: Connection, *, since: datetime) -> tuple[OperatorAlarm, ...]:
    return tuple(
        OperatorAlarm(
            fn_number=said["fn_number"],
            fd_number=said["fd_number"],
            code=said["code"],
            receipt_id=receipt_id,
        )
        for receipt_id, said in _newest(conn, EventType.OPERATOR_ALARM, since)
    )


def _altered(conn: Connection, *, since: datetime) -> tuple[AlteredDocument, ...]:
    return tuple(
        AlteredDocument(
            register_id=said["register_id"],
            fd_number=said["fd_number"],
            receipt_id=receipt_id,
            **said["differences"][0],
        )
        for receipt_id, said in _newest(conn, EventType.TAGS_DIFFER, since)
    )


def _newest(conn: Connection, kind: EventType, since: datetime) -> list[tuple[str | None, Any]]:
    found = conn.execute(_EVENTS_OF_DAY, {"b_type": kind.value, "b_since": since})
    return [(row.receipt_id, json.loads(row.metadata)) for row in found]


def _heard(reading: asyncio.Task[Snapshot]) -> None:
    """Its error belongs to whoever waited; nobody may have."""
    if not reading.cancelled():
        reading.exception()


_OLDEST = (
    select(receipts.c.id, receipts.c.created_at).where(UNDELIVERED_ROWS).order_by(receipts.c.seq).limit(1)
)
_HLC = select(counters.c.hlc_local_time).where(counters.c.id == 1)
_CASH = select(pos_sessions.c.pos_id, pos_sessions.c.cash_kop).where(OPEN_SESSION)
_EVENTS_OF_DAY = (
    select(buffer_events.c.receipt_id, buffer_events.c.metadata)
    .where(
        RARE_EVENTS,
        buffer_events.c.event_type == bindparam("b_type"),
        buffer_events.c.timestamp >= bindparam("b_since"),
    )
    .order_by(buffer_events.c.id.desc())
    .limit(20)
)
_LAST_EVENT = select(func.max(buffer_events.c.id))

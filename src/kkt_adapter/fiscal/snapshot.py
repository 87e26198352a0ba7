"""What the database says of itself at one moment: the ground of status pages, alerts and metrics.

A handful of rows, whatever the number of stored receipts: running totals, settings, the oldest undelivered
receipt (partial index), open sessions (partial index), the newest event (primary key).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from kkt_adapter.fiscal.administration import maintenance_reason
from kkt_adapter.fiscal.capacity import Fill, fill
from kkt_adapter.fiscal.delivery import LAST_SYNC
from kkt_adapter.fiscal.session_tables import OPEN_SESSION, pos_sessions
from kkt_adapter.fiscal.sessions import Mismatch, still_open
from kkt_adapter.fiscal.settings_rows import read_setting
from kkt_adapter.fiscal.tables import UNDELIVERED_ROWS, buffer_events, counters, receipts
from kkt_adapter.runtime.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    fill: Fill
    hlc_local_time: int  # Unix seconds of the last stamp
    oldest: tuple[str, datetime] | None  # id and acceptance of the oldest undelivered receipt
    last_sync: Mapping[str, Any] | None
    maintenance: str | None
    mismatches: tuple[Mismatch, ...]
    cash_kop: Mapping[str, int]  # of tills with an open session
    last_event_id: int  # 0: none yet


class Snapshots:
    """``mismatches``: those found at the start; the ones whose session is open yet are kept."""

    def __init__(
        self, database: Database, *, default_capacity: int, mismatches: Callable[[], Sequence[Mismatch]]
    ) -> None:
        self._db = database
        self._default_capacity = default_capacity
        self._mismatches = mismatches

    async def take(self) -> Snapshot:
        """Raises StorageError."""
        return await self._db.read(self._take)

    def _take(self, conn: Connection) -> Snapshot:
        oldest = conn.execute(_OLDEST).first()
        last = read_setting(conn, LAST_SYNC)
        return Snapshot(
            fill=fill(conn, default_capacity=self._default_capacity),
            hlc_local_time=conn.execute(_HLC).scalar_one(),
            oldest=None if oldest is None else (oldest.id, oldest.created_at),
            last_sync=None if last is None else json.loads(last),
            maintenance=maintenance_reason(conn),
            mismatches=tuple(still_open(conn, self._mismatches())),
            cash_kop=dict(conn.execute(_CASH).all()),
            last_event_id=conn.execute(_LAST_EVENT).scalar_one() or 0,
        )


_OLDEST = (
    select(receipts.c.id, receipts.c.created_at).where(UNDELIVERED_ROWS).order_by(receipts.c.seq).limit(1)
)
_HLC = select(counters.c.hlc_local_time).where(counters.c.id == 1)
_CASH = select(pos_sessions.c.pos_id, pos_sessions.c.cash_kop).where(OPEN_SESSION)
_LAST_EVENT = select(func.max(buffer_events.c.id))

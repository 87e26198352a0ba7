"""What an administrator changes while the service runs: capacity and maintenance mode."""

from typing import Any

from sqlalchemy import Connection

from kkt_adapter.fiscal.store import events
from kkt_adapter.fiscal.store.capacity import fill
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.fiscal.store.runtime_settings import CAPACITY, MAINTENANCE, drop_setting, store_setting
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import Conflict, InvalidInput
from kkt_adapter.runtime.db.protocol import Database

MIN_CAPACITY = 50  # health.md; 0 switches the limit off


class Administration:
    """Every change is an event with who did it."""

    def __init__(self, *, database: Database, clock: Clock, default_capacity: int) -> None:
        self._db = database
        self._clock = clock
        self._default_capacity = default_capacity

    async def set_capacity(self, n: int, *, by: str) -> dict[str, Any]:
        """Undelivered receipts the buffer takes; works at once. Raises InvalidInput."""
        if n != 0 and n < MIN_CAPACITY:
            raise InvalidInput(
                f"capacity: {MIN_CAPACITY} or more, or 0 for no limit",
                f"capacity: не меньше {MIN_CAPACITY} или 0 — без ограничения",
            )
        now = self._clock.now()

        def write(conn: Connection) -> dict[str, Any]:
            before = fill(conn, default_capacity=self._default_capacity)
            store_setting(conn, CAPACITY, str(n), at=now, by=by)
            entry = events.entry(
                EventType.CAPACITY_CHANGED, now, level=EventLevel.WARNING, by=by, was=before.capacity, now=n
            )
            events.write(conn, [entry])
            after = fill(conn, default_capacity=self._default_capacity)
            return {
                "capacity": after.capacity,
                "previous_capacity": before.capacity,
                "current_queued": after.totals.undelivered,
                "percent_full": after.percent,
            }

        return await self._db.write(write)

    async def begin_maintenance(self, *, reason: str, minutes: int | None, by: str) -> dict[str, Any]:
        """New receipts get 503 MAINTENANCE; printing and delivery go on."""
        now = self._clock.now()

        def write(conn: Connection) -> None:
            store_setting(conn, MAINTENANCE, reason, at=now, by=by)
            entry = events.entry(
                EventType.MAINTENANCE_ON, now, level=EventLevel.WARNING, by=by, reason=reason, minutes=minutes
            )
            events.write(conn, [entry])

        await self._db.write(write)
        return {"maintenance": True, "reason": reason, "estimated_duration_minutes": minutes}

    async def end_maintenance(self, *, by: str) -> dict[str, Any]:
        """Raises Conflict when it is not on."""
        now = self._clock.now()

        def write(conn: Connection) -> None:
            if not drop_setting(conn, MAINTENANCE):
                raise Conflict("maintenance mode is not on", "режим обслуживания не включён")
            events.write(conn, [events.entry(EventType.MAINTENANCE_OFF, now, by=by)])

        await self._db.write(write)
        return {"maintenance": False}

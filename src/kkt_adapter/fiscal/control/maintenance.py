"""What an administrator changes while the service runs: capacity and maintenance mode."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from kkt_adapter.fiscal.store import events
from kkt_adapter.fiscal.store.capacity import fill, given
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.fiscal.store.runtime_settings import (
    CAPACITY,
    MAINTENANCE,
    MAINTENANCE_UNTIL,
    drop_setting,
    maintenance_mode,
    store_setting,
)
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import Conflict, InvalidInput
from kkt_adapter.kernel.timefmt import iso
from kkt_adapter.runtime.db.protocol import Database

ASSUMED_MINUTES = 240  # of a maintenance that nobody estimated
MIN_CAPACITY = 50  # health.md; 0 switches the limit off


class Administration:
    """Every change is an event with who did it."""

    def __init__(self, *, database: Database, clock: Clock, default_capacity: int) -> None:
        self._db = database
        self._clock = clock
        self._default_capacity = default_capacity

    async def set_capacity(self, n: int, *, by: str) -> dict[str, Any]:
        """Undelivered receipts the buffer takes; works at once, until somebody changes the configured one.

        Raises:
            InvalidInput.
        """
        if n != 0 and n < MIN_CAPACITY:
            raise InvalidInput(
                f"capacity: {MIN_CAPACITY} or more, or 0 for no limit",
                f"capacity: не меньше {MIN_CAPACITY} или 0 — без ограничения",
            )
        now = self._clock.now()

        def write(conn: Connection) -> dict[str, Any]:
            before = fill(conn, default_capacity=self._default_capacity)
            store_setting(conn, CAPACITY, given(n, configured=self._default_capacity), at=now, by=by)
            entry = events.entry(
                EventType.CAPACITY_CHANGED, now, level=EventLevel.WARNING, by=by, was=before.capacity, now=n
            )
            events.write(conn, [entry])
            after = fill(conn, default_capacity=self._default_capacity)
            return {
                "capacity": after.capacity,
                "configured_capacity": self._default_capacity,
                "previous_capacity": before.capacity,
                "current_queued": after.totals.undelivered,
                "percent_full": after.percent,
            }

        return await self._db.write(write)

    async def maintenance(self) -> dict[str, Any]:
        """Whether it is on, since when, by whom, and when it is estimated to be over."""
        mode, now = await self._db.read(maintenance_mode), self._clock.now()
        if mode is None:
            return {
                "maintenance": False,
                "reason": None,
                "since": None,
                "by": None,
                "estimated_end_at": None,
                "overdue": False,
            }
        return {
            "maintenance": True,
            "reason": mode.reason,
            "since": iso(mode.since),
            "by": mode.by,
            "estimated_end_at": iso(mode.until),
            "overdue": mode.until is not None and now > mode.until,
        }

    async def begin_maintenance(self, *, reason: str, minutes: int | None, by: str) -> dict[str, Any]:
        """New receipts get 503 MAINTENANCE; printing and delivery go on. ``minutes`` None: 240 are assumed,
        after which an alert asks whether it was forgotten."""
        now = self._clock.now()
        until = now + timedelta(minutes=ASSUMED_MINUTES if minutes is None else minutes)

        def write(conn: Connection) -> None:
            store_setting(conn, MAINTENANCE, reason, at=now, by=by)
            store_setting(conn, MAINTENANCE_UNTIL, until.isoformat(), at=now, by=by)
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
            drop_setting(conn, MAINTENANCE_UNTIL)
            events.write(conn, [events.entry(EventType.MAINTENANCE_OFF, now, by=by)])

        await self._db.write(write)
        return {"maintenance": False}

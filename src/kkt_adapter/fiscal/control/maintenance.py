"""What an administrator changes while the service runs: capacity and maintenance mode."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from kkt_adapter.fiscal.store import events
from kkt_adapter.fiscal.store.counters import Fill, capacity_text, fill
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.fiscal.store.runtime_settings import (
    CAPACITY,
    MAINTENANCE,
    MAINTENANCE_UNTIL,
    MaintenanceMode,
    drop_setting,
    maintenance_mode,
    store_setting,
)
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import Conflict, InvalidInput
from kkt_adapter.runtime.db.protocol import Database

ASSUMED_MINUTES = 240  # of a maintenance that nobody estimated
MIN_CAPACITY = 50  # health.md; 0 switches the limit off


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityChange:
    """How full the buffer was under the old capacity, and is under the new one."""

    before: Fill
    after: Fill


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceState:
    """``is_overdue``: it should be over by now (alert MAINTENANCE_OVERDUE)."""

    mode: MaintenanceMode
    is_overdue: bool


class Administration:
    """Every change is an event with who did it."""

    def __init__(self, *, database: Database, clock: Clock, default_capacity: int) -> None:
        self._db = database
        self._clock = clock
        self._default_capacity = default_capacity

    async def set_capacity(self, n: int, *, by: str) -> CapacityChange:
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

        def write(conn: Connection) -> CapacityChange:
            before = fill(conn, default_capacity=self._default_capacity)
            store_setting(conn, CAPACITY, capacity_text(n, configured=self._default_capacity), at=now, by=by)
            entry = events.entry(
                EventType.CAPACITY_CHANGED, now, level=EventLevel.WARNING, by=by, was=before.capacity, now=n
            )
            events.write(conn, [entry])
            after = fill(conn, default_capacity=self._default_capacity)
            return CapacityChange(before=before, after=after)

        return await self._db.write(write)

    async def maintenance(self) -> MaintenanceState | None:
        """None when it is off."""
        mode, now = await self._db.read(maintenance_mode), self._clock.now()
        if mode is None:
            return None
        return MaintenanceState(mode=mode, is_overdue=mode.until is not None and now > mode.until)

    async def begin_maintenance(self, *, reason: str, minutes: int | None, by: str) -> None:
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

    async def end_maintenance(self, *, by: str) -> None:
        """Raises Conflict when it is not on."""
        now = self._clock.now()

        def write(conn: Connection) -> None:
            if not drop_setting(conn, MAINTENANCE):
                raise Conflict("maintenance mode is not on", "режим обслуживания не включён")
            drop_setting(conn, MAINTENANCE_UNTIL)
            events.write(conn, [events.entry(EventType.MAINTENANCE_OFF, now, by=by)])

        await self._db.write(write)

"""Pre-flight: would a receipt be printed now? Tills and terminals ask before the card is charged.

From what is known: the lanes' last words (an idle lane looks at its device every ten seconds) and one read of
a few rows. When the database does not answer within ``READ_S``, what it said in the last minute counts, so
that the answer comes at once; without that it is waited for, and then is a reason of its own.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from kkt_adapter.fiscal.kkt.driver import KktState, ShiftState
from kkt_adapter.fiscal.printing.registers import Registers, Unit
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.counters import Fill
from kkt_adapter.fiscal.store.holds import HoldMode
from kkt_adapter.fiscal.store.runtime_settings import MaintenanceMode, maintenance_mode
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.discretion import discreet
from kkt_adapter.kernel.errors import StorageError, Text
from kkt_adapter.kernel.ids import RegisterId
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.disk import DiskMark

READ_S = 0.015  # the whole answer is to take less than 20 ms
KNOWN_S = 60.0  # so long the last read counts
PATIENCE_S = 1.0  # for a database of which nothing is known
SHIFT_S = 24 * 3600


class NotReady(StrEnum):
    """Why a receipt would not be printed now: a closed list."""

    UNKNOWN_TILL = "unknown_till"  # no register, no group of this name
    MAINTENANCE = "maintenance"
    STORAGE = "storage"  # the database does not answer
    DISK = "disk"
    BUFFER = "buffer"  # full
    HOLD = "hold"  # held or drained by a person
    QUESTION = "question"  # a person must decide what became of a document
    FN = "fn"  # full, expired, damaged, or its oldest document waits for 30 days
    PAPER = "paper"  # out, or the cover is open
    SHIFT = "shift"  # older than 24 hours, and nobody closes it by itself
    GROUP = "group"  # its registers differ in INN or FFD, or are to be read back after a restore
    REGISTER = "register"  # does not answer, is not ready, or contradicts its settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """``register_id``: which register would print, or which one the reason is about. ``until``: when the
    reason is estimated to end; of a register that is ready: when its shift must be closed by a person.
    ``checked_at``: when the register last told of itself. Both aware."""

    reason: NotReady | None  # None: ready
    detail: Text
    until: datetime | None = None
    register_id: RegisterId | None = None
    checked_at: datetime

    @property
    def is_ready(self) -> bool:
        return self.reason is None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    fill: Fill
    maintenance: MaintenanceMode | None


class Preflight:
    def __init__(
        self,
        *,
        registers: Registers,
        database: Database,
        disk: DiskMark,
        clock: Clock,
        default_capacity: int,
    ) -> None:
        self._registers = registers
        self._db = database
        self._disk = disk
        self._clock = clock
        self._capacity = default_capacity
        self._reading: asyncio.Task[None] | None = None
        self._known: _Stored | None = None
        self._known_at = float("-inf")

    async def look(self, pos_id: str | None) -> Readiness:
        """Of a till or a group; without a name of the only register there is. Raises nothing."""
        now = self._clock.now()
        group = None if pos_id is None else self._registers.groups.find(pos_id)
        units = self._units(pos_id) if group is None else group.units
        if not units:
            return Readiness(reason=NotReady.UNKNOWN_TILL, detail=_UNKNOWN_TILL, checked_at=now)
        general = await self._general(now)
        if general is not None:
            return general
        if group is not None and (fault := group.fault()) is not None:
            return Readiness(reason=NotReady.GROUP, detail=fault.detail, checked_at=now)
        found = [self._unit(unit, now) for unit in units]
        ready = [one for one in zip(units, found, strict=True) if one[1].is_ready]
        if ready:
            return min(ready, key=lambda one: one[0].lane.waiting)[1]
        return found[0]

    def _units(self, pos_id: str | None) -> tuple[Unit, ...]:
        if pos_id is None:
            units = self._registers.all()
            return units if len(units) == 1 else ()
        return tuple(unit for name, unit in self._registers.tills() if name == pos_id)

    async def _general(self, now: datetime) -> Readiness | None:
        """What keeps every register from printing."""
        if self._disk.is_low:
            return Readiness(reason=NotReady.DISK, detail=_DISK, checked_at=now)
        stored = await self._stored()
        if stored is None:
            return Readiness(reason=NotReady.STORAGE, detail=_STORAGE, checked_at=now)
        if stored.maintenance is not None:
            reason = stored.maintenance.reason
            return Readiness(
                reason=NotReady.MAINTENANCE,
                detail=Text(f"Maintenance: {reason}", f"Обслуживание: {reason}"),
                until=stored.maintenance.until,
                checked_at=now,
            )
        limit = stored.fill.capacity
        if limit and stored.fill.totals.undelivered >= limit:
            return Readiness(reason=NotReady.BUFFER, detail=_BUFFER, checked_at=now)
        return None

    async def _stored(self) -> _Stored | None:
        """As the database says, or said in the last minute; None: it says nothing."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._look_up())
        await asyncio.wait((self._reading,), timeout=READ_S)
        known = self._known is not None and self._clock.monotonic() - self._known_at < KNOWN_S
        if not known:
            await asyncio.wait((self._reading,), timeout=PATIENCE_S)
        return self._known if self._clock.monotonic() - self._known_at < KNOWN_S else None

    async def _look_up(self) -> None:
        try:
            self._known = await self._db.read(self._read)
        except StorageError:
            self._known = None
        self._known_at = self._clock.monotonic()

    def _read(self, conn: Connection) -> _Stored:
        return _Stored(
            fill=counters.fill(conn, default_capacity=self._capacity), maintenance=maintenance_mode(conn)
        )

    def _unit(self, unit: Unit, now: datetime) -> Readiness:
        reason, detail = _trouble_of(unit) or (None, _READY)
        return Readiness(
            reason=reason,
            detail=detail,
            until=_shift_end(unit) if reason is None else None,
            register_id=unit.register_id,
            checked_at=unit.lane.session.status_at or now,
        )


def _trouble_of(unit: Unit) -> tuple[NotReady, Text] | None:
    """Why this register would not print, the cause that people must end first."""
    lane, status = unit.lane, unit.lane.session.status
    if lane.hold is not None:
        held = lane.hold.mode is HoldMode.HOLD
        en, ru = ("held", "выведена из работы") if held else ("drained", "освобождается")
        return NotReady.HOLD, Text(
            f"The register is {en}: {lane.hold.reason}", f"ККТ {ru}: {lane.hold.reason}"
        )
    if lane.recovery.question is not None:
        return NotReady.QUESTION, lane.recovery.question.reason
    trouble = lane.trouble
    if lane.blocked is not None and trouble is not None:
        of_fn = lane.blocked.startswith("FN_")
        return (NotReady.FN if of_fn else NotReady.REGISTER), discreet(trouble, trouble.detail)
    if status is not None and status.state in (KktState.PAPER_OUT, KktState.COVER_OPEN):
        return NotReady.PAPER, _PAPER if status.state is KktState.PAPER_OUT else _COVER
    if status is not None and not unit.automatic_shift and status.shift_state is not ShiftState.OPEN:
        return NotReady.SHIFT, _EXPIRED if status.shift_state is ShiftState.EXPIRED else _CLOSED
    if trouble is not None:
        return NotReady.REGISTER, discreet(trouble, trouble.detail)
    if status is not None and status.state not in (KktState.READY, KktState.BUSY):
        return NotReady.REGISTER, _NOT_READY
    if status is None and lane.holds():
        return NotReady.REGISTER, _NOT_READY
    return None


def _shift_end(unit: Unit) -> datetime | None:
    """When the open shift is 24 hours old; None where the service closes it by itself, or none is open."""
    status = unit.lane.session.status
    if unit.automatic_shift or status is None or status.shift_opened_at is None:
        return None
    return (status.shift_opened_at + timedelta(seconds=SHIFT_S)).replace(tzinfo=unit.zone)


_READY = Text("A receipt would be printed now.", "Чек будет напечатан сразу.")
_UNKNOWN_TILL = Text(
    "No register is configured for this till.", "Для этой кассы ККТ не настроена: проверьте pos_id."
)
_DISK = Text("The disk is nearly full. Free some space.", "На диске почти нет места. Освободите место.")
_STORAGE = Text("The database does not answer at once.", "База данных не отвечает сразу.")
_BUFFER = Text(
    "The buffer is full. Restore the connection to the operator.",
    "Буфер заполнен. Восстановите связь с ОФД.",
)
_PAPER = Text("The register is out of paper.", "В ККТ закончилась бумага.")
_COVER = Text("The cover of the register is open.", "Открыта крышка ККТ.")
_EXPIRED = Text("The shift is older than 24 hours. Close it.", "Смене больше 24 часов. Закройте её.")
_CLOSED = Text("The shift is not open. Open it.", "Смена не открыта. Откройте её.")
_NOT_READY = Text("The register is not ready.", "ККТ не готова.")

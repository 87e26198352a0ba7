"""Registers set aside by people, and receipts of groups whose register does not print.

A ``Service`` and the actions behind ``hold``, ``drain`` and ``release``. What people decided is rows of
``config``; each lane of this process carries a copy, made again when another process may have changed it.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection

from kkt_adapter.fiscal.model import RegisterProfile
from kkt_adapter.fiscal.printing.availability import obstacle
from kkt_adapter.fiscal.printing.moves import MOVED_AT_ONCE, Moved, any_movable, move
from kkt_adapter.fiscal.printing.registers import Group, Registers, Unit
from kkt_adapter.fiscal.printing.registration import registers_with_facts
from kkt_adapter.fiscal.store import events, group_rows, holds
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.fiscal.store.holds import HoldMode, RegisterHold
from kkt_adapter.fiscal.store.orphan_documents import registers_with_orphans
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError, Conflict, StorageError
from kkt_adapter.kernel.timefmt import iso
from kkt_adapter.runtime.db import identity
from kkt_adapter.runtime.db.identity import DirectoryMemory
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.wakeup import Wakeup

LOOK_S = 1.0  # between two looks at lanes that stand still; in memory
IDLE_LOOK_S = 5.0  # without groups: only another process can change a hold
MOVE_AFTER_S = 10.0  # a register in trouble for so long loses its waiting receipts to the others
SET_ASIDE = {HoldMode.HOLD: EventType.REGISTER_HELD, HoldMode.DRAIN: EventType.REGISTER_DRAINED}


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """``moved``: waiting receipts of groups that went to other registers at once."""

    hold: RegisterHold
    moved: int


class Pools:
    """``memory``: of the data directory, which tells an older copy of the database. ``shared``: does another
    process use this database?"""

    name = "pools"

    def __init__(
        self,
        *,
        registers: Registers,
        database: Database,
        clock: Clock,
        memory: DirectoryMemory,
        shared: Callable[[], bool] = lambda: False,
    ) -> None:
        self._registers = registers
        self._db = database
        self._clock = clock
        self._memory = memory
        self._shared = shared
        self._wake = Wakeup(clock)
        self._troubled: dict[str, float] = {}  # register -> monotonic time of the first look that saw trouble
        self._log = structlog.get_logger("pools")

    async def set_aside(self, register_id: str, *, mode: HoldMode, reason: str, by: str) -> SetAside:
        """Hold or drain a register; one that is set aside already gets the new mode and reason.

        Raises:
            RegisterNotFound.
        """
        unit, now = self._registers.unit(register_id), self._clock.now()
        hold = RegisterHold(mode=mode, reason=reason, since=now, by=by)

        def write(conn: Connection) -> None:
            holds.set_aside(conn, unit.register_id, hold)
            facts = {"register_id": unit.register_id, "reason": reason, "by": by}
            events.write(conn, [events.entry(SET_ASIDE[mode], now, level=EventLevel.WARNING, **facts)])

        await self._db.write(write)
        unit.lane.hold = hold
        moved = await self._relieve(unit) if mode is HoldMode.HOLD else 0
        self._wake.wake()
        return SetAside(hold=hold, moved=moved)

    async def release(self, register_id: str, *, reason: str, by: str) -> None:
        """Put a register back to work.

        Raises:
            RegisterNotFound. Conflict: it is not set aside.
        """
        unit, now = self._registers.unit(register_id), self._clock.now()

        def write(conn: Connection) -> None:
            if not holds.release(conn, unit.register_id):
                raise Conflict(
                    f"register {register_id} is not held", f"ККТ {register_id} не выведена из работы"
                )
            facts: dict[str, Any] = {"register_id": unit.register_id, "reason": reason, "by": by}
            events.write(conn, [events.entry(EventType.REGISTER_RELEASED, now, **facts)])

        await self._db.write(write)
        unit.lane.hold = None

    async def restore(self) -> None:
        """At start, before any lane: what people decided before, what must be read back, and groups that are
        gone.

        Raises:
            StorageError.
        """
        await self._doubt_newcomers()
        await self._refresh()
        known = {name for group in self._registers.groups.all() for name in (group.id, *group.was)}
        now = self._clock.now()
        used = await self._db.read(partial(group_rows.in_use, now=now))
        gone = {name: at for name, at in used.items() if name not in known}
        if gone:
            await self._db.write(partial(_tell_gone, gone=gone, at=now))
        for name, at in gone.items():
            self._log.warning("group_gone", group_id=name, last_used=iso(at))

    async def _doubt_newcomers(self) -> None:
        """A register of a group that was never reached under its name may be one that was renamed after a
        restore, before what its FN holds was read back or under the name that it had then."""
        known = frozenset(unit.register_id for unit in self._registers.all())
        grouped = [one for one in known if self._registers.groups.of_register(one)]
        if not grouped:
            return
        newcomers = await self._db.read(lambda c: _newcomers(c, grouped, known=known))
        if newcomers:
            now = self._clock.now()
            await self._db.write(partial(group_rows.mark_unread, register_ids=newcomers, at=now))

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._wake.wait(LOOK_S if self._registers.groups.all() else IDLE_LOOK_S, stop=stop)
            if stop.is_set():
                return
            try:
                if self._shared():
                    await self._refresh()
                await self._look()
            except AdapterError as error:
                self._log.warning("pools_not_looked_at", code=error.code)

    async def _refresh(self) -> None:
        found = await self._db.read(holds.held)
        waits = await self._db.read(group_rows.unread)
        for unit in self._registers.all():
            if unit.register_id in waits and not unit.unread:
                unit.lane.rows_lost()  # what its lane has read may be from before
            unit.unread = unit.register_id in waits
            hold = found.get(unit.register_id)
            if hold != unit.lane.hold:
                unit.lane.hold = hold

    async def _look(self) -> None:
        """Relieve the registers of groups that do not print."""
        now = self._clock.monotonic()
        for unit in self._registers.all():
            if not self._registers.groups.of_register(unit.register_id):
                continue
            if unit.unread and unit.lane.fn_is_read:
                await self._db.write(partial(group_rows.mark_read, register_id=unit.register_id))
                unit.unread = False
                for group in self._registers.groups.of_register(unit.register_id):
                    for other in group.units:  # receipts of the group may have waited for this
                        other.lane.look_now()
            if unit.lane.trouble is None:
                self._troubled.pop(unit.register_id, None)
            since = self._troubled.setdefault(unit.register_id, now) if unit.lane.trouble else now
            if _is_held(unit) or now - since >= MOVE_AFTER_S:
                await self._relieve(unit)

    async def _relieve(self, unit: Unit) -> int:
        """Move what can be moved to the other registers of its groups; returns how many receipts.

        Raises:
            StorageError: the database or the data directory cannot be written; what was not moved stays.
        """
        moved = 0
        for group in self._registers.groups.of_register(unit.register_id):
            if not await self._db.read(partial(any_movable, register_id=unit.register_id, group_id=group.id)):
                continue
            targets = await self._targets(group, unit)
            if targets:
                await self._outdate_copies()
            while targets:
                done = await self._move(unit, group, targets)
                moved += len(done)
                if len(done) < MOVED_AT_ONCE:
                    break
        return moved

    async def _outdate_copies(self) -> None:
        """From now on every copy made until now is known for an older one, however young it is. In it the
        receipts wait for the register that is about to lose them, and it must not print them before the FNs
        of the others are read."""
        known = await self._db.write(identity.count_change)
        try:
            await asyncio.to_thread(self._memory.remember, known)
        except OSError as error:
            raise StorageError(
                f"The data directory cannot be written: {error.strerror}.",
                f"Каталог данных недоступен для записи: {error.strerror}.",
            ) from error

    async def _move(self, unit: Unit, group: Group, targets: Sequence[RegisterProfile]) -> Moved:
        now = self._clock.now()
        done = await self._db.write(
            lambda c: move(c, unit.register_id, group_id=group.id, targets=targets, at=now)
        )
        if done:
            self._log.info("receipts_moved", register_id=unit.register_id, count=len(done))
            unit.lane.rows_moved(done.seqs)
            for register_id in done.to:
                self._registers.unit(register_id).lane.rows_moved(())
        return done

    async def _targets(self, group: Group, unit: Unit) -> list[RegisterProfile]:
        """The other registers of the group that would print now."""
        if group.fault() is not None or unit.unread:
            return []
        found = []
        for other in group.units:
            if other is unit or obstacle(other) is not None:
                continue
            try:
                found.append(await other.profile(wait_s=0.0))
            except AdapterError:
                continue
        return found


def _newcomers(conn: Connection, grouped: Collection[str], *, known: frozenset[str]) -> list[str]:
    """Those registers of groups that nobody has reached, when the names of a restore are not all known."""
    named = group_rows.unread(conn).union(registers_with_orphans(conn))
    if named <= known:
        return []
    reached = registers_with_facts(conn)
    return sorted(one for one in grouped if one not in reached)


def _is_held(unit: Unit) -> bool:
    return unit.lane.hold is not None and unit.lane.hold.mode is HoldMode.HOLD


def _tell_gone(conn: Connection, *, gone: dict[str, datetime], at: datetime) -> None:
    events.write(
        conn,
        [
            events.entry(EventType.GROUP_GONE, at, level=EventLevel.WARNING, group_id=name, used_at=iso(used))
            for name, used in gone.items()
        ],
    )

"""Work that is done once a day and once per database, whichever node does it: under a lease of its name.

When it was done last is a row, so neither a restart nor another node does it again. A wall clock that was
ahead leaves a moment in the future there; that counts as "long ago".
``Forgetting`` is one such work: ``retention.py``'s steps one after another, with pauses in between.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection

from kkt_adapter.fiscal.heartbeat import cursors
from kkt_adapter.fiscal.housekeeping.retention import BYTES_LIVE, KINDS, Limits, RetentionBatch, RetentionKind
from kkt_adapter.fiscal.store import events
from kkt_adapter.fiscal.store.events import EventType
from kkt_adapter.fiscal.store.runtime_settings import read_setting, store_setting
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError, Conflict
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.database import check_terms
from kkt_adapter.runtime.leases.lease import Lease, Term
from kkt_adapter.runtime.wakeup import happens_within

RETENTION, BACKUP = "retention", "backup"  # names of the work, and of its leases
EVERY = timedelta(days=1)
FIRST_LOOK_S = 60.0  # after a start, when the till has other worries
LOOK_EVERY_S = 600.0
FAILED_WAIT_S = 3600.0  # then it is tried again
PAUSE_S = 0.05  # between two steps of forgetting, for whoever waits for the writer


class Daily:
    """A ``Service``. ``work`` may raise AdapterError: it is logged and tried again after an hour.

    ``work`` is given the term it works under; it must end when ``term.lost`` is set.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Term], Awaitable[None]],
        *,
        lease: Lease,
        database: Database,
        clock: Clock,
        first_look_s: float = FIRST_LOOK_S,
        may: Callable[[], bool] = lambda: True,
    ) -> None:
        """``may``: False postpones the work; what was done while it became False is done again."""
        self.name = name
        self._work = work
        self._lease = lease
        self._db = database
        self._clock = clock
        self._first_look_s = first_look_s
        self._may = may
        self._setting = f"{name}_done_at"
        self._log = structlog.get_logger(name)

    async def run(self, stop: asyncio.Event) -> None:
        """Look whether a day has passed, every ten minutes, until ``stop``."""
        wait_s = self._first_look_s
        while not await happens_within(self._clock, wait_s, stop):
            wait_s = LOOK_EVERY_S
            try:
                await self._look()
            except Conflict:
                continue  # another node does it
            except AdapterError as error:
                self._log.error("daily_work_failed", error=error.detail.en, retry_in_s=FAILED_WAIT_S)
                wait_s = FAILED_WAIT_S

    async def _look(self) -> None:
        if not await self._is_due():
            return
        async with self._lease.term(wait_s=0) as term:
            if not await self._is_due():  # done meanwhile
                return
            await self._work(term)
            if term.lost.is_set() or not self._may():
                return
            now = self._clock.now()
            await self._db.write(lambda c: store_setting(c, self._setting, now.isoformat(), at=now, by=None))

    async def _is_due(self) -> bool:
        if not self._may():
            return False
        last = await self._db.read(lambda c: last_done(c, self.name))
        passed = None if last is None else self._clock.now() - last
        return passed is None or passed >= EVERY or passed < timedelta(0)


def last_done(conn: Connection, name: str) -> datetime | None:
    """When the daily work of that name was last done, by any node."""
    stored = read_setting(conn, f"{name}_done_at")
    return None if stored is None else datetime.fromisoformat(stored)


class Forgetting:
    """``forget`` is the work of a ``Daily``."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        receipts_live: timedelta,
        may_forget: Callable[[timedelta], bool],
        documents_live: timedelta = BYTES_LIVE,
        back_offices: Sequence[str] = (),
    ) -> None:
        """``may_forget``: may rows go that look so old? Asked again before each step, as the clock may be
        moved meanwhile. ``back_offices``: names of those that are told of events; what they have not heard
        stays."""
        self._db = database
        self._clock = clock
        self._receipts_live = receipts_live
        self._may_forget = may_forget
        self._documents_live = documents_live
        self._back_offices = list(back_offices)
        self._log = structlog.get_logger("retention")

    async def forget(self, term: Term) -> None:
        """Walk through every kind of rows once. Ends early when the term is lost: another node goes on.

        Raises:
            StorageError: the database cannot be used.
            LeaseLost: another node has taken over in the middle of a step.
        """
        told = await self._db.read(self._told)
        limits = Limits.at(
            self._clock.now(),
            receipts_live=self._receipts_live,
            told=told,
            may_forget=self._may_forget,
            documents_live=self._documents_live,
        )
        gone: dict[str, int] = {}
        for name, kind in KINDS.items():
            gone[name] = await self._walk(kind, limits, term)
            if term.lost.is_set():
                return
        await self._say(gone)

    def _told(self, conn: Connection) -> int | None:
        return cursors.lowest(conn, self._back_offices) if self._back_offices else None

    async def _walk(self, kind: RetentionKind, limits: Limits, term: Term) -> int:
        gone, cursor = 0, kind.begin
        while cursor is not None and not term.lost.is_set() and self._may_forget(timedelta(0)):
            look = await self._db.read(partial(_look, kind=kind, limits=limits, after=cursor))
            if look.old:
                gone += await self._db.write(partial(_forget, kind=kind, old=look.old, term=term))
                await self._clock.sleep(PAUSE_S)
            cursor = look.next
        return gone

    async def _say(self, gone: Mapping[str, int]) -> None:
        counted = {name: n for name, n in gone.items() if n}
        entry = events.entry(EventType.RETENTION_DONE, self._clock.now(), deleted=counted)
        await self._db.write(lambda c: events.write(c, [entry]))
        self._log.info("retention_done", deleted=counted)


def _look(conn: Connection, *, kind: RetentionKind, limits: Limits, after: Any) -> RetentionBatch:
    return kind.look(conn, limits, after)


def _forget(conn: Connection, *, kind: RetentionKind, old: Sequence[Any], term: Term) -> int:
    check_terms(conn, {(term.name, term.owner, term.number)})
    return kind.forget(conn, old)

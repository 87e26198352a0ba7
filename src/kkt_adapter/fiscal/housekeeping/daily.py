"""Work that is done once a day and once per database, whichever node does it: under a lease of its name.

When it was done last is a row, so neither a restart nor another node does it again. A wall clock that was
ahead leaves a moment in the future there; that counts as "long ago".
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from kkt_adapter.fiscal.store.runtime_settings import read_setting, store_setting
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError, Conflict
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.lease import Lease, Term
from kkt_adapter.runtime.wakeup import happens_within

RETENTION, BACKUP = "retention", "backup"  # names of the work, and of its leases
EVERY = timedelta(days=1)
FIRST_LOOK_S = 60.0  # after a start, when the till has other worries
LOOK_EVERY_S = 600.0
FAILED_WAIT_S = 3600.0  # then it is tried again


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

"""Keeps the data directory's memory of the database up to date, and notices one that went back while we run.

Every half minute in which receipts came in the row's change count grows by one, and after that commit the
data directory remembers it. A database that is later found at a lower count, or that has handed out fewer
numbers than this process has seen, was replaced by an older copy.
"""

import asyncio
from collections.abc import Callable, Collection
from datetime import datetime

import structlog
from sqlalchemy import Connection, select

from kkt_adapter.fiscal.store import fn_contacts, group_rows
from kkt_adapter.fiscal.store.losses import Loss, LossKind, note_loss
from kkt_adapter.fiscal.store.tables import counters
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.runtime.db import identity
from kkt_adapter.runtime.db.identity import DirectoryMemory, Identity, IdentityStart
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.wakeup import happens_within

LOOK_S = 30.0


class DatabaseMark:
    """A ``Service``. ``known``: the identity as the start left it. ``on_epoch``: what else begins anew with
    an epoch of the database, in the same transaction; ``went_back`` is called after it, also when another
    node has begun it."""

    name = "database mark"

    def __init__(
        self,
        known: Identity,
        *,
        database: Database,
        clock: Clock,
        memory: DirectoryMemory,
        on_epoch: Callable[[Connection, Identity], None],
        went_back: Callable[[], None] = lambda: None,
    ) -> None:
        self.known = known
        self._db = database
        self._clock = clock
        self._memory = memory
        self._on_epoch = on_epoch
        self._went_back = went_back
        self._position: int | None = None  # of the last look; None: none yet
        self._remembered = False  # the data directory knows ``known``
        self._log = structlog.get_logger("database")

    async def run(self, stop: asyncio.Event) -> None:
        while not await happens_within(self._clock, LOOK_S, stop):
            await self._try()
        await self._try()

    async def _try(self) -> None:
        try:
            await self.look()
        except (AdapterError, OSError) as error:
            self._log.warning("database_mark_not_kept", error=str(error))

    async def look(self) -> None:
        """Compare, count, remember.

        Raises:
            StorageError: the database cannot be used. OSError: the data directory cannot be written.
        """
        found, position = await self._db.read(_read)
        if found is not None and found.uuid == self.known.uuid and found.epoch > self.known.epoch:
            self._went_back()  # another node has noticed it first
            self.known, self._position = found, None
        if self._is_ours(found, position):
            if position != self._position:
                self._remembered = False
                self.known, self._position = await self._db.write(identity.count_change), position
        else:
            self._remembered = False
            await self._begin_epoch(found)
            self._position = position
        if not self._remembered:  # also what could not be written down the last time
            await asyncio.to_thread(self._memory.remember, self.known)
            self._remembered = True

    def _is_ours(self, found: Identity | None, position: int) -> bool:
        if found is None or found.uuid != self.known.uuid or found.is_before(self.known):
            return False
        return self._position is None or position >= self._position

    async def _begin_epoch(self, found: Identity | None) -> None:
        now, before = self._clock.now(), self.known

        def renew(conn: Connection) -> Identity:
            after = went_back(conn, before, found, at=now)
            self._on_epoch(conn, after)
            return after

        self.known = await self._db.write(renew)
        self._log.error("database_went_back", changes_before=before.changes)
        self._went_back()


def went_back(conn: Connection, before: Identity, found: Identity | None, *, at: datetime) -> Identity:
    """The next epoch, with the evidence for the alert."""
    now = 0 if found is None else found.changes
    note_loss(conn, Loss(kind=LossKind.WENT_BACK, first=now, last=before.changes), at=at)
    return identity.settle(conn, IdentityStart.WENT_BACK, before, fresh=before.uuid, at=at)


def doubt_fns(conn: Connection, grouped: Collection[str], *, at: datetime) -> None:
    """The FNs may hold what the database has lost: all met ones are read back before anything is printed, and
    the registers of groups (``grouped``) wait for each other's. Joins the caller's transaction."""
    fn_contacts.doubt_gaps(conn)
    group_rows.mark_unread(conn, grouped, at=at)


def _read(conn: Connection) -> tuple[Identity | None, int]:
    row = conn.execute(select(counters.c.next_seq, counters.c.next_attempt)).first()
    return identity.read(conn), 0 if row is None else int(row.next_seq) + int(row.next_attempt)

"""The daily forgetting: ``retention.py``'s steps one after another, under a lease, with pauses in between."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection

from kkt_adapter.fiscal.heartbeat import cursors
from kkt_adapter.fiscal.housekeeping.retention import BYTES_LIVE, KINDS, Limits, Look, RetentionKind
from kkt_adapter.fiscal.store import events
from kkt_adapter.fiscal.store.events import EventType
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.database import check_terms
from kkt_adapter.runtime.leases.lease import Term

PAUSE_S = 0.05  # between two steps, for whoever waits for the writer


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


def _look(conn: Connection, *, kind: RetentionKind, limits: Limits, after: Any) -> Look:
    return kind.look(conn, limits, after)


def _forget(conn: Connection, *, kind: RetentionKind, old: Sequence[Any], term: Term) -> int:
    check_terms(conn, {(term.name, term.owner, term.number)})
    return kind.forget(conn, old)

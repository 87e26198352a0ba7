"""Tells people of alerts through any number of channels (``channels.py``).

What to tell is in rows, so a restart forgets nothing and several processes tell once: the one that holds the
lease. Each channel gets each notice at least once. One that fails is tried again after 1, 2, 4 .. 60 s and,
after ``TRIES``, given up for that notice; neither other channels nor other notices wait for it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Protocol

from sqlalchemy import Connection

from kkt_adapter.fiscal.alerts import rows
from kkt_adapter.fiscal.alerts.board import SEVERITY, Key
from kkt_adapter.fiscal.alerts.rows import Notice
from kkt_adapter.fiscal.alerts.rule import Rule
from kkt_adapter.fiscal.alerts.rules import RULES
from kkt_adapter.kernel.backoff import backoff
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError, Conflict, Text
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.database import check_term
from kkt_adapter.runtime.leases.lease import Lease, Term
from kkt_adapter.runtime.log import get_logger
from kkt_adapter.runtime.wakeup import happens_within, unless

LEASE = "notifier"
LOOK_S = 5.0
TRIES = 12  # of one notice over one channel: about seven minutes
BATCH = 50  # notices read at once

_RULES: Mapping[str, Rule] = MappingProxyType({rule.code: rule for rule in RULES})


class NotSent(Exception):
    """A channel could not pass a notice on. ``retry`` False: it never will. The text holds no secret."""

    def __init__(self, reason: str, *, retry: bool = True, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry = retry
        self.retry_after_s = retry_after_s


class Channel(Protocol):
    """One way to reach people. ``send`` has a deadline of its own; cancel gives the attempt up."""

    name: str

    async def send(self, notice: Notice, *, action: Text | None) -> None:
        """Raises NotSent. May be called again with the same notice."""
        ...

    async def close(self) -> None: ...


class Notifier:
    """A ``Service``; without channels there is nothing to do."""

    name = "notifier"

    def __init__(
        self,
        channels: Sequence[Channel],
        *,
        database: Database,
        lease: Lease,
        clock: Clock,
        look_s: float = LOOK_S,
    ) -> None:
        self._channels = tuple(channels)
        self._db = database
        self._lease = lease
        self._clock = clock
        self._look_s = look_s
        self._log = get_logger("notifier")
        self._progress: dict[tuple[int, bool], dict[str, _Attempt]] = {}  # of what waits; bounded by BATCH

    async def close(self) -> None:
        for channel in self._channels:
            await channel.close()

    async def run(self, stop: asyncio.Event) -> None:
        """Tell until ``stop``; an attempt under way is given up then and made again after the start."""
        if not self._channels:
            await stop.wait()
            return
        while not stop.is_set():
            try:
                async with self._lease.term(wait_s=0) as term:
                    while not (stop.is_set() or term.lost.is_set()):
                        await unless(self._tell_all(term), stop, term.lost)
                        await happens_within(self._clock, self._look_s, stop, term.lost)
            except Conflict:
                pass  # another process tells
            except AdapterError as error:  # the database is away, or the lease is lost
                self._log.warning("notifier_waits", code=error.code, error=error.detail.en)
            await happens_within(self._clock, self._look_s, stop)

    async def _tell_all(self, term: Term) -> None:
        """One round: each channel is tried once with each notice it has not passed on, if that is due."""
        waiting = await self._db.read(partial(rows.to_tell, limit=BATCH))
        open_now = {row.key for row in await self._db.read(rows.open_rows)}
        self._progress = {key: self._progress.get(key, {}) for key in map(_key, waiting)}
        for notice in waiting:
            if notice.ended_at is None and _hidden(notice, open_now):
                continue  # told when the more severe one is over and this one is not
            await asyncio.gather(*(self._try(channel, notice) for channel in self._channels))
            attempts = self._progress[_key(notice)]
            if all(attempts[channel.name].over for channel in self._channels):
                await self._db.write(partial(_told, notice=notice, term=term, at=self._clock.now()))

    async def _try(self, channel: Channel, notice: Notice) -> None:
        attempt = self._progress[_key(notice)].setdefault(channel.name, _Attempt())
        if attempt.over or self._clock.monotonic() < attempt.due:
            return
        attempt.tries += 1
        rule = _RULES.get(notice.code)
        try:
            await channel.send(notice, action=None if rule is None else rule.action)
        except NotSent as error:
            attempt.over = attempt.tries >= TRIES or not error.retry
            wait_s = max(backoff(attempt.tries), error.retry_after_s or 0.0)
            attempt.due = self._clock.monotonic() + wait_s
            tell = self._log.error if attempt.over else self._log.warning
            tell(
                "notice_given_up" if attempt.over else "notice_not_sent",
                channel=channel.name,
                code=notice.code,
                error=str(error),
            )
        else:
            attempt.over = True
            self._log.info("notice_sent", channel=channel.name, code=notice.code)


@dataclass(slots=True)
class _Attempt:
    """Of one notice over one channel. ``over``: sent, or given up."""

    tries: int = 0
    due: float = float("-inf")  # monotonic
    over: bool = False


def _key(notice: Notice) -> tuple[int, bool]:
    return notice.id, notice.ended_at is not None


def _told(conn: Connection, *, notice: Notice, term: Term, at: datetime) -> None:
    check_term(conn, term.name, term.owner, term.number)
    rows.told(conn, notice, at=at)


def _hidden(notice: Notice, open_now: set[Key]) -> bool:
    """Is a more severe alert of the same family on, about the same thing?"""
    rule = _RULES.get(notice.code)
    return rule is not None and any(
        (other.code, notice.subject) in open_now
        for other in RULES
        if other.family == rule.family and SEVERITY[other.level] < SEVERITY[rule.level]
    )

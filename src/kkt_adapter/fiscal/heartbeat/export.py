"""The same events for systems that fetch instead of listening: the caller keeps the cursor."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from kkt_adapter.fiscal.heartbeat import feed
from kkt_adapter.fiscal.heartbeat.feed import FeedEvent
from kkt_adapter.runtime.db.protocol import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedPage:
    """``next_after`` is the cursor for the next call."""

    events: Sequence[FeedEvent]
    next_after: int
    has_more: bool


class EventExport:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def page(self, *, after: int, limit: int) -> ExportedPage:
        """Events with an id above ``after``, oldest first."""
        found = await self._db.read(partial(feed.page, after=after, limit=limit))
        last = found.events[-1].event_id if found.events else after
        return ExportedPage(events=found.events, next_after=last, has_more=found.has_more)

"""The same events for systems that fetch instead of listening: the caller keeps the cursor."""

from functools import partial
from typing import Any

from kkt_adapter.fiscal.heartbeat import feed
from kkt_adapter.runtime.db.protocol import Database


class EventExport:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def page(self, *, after: int, limit: int) -> dict[str, Any]:
        """Events with an id above ``after``, oldest first; ``next_after`` is the cursor for the next call."""
        found = await self._db.read(partial(feed.page, after=after, limit=limit))
        last = found.events[-1]["event_id"] if found.events else after
        return {"events": found.events, "next_after": last, "has_more": found.has_more}

"""Events from places that cannot wait for a commit, such as a breaker that opens."""

import asyncio
from typing import Any

import structlog

from kkt_adapter.fiscal.store import events
from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.runtime.db.protocol import Database

LIMIT = 1000  # events that may wait; the next one is dropped and said so in the log


class EventWriter:
    """A ``Service``: takes entries at once and writes them in their order."""

    name = "journal"

    def __init__(self, database: Database) -> None:
        self._db = database
        self._waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue(LIMIT)
        self._log = structlog.get_logger("journal")

    def put(self, entry: dict[str, Any]) -> None:
        """Event loop only; never waits."""
        try:
            self._waiting.put_nowait(entry)
        except asyncio.QueueFull:
            self._log.error("event_dropped", event_type=entry["event_type"])

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``; what waits then is still written."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set() or not self._waiting.empty():
                getting = asyncio.create_task(self._waiting.get())
                await asyncio.wait((getting, stopping), return_when=asyncio.FIRST_COMPLETED)
                if not getting.done():
                    getting.cancel()
                    if self._waiting.empty():
                        return
                    continue
                await self._write([getting.result(), *self._rest()])
        finally:
            stopping.cancel()

    def _rest(self) -> list[dict[str, Any]]:
        return [self._waiting.get_nowait() for _ in range(self._waiting.qsize())]

    async def _write(self, entries: list[dict[str, Any]]) -> None:
        try:
            await self._db.write(lambda c: events.write(c, entries))
        except AdapterError as error:
            self._log.error("events_not_written", count=len(entries), error=error.detail.en)

"""``GET /metrics``: one snapshot of the database, what is counted in memory, and the text made of them."""

import asyncio
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from kkt_adapter.fiscal.monitoring.snapshot import Snapshot, Snapshots
from kkt_adapter.fiscal.status.metric import Scrape

if TYPE_CHECKING:
    from kkt_adapter.fiscal.status.metric_text import MetricText


class Metrics:
    """``look`` makes the values of a moment from a snapshot of the database."""

    def __init__(self, snapshots: Snapshots, *, look: Callable[[Snapshot], Scrape]) -> None:
        self._snapshots = snapshots
        self._look = look
        self._text: MetricText | None = None
        self._turn = Lock()  # one text at a time

    async def scrape(self) -> tuple[bytes, str]:
        """The text and its content type; made in a thread, the event loop only reads values.

        Raises:
            StorageError: the database cannot be used; a scrape that failed is better than half of one.
        """
        return await asyncio.to_thread(self._written, self._look(await self._snapshots.take()))

    def _written(self, scrape: Scrape) -> tuple[bytes, str]:
        from kkt_adapter.fiscal.status.metric_text import MetricText

        with self._turn:
            if self._text is None:
                self._text = MetricText()
            return self._text.of(scrape)

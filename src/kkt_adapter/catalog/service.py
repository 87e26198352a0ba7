"""The catalogue as one service of the supervisor: keep the schedule, work on runs, resume, take over."""

import asyncio
from typing import TYPE_CHECKING

from kkt_adapter.catalog.schedule.daily import DailySchedule
from kkt_adapter.catalog.source import ProductSource
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.runtime.log import get_logger
from kkt_adapter.runtime.wakeup import Wakeup

if TYPE_CHECKING:
    from kkt_adapter.catalog.sync.worker import RunWorker

LOOK_S = 5.0  # a change of the schedule on another node is followed within ten seconds


class CatalogService:
    """Implements `Service`. Without a configured source it keeps the schedule and works on nothing."""

    name = "catalog"

    def __init__(
        self,
        schedule: DailySchedule,
        worker: "RunWorker | None",
        source: ProductSource | None,
        *,
        wakeup: Wakeup,
        clock: Clock,
    ) -> None:
        self._schedule = schedule
        self._worker = worker
        self._source = source
        self._wakeup = wakeup
        self._clock = clock
        self._log = get_logger("catalog")

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``; a run at work becomes ``interrupted`` with everything stored."""
        try:
            await self._schedule.open()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_schedule(stop))
                if self._worker is not None:
                    group.create_task(self._worker.run(stop))
        finally:
            self._schedule.close()
            await self.close_source()

    async def close_source(self) -> None:
        """Give connections back; they are opened again when needed."""
        if self._source is not None:
            await self._source.close()

    async def _keep_schedule(self, stop: asyncio.Event) -> None:
        away = False
        while not stop.is_set():
            try:
                await self._schedule.tick()
                away = False
            except AdapterError as error:  # the database is away: the slot is still due when it is back
                if not away:
                    self._log.warning("schedule_not_kept", error=str(error), code=error.code)
                away = True
            await self._wakeup.wait(LOOK_S, stop=stop)

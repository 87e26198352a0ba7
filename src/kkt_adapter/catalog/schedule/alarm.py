"""APScheduler as nothing but an alarm clock: it rings, our tables say what is due."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

JOB = "daily"


class SlotClock:
    """Calls ``ring`` on the event loop at the planned time of each day (UTC), however late."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._scheduler: AsyncIOScheduler | None = None
        self._armed: tuple[int, int] | None = None

    def start(self) -> None:
        """On the running event loop; arm it then."""
        from apscheduler.schedulers.asyncio import AsyncIOScheduler  # only where a catalogue is configured

        scheduler = AsyncIOScheduler(timezone="UTC")
        scheduler.start()
        self._scheduler, self._armed = scheduler, None

    def arm(self, hour: int, minute: int) -> None:
        """Ring at this time from now on; the same time again changes nothing."""
        if self._scheduler is None or self._armed == (hour, minute):
            return
        from apscheduler.triggers.cron import CronTrigger

        self._scheduler.add_job(
            self._alarm,
            CronTrigger(hour=hour, minute=minute, timezone="UTC"),
            id=JOB,
            replace_existing=True,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,  # late is late, but never lost
        )
        self._armed = (hour, minute)

    def stop(self) -> None:
        """May be called twice."""
        scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None:
            scheduler.shutdown(wait=False)

    async def _alarm(self) -> None:
        self._ring()

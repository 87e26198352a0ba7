"""Read models for status pages: the buffer, health, the event log (health.md). Each is one snapshot."""

from collections.abc import Callable, Mapping
from datetime import datetime

from kkt_adapter.fiscal.alerts.board import AlertBoard
from kkt_adapter.fiscal.alerts.evaluator import AlertWatch
from kkt_adapter.fiscal.monitoring.network_mode import NetworkMonitor
from kkt_adapter.fiscal.monitoring.snapshot import Snapshots
from kkt_adapter.fiscal.queries import event_log
from kkt_adapter.fiscal.queries.event_log import EventList, EventPage
from kkt_adapter.fiscal.status.health import Health
from kkt_adapter.fiscal.status.reports import BufferStatus, HealthReport
from kkt_adapter.fiscal.store.runtime_settings import LAST_SYNC, read_setting
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.supervisor import ServiceState


class Summary:
    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        services: Callable[[], Mapping[str, ServiceState]],
        network: NetworkMonitor,
        snapshots: Snapshots,
        watch: AlertWatch,
        board: AlertBoard,
        health: Health,
    ) -> None:
        self._db = database
        self._clock = clock
        self._services = services
        self._network = network
        self._snapshots = snapshots
        self._watch = watch
        self._board = board
        self._health = health

    async def buffer_status(self) -> BufferStatus:
        """Counts, the oldest undelivered receipt and the alerts, all from one snapshot."""
        now = self._clock.now()
        snapshot = await self._snapshots.take()
        self._watch.glance(snapshot)
        return BufferStatus(
            snapshot=snapshot,
            as_of=now,
            network=self._network.mode,
            breaker=self._health.worst_breaker(),
            alerts=tuple(self._board.alerts()),
        )

    async def health(self) -> HealthReport:
        """How every part is. Raises nothing."""
        return await self._health.read()

    async def ready(self) -> bool:
        """Database and worker are up."""
        try:
            await self._db.read(lambda c: read_setting(c, LAST_SYNC))
        except AdapterError:
            return False
        state = self._services().get("delivery")
        return state is not None and state.running

    async def events(
        self,
        *,
        after: int | None,
        limit: int,
        level: str | None,
        event_type: str | None,
        since: datetime | None,
    ) -> EventList:
        """Newest first, without a total: on from event ``after``."""
        return await self._db.read(
            lambda c: event_log.older(
                c, after=after, limit=limit, level=level, event_type=event_type, since=since
            )
        )

    async def logs(
        self, *, page: int, limit: int, level: str | None, event_type: str | None, since: datetime | None
    ) -> EventPage:
        """``GET /v1/kkt/buffer/logs``: newest first; ``page`` counts from 1."""
        return await self._db.read(
            lambda c: event_log.page(
                c, page=page, limit=limit, level=level, event_type=event_type, since=since
            )
        )

"""What the dashboard and people's scripts ask at once: status, alerts, legal clocks (http-api.md#watching).

Each call is a handful of rows and what is in memory; none depends on how many receipts are stored.
"""

from collections import Counter
from collections.abc import Awaitable, Callable

from kkt_adapter.fiscal.alerts import rows
from kkt_adapter.fiscal.alerts.board import Alert, AlertBoard
from kkt_adapter.fiscal.alerts.evaluator import AlertWatch
from kkt_adapter.fiscal.alerts.rows import Notice
from kkt_adapter.fiscal.delivery.worker_status import WorkerStatus
from kkt_adapter.fiscal.monitoring.observer import Observer
from kkt_adapter.fiscal.monitoring.snapshot import Snapshots
from kkt_adapter.fiscal.printing.registers import Registers, Unit
from kkt_adapter.fiscal.queries.sales_today import SalesOfToday
from kkt_adapter.fiscal.status.reports import BufferStatus, HealthReport, RegisterClocks, StatusSnapshot
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.db.protocol import Database


class Overview:
    """``health``, ``buffer``, ``worker``, ``sales``: what those parts read for their own routes."""

    def __init__(
        self,
        *,
        database: Database,
        snapshots: Snapshots,
        watch: AlertWatch,
        board: AlertBoard,
        observer: Observer,
        registers: Registers,
        clock: Clock,
        health: Callable[[], Awaitable[HealthReport]],
        buffer: Callable[[], Awaitable[BufferStatus]],
        worker: Callable[[], Awaitable[WorkerStatus]],
        sales: Callable[[], Awaitable[SalesOfToday]],
    ) -> None:
        self._db = database
        self._snapshots = snapshots
        self._watch = watch
        self._board = board
        self._observer = observer
        self._registers = registers
        self._clock = clock
        self._health = health
        self._buffer = buffer
        self._worker = worker
        self._sales = sales

    async def status(self) -> StatusSnapshot:
        """Raises StorageError."""
        health, buffer, sales = await self._health(), await self._buffer(), await self._sales()
        return StatusSnapshot(
            at=self._clock.now(),
            health=health,
            buffer=buffer,
            worker=await self._worker(),
            registers=tuple(self._clocks(unit) for unit in self._registers.all()),
            alerts=Counter(alert.level for alert in self._board.alerts()),
            sales=sales,
        )

    async def alerts(self) -> tuple[Alert, ...]:
        """As of now, the most severe first."""
        self._watch.glance(await self._snapshots.take())
        return tuple(self._board.alerts())

    async def history(self, *, limit: int) -> tuple[Notice, ...]:
        """Alerts that are on or over, newest first."""
        return tuple(await self._db.read(lambda c: rows.history(c, limit=limit)))

    async def clocks(self, pos_id: str | None) -> tuple[RegisterClocks, ...]:
        """Of every register, or that of one till. Raises RegisterNotFound."""
        units = self._registers.all() if pos_id is None else (self._registers.chosen(pos_id),)
        return tuple(self._clocks(unit) for unit in units)

    def _clocks(self, unit: Unit) -> RegisterClocks:
        status = unit.lane.session.status
        return RegisterClocks(
            register_id=unit.register_id,
            as_of=unit.lane.session.status_at,
            clocks=tuple(self._observer.clocks_of(unit)),
            state=None if status is None else status.state,
            trouble=unit.lane.trouble,
        )

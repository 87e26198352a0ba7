"""The parts that watch the rest, put together: observer, alerts, notifier, metrics, sales of today."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from kkt_adapter import __version__
from kkt_adapter.bootstrap.core import Core
from kkt_adapter.bootstrap.printing import Printing
from kkt_adapter.bootstrap.registers import host_zone
from kkt_adapter.fiscal.alerts.board import AlertBoard
from kkt_adapter.fiscal.alerts.evaluator import AlertWatch
from kkt_adapter.fiscal.alerts.notifier import LEASE, Channel, Notifier
from kkt_adapter.fiscal.intake.accept import IntakeStats
from kkt_adapter.fiscal.monitoring.network_mode import NetworkMonitor
from kkt_adapter.fiscal.monitoring.observer import Observer, Watched
from kkt_adapter.fiscal.monitoring.snapshot import Snapshot, Snapshots
from kkt_adapter.fiscal.printing.registers import Registers
from kkt_adapter.fiscal.queries.sales_today import SalesToday
from kkt_adapter.fiscal.status.metric import Scrape
from kkt_adapter.fiscal.status.metrics import Metrics
from kkt_adapter.kernel.errors import RegisterNotFound
from kkt_adapter.runtime.connection_counts import ConnectionCounts
from kkt_adapter.runtime.log import lines_dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchParts:
    snapshots: Snapshots
    observer: Observer
    board: AlertBoard
    watch: AlertWatch
    notifier: Notifier
    metrics: Metrics
    sales: SalesToday
    connections: ConnectionCounts  # the servers of the process count into it


def build_watch(
    core: Core,
    watched: Watched,
    *,
    printing: Printing,
    network: NetworkMonitor,
    channels: Sequence[Channel],
) -> WatchParts:
    settings, database, clock = core.settings, core.database, core.clock
    snapshots = Snapshots(
        database,
        clock=clock,
        default_capacity=settings.capacity,
        mismatches=lambda: printing.sessions.mismatches,
    )
    observer = Observer(watched, clock=clock)
    board, connections = AlertBoard(), ConnectionCounts()
    lease = core.storage.leases.lease(LEASE)
    return WatchParts(
        snapshots=snapshots,
        observer=observer,
        board=board,
        watch=AlertWatch(
            database=database,
            snapshots=snapshots,
            observer=observer,
            registers=watched.registers,
            board=board,
            clock=clock,
            owner=core.storage.owner,
            owner_ended=core.storage.locks.ended,
            look_s=settings.alert_interval_s,
        ),
        notifier=Notifier(
            channels, database=database, lease=lease, clock=clock, look_s=settings.alert_interval_s
        ),
        metrics=Metrics(
            snapshots,
            look=_scraper(
                core,
                watched,
                observer=observer,
                board=board,
                connections=connections,
                intake=printing.intake.stats,
                network=network,
            ),
        ),
        connections=connections,
        sales=_sales(core, printing.registers),
    )


def _scraper(
    core: Core,
    watched: Watched,
    *,
    observer: Observer,
    board: AlertBoard,
    connections: ConnectionCounts,
    intake: IntakeStats,
    network: NetworkMonitor,
) -> Callable[[Snapshot], Scrape]:
    started_at = core.clock.now()

    def scrape(snapshot: Snapshot) -> Scrape:
        worker = watched.worker
        return Scrape(
            seen=observer.observe(snapshot),
            snapshot=snapshot,
            prints=watched.prints,
            intake=intake,
            worker=worker.stats,
            endpoints=watched.endpoints(),
            alerts=board.alerts(),
            mode=network.mode,
            lock_available=watched.pass_lock.available,
            last_pass_at=worker.last_pass_at,
            started_at=started_at,
            disk_free_bytes=watched.disk.free_bytes,
            log_lines_dropped=lines_dropped(),
            connections=connections,
            version=__version__,
        )

    return scrape


def _sales(core: Core, registers: Registers) -> SalesToday:
    def zone_of(register_id: str) -> tzinfo | None:
        try:
            return registers.unit(register_id).zone
        except RegisterNotFound:  # its documents are older than its configuration
            return None

    return SalesToday(core.database, clock=core.clock, zone=host_zone(), zone_of=zone_of)

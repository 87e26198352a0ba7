"""The parts that watch the rest, put together: observer, alerts, notifier, metrics, sales of today."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from kkt_adapter.fiscal.alerts.board import AlertBoard
from kkt_adapter.fiscal.alerts.evaluator import AlertWatch
from kkt_adapter.fiscal.alerts.notifier import Channel, Notifier
from kkt_adapter.fiscal.control.sessions import Mismatch
from kkt_adapter.fiscal.intake.accept import IntakeStats
from kkt_adapter.fiscal.monitoring.network_mode import NetworkMode
from kkt_adapter.fiscal.monitoring.observer import Observer, Watched
from kkt_adapter.fiscal.monitoring.snapshot import Snapshot, Snapshots
from kkt_adapter.fiscal.queries.sales_today import SalesToday
from kkt_adapter.fiscal.status.metric import Scrape
from kkt_adapter.fiscal.status.metrics import Metrics
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import RegisterNotFound
from kkt_adapter.runtime.connection_counts import ConnectionCounts
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.lease import Lease
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
    watched: Watched,
    *,
    database: Database,
    clock: Clock,
    zone: tzinfo,
    owner: str,
    owner_ended: Callable[[str], bool],
    lease: Lease,
    channels: Sequence[Channel],
    intake: IntakeStats,
    mode: Callable[[], NetworkMode],
    mismatches: Callable[[], Sequence[Mismatch]],
    default_capacity: int,
    look_s: float,
    version: str,
) -> WatchParts:
    """``lease``: the notifier's. ``zone``: the host's, for the sales of today."""
    snapshots = Snapshots(database, clock=clock, default_capacity=default_capacity, mismatches=mismatches)
    observer = Observer(watched, clock=clock)
    board = AlertBoard()
    started_at = clock.now()
    connections = ConnectionCounts()

    def look(snapshot: Snapshot) -> Scrape:
        worker = watched.worker
        return Scrape(
            seen=observer.observe(snapshot),
            snapshot=snapshot,
            prints=watched.prints,
            intake=intake,
            worker=worker.stats,
            endpoints=watched.endpoints(),
            alerts=board.alerts(),
            mode=mode(),
            lock_available=watched.pass_lock.available,
            last_pass_at=worker.last_pass_at,
            started_at=started_at,
            disk_free_bytes=watched.disk.free_bytes,
            log_lines_dropped=lines_dropped(),
            connections=connections,
            version=version,
        )

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
            owner=owner,
            owner_ended=owner_ended,
            look_s=look_s,
        ),
        notifier=Notifier(channels, database=database, lease=lease, clock=clock, look_s=look_s),
        metrics=Metrics(snapshots, look=look),
        connections=connections,
        sales=SalesToday(
            database, clock=clock, zone=zone, zone_of=lambda register_id: _zone_of(watched, register_id)
        ),
    )


def _zone_of(watched: Watched, register_id: str) -> tzinfo | None:
    try:
        return watched.registers.unit(register_id).zone
    except RegisterNotFound:  # its documents are older than its configuration
        return None

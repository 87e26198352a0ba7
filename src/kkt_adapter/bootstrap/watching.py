"""What looks at the rest and tells others: heartbeat, network mode, alerts, metrics, the summary."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kkt_adapter import __version__
from kkt_adapter.bootstrap.operators import Routes
from kkt_adapter.bootstrap.registers import host_zone
from kkt_adapter.bootstrap.shutdown import Closers
from kkt_adapter.bootstrap.storage import Storage
from kkt_adapter.bootstrap.watch_parts import WatchParts, build_watch
from kkt_adapter.fiscal.alerts.channels import channels as notify_channels
from kkt_adapter.fiscal.alerts.notifier import LEASE as NOTIFIER_LEASE
from kkt_adapter.fiscal.alerts.notifier import Channel
from kkt_adapter.fiscal.control.callbacks import CallbackStats
from kkt_adapter.fiscal.control.clock_watch import ClockWatch
from kkt_adapter.fiscal.control.sessions import Sessions
from kkt_adapter.fiscal.delivery.lanes.factory import DeliveryLanes
from kkt_adapter.fiscal.delivery.worker import DeliveryWorker
from kkt_adapter.fiscal.heartbeat.payload import Sender
from kkt_adapter.fiscal.heartbeat.points import Points
from kkt_adapter.fiscal.heartbeat.service import LEASE as HEARTBEAT_LEASE
from kkt_adapter.fiscal.heartbeat.service import Heartbeat
from kkt_adapter.fiscal.heartbeat.short_secrets import short_secrets
from kkt_adapter.fiscal.intake.accept import ReceiptIntake
from kkt_adapter.fiscal.monitoring.network_mode import NetworkMonitor, NetworkPolicy
from kkt_adapter.fiscal.monitoring.observer import Watched
from kkt_adapter.fiscal.printing.registers import Registers
from kkt_adapter.fiscal.printing.stats import PrintStats
from kkt_adapter.fiscal.status.health import Health
from kkt_adapter.fiscal.status.overview import Overview
from kkt_adapter.fiscal.status.pages import Summary
from kkt_adapter.fiscal.status.register_cards import RegisterCards
from kkt_adapter.fiscal.store.events import EventWriter
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.disk import DiskMark
from kkt_adapter.runtime.supervisor import ServiceState
from kkt_adapter.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    heartbeat: Heartbeat
    network: NetworkMonitor
    parts: WatchParts
    summary: Summary
    overview: Overview
    cards: RegisterCards


def build_watching(
    settings: Settings,
    *,
    storage: Storage,
    registers: Registers,
    routes: Routes,
    lanes: DeliveryLanes,
    worker: DeliveryWorker,
    intake: ReceiptIntake,
    sessions: Sessions,
    made: PrintStats,
    disk: DiskMark,
    event_writer: EventWriter,
    services: Callable[[], Mapping[str, ServiceState]],
    watch: ClockWatch,
    callbacks: CallbackStats,
    clock: Clock,
    closers: Closers,
) -> Watching:
    """``services``: the supervisor's states."""
    database = storage.database
    adapter_id = settings.adapter_id or storage.adapter_id
    heartbeat = _heartbeat(
        settings,
        adapter_id=adapter_id,
        storage=storage,
        registers=registers,
        routes=routes,
        mode=lambda: network.mode.value,
        disk=disk,
        event_writer=event_writer,
        clock=clock,
    )
    closers.append(heartbeat.close)
    network = _network(settings, lanes=lanes, heartbeat=heartbeat, event_writer=event_writer, clock=clock)
    parts = build_watch(
        Watched(
            registers=registers,
            endpoints=lanes.endpoints,
            endpoint_of=lambda unit: routes.of(unit).endpoint,
            worker=worker,
            services=services,
            heartbeat=heartbeat,
            pass_lock=storage.pass_lock,
            disk=disk,
            prints=made,
            interval_s=settings.sync_interval_s,
            clock_watch=watch,
            short_secrets=short_secrets(settings.back_offices, notify=settings.notify_secret),
            callbacks=callbacks,
        ),
        database=database,
        clock=clock,
        zone=host_zone(),
        owner=storage.owner,
        owner_ended=storage.locks.ended,
        lease=storage.leases.lease(NOTIFIER_LEASE),
        channels=_notify_channels(settings, source=adapter_id, clock=clock),
        intake=intake.stats,
        mode=lambda: network.mode,
        mismatches=lambda: sessions.mismatches,
        default_capacity=settings.capacity,
        look_s=settings.alert_interval_s,
        version=__version__,
    )
    closers.append(parts.notifier.close)
    summary, overview = _pages(
        storage=storage,
        clock=clock,
        registers=registers,
        lanes=lanes,
        worker=worker,
        services=services,
        heartbeat=heartbeat,
        network=network,
        parts=parts,
        disk=disk,
    )
    cards = RegisterCards(database=storage.database, registers=registers, prints=made, clock=clock)
    return Watching(
        heartbeat=heartbeat, network=network, parts=parts, summary=summary, overview=overview, cards=cards
    )


def _heartbeat(
    settings: Settings,
    *,
    adapter_id: str,
    storage: Storage,
    registers: Registers,
    routes: Routes,
    mode: Callable[[], str],
    disk: DiskMark,
    event_writer: EventWriter,
    clock: Clock,
) -> Heartbeat:
    return Heartbeat(
        settings.back_offices,
        sender=Sender(
            adapter_id=adapter_id, instance_id=storage.owner, version=__version__, started_at=clock.now()
        ),
        points=Points(
            registers=registers,
            endpoint_of=lambda unit: routes.of(unit).endpoint,
            database=storage.database,
            clock=clock,
        ),
        mode=mode,
        disk_free_bytes=lambda: disk.free_bytes,
        database=storage.database,
        lease=storage.leases.lease(HEARTBEAT_LEASE),
        clock=clock,
        tell=event_writer.put,
    )


def _network(
    settings: Settings,
    *,
    lanes: DeliveryLanes,
    heartbeat: Heartbeat,
    event_writer: EventWriter,
    clock: Clock,
) -> NetworkMonitor:
    return NetworkMonitor(
        endpoints=lanes.endpoints,
        back_office=heartbeat.presence,
        clock=clock,
        tell=event_writer.put,
        policy=NetworkPolicy(
            check_s=settings.network_interval_s,
            results=settings.network_results,
            least_s=settings.network_least_s,
        ),
    )


def _pages(
    *,
    storage: Storage,
    clock: Clock,
    registers: Registers,
    lanes: DeliveryLanes,
    worker: DeliveryWorker,
    services: Callable[[], Mapping[str, ServiceState]],
    heartbeat: Heartbeat,
    network: NetworkMonitor,
    parts: WatchParts,
    disk: DiskMark,
) -> tuple[Summary, Overview]:
    """What people read of all this."""
    health = Health(
        clock=clock,
        dialect=storage.database.dialect,
        registers=registers,
        endpoints=lanes.endpoints,
        network=network,
        heartbeat=heartbeat,
        pass_lock=storage.pass_lock,
        snapshots=parts.snapshots,
        observer=parts.observer,
        disk=disk,
        version=__version__,
    )
    summary = Summary(
        database=storage.database,
        clock=clock,
        services=services,
        network=network,
        snapshots=parts.snapshots,
        watch=parts.watch,
        board=parts.board,
        health=health,
    )
    overview = Overview(
        database=storage.database,
        snapshots=parts.snapshots,
        watch=parts.watch,
        board=parts.board,
        observer=parts.observer,
        registers=registers,
        clock=clock,
        health=summary.health,
        buffer=summary.buffer_status,
        worker=worker.status,
        sales=parts.sales.read,
    )
    return summary, overview


def _notify_channels(settings: Settings, *, source: str, clock: Clock) -> list[Channel]:
    return notify_channels(
        source=source,
        clock=clock,
        url=settings.notify_url,
        secret=settings.notify_secret.get_secret_value(),
        telegram_token=settings.notify_telegram_token.get_secret_value(),
        telegram_chat=settings.notify_telegram_chat,
        telegram_url=settings.notify_telegram_url,
        proxy=settings.notify_proxy,
    )

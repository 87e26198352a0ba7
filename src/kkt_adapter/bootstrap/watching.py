"""What looks at the rest and tells others: heartbeat, network mode, alerts, metrics, the summary."""

from collections.abc import Callable
from dataclasses import dataclass

from kkt_adapter import __version__
from kkt_adapter.bootstrap.core import Core
from kkt_adapter.bootstrap.delivery import Delivery
from kkt_adapter.bootstrap.printing import Printing
from kkt_adapter.bootstrap.watch_parts import WatchParts, build_watch
from kkt_adapter.fiscal.alerts.channels import channels as notify_channels
from kkt_adapter.fiscal.alerts.notifier import Channel
from kkt_adapter.fiscal.control.callbacks import CallbackStats
from kkt_adapter.fiscal.control.clock_watch import ClockWatch
from kkt_adapter.fiscal.control.presses import PressStats
from kkt_adapter.fiscal.heartbeat.payload import Sender
from kkt_adapter.fiscal.heartbeat.points import Points
from kkt_adapter.fiscal.heartbeat.service import LEASE as HEARTBEAT_LEASE
from kkt_adapter.fiscal.heartbeat.service import Heartbeat
from kkt_adapter.fiscal.heartbeat.short_secrets import short_secrets
from kkt_adapter.fiscal.monitoring.network_mode import NetworkMonitor, NetworkPolicy
from kkt_adapter.fiscal.monitoring.observer import Watched
from kkt_adapter.fiscal.status.health import Health
from kkt_adapter.fiscal.status.overview import Overview
from kkt_adapter.fiscal.status.pages import Summary
from kkt_adapter.fiscal.status.register_cards import RegisterCards


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    heartbeat: Heartbeat
    network: NetworkMonitor
    parts: WatchParts
    summary: Summary
    overview: Overview
    cards: RegisterCards


def build_watching(
    core: Core,
    *,
    printing: Printing,
    delivery: Delivery,
    watch: ClockWatch,
    callbacks: CallbackStats,
    presses: PressStats,
) -> Watching:
    heartbeat = _heartbeat(core, printing, mode=lambda: network.mode.value)
    core.closers.append(heartbeat.close)
    network = _network(core, delivery, heartbeat)
    parts = build_watch(
        core,
        _watched(
            core,
            printing,
            delivery,
            heartbeat=heartbeat,
            watch=watch,
            callbacks=callbacks,
            presses=presses,
        ),
        printing=printing,
        network=network,
        channels=_notify_channels(core),
    )
    core.closers.append(parts.notifier.close)
    health = _health(core, printing, delivery, heartbeat=heartbeat, network=network, parts=parts)
    summary = Summary(
        database=core.database,
        clock=core.clock,
        services=lambda: core.supervisor.states,
        network=network,
        snapshots=parts.snapshots,
        watch=parts.watch,
        board=parts.board,
        health=health,
    )
    return Watching(
        heartbeat=heartbeat,
        network=network,
        parts=parts,
        summary=summary,
        overview=_overview(core, printing, delivery, parts=parts, summary=summary),
        cards=RegisterCards(
            database=core.database, registers=printing.registers, prints=printing.stats, clock=core.clock
        ),
    )


def _heartbeat(core: Core, printing: Printing, *, mode: Callable[[], str]) -> Heartbeat:
    return Heartbeat(
        core.settings.back_offices,
        sender=Sender(
            adapter_id=core.adapter_id,
            instance_id=core.storage.owner,
            version=__version__,
            started_at=core.clock.now(),
        ),
        points=Points(
            registers=printing.registers,
            endpoint_of=printing.endpoint_of,
            database=core.database,
            clock=core.clock,
        ),
        mode=mode,
        disk_free_bytes=lambda: core.disk.free_bytes,
        database=core.database,
        lease=core.storage.leases.lease(HEARTBEAT_LEASE),
        clock=core.clock,
        tell=core.event_writer.put,
    )


def _network(core: Core, delivery: Delivery, heartbeat: Heartbeat) -> NetworkMonitor:
    return NetworkMonitor(
        endpoints=delivery.lanes.endpoints,
        back_office=heartbeat.presence,
        clock=core.clock,
        tell=core.event_writer.put,
        policy=NetworkPolicy(
            check_s=core.settings.network_interval_s,
            results=core.settings.network_results,
            least_s=core.settings.network_least_s,
        ),
    )


def _watched(
    core: Core,
    printing: Printing,
    delivery: Delivery,
    *,
    heartbeat: Heartbeat,
    watch: ClockWatch,
    callbacks: CallbackStats,
    presses: PressStats,
) -> Watched:
    settings = core.settings
    return Watched(
        registers=printing.registers,
        endpoints=delivery.lanes.endpoints,
        endpoint_of=printing.endpoint_of,
        worker=delivery.worker,
        services=lambda: core.supervisor.states,
        heartbeat=heartbeat,
        pass_lock=core.storage.pass_lock,
        disk=core.disk,
        prints=printing.stats,
        interval_s=settings.sync_interval_s,
        clock_watch=watch,
        short_secrets=short_secrets(settings.back_offices, notify=settings.notify_secret),
        callbacks=callbacks,
        presses=presses,
    )


def _health(
    core: Core,
    printing: Printing,
    delivery: Delivery,
    *,
    heartbeat: Heartbeat,
    network: NetworkMonitor,
    parts: WatchParts,
) -> Health:
    return Health(
        clock=core.clock,
        dialect=core.database.dialect,
        registers=printing.registers,
        endpoints=delivery.lanes.endpoints,
        network=network,
        heartbeat=heartbeat,
        pass_lock=core.storage.pass_lock,
        snapshots=parts.snapshots,
        observer=parts.observer,
        disk=core.disk,
        version=__version__,
    )


def _overview(
    core: Core, printing: Printing, delivery: Delivery, *, parts: WatchParts, summary: Summary
) -> Overview:
    return Overview(
        database=core.database,
        snapshots=parts.snapshots,
        watch=parts.watch,
        board=parts.board,
        observer=parts.observer,
        registers=printing.registers,
        clock=core.clock,
        health=summary.health,
        buffer=summary.buffer_status,
        worker=delivery.worker.status,
        sales=parts.sales.read,
    )


def _notify_channels(core: Core) -> list[Channel]:
    settings = core.settings
    return notify_channels(
        source=core.adapter_id,
        clock=core.clock,
        url=settings.notify_url,
        secret=settings.notify_secret.get_secret_value(),
        telegram_token=settings.notify_telegram_token.get_secret_value(),
        telegram_chat=settings.notify_telegram_chat,
        telegram_url=settings.notify_telegram_url,
        proxy=settings.notify_proxy,
    )

"""The product as one list of parts, from the disk up to the web."""

import asyncio
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from fastapi import FastAPI
from sqlalchemy import Connection

from kkt_adapter.bootstrap.clock import build_clock_watch
from kkt_adapter.bootstrap.daily import daily_services
from kkt_adapter.bootstrap.doors import Doors, build_doors
from kkt_adapter.bootstrap.kkmserver import PressParts, build_presses
from kkt_adapter.bootstrap.links import build_links
from kkt_adapter.bootstrap.operators import Routes
from kkt_adapter.bootstrap.registers import RegisterShop
from kkt_adapter.bootstrap.requirements import require_registers
from kkt_adapter.bootstrap.seams import Seams
from kkt_adapter.bootstrap.shutdown import Closers, close_all
from kkt_adapter.bootstrap.storage import Storage, open_storage
from kkt_adapter.bootstrap.watch_parts import WatchParts
from kkt_adapter.bootstrap.watching import Watching, build_watching
from kkt_adapter.bootstrap.web import build_app
from kkt_adapter.catalog.parts import CatalogParts, build_catalog
from kkt_adapter.catalog.store.edition import SALT_BITS, begin_edition
from kkt_adapter.fiscal.control.callbacks import CallbackStats
from kkt_adapter.fiscal.control.clock_watch import ClockWatch
from kkt_adapter.fiscal.control.pools import Pools
from kkt_adapter.fiscal.control.sessions import Sessions
from kkt_adapter.fiscal.control.shop_identity import tell_gone_shops
from kkt_adapter.fiscal.delivery.lanes.factory import DeliveryLanes
from kkt_adapter.fiscal.delivery.transport_guard import guard_transport
from kkt_adapter.fiscal.delivery.worker import DeliveryPolicy, DeliveryWorker
from kkt_adapter.fiscal.heartbeat.service import Heartbeat
from kkt_adapter.fiscal.housekeeping.database_mark import DatabaseMark
from kkt_adapter.fiscal.intake.accept import ReceiptIntake
from kkt_adapter.fiscal.intake.policy import IntakePolicy
from kkt_adapter.fiscal.intake.suspicions import CODES
from kkt_adapter.fiscal.monitoring.network_mode import NetworkMonitor
from kkt_adapter.fiscal.printing.registers import Registers, Unit
from kkt_adapter.fiscal.printing.reply_waiters import Waiting
from kkt_adapter.fiscal.printing.stats import PrintStats
from kkt_adapter.fiscal.store.events import EventWriter
from kkt_adapter.kernel.clock import Clock, SystemClock
from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.runtime.auth.parts import AuthParts, build_auth
from kkt_adapter.runtime.db.identity import Identity
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.disk import DiskMark
from kkt_adapter.runtime.supervisor import Service, Supervisor
from kkt_adapter.settings import Settings

PROFILE_CHECK_S = 2.0  # how long the start waits for a register before it goes on without it


@dataclass(slots=True, kw_only=True)
class Services:
    """Everything that runs, and what others may hold on to. ``app`` serves HTTP."""

    settings: Settings
    app: FastAPI
    database: Database
    identity: Identity
    registers: Registers
    intake: ReceiptIntake
    worker: DeliveryWorker
    sessions: Sessions
    pools: Pools
    network: NetworkMonitor
    heartbeat: Heartbeat
    clock_watch: ClockWatch
    watching: WatchParts
    auth: AuthParts
    press: PressParts
    supervisor: Supervisor
    closers: Closers = field(default_factory=list)  # in the order of making

    async def start(self) -> None:
        """Start the services.

        Raises:
            SettingsInvalid: a register's transport was changed too early.
        """
        for unit in self.registers.all():
            await guard_transport(unit, self.database)
        await self.sessions.restore()
        await self.pools.restore()
        await self.supervisor.start()
        await asyncio.gather(*(_hear_of(unit) for unit in self.registers.all()))

    async def stop(self) -> None:
        """Finish the work in hand, then close everything in reverse."""
        await self.supervisor.stop()
        await close_all(self.closers)


async def build_services(
    settings: Settings, *, demo: bool = False, clock: Clock | None = None, seams: Seams | None = None
) -> Services:
    """Open the database and put the product together.

    ``demo``: tills that nobody configured get virtual registers of their own.

    Raises:
        SettingsInvalid: a setting cannot be used.
        StorageError: the database is damaged, newer than this program, or cannot be reached.
    """
    require_registers(settings, demo=demo)
    closers: Closers = []
    try:
        return await _build(
            settings, demo=demo, clock=clock or SystemClock(), seams=seams or Seams(), closers=closers
        )
    except BaseException:
        await close_all(closers)
        raise


async def _build(settings: Settings, *, demo: bool, clock: Clock, seams: Seams, closers: Closers) -> Services:
    storage = await open_storage(settings, seams=seams, clock=clock, closers=closers)
    database = storage.database
    await database.write(partial(_begin_edition, identity=storage.identity))
    auth = build_auth(
        database,
        settings.sign_in,
        clock=clock,
        data_dir=settings.data_dir,
        shops=[one.shop for one in settings.shop],
    )
    closers.append(auth.close)
    await auth.shops.check()
    await tell_gone_shops(database, await auth.shops.all(), clock=clock)
    disk = DiskMark(settings.data_dir, mark_mb=settings.disk_low_mb, clock=clock)
    event_writer = EventWriter(database)
    made = PrintStats(clock)
    waiting = Waiting(printed=made.receipt_printed)

    # Registers and where their documents go.
    routes = Routes(settings, clock=clock, event_writer=event_writer, seams=seams)
    closers.append(routes.close)
    shop = RegisterShop(
        settings,
        storage=storage,
        routes=routes,
        waiting=waiting,
        made=made,
        clock=clock,
        seams=seams,
        closers=closers,
    )
    registers, register_services = await shop.registers(
        demo=demo, start=lambda service: supervisor.add(service)
    )

    # Phase 1: a receipt is accepted and printed.
    sessions = Sessions(database=database, registers=registers, clock=clock)
    pools = Pools(
        registers=registers,
        database=database,
        clock=clock,
        shared=lambda: storage.peers.alive,
        restored=storage.restored,
    )
    intake = ReceiptIntake(
        database=database,
        registers=registers,
        waiting=waiting,
        clock=clock,
        policy=_intake_policy(settings),
        disk=disk,
    )

    # Phase 2: its document is delivered.
    lanes, worker = _delivery(settings, storage=storage, registers=registers, routes=routes, clock=clock)
    made.tell = worker.document_made
    storage.peers.changed = registers.pace_changed

    # The clock, the catalogue, and what is told of all this.
    watch = build_clock_watch(
        settings, database=database, registers=registers, lanes=lanes, seams=seams, clock=clock, demo=demo
    )
    await watch.load()
    press = build_presses(storage, clock=clock, may_forget=watch.may_forget)
    catalog = build_catalog(
        database,
        settings.catalog,
        clock=clock,
        data_dir=settings.data_dir,
        node=storage.owner,
        leases=storage.leases,
        believed=watch.believed,
    )
    callbacks = CallbackStats()
    watching = build_watching(
        settings,
        storage=storage,
        registers=registers,
        routes=routes,
        lanes=lanes,
        worker=worker,
        intake=intake,
        sessions=sessions,
        made=made,
        disk=disk,
        event_writer=event_writer,
        services=lambda: supervisor.states,
        watch=watch,
        callbacks=callbacks,
        clock=clock,
        closers=closers,
    )

    # What runs, and the web in front of it.
    links = await build_links(settings, database=database, clock=clock)
    doors = build_doors(
        storage,
        registers=registers,
        intake=intake,
        auth=auth,
        links=links,
        callbacks=callbacks,
        clock=clock,
    )
    supervisor = _supervisor(
        settings,
        storage=storage,
        event_writer=event_writer,
        register_services=[*register_services, pools],
        worker=worker,
        watch=watch,
        watching=watching,
        catalog=catalog,
        press=press,
        doors=doors,
        clock=clock,
    )
    app = build_app(
        settings,
        database=database,
        registers=registers,
        intake=intake,
        worker=worker,
        sessions=sessions,
        pools=pools,
        watching=watching,
        auth=auth,
        doors=doors,
        catalog=catalog,
        press=press,
        watch=watch,
        made=made,
        disk=disk,
        links=links,
        sandbox=seams.sandbox,
        clock=clock,
    )
    return Services(
        settings=settings,
        app=app,
        database=database,
        identity=storage.identity,
        registers=registers,
        intake=intake,
        worker=worker,
        sessions=sessions,
        pools=pools,
        network=watching.network,
        heartbeat=watching.heartbeat,
        clock_watch=watch,
        watching=watching.parts,
        auth=auth,
        press=press,
        supervisor=supervisor,
        closers=closers,
    )


def _intake_policy(settings: Settings) -> IntakePolicy:
    return IntakePolicy(
        response_budget_s=settings.response_budget_s,
        capacity=settings.capacity,
        refund_requires_synced=settings.refund_requires_synced,
        refused_suspicions=frozenset(code for code in CODES if getattr(settings, code.lower()) == "refuse"),
    )


def _delivery(
    settings: Settings, *, storage: Storage, registers: Registers, routes: Routes, clock: Clock
) -> tuple[DeliveryLanes, DeliveryWorker]:
    lanes = DeliveryLanes(
        registers=registers,
        route_of=routes.of,
        database=storage.database,
        clock=clock,
        owner=storage.owner,
        max_attempts=settings.max_attempts,
    )
    worker = DeliveryWorker(
        lanes=lanes.current,
        endpoints=lanes.endpoints,
        database=storage.database,
        clock=clock,
        policy=DeliveryPolicy(
            interval_s=settings.sync_interval_s,
            in_flight=settings.sync_in_flight,
            wake_on_receipt=settings.wake_on_receipt,
            max_attempts=settings.max_attempts,
        ),
        pass_lock=storage.pass_lock,
        owner=storage.owner,
        owner_ended=storage.locks.ended,
    )
    return lanes, worker


def _supervisor(
    settings: Settings,
    *,
    storage: Storage,
    event_writer: EventWriter,
    register_services: Iterable[Service],
    worker: DeliveryWorker,
    watch: ClockWatch,
    watching: Watching,
    catalog: CatalogParts,
    press: PressParts,
    doors: Doors,
    clock: Clock,
) -> Supervisor:
    """What runs, in this order."""
    return Supervisor(
        [
            event_writer,
            storage.peers,
            *register_services,
            worker,
            watch,
            watching.heartbeat,
            watching.network,
            watching.parts.watch,
            watching.parts.notifier,
            catalog.service,
            press.presses,
            doors.callbacks,
            DatabaseMark(
                storage.identity,
                database=storage.database,
                clock=clock,
                memory=storage.memory,
                on_epoch=_begin_edition,
            ),
            *daily_services(
                settings, database=storage.database, leases=storage.leases, clock=clock, watch=watch
            ),
        ],
        clock=clock,
    )


def _begin_edition(conn: Connection, identity: Identity) -> None:
    """With a new epoch of the database the catalogue's revisions begin anew."""
    begin_edition(conn, uuid=identity.uuid, epoch=identity.epoch, salt=secrets.randbits(SALT_BITS))


async def _hear_of(unit: Unit) -> None:
    """Have the first receipts meet a register that is open already. One that is stopped, or cannot be
    reached now, keeps nobody waiting: its lane says why."""
    with suppress(AdapterError, TimeoutError):
        async with asyncio.timeout(PROFILE_CHECK_S):
            await unit.profile()

"""The product as one list of parts, from the disk up to the web."""

import asyncio
import secrets
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection

from kkt_adapter.api.app import Api
from kkt_adapter.bootstrap.clock import build_clock_watch
from kkt_adapter.bootstrap.core import Core, open_core
from kkt_adapter.bootstrap.daily import daily_services
from kkt_adapter.bootstrap.delivery import Delivery, build_delivery
from kkt_adapter.bootstrap.doors import PressParts, build_doors, build_presses
from kkt_adapter.bootstrap.identity import grouped
from kkt_adapter.bootstrap.links import build_links
from kkt_adapter.bootstrap.printing import Printing, build_printing
from kkt_adapter.bootstrap.requirements import require_registers
from kkt_adapter.bootstrap.seams import Seams
from kkt_adapter.bootstrap.shutdown import Closers, close_all
from kkt_adapter.bootstrap.watch_parts import WatchParts
from kkt_adapter.bootstrap.watching import Watching, build_watching
from kkt_adapter.bootstrap.web import WebParts, build_app
from kkt_adapter.catalog.parts import CatalogParts, build_catalog
from kkt_adapter.catalog.store.edition import SALT_BITS, begin_edition
from kkt_adapter.fiscal.control.callbacks import CallbackStats
from kkt_adapter.fiscal.control.clock_watch import ClockWatch
from kkt_adapter.fiscal.control.pools import Pools
from kkt_adapter.fiscal.control.sessions import Sessions
from kkt_adapter.fiscal.control.shop_identity import tell_gone_shops
from kkt_adapter.fiscal.delivery.transport_guard import guard_transports
from kkt_adapter.fiscal.delivery.worker import DeliveryWorker
from kkt_adapter.fiscal.heartbeat.service import Heartbeat
from kkt_adapter.fiscal.housekeeping.database_mark import DatabaseMark, doubt_fns
from kkt_adapter.fiscal.intake.accept import ReceiptIntake
from kkt_adapter.fiscal.monitoring.network_mode import NetworkMonitor
from kkt_adapter.fiscal.printing.registers import Registers, Unit
from kkt_adapter.fiscal.printing.registration import registers_with_facts
from kkt_adapter.kernel.clock import Clock, SystemClock
from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.runtime.auth.parts import AuthParts, build_auth
from kkt_adapter.runtime.db.identity import Identity
from kkt_adapter.runtime.db.integrity import Walk
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.supervisor import Service, Supervisor
from kkt_adapter.settings import Settings

PROFILE_CHECK_S = 2.0  # how long the start waits for a register before it goes on without it


@dataclass(slots=True, kw_only=True)
class Services:
    """Everything that runs, and what others may hold on to. ``app`` serves HTTP."""

    settings: Settings
    app: Api
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
        await guard_transports(tuple(self.registers.all()), self.database)
        await self.sessions.restore()
        await self.pools.restore()
        known = await self.database.read(registers_with_facts)
        await self.supervisor.start()
        await asyncio.gather(
            *(_hear_of(unit) for unit in self.registers.all() if unit.register_id not in known)
        )

    async def stop(self) -> None:
        """Finish the current work, then close everything in reverse."""
        await self.supervisor.stop()
        await close_all(self.closers)


async def build_services(
    settings: Settings,
    *,
    demo: bool = False,
    clock: Clock | None = None,
    seams: Seams | None = None,
    walk: Walk | None = None,
) -> Services:
    """Open the database and put the product together.

    ``demo``: tills that nobody configured get virtual registers of their own. ``walk``: begun through
    the database (`begin_walk`), to be waited for before it is opened.

    Raises:
        SettingsInvalid: a setting cannot be used.
        StorageError: the database is damaged, newer than this program, or cannot be reached.
    """
    require_registers(settings, demo=demo)
    closers: Closers = []
    try:
        core = await open_core(
            settings,
            demo=demo,
            clock=clock or SystemClock(),
            seams=seams or Seams(),
            closers=closers,
            walk=walk,
        )
        return await _build(core)
    except BaseException:
        await close_all(closers)
        raise


async def _build(core: Core) -> Services:
    await core.database.write(partial(_begin_edition, identity=core.storage.identity))
    auth = await _sign_in(core)
    printing = await build_printing(core)
    delivery = build_delivery(core, printing)
    watch = build_clock_watch(core, printing=printing, delivery=delivery)
    await watch.load()
    callbacks = CallbackStats()
    press = build_presses(core, watch)
    watching = build_watching(
        core,
        printing=printing,
        delivery=delivery,
        watch=watch,
        callbacks=callbacks,
        presses=press.presses.stats,
    )
    links = await build_links(core)
    edge = WebParts(
        auth=auth,
        links=links,
        doors=build_doors(core, printing=printing, auth=auth, links=links, callbacks=callbacks),
        press=press,
        catalog=_catalog(core, watch),
        clock_watch=watch,
    )
    core.supervisor.enlist(_running(core, edge, printing=printing, delivery=delivery, watching=watching))
    return Services(
        settings=core.settings,
        app=build_app(core, edge, printing=printing, delivery=delivery, watching=watching),
        database=core.database,
        identity=core.storage.identity,
        registers=printing.registers,
        intake=printing.intake,
        worker=delivery.worker,
        sessions=printing.sessions,
        pools=printing.pools,
        network=watching.network,
        heartbeat=watching.heartbeat,
        clock_watch=watch,
        watching=watching.parts,
        auth=auth,
        press=edge.press,
        supervisor=core.supervisor,
        closers=core.closers,
    )


async def _sign_in(core: Core) -> AuthParts:
    settings = core.settings
    auth = build_auth(
        core.database,
        settings.sign_in,
        clock=core.clock,
        data_dir=settings.data_dir,
        shops=[one.shop for one in settings.shop],
    )
    core.closers.append(auth.close)
    await auth.shops.check()
    await tell_gone_shops(core.database, await auth.shops.all(), clock=core.clock)
    return auth


def _catalog(core: Core, watch: ClockWatch) -> CatalogParts:
    return build_catalog(
        core.database,
        core.settings.catalog,
        clock=core.clock,
        data_dir=core.settings.data_dir,
        node=core.storage.owner,
        leases=core.storage.leases,
        believed=watch.believed,
    )


def _running(
    core: Core, edge: WebParts, *, printing: Printing, delivery: Delivery, watching: Watching
) -> list[Service]:
    """In the order of starting."""
    storage = core.storage
    return [
        core.event_writer,
        storage.peers,
        *printing.services,
        delivery.worker,
        edge.clock_watch,
        watching.heartbeat,
        watching.network,
        watching.parts.watch,
        watching.parts.notifier,
        edge.catalog.service,
        edge.press.presses,
        edge.doors.callbacks,
        DatabaseMark(
            storage.identity,
            database=core.database,
            clock=core.clock,
            memory=storage.memory,
            on_epoch=partial(_begin_anew, clock=core.clock, grouped=grouped(core.settings)),
            went_back=partial(_doubt_rows, printing.registers),
        ),
        *daily_services(core, edge.clock_watch),
    ]


def _begin_anew(conn: Connection, identity: Identity, *, clock: Clock, grouped: Collection[str]) -> None:
    """With a new epoch of the database the catalogue's revisions begin anew, and what the FNs hold is not
    known."""
    _begin_edition(conn, identity)
    doubt_fns(conn, grouped, at=clock.now())


def _begin_edition(conn: Connection, identity: Identity) -> None:
    begin_edition(conn, uuid=identity.uuid, epoch=identity.epoch, salt=secrets.randbits(SALT_BITS))


def _doubt_rows(registers: Registers) -> None:
    for unit in registers.all():
        unit.unread = bool(registers.groups.of_register(unit.register_id))
        unit.lane.rows_lost()


async def _hear_of(unit: Unit) -> None:
    """Have the first receipts meet a register that is open already; one that was open once has left its
    facts and needs no waiting. One that is stopped, or cannot be reached now, keeps nobody waiting: its lane
    says why.
    """
    with suppress(AdapterError, TimeoutError):
        async with asyncio.timeout(PROFILE_CHECK_S):
            await unit.profile()

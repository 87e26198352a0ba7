"""THE composition root: the only place that calls constructors with collaborators.

``build_services`` reads top to bottom as the parts list of the product. It opens the database and makes
objects; nothing runs before ``Services.start``.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from sqlalchemy import Connection, select

from kkt_adapter import __version__
from kkt_adapter.api.app import create_api
from kkt_adapter.api.catalogue import CatalogServices
from kkt_adapter.api.routes import accounts as account_routes
from kkt_adapter.api.routes import auth as auth_routes
from kkt_adapter.api.routes import heartbeat as heartbeat_routes
from kkt_adapter.api.routes import products as product_routes
from kkt_adapter.api.routes import scheduler as scheduler_routes
from kkt_adapter.api.routes import sessions as session_routes
from kkt_adapter.api.routes import watch as watch_routes
from kkt_adapter.api.routes.watch import WatchServices
from kkt_adapter.api.services import ApiServices
from kkt_adapter.api.settings import ApiSettings
from kkt_adapter.catalog.parts import build_catalog
from kkt_adapter.fiscal import counts, journal
from kkt_adapter.fiscal.actions import RegisterActions
from kkt_adapter.fiscal.administration import Administration
from kkt_adapter.fiscal.daily import BACKUP, RETENTION, Daily
from kkt_adapter.fiscal.daily_copy import DailyCopy
from kkt_adapter.fiscal.dead_letters import DeadLetters
from kkt_adapter.fiscal.delivery import DeliveryPolicy, DeliveryWorker
from kkt_adapter.fiscal.delivery_lanes import DEVICE, HTTP, DeliveryLanes, Route
from kkt_adapter.fiscal.desk import DeskPolicy, ReceiptDesk
from kkt_adapter.fiscal.device_watch import DevicePump
from kkt_adapter.fiscal.endpoint import Endpoint
from kkt_adapter.fiscal.forgetting import Forgetting
from kkt_adapter.fiscal.heartbeat.export import EventExport
from kkt_adapter.fiscal.heartbeat.payload import Sender
from kkt_adapter.fiscal.heartbeat.points import Points
from kkt_adapter.fiscal.heartbeat.service import LEASE as HEARTBEAT_LEASE
from kkt_adapter.fiscal.heartbeat.service import Heartbeat
from kkt_adapter.fiscal.inquiry import Receipts
from kkt_adapter.fiscal.journal import EventType, Level
from kkt_adapter.fiscal.journal_writer import JournalWriter
from kkt_adapter.fiscal.kkt.driver import KktDriver
from kkt_adapter.fiscal.kkt.virtual import (
    FaultPlan,
    FnPool,
    VirtualFaults,
    VirtualRegister,
    made_up_registration,
)
from kkt_adapter.fiscal.model import (
    Cashier,
    FfdVersion,
    RegisterDefaults,
    RegisterProfile,
    Registration,
)
from kkt_adapter.fiscal.network import NetworkMonitor, NetworkPolicy
from kkt_adapter.fiscal.notifier import LEASE as NOTIFIER_LEASE
from kkt_adapter.fiscal.notifier import Channel
from kkt_adapter.fiscal.notify_channels import channels as notify_channels
from kkt_adapter.fiscal.observer import Watched
from kkt_adapter.fiscal.ofd.gateway import HttpOfdGateway, OfdGateway
from kkt_adapter.fiscal.ofd.http import HttpOfd
from kkt_adapter.fiscal.ofd.tcp import TcpOfdGateway
from kkt_adapter.fiscal.overview import Overview
from kkt_adapter.fiscal.print_tally import PrintTally
from kkt_adapter.fiscal.printing import LanePolicy, PrintLane
from kkt_adapter.fiscal.refunds import Refunds
from kkt_adapter.fiscal.registers import Prospect, Registers, Unit
from kkt_adapter.fiscal.sessions import Sessions
from kkt_adapter.fiscal.settings_rows import read_setting, store_setting
from kkt_adapter.fiscal.shifts import RegisterDesk
from kkt_adapter.fiscal.summary import Summary
from kkt_adapter.fiscal.tables import config
from kkt_adapter.fiscal.transport_guard import guard_transport
from kkt_adapter.fiscal.waiting import Waiting
from kkt_adapter.fiscal.watch_parts import WatchParts, build_watch
from kkt_adapter.kernel.breaker import METRIC_VALUE, Breaker, BreakerState
from kkt_adapter.kernel.clock import Clock, SystemClock
from kkt_adapter.kernel.errors import KktError, SettingsInvalid
from kkt_adapter.kernel.ids import PosId, RegisterId, random_id
from kkt_adapter.runtime.auth.parts import AuthParts, build_auth
from kkt_adapter.runtime.database import Database
from kkt_adapter.runtime.disk import DiskMark
from kkt_adapter.runtime.file_lock import FileLock, ProcessLocks
from kkt_adapter.runtime.lease_database import DatabaseLeases
from kkt_adapter.runtime.migrate import migrate
from kkt_adapter.runtime.neighbours import Neighbours
from kkt_adapter.runtime.open import open_database
from kkt_adapter.runtime.passlock import EXPIRY_S, PassLock, ProcessPassLock
from kkt_adapter.runtime.sqlite_file import SqliteSettings
from kkt_adapter.runtime.supervisor import Supervisor
from kkt_adapter.runtime.urls import sqlite_path
from kkt_adapter.settings import RegisterSettings, Settings, Transport

ADAPTER_ID = "adapter_id"
DEMO_PREFIX = "demo_register:"
PROFILE_CHECK_S = 2.0  # how long the start waits for a register before it goes on without it
FFD = {"1.05": FfdVersion.V1_05, "1.1": FfdVersion.V1_1, "1.2": FfdVersion.V1_2}


@dataclass(slots=True, kw_only=True)
class Services:
    """Everything that runs, and what others may hold on to. ``app`` serves HTTP."""

    settings: Settings
    app: FastAPI
    database: Database
    registers: Registers
    desk: ReceiptDesk
    worker: DeliveryWorker
    sessions: Sessions
    network: NetworkMonitor
    heartbeat: Heartbeat
    watching: WatchParts
    auth: AuthParts
    supervisor: Supervisor
    closers: list[Callable[[], object]] = field(default_factory=list)  # in the order of making

    async def start(self) -> None:
        """Start the services.

        Raises:
            SettingsInvalid: a register's transport was changed too early, or its configuration contradicts
                its registration.
        """
        for unit in self.registers.all():
            await guard_transport(unit, self.database)
        await self.sessions.restore()
        await self.supervisor.start()
        await asyncio.gather(*(_check_profile(unit) for unit in self.registers.all()))

    async def stop(self) -> None:
        """Finish the work in hand, then close everything in reverse."""
        await self.supervisor.stop()
        await _close(self.closers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seams:
    """What stands around the product's seams: nothing, or what the fault lab and tests put there."""

    database: Callable[[Database], Database] = lambda database: database
    driver: Callable[[KktDriver], KktDriver] = lambda driver: driver
    gateway: Callable[[OfdGateway], OfdGateway] = lambda gateway: gateway
    cloud: Callable[[HttpOfdGateway], HttpOfdGateway] = lambda gateway: gateway
    lock_expiry_s: int = EXPIRY_S  # of the pass lock


async def build_services(
    settings: Settings, *, demo: bool = False, clock: Clock | None = None, seams: Seams | None = None
) -> Services:
    """Open the database and put the product together.

    ``demo``: tills that nobody configured get virtual registers of their own.

    Raises:
        SettingsInvalid: a setting cannot be used.
        StorageError: the database is damaged, newer than this program, or cannot be reached.
    """
    _require_registers(settings, demo=demo)
    _make_data_dir(settings.data_dir)
    closers: list[Callable[[], object]] = []
    try:
        return await _build(
            settings, demo=demo, clock=clock or SystemClock(), seams=seams or Seams(), closers=closers
        )
    except BaseException:
        await _close(closers)
        raise


async def _build(
    settings: Settings, *, demo: bool, clock: Clock, seams: Seams, closers: list[Callable[[], object]]
) -> Services:
    owner = random_id()
    locks = ProcessLocks(settings.data_dir)
    closers.append(_hold(locks, owner).release)  # let go last: whoever sees it free may take our work over

    await asyncio.to_thread(migrate, settings.database)
    database: Database = seams.database(
        open_database(
            settings.database,
            sqlite=SqliteSettings(wal_autocheckpoint_pages=settings.wal_autocheckpoint_pages),
        )
    )
    closers.append(database.close)
    adapter_id = await database.write(lambda c: _prepare(c, clock))

    neighbours = Neighbours(locks, owner=owner, on_server=database.dialect != "sqlite", clock=clock)
    leases = DatabaseLeases(database, owner=owner, clock=clock, holder_ended=locks.ended)
    pass_lock = _pass_lock(settings, clock, expiry_s=seams.lock_expiry_s)
    closers.append(pass_lock.close)

    auth = build_auth(database, settings.sign_in, clock=clock, data_dir=settings.data_dir)
    closers.append(auth.close)
    disk = DiskMark(settings.data_dir, mark_mb=settings.disk_low_mb, clock=clock)
    journal_writer = JournalWriter(database)
    made = PrintTally(clock)
    waiting = Waiting(printed=made.receipt_printed)

    # Registers and where their documents go.
    routes = Routes(settings, clock=clock, journal_writer=journal_writer, seams=seams)
    closers.append(routes.close)
    pool = FnPool(threads=2)
    closers.append(pool.close)

    def make_unit(register: RegisterSettings) -> Unit:
        zone = ZoneInfo(register.timezone) if register.timezone else _host_zone()
        transport = register.ofd_transport or settings.ofd_transport
        driver = VirtualRegister.in_folder(
            settings.fn_dir,
            RegisterId(register.id),
            registration=_made_up(register, adapter_id),
            pool=pool,
            clock=clock,
            zone=zone,
            fsync=settings.virtual_fsync,
            keeps_queue=transport is not Transport.HTTP,
            faults=VirtualFaults(FaultPlan(latency_s=settings.virtual_latency_s)),
        )
        cashier = Cashier(name=register.cashier, inn=register.cashier_inn)
        lane = PrintLane(
            RegisterDesk(
                RegisterId(register.id),
                driver=seams.driver(driver),
                database=database,
                clock=clock,
                cashier=cashier,
                automatic_shift=register.automatic_shift,
            ),
            database=database,
            clock=clock,
            lease=leases.lease(f"lane:{register.id}"),
            waiting=waiting,
            listener=made,
            policy=LanePolicy(),
            shared=lambda: neighbours.alive,
            owner_ended=locks.ended,
        )
        return Unit(
            register_id=RegisterId(register.id),
            lane=lane,
            defaults=_defaults(register),
            zone=zone,
            automatic_shift=register.automatic_shift,
            transport=transport.value,
            database=database,
        )

    demo_tills = await database.read(_demo_tills) if demo else ()
    configured = (*settings.registers, *(_demo_register(till) for till in demo_tills))
    units = {RegisterId(r.id): make_unit(r) for r in configured}
    tills = {PosId(till): RegisterId(r.id) for r in configured for till in r.tills}

    async def make_demo(pos_id: PosId) -> Unit:
        register = _demo_register(pos_id)
        unit = make_unit(register)
        now = clock.now()
        await database.write(lambda c: store_setting(c, DEMO_PREFIX + pos_id, register.id, at=now, by="demo"))
        for service in _services_of(unit, routes, clock):
            await supervisor.add(service)
        return unit

    def demo_prospect(pos_id: PosId) -> Prospect:
        register = _demo_register(pos_id)
        profile = RegisterProfile(
            register_id=RegisterId(register.id),
            registration=_made_up(register, adapter_id),
            defaults=_defaults(register),
        )
        return profile, _host_zone()

    registers = Registers(
        units,
        tills,
        make_demo=make_demo if demo else None,
        demo_prospect=demo_prospect if demo else None,
    )

    # Phase 2.
    lanes = DeliveryLanes(
        registers=registers,
        route_of=routes.of,
        database=database,
        clock=clock,
        owner=owner,
        max_attempts=settings.max_attempts,
    )
    worker = DeliveryWorker(
        lanes=lanes.current,
        endpoints=lanes.endpoints,
        database=database,
        clock=clock,
        policy=DeliveryPolicy(
            interval_s=settings.sync_interval_s,
            in_flight=settings.sync_in_flight,
            wake_on_receipt=settings.wake_on_receipt,
            max_attempts=settings.max_attempts,
        ),
        pass_lock=pass_lock,
        owner=owner,
        owner_ended=locks.ended,
    )
    made.tell = worker.document_made

    # What others are told.
    heartbeat = Heartbeat(
        settings.back_offices,
        sender=Sender(
            adapter_id=settings.adapter_id or adapter_id,
            instance_id=owner,
            version=__version__,
            started_at=clock.now(),
        ),
        points=Points(
            registers=registers,
            endpoint_of=lambda unit: routes.of(unit).endpoint,
            database=database,
            clock=clock,
        ),
        mode=lambda: network.mode.value,
        disk_free_bytes=lambda: disk.free_bytes,
        database=database,
        lease=leases.lease(HEARTBEAT_LEASE),
        clock=clock,
        tell=journal_writer.put,
    )
    closers.append(heartbeat.close)
    network = NetworkMonitor(
        endpoints=lanes.endpoints,
        back_office=heartbeat.presence,
        clock=clock,
        tell=journal_writer.put,
        policy=NetworkPolicy(
            check_s=settings.network_interval_s,
            results=settings.network_results,
            least_s=settings.network_least_s,
        ),
    )

    # Phase 1 and what people ask.
    sessions = Sessions(database=database, registers=registers, clock=clock)
    desk = ReceiptDesk(
        database=database,
        registers=registers,
        waiting=waiting,
        clock=clock,
        policy=DeskPolicy(
            response_budget_s=settings.response_budget_s,
            capacity=settings.capacity,
            refund_requires_synced=settings.refund_requires_synced,
        ),
        disk=disk,
    )
    catalog = build_catalog(
        database, settings.catalog, clock=clock, data_dir=settings.data_dir, node=owner, leases=leases
    )
    watching = build_watch(
        Watched(
            registers=registers,
            endpoints=lanes.endpoints,
            endpoint_of=lambda unit: routes.of(unit).endpoint,
            worker=worker,
            services=lambda: supervisor.states,
            heartbeat=heartbeat,
            pass_lock=pass_lock,
            disk=disk,
            prints=made,
            interval_s=settings.sync_interval_s,
        ),
        database=database,
        clock=clock,
        zone=_host_zone(),
        owner=owner,
        owner_ended=locks.ended,
        lease=leases.lease(NOTIFIER_LEASE),
        channels=_notify_channels(settings, source=settings.adapter_id or adapter_id, clock=clock),
        desk=desk.tally,
        mode=lambda: network.mode,
        mismatches=lambda: sessions.mismatches,
        default_capacity=settings.capacity,
        look_s=settings.alert_interval_s,
        version=__version__,
    )
    closers.append(watching.notifier.close)
    summary = Summary(
        database=database,
        clock=clock,
        registers=registers,
        endpoints=lanes.endpoints,
        services=lambda: supervisor.states,
        network=network,
        heartbeat=heartbeat,
        pass_lock=pass_lock,
        snapshots=watching.snapshots,
        observer=watching.observer,
        watch=watching.watch,
        board=watching.board,
        version=__version__,
    )
    supervisor = Supervisor(
        [
            journal_writer,
            neighbours,
            *(service for unit in units.values() for service in _services_of(unit, routes, clock)),
            worker,
            heartbeat,
            network,
            watching.watch,
            watching.notifier,
            catalog.service,
            *_daily_services(settings, database=database, leases=leases, clock=clock),
        ],
        clock=clock,
    )
    api = ApiServices(
        desk=desk,
        receipts=Receipts(database=database, registers=registers),
        refunds=Refunds(database=database, default_capacity=settings.capacity),
        registers=RegisterActions(
            registers=registers,
            database=database,
            clock=clock,
            online=lambda: network.is_online,
            document_made=worker.document_made,
        ),
        delivery=worker,
        dead_letters=DeadLetters(database=database, clock=clock, on_retry=worker.document_made),
        summary=summary,
        administration=Administration(database=database, clock=clock, default_capacity=settings.capacity),
        gate=auth.gate,
    )
    app = create_api(
        api,
        ApiSettings(
            auth_open=settings.auth_open,
            allowed_hosts=_hosts(settings),
            allowed_origins=settings.allowed_origins,
            rate_limit_per_s=settings.rate_limit,
            max_in_flight=settings.max_in_flight,
            access_log=settings.log_level == "DEBUG",
        ),
        clock=clock,
        routers=(
            session_routes.router,
            heartbeat_routes.router,
            watch_routes.router,
            auth_routes.router,
            account_routes.router,
            scheduler_routes.router,
            product_routes.router,
        ),
    )
    app.state.sessions = sessions
    app.state.heartbeat = heartbeat
    app.state.event_export = EventExport(database)
    app.state.watch = WatchServices(
        overview=Overview(
            database=database,
            snapshots=watching.snapshots,
            watch=watching.watch,
            board=watching.board,
            observer=watching.observer,
            registers=registers,
            clock=clock,
            health=summary.health,
            buffer=summary.buffer_status,
            worker=worker.status,
            sales=watching.sales.read,
        ),
        sales=watching.sales,
        metrics=watching.metrics,
    )
    app.state.people = auth
    app.state.catalog = CatalogServices(
        sync=catalog.sync,
        schedule=catalog.schedule,
        reads=catalog.reads,
        public_read=settings.catalog.public_read,
    )
    return Services(
        settings=settings,
        app=app,
        database=database,
        registers=registers,
        desk=desk,
        worker=worker,
        sessions=sessions,
        network=network,
        heartbeat=heartbeat,
        watching=watching,
        auth=auth,
        supervisor=supervisor,
        closers=closers,
    )


async def _check_profile(unit: Unit) -> None:
    """A register that cannot be reached now is checked with its first receipt."""
    with suppress(KktError, TimeoutError):
        async with asyncio.timeout(PROFILE_CHECK_S):
            await unit.profile()


class Routes:
    """One end point, breaker and gateway for each operator's address."""

    def __init__(
        self, settings: Settings, *, clock: Clock, journal_writer: JournalWriter, seams: Seams
    ) -> None:
        self._settings = settings
        self._seams = seams
        self._clock = clock
        self._journal = journal_writer
        self._of_address: dict[str, Route] = {}
        registers = {register.id: register for register in settings.registers}
        self._registers = registers

    def of(self, unit: Unit) -> Route:
        register = self._registers.get(unit.register_id)
        host = (register and register.ofd_host) or self._settings.ofd_host
        port = (register and register.ofd_port) or self._settings.ofd_port
        address = self._settings.ofd_base_url if unit.transport == HTTP else f"{host}:{port}"
        name = f"{unit.transport}:{address}"
        if name not in self._of_address:
            self._of_address[name] = self._make(name, unit.transport, host, port)
        return self._of_address[name]

    async def close(self) -> None:
        for route in self._of_address.values():
            for gateway in (route.gateway, route.cloud):
                if gateway is not None:
                    await gateway.close()

    def _make(self, name: str, transport: str, host: str, port: int) -> Route:
        settings = self._settings
        if transport == HTTP:
            token = settings.ofd_token.get_secret_value() or None
            cloud = self._seams.cloud(
                HttpOfd(settings.ofd_base_url, timeout_s=settings.ofd_timeout_s, token=token)
            )
            return Route(endpoint=self._endpoint(name, transport, cloud.probe), cloud=cloud)
        gateway = self._seams.gateway(TcpOfdGateway(host, port, timeout_s=settings.ofd_timeout_s))
        return Route(endpoint=self._endpoint(name, transport, gateway.probe), gateway=gateway)

    def _endpoint(self, name: str, transport: str, probe: Callable[[], object]) -> Endpoint:
        settings = self._settings
        return Endpoint(
            name,
            transport=transport,
            breaker=Breaker(
                failures_to_open=settings.breaker_failures,
                open_s=settings.breaker_open_s,
                probes_to_close=settings.breaker_probes,
            ),
            probe=probe,  # type: ignore[arg-type]
            clock=self._clock,
            on_change=self._breaker_changed,
        )

    def _breaker_changed(self, endpoint: Endpoint, state: BreakerState) -> None:
        event = {
            BreakerState.OPEN: EventType.CIRCUIT_OPENED,
            BreakerState.HALF_OPEN: EventType.CIRCUIT_HALF_OPEN,
            BreakerState.CLOSED: EventType.CIRCUIT_CLOSED,
        }[state]
        level = Level.INFO if state is BreakerState.CLOSED else Level.WARNING
        self._journal.put(
            journal.entry(
                event,
                self._clock.now(),
                level=level,
                endpoint=endpoint.name,
                value=METRIC_VALUE[state],
                error=endpoint.last_error,
            )
        )


def _services_of(unit: Unit, routes: Routes, clock: Clock) -> list[PrintLane | DevicePump]:
    """The lane of a register, and the pump that a virtual one has inside when it delivers by itself."""
    services: list[PrintLane | DevicePump] = [unit.lane]
    gateway = routes.of(unit).gateway
    if unit.transport == DEVICE and gateway is not None:
        services.append(
            DevicePump(unit.register_id, driver=unit.lane.desk.driver, gateway=gateway, clock=clock)
        )
    return services


def _daily_services(
    settings: Settings, *, database: Database, leases: DatabaseLeases, clock: Clock
) -> list[Daily]:
    """What is done once a day and once per database."""
    forgetting = Forgetting(
        database=database, clock=clock, receipts_live=timedelta(days=settings.retention_days)
    )
    services = [
        Daily(
            RETENTION,
            forgetting.forget,
            lease=leases.lease(RETENTION),
            database=database,
            clock=clock,
        )
    ]
    file = sqlite_path(settings.database)
    if file is not None and settings.backup_keep:
        copies = DailyCopy(
            file,
            settings.copies_dir,
            keep=settings.backup_keep,
            low_mb=settings.disk_low_mb,
            clock=clock,
        )
        services.append(
            Daily(BACKUP, copies.copy, lease=leases.lease(BACKUP), database=database, clock=clock)
        )
    return services


def _require_registers(settings: Settings, *, demo: bool) -> None:
    if not settings.registers and not demo:
        raise SettingsInvalid(
            "No register is configured. Either add a [[register]] to kkt-adapter.toml, or try the product "
            "with virtual registers, which are no fiscal devices: kkt-adapter serve --demo",
            "Не настроена ни одна ККТ. Либо добавьте [[register]] в kkt-adapter.toml, либо попробуйте "
            "продукт с виртуальными ККТ (не фискальные устройства): kkt-adapter serve --demo",
        )
    routes = {
        (
            r.ofd_transport or settings.ofd_transport,
            r.ofd_host or settings.ofd_host,
            r.ofd_port or settings.ofd_port,
        )
        for r in settings.registers
    }
    if demo:
        routes.add((settings.ofd_transport, settings.ofd_host, settings.ofd_port))
    for transport, host, port in routes:
        if transport is Transport.HTTP and not settings.ofd_base_url:
            raise SettingsInvalid(
                "ofd_transport = http needs ofd_base_url (OFD_BASE_URL)",
                "для ofd_transport = http нужен ofd_base_url (OFD_BASE_URL)",
            )
        if transport is not Transport.HTTP and not (host and port):
            raise SettingsInvalid(
                f"ofd_transport = {transport} needs ofd_host and ofd_port (OFD_HOST, OFD_PORT)",
                f"для ofd_transport = {transport} нужны ofd_host и ofd_port (OFD_HOST, OFD_PORT)",
            )


def _hosts(settings: Settings) -> tuple[str, ...]:
    """The configured names and, unless it stands for every address, the one we listen on."""
    everywhere = settings.host in ("0.0.0.0", "::")
    return settings.allowed_hosts if everywhere else (*settings.allowed_hosts, settings.host)


def _make_data_dir(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsInvalid(
            f"data_dir (KKT_DATA_DIR) = {path}: {error.strerror}",
            f"data_dir (KKT_DATA_DIR) = {path}: {error.strerror}",
        ) from error


def _prepare(conn: Connection, clock: Clock) -> str:
    """Rows that every database has: the totals, and this adapter's id, made once."""
    counts.ensure(conn)
    stored = read_setting(conn, ADAPTER_ID)
    if stored is not None:
        return stored
    made = random_id()
    store_setting(conn, ADAPTER_ID, made, at=clock.now(), by=None)
    return made


async def _close(closers: list[Callable[[], object]]) -> None:
    """What was made last is closed first."""
    for close in reversed(closers):
        result = close()
        if asyncio.iscoroutine(result):
            await result


def _hold(locks: ProcessLocks, owner: str) -> FileLock:
    with suppress(OSError):
        locks.forget_ended()
    return locks.hold(owner)


def _pass_lock(settings: Settings, clock: Clock, *, expiry_s: int) -> PassLock:
    if not settings.redis:
        return ProcessPassLock()
    from kkt_adapter.runtime.passlock_redis import RedisPassLock  # the extra ``redis``

    return RedisPassLock(settings.redis, clock=clock, expiry_s=expiry_s)


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


def _host_zone() -> ZoneInfo:
    """The host's zone, for registers that name none."""
    from tzlocal import get_localzone

    return get_localzone()


def _made_up(register: RegisterSettings, adapter_id: str) -> Registration:
    """What a virtual register of this name begins its life with; always the same in one database."""
    return made_up_registration(
        RegisterId(register.id),
        seed=f"{adapter_id}:{register.id}",
        place=f"Касса {register.tills[0]}",
        ffd_version=FFD[register.ffd_version],
        taxation_mask=register.taxation_mask,
        marked_goods=register.marked_goods,
    )


def _demo_register(pos_id: str) -> RegisterSettings:
    return RegisterSettings(id=pos_id, driver="virtual", pos_ids=(pos_id,))


def _demo_tills(conn: Connection) -> tuple[str, ...]:
    """``POS-001``, and every till that got a register before."""
    names = conn.execute(select(config.c.name).where(config.c.name.startswith(DEMO_PREFIX))).scalars()
    tills = [name.removeprefix(DEMO_PREFIX) for name in names]
    return ("POS-001", *sorted(till for till in tills if till != "POS-001"))


def _defaults(register: RegisterSettings) -> RegisterDefaults:
    names = RegisterDefaults.__dataclass_fields__
    return RegisterDefaults(**{name: getattr(register, name) for name in names})

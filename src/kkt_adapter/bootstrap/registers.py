"""The registers, each with its driver and its print lane; in demo mode also those made on demand."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import fields, replace
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from kkt_adapter.bootstrap.drivers import KINDS, DriverParts
from kkt_adapter.bootstrap.operators import Routes
from kkt_adapter.bootstrap.requirements import missing_capabilities
from kkt_adapter.bootstrap.seams import Seams
from kkt_adapter.bootstrap.shutdown import Closers
from kkt_adapter.bootstrap.storage import Storage
from kkt_adapter.fiscal.delivery.lanes.device import DevicePump
from kkt_adapter.fiscal.delivery.lanes.factory import DEVICE
from kkt_adapter.fiscal.kkt.virtual import FnPool, made_up_registration, name_fault, place_of
from kkt_adapter.fiscal.kkt.virtual.identity import SELLER_INN
from kkt_adapter.fiscal.model import (
    FFD_OF_TEXT,
    Cashier,
    RegisterDefaults,
    RegisterProfile,
    Registration,
)
from kkt_adapter.fiscal.printing.lane import PrintLane
from kkt_adapter.fiscal.printing.lane_front import LanePolicy
from kkt_adapter.fiscal.printing.lane_rows import LaneRows
from kkt_adapter.fiscal.printing.register_session import RegisterSession
from kkt_adapter.fiscal.printing.registers import Group, Groups, Prospect, Registers, Unit
from kkt_adapter.fiscal.printing.registration import ExpectedFacts, ensure_fits
from kkt_adapter.fiscal.printing.reply_waiters import Waiting
from kkt_adapter.fiscal.printing.siblings import Siblings
from kkt_adapter.fiscal.printing.stats import PrintStats
from kkt_adapter.fiscal.printing.tag_audit import TagAudit
from kkt_adapter.fiscal.store.runtime_settings import store_setting
from kkt_adapter.fiscal.store.tables import config
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import ReceiptInvalid, Text, Violation
from kkt_adapter.kernel.ids import GroupId, PosId, RegisterId
from kkt_adapter.runtime.supervisor import Service
from kkt_adapter.settings import GroupSettings, RegisterSettings, Settings

DEMO_PREFIX = "demo_register:"
FN_THREADS = 2  # threads for the files of all virtual FNs that flush to the disk


class RegisterShop:
    """Puts registers together from their settings."""

    def __init__(
        self,
        settings: Settings,
        *,
        storage: Storage,
        routes: Routes,
        waiting: Waiting,
        made: PrintStats,
        clock: Clock,
        seams: Seams,
        closers: Closers,
    ) -> None:
        self._settings = settings
        self._storage = storage
        self._routes = routes
        self._waiting = waiting
        self._made = made
        self._clock = clock
        self._seams = seams
        self._lanes: dict[str, PrintLane] = {}
        self._rows = LaneRows(storage.database)
        self._pool = FnPool(threads=FN_THREADS if settings.virtual_fsync else 0)
        closers.append(self._pool.close)

    async def registers(
        self, *, demo: bool, start: Callable[[Service], Awaitable[None]]
    ) -> tuple[Registers, list[Service]]:
        """The configured registers, and what runs for them. ``start`` runs what a later demo one needs."""
        tills = await self._storage.database.read(_demo_tills) if demo else ()
        named = self._settings.registers
        taken = {till for register in named for till in register.tills}
        configured = (*named, *(_demo_register(till) for till in tills if till not in taken))
        units = {RegisterId(r.id): self._unit(r) for r in configured}
        registers = Registers(
            units,
            {PosId(till): RegisterId(r.id) for r in configured for till in r.tills},
            groups=Groups(_group(group, units) for group in self._settings.group),
            make_demo=(lambda pos_id: self._make_demo(pos_id, start)) if demo else None,
            demo_prospect=self._demo_prospect if demo else None,
        )
        services = [service for unit in units.values() for service in self._services_of(unit)]
        return registers, sorted(services, key=lambda service: not isinstance(service, PrintLane))

    def _unit(self, register: RegisterSettings) -> Unit:
        register_id = RegisterId(register.id)
        zone = ZoneInfo(register.timezone) if register.timezone else host_zone()
        transport = register.transport_or(self._settings.ofd_transport)
        defaults, expected = _defaults(register), _expected(register)
        driver = self._seams.driver(
            KINDS[register.driver].make(
                register,
                DriverParts(
                    settings=self._settings,
                    clock=self._clock,
                    zone=zone,
                    transport=transport,
                    pool=self._pool,
                    database=self._storage.identity.uuid,
                    made_up=self._made_up(register),
                ),
            )
        )

        def fits(registration: Registration) -> None:
            profile = RegisterProfile(register_id=register_id, registration=registration, defaults=defaults)
            missing = missing_capabilities(register, transport, driver.capabilities)
            ensure_fits(profile, expected, missing=missing)

        session = RegisterSession(
            register_id,
            driver=driver,
            database=self._storage.database,
            clock=self._clock,
            cashier=Cashier(name=register.cashier, inn=register.cashier_inn),
            automatic_shift=register.automatic_shift,
            fits=fits,
            met=self._storage.memory,
            rows=self._rows,
        )
        return Unit(
            register_id=register_id,
            lane=self._lane(session),
            defaults=defaults,
            zone=zone,
            automatic_shift=register.automatic_shift,
            transport=transport.value,
            kind=register.driver,
            database=self._storage.database,
        )

    def _lane(self, session: RegisterSession) -> PrintLane:
        storage = self._storage
        lane = PrintLane(
            session,
            database=storage.database,
            clock=self._clock,
            lease=storage.leases.lease(f"lane:{session.register_id}"),
            waiting=self._waiting,
            listener=self._made,
            policy=LanePolicy(),
            siblings=Siblings(
                of_group=_siblings(session.register_id, self._settings.group), rows_moved=self._rows_moved
            ),
            owner_ended=storage.locks.ended,
        )
        self._lanes[session.register_id] = lane
        return lane

    def _rows_moved(self, register_id: str) -> None:
        if register_id in self._lanes:
            self._lanes[register_id].rows_moved(())

    def _services_of(self, unit: Unit) -> list[Service]:
        """The lane of a register, and the pump that a virtual one has inside when it delivers by itself."""
        services: list[Service] = [unit.lane]
        if KINDS[unit.kind].audited:
            services.append(self._audit(unit))
        gateway = self._routes.of(unit).gateway
        if KINDS[unit.kind].pumped and unit.transport == DEVICE and gateway is not None:
            driver = unit.lane.session.driver
            services.append(DevicePump(unit.register_id, driver=driver, gateway=gateway, clock=self._clock))
        return services

    def _audit(self, unit: Unit) -> TagAudit:
        audit = TagAudit(
            unit.register_id,
            driver=unit.lane.session.driver,
            database=self._storage.database,
            clock=self._clock,
            busy=lambda: unit.lane.in_flight,
        )
        self._made.audits[unit.register_id] = audit.put
        return audit

    async def _make_demo(self, pos_id: PosId, start: Callable[[Service], Awaitable[None]]) -> Unit:
        register = _demo_register(pos_id)
        unit = self._unit(register)
        now = self._clock.now()
        await self._storage.database.write(
            lambda c: store_setting(c, DEMO_PREFIX + pos_id, register.id, at=now, by="demo")
        )
        for service in self._services_of(unit):
            await start(service)
        return unit

    def _demo_prospect(self, pos_id: PosId) -> Prospect:
        """Raises ReceiptInvalid for a name that no register can have."""
        fault = name_fault(pos_id, pos_id)
        if fault is not None:
            raise ReceiptInvalid((Violation("pos_id", "unfit_till", fault, _ANOTHER_NAME, 1187),))
        register = _demo_register(pos_id)
        profile = RegisterProfile(
            register_id=RegisterId(register.id),
            registration=self._made_up(register),
            defaults=_defaults(register),
        )
        return profile, host_zone()

    def _made_up(self, register: RegisterSettings) -> Registration:
        """What a virtual register of this name begins its life with; always the same in one database."""
        made_up = made_up_registration(
            RegisterId(register.id),
            seed=f"{self._storage.adapter_id}:{register.id}",
            place=place_of(register.tills[0]),
            ffd_version=FFD_OF_TEXT[register.ffd_version],
            taxation_mask=register.taxation_mask,
            user_inn=register.user_inn or SELLER_INN,
            marked_goods=register.marked_goods,
        )
        return replace(
            made_up, registration_number=register.registration_number or made_up.registration_number
        )


_ANOTHER_NAME = Text(
    "Send a shorter name of letters, digits, - and _.", "Передайте имя короче: буквы, цифры, - и _."
)


def host_zone() -> ZoneInfo:
    """The host's zone, for registers that name none."""
    from tzlocal import get_localzone

    return get_localzone()


def _demo_register(pos_id: str) -> RegisterSettings:
    return RegisterSettings(id=pos_id, driver="virtual", pos_ids=(pos_id,))


def _group(group: GroupSettings, units: Mapping[RegisterId, Unit]) -> Group:
    return Group(
        id=GroupId(group.id),
        units=tuple(units[RegisterId(register_id)] for register_id in group.registers),
        was=tuple(map(GroupId, group.was)),
    )


def _demo_tills(conn: Connection) -> tuple[str, ...]:
    """``POS-001``, and every till that got a register before; those of old whose name no document can hold
    are left out, as they never printed."""
    names = conn.execute(select(config.c.name).where(config.c.name.startswith(DEMO_PREFIX))).scalars()
    tills = [name.removeprefix(DEMO_PREFIX) for name in names]
    return (
        "POS-001",
        *sorted(till for till in tills if till != "POS-001" and name_fault(till, till) is None),
    )


def _defaults(register: RegisterSettings) -> RegisterDefaults:
    names = RegisterDefaults.__dataclass_fields__
    return RegisterDefaults(**{name: getattr(register, name) for name in names})


def _expected(register: RegisterSettings) -> ExpectedFacts:
    """What the configuration says outright; what it leaves to its defaults is not compared."""
    said = {
        field.name: getattr(register, field.name)
        for field in fields(ExpectedFacts)
        if field.name in register.model_fields_set
    }
    if "ffd_version" in said:
        said["ffd_version"] = FFD_OF_TEXT[register.ffd_version]
    return ExpectedFacts(**said)


def _siblings(register_id: str, groups: Sequence[GroupSettings]) -> Mapping[str, frozenset[str]]:
    """The other registers of each group, by all names that receipts know the group by."""
    return {
        name: frozenset(group.registers) - {register_id}
        for group in groups
        if register_id in group.registers
        for name in (group.id, *group.was)
    }

"""Every kind of register: what it can do at best, and how its driver is made from its settings.

A further kind is one more entry of ``KINDS`` (docs/how-to/third-driver.md). The code of a driver is imported
with the first register that needs it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from kkt_adapter.fiscal.kkt.atol.capabilities import CAPABILITIES as ATOL
from kkt_adapter.fiscal.kkt.driver import Capability, KktDriver
from kkt_adapter.fiscal.kkt.shtrih.capabilities import CAPABILITIES as SHTRIH
from kkt_adapter.fiscal.kkt.shtrih.values import PASSWORD_LIMIT
from kkt_adapter.fiscal.kkt.virtual import FaultPlan, FnPool, VirtualFaults, VirtualRegister
from kkt_adapter.fiscal.kkt.virtual.register import CAPABILITIES as VIRTUAL
from kkt_adapter.fiscal.model import Registration
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.kernel.ids import RegisterId
from kkt_adapter.settings import RegisterSettings, Settings, Transport

if TYPE_CHECKING:
    from kkt_adapter.fiscal.kkt.atol.driver import AtolRegister
    from kkt_adapter.fiscal.kkt.atol.jobs import Patience
    from kkt_adapter.fiscal.kkt.shtrih.driver import ShtrihRegister
    from kkt_adapter.fiscal.kkt.shtrih.wire.link import Timing

FIRST_OPERATOR = SecretStr("1")  # as from the factory


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverParts:
    """What drivers are made of beside their own settings."""

    settings: Settings
    clock: Clock
    zone: ZoneInfo
    transport: Transport
    pool: FnPool  # virtual registers
    database: str  # identity of the database that a virtual FN works with
    made_up: Registration  # likewise: what a new FN begins with


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverKind:
    """One kind of register. ``pumped``: it needs our help to deliver by itself. ``audited``: its firmware may
    change a receipt on its way into the FN."""

    capabilities: frozenset[Capability]
    make: Callable[[RegisterSettings, DriverParts], KktDriver]
    pumped: bool = False
    audited: bool = False


def _virtual(register: RegisterSettings, parts: DriverParts) -> KktDriver:
    settings = parts.settings
    return VirtualRegister.in_folder(
        settings.fn_dir,
        RegisterId(register.id),
        registration=parts.made_up,
        pool=parts.pool,
        clock=parts.clock,
        zone=parts.zone,
        fsync=settings.virtual_fsync,
        keeps_queue=parts.transport is not Transport.HTTP,
        faults=VirtualFaults(FaultPlan(latency_s=settings.virtual_latency_s)),
        database=parts.database,
    )


def _shtrih(register: RegisterSettings, parts: DriverParts) -> KktDriver:
    from kkt_adapter.fiscal.kkt.shtrih.wire.link import Timing

    return shtrih_driver(register, clock=parts.clock, timing=Timing())


def shtrih_driver(register: RegisterSettings, *, clock: Clock, timing: "Timing") -> "ShtrihRegister":
    """Raises SettingsInvalid: a password is no number."""
    from kkt_adapter.fiscal.kkt.shtrih.driver import ShtrihRegister
    from kkt_adapter.fiscal.kkt.shtrih.wire.protocol1 import Protocol1
    from kkt_adapter.fiscal.kkt.shtrih.wire.protocol2 import Protocol2
    from kkt_adapter.fiscal.kkt.shtrih.wire.wires import wire_for

    wire = wire_for(register.address)
    link = Protocol2(wire, timing=timing) if register.protocol == "2" else Protocol1(wire, timing=timing)
    return ShtrihRegister(
        link,
        password=_number(register, "password", register.password or FIRST_OPERATOR),
        admin_password=_number(register, "admin_password", register.admin_password),
        clock=clock,
        timing=timing,
    )


def _atol(register: RegisterSettings, parts: DriverParts) -> KktDriver:
    from kkt_adapter.fiscal.kkt.atol.jobs import Patience

    return atol_driver(register, clock=parts.clock, patience=Patience())


def atol_driver(register: RegisterSettings, *, clock: Clock, patience: "Patience") -> "AtolRegister":
    from kkt_adapter.fiscal.kkt.atol.driver import AtolRegister
    from kkt_adapter.fiscal.kkt.atol.web import WebServer

    web = WebServer(
        register.address,
        login=register.login,
        password="" if register.password is None else register.password.get_secret_value(),
        timeout_s=patience.exchange_s,
        connect_s=patience.connect_s,
    )
    return AtolRegister(web, device_id=register.device_id, clock=clock, patience=patience)


def _number(register: RegisterSettings, name: str, password: SecretStr) -> int:
    """Passwords of Shtrih-M are numbers. The one that is not is not repeated."""
    text = password.get_secret_value()
    if not (text.isascii() and text.isdigit() and int(text) <= PASSWORD_LIMIT):
        raise SettingsInvalid(
            f"[[register]] {register.id}: {name} of a Shtrih-M register is a number, 1 to 8 digits",
            f"[[register]] {register.id}: {name} ККТ Штрих-М — число от 1 до 8 цифр",
        )
    return int(text)


KINDS: Mapping[str, DriverKind] = MappingProxyType(
    {
        "virtual": DriverKind(capabilities=VIRTUAL, make=_virtual, pumped=True),
        "shtrih": DriverKind(capabilities=SHTRIH, make=_shtrih, audited=True),
        "atol": DriverKind(capabilities=ATOL, make=_atol, audited=True),
    }
)

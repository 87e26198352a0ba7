"""Every kind of register: what it can do at best, and how its driver is made from its settings.

A further kind is one more entry of ``KINDS`` (docs/how-to/third-driver.md).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from zoneinfo import ZoneInfo

from kkt_adapter.fiscal.kkt.driver import Capability, KktDriver
from kkt_adapter.fiscal.kkt.virtual import FaultPlan, FnPool, VirtualFaults, VirtualRegister
from kkt_adapter.fiscal.kkt.virtual.register import CAPABILITIES as VIRTUAL
from kkt_adapter.fiscal.model import Registration
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.ids import RegisterId
from kkt_adapter.settings import RegisterSettings, Settings, Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What drivers are made of beside their own settings."""

    settings: Settings
    clock: Clock
    zone: ZoneInfo
    transport: Transport
    pool: FnPool  # virtual registers
    database: str  # identity of the database that a virtual FN works with
    made_up: Registration  # likewise: what a new FN begins with


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of register. ``pumped``: it needs our help to deliver by itself."""

    capabilities: frozenset[Capability]
    make: Callable[[RegisterSettings, Parts], KktDriver]
    pumped: bool = False


def _virtual(register: RegisterSettings, parts: Parts) -> KktDriver:
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


KINDS: Mapping[str, Kind] = MappingProxyType(
    {"virtual": Kind(capabilities=VIRTUAL, make=_virtual, pumped=True)}
)

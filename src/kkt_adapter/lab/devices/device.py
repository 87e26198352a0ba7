"""What a brand of registers brings into the lab: an emulated device, and what can go wrong with it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from random import Random
from typing import Protocol

from kkt_adapter.kernel.clock import Clock


class LabDevice(Protocol):
    """One emulated register; the lab runs it in its own event loop."""

    @property
    def register_id(self) -> str: ...

    @property
    def address(self) -> str:
        """As ``[[register]]`` wants it."""
        ...

    @property
    def fn_file(self) -> Path:
        """Its FN: the second book."""
        ...

    async def lift(self) -> None:
        """Take every fault away: switched on, paper in, cover closed."""
        ...

    async def stop(self) -> None: ...


Used = Callable[[], bool]
"""Has what was set hit anybody?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFault:
    """``begin`` sets it; ``real`` turns seconds of the nodes into real ones. ``lasts_s``: a condition that
    lasts for up to so many seconds of the nodes; 0: it hits single commands, and counts when it has."""

    weight: int
    begin: Callable[[LabDevice, Random, Callable[[float], float]], Awaitable[Used]]
    lasts_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSpec:
    """What a device is started with; its clock is that of the nodes."""

    register_id: str
    folder: Path
    clock: Clock
    zone: tzinfo
    relayed: bool  # its messages go to the operator through the host
    operator: tuple[str, int]  # host and port where it delivers by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """``transports``: how its registers deliver, one register for each."""

    name: str  # as people say it
    transports: tuple[str, ...]
    start: Callable[[DeviceSpec], Awaitable[LabDevice]]
    faults: Mapping[str, DeviceFault]

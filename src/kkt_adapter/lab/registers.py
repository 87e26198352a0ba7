"""The registers of one run: virtual ones in the nodes, and emulated devices of real brands beside them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from kkt_adapter.fiscal.kkt.virtual import fn_path
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.ids import RegisterId
from kkt_adapter.lab.books import FnBook, read_archive
from kkt_adapter.lab.devices.brands import BRANDS
from kkt_adapter.lab.devices.device import DeviceSpec, LabDevice

ZONE = "Europe/Moscow"
POOL = 3  # registers of the group
RELAY, HTTP, DEVICE = "relay", "http", "device"


class LabRegisters:
    """``settings`` are those of ``[[register]]``, for the nodes."""

    def __init__(self, folder: Path, *, virtual: int, tills_per_register: int) -> None:
        self._folder = folder
        self._tills_per_register = tills_per_register
        self.devices: dict[str, list[LabDevice]] = {}  # by brand
        self._files: dict[str, Path] = {}
        self.settings: list[dict[str, Any]] = []
        for n in range(virtual):
            register_id = f"R{n}"
            self._files[register_id] = fn_path(folder / "fn", RegisterId(register_id))
            self._add(register_id, driver="virtual", transport=_transport(n, of=virtual))
        self.virtual = [register["id"] for register in self.settings]
        self._demo: set[str] = set()

    def _add(self, register_id: str, *, driver: str, transport: str, **more: str) -> None:
        self.settings.append(
            {
                "id": register_id,
                "driver": driver,
                "pos_ids": [f"{register_id}-T{till}" for till in range(self._tills_per_register)],
                "timezone": ZONE,
                "ofd_transport": transport,
                **more,
            }
        )

    async def start_devices(
        self,
        brands: tuple[str, ...],
        *,
        stack: AsyncExitStack,
        clock: Callable[[], Clock],
        operator_port: int,
    ) -> None:
        """One device of each brand for each of its ways to the operator; ``stack`` stops them."""
        for driver in brands:
            brand, started = BRANDS[driver], self.devices.setdefault(driver, [])
            for transport in brand.transports:
                register_id = f"{driver}-{transport}"
                device = await brand.start(
                    DeviceSpec(
                        register_id=register_id,
                        folder=self._folder / "devices" / register_id,
                        clock=clock(),
                        zone=ZoneInfo(ZONE),
                        relayed=transport == RELAY,
                        operator=("127.0.0.1", operator_port),
                    )
                )
                stack.push_async_callback(device.stop)
                started.append(device)
                self._files[register_id] = device.fn_file
                self._add(register_id, driver=driver, transport=transport, address=device.address)

    @property
    def pos_ids(self) -> list[str]:
        return [pos_id for register in self.settings for pos_id in register["pos_ids"]]

    @property
    def relayed(self) -> Sequence[str]:
        """Virtual registers that the adapter delivers for, out of their own queue."""
        return [r["id"] for r in self.settings if r["driver"] == "virtual" and r["ofd_transport"] == RELAY]

    @property
    def pool(self) -> Sequence[str]:
        """The group that shops sell on."""
        return self.relayed[:POOL]

    @property
    def queues(self) -> Mapping[str, Path]:
        """The FNs whose documents go to the operator out of their own queue."""
        named = {r["id"] for r in self.settings if r["ofd_transport"] != HTTP}
        return {one: path for one, path in self._there().items() if one in named | self._demo}

    def add_demo(self, till: str) -> None:
        """A till that nobody configured: its register is called like it, once there is one."""
        self._demo.add(till)
        self._files[till] = fn_path(self._folder / "fn", till)

    def _there(self) -> Mapping[str, Path]:
        return {one: path for one, path in self._files.items() if one not in self._demo or path.exists()}

    @property
    def over_http(self) -> frozenset[str]:
        """Registers whose receipts go over the HTTP profile."""
        return frozenset(r["id"] for r in self.settings if r["ofd_transport"] == HTTP)

    def file_of(self, register_id: str) -> Path:
        """Where this register's FN lies."""
        return self._files[register_id]

    def archives(self) -> list[FnBook]:
        """What every FN holds, once nobody works with it."""
        relayed = {r["id"] for r in self.settings if r["ofd_transport"] == RELAY}
        return [
            replace(
                read_archive(path, register_id=register_id, queued=register_id in self.queues),
                relayed=register_id in relayed,
            )
            for register_id, path in self._there().items()
        ]


def _transport(n: int, *, of: int) -> str:
    """Relay, and one of each other way to the operator."""
    if of < 3:
        return RELAY
    return {of - 1: HTTP, of - 2: DEVICE}.get(n, RELAY)

"""A web server with its registers: two kinds of machines, each of them cut, killed and restarted alone.

A test emulator: not a cash register, and nothing that it makes is fiscal.
"""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import tzinfo
from pathlib import Path
from typing import Any

from kkt_adapter.emulators.atol.faults import AtolFault, AtolFaultPlan
from kkt_adapter.emulators.atol.flavour import WR, Flavour
from kkt_adapter.emulators.atol.machine import AtolMachine
from kkt_adapter.emulators.atol.making import DocumentMaking
from kkt_adapter.emulators.atol.queries import Queries, status_line
from kkt_adapter.emulators.atol.server import EmulatedAtolDevice, JobServer
from kkt_adapter.emulators.atol.web import Web
from kkt_adapter.emulators.life import ControlPort, Deliver, StateFolder, deliver_all, ended, host_zone
from kkt_adapter.emulators.listening import HttpListener
from kkt_adapter.fiscal.kkt.virtual import VirtualFn, made_up_registration
from kkt_adapter.fiscal.model import Registration
from kkt_adapter.kernel.clock import Clock, SystemClock
from kkt_adapter.kernel.ids import RegisterId

NAME = RegisterId("atol-emulator")
DRIVER_VERSION, FIRMWARE = "10.10.8.0", "5.17.0"
PC_ZONE = "+03:00"


class AtolEmulator:
    """Runs in the loop of ``start``. Port 0 takes a free one."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        control_port: int | None = None,
        state: Path | None = None,
        registration: Registration | None = None,
        flavour: Flavour = WR,
        registers: int = 1,
        login: str = "",
        password: str = "",
        driver_version: str = DRIVER_VERSION,
        firmware: str = FIRMWARE,
        pc_zone: str = PC_ZONE,
        clock: Clock | None = None,
        zone: tzinfo | None = None,
        deliver: Deliver | None = None,
        keeps_queue: bool = True,
    ) -> None:
        """``state`` keeps FNs and jobs; without it everything is forgotten at the end. ``pc_zone``: what
        times end with, whatever the register's zone. ``deliver``: how registers reach their operator."""
        self._folder = StateFolder(state, prefix="atol-emulator-")
        self._kept = state
        self._registration = registration or made_up_registration(NAME, marked_goods=True)
        self._flavour = flavour
        self._registers = registers
        self._login, self._password = login, password
        self._versions = {"driver_version": driver_version, "firmware": firmware}
        self._pc_zone = pc_zone
        self._clock = clock or SystemClock()
        self._zone = zone
        self._deliver = deliver
        self._keeps_queue = keeps_queue
        self._host = host
        self._listener = HttpListener(host=host, port=port)
        self._control = ControlPort(control_port)
        self._pumps: list[asyncio.Task[None]] = []
        self._fns = 0
        self.plan = AtolFaultPlan()
        self.down = False
        self._server: JobServer | None = None
        self._web: Web | None = None

    @property
    def server(self) -> JobServer:
        assert self._server is not None, "start the emulator first"
        return self._server

    @property
    def web(self) -> Web:
        assert self._web is not None, "start the emulator first"
        return self._web

    @property
    def device(self) -> EmulatedAtolDevice:
        """The first register."""
        return next(iter(self.server.devices.values()))

    @property
    def machine(self) -> AtolMachine:
        return self.device.machine

    @property
    def port(self) -> int:
        return self._listener.port

    @property
    def address(self) -> str:
        """As the adapter's configuration wants it."""
        return f"http://{self._host}:{self.port}"

    @property
    def control_port(self) -> int:
        return self._control.port

    async def start(self) -> None:
        """Raises OSError when a port is taken, KktUnavailable when the state folder is in use."""
        from kkt_adapter.emulators.atol.control import control_app

        try:
            folder = self._folder.open()
            devices = [self._device(folder, n) for n in range(1, self._registers + 1)]
            self._server = JobServer(devices, self.plan, flavour=self._flavour, folder=self._kept)
            self._web = Web(self.server, self.plan, login=self._login, password=self._password)
            self.server.start()
            await self._listener.listen(self.web.app())
            await self._control.open(lambda: control_app(self))
            if self._deliver is not None:
                loop = asyncio.get_running_loop()
                self._pumps = [loop.create_task(_delivers(device, self._deliver)) for device in devices]
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """May be called twice."""
        await ended(self._pumps)
        self._pumps = []
        await self._control.close()
        await self._listener.cut()
        if self._server is not None:
            await self._server.stop()
            for device in self._server.devices.values():
                device.machine.close()
        self._folder.close()

    async def set_down(self, down: bool) -> None:
        """The web server's cable: connections are refused until it is back; jobs go on."""
        self.down = down
        await self._listener.cut()
        if not down:
            await self._listener.listen(self.web.app())

    async def restart_web(self, *, forget: bool = False) -> None:
        """The web server is killed and started again; ``forget``: without its jobs."""
        await self._listener.cut()
        await self.server.stop()
        if forget:
            self.server.forget()
        self.server.start()
        if not self.down:
            await self._listener.listen(self.web.app())

    def set_link(self, linked: bool) -> None:
        """The cable between web server and (first) register."""
        self.machine.linked = linked

    def swap_fn(self) -> None:
        """The first register gets another FN."""
        self.machine.swap_fn(self._fn_maker(self._folder.open(), "other"))

    def set_faults(self, *faults: AtolFault) -> None:
        self.plan.set(faults)

    def state(self) -> dict[str, Any]:
        """What the control interface shows."""
        return {
            "notice": "test emulator, not a cash register",
            "listening": None if self.down else self.port,
            "flavour": self._flavour.name,
            "default_device": self.server.default,
            "devices": [
                {
                    "id": device.id,
                    "active": device.active,
                    "linked": device.machine.linked,
                    "paper": device.machine.paper,
                    "jobs": len(device.jobs),
                    "waiting": len(device.queue),
                    "blocked": None if device.blocked is None else device.blocked.uuid,
                    "block_reason": device.reason,
                    "drawer": asdict(device.machine.counters),
                    **status_line(device.machine.status()),
                }
                for device in self.server.devices.values()
            ],
            "settings": self.server.settings,
            "faults": [asdict(fault) for fault in self.plan.faults],
            "requests": len(self.web.seen),
        }

    def _device(self, folder: Path, number: int) -> EmulatedAtolDevice:
        machine = AtolMachine(
            self._fn_maker(folder, str(number)), state_file=folder / f"device-{number}.json", **self._versions
        )
        machine.open()
        making = DocumentMaking(machine, pc_zone=self._pc_zone)
        queries = Queries(machine, making, pc_zone=self._pc_zone)
        return EmulatedAtolDevice(id=str(number), machine=machine, making=making, queries=queries)

    def _fn_maker(self, folder: Path, name: str) -> Callable[[], VirtualFn]:
        """The first register has the given registration; others differ in FN and serial number."""
        facts = self._registration
        if name != "1":
            made_up = made_up_registration(NAME, seed=f"{facts.fn_number}:{name}")
            serial = facts.serial_number if name == "other" else made_up.serial_number
            facts = replace(facts, fn_number=made_up.fn_number, serial_number=serial)

        def make() -> VirtualFn:
            return VirtualFn(
                folder / f"fn-{name}.sqlite",
                registration=replace(facts, kkt_version="emul-1"),
                clock=self._clock,
                zone=self._zone or host_zone(),
                fsync=self._folder.is_kept,
                keeps_queue=self._keeps_queue,
            )

        return make


async def _delivers(device: EmulatedAtolDevice, deliver: Deliver) -> None:
    """What register or driver service do, while the channel is theirs."""
    await deliver_all(lambda: device.machine.fn, deliver, by_itself=lambda: device.ofd_channel != "none")

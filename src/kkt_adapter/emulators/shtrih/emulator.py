"""One emulated register: its FN, its machine, its ports, and what it does by itself.

A test emulator: not a cash register, and nothing that it makes is fiscal.
"""

import asyncio
from dataclasses import asdict, replace
from datetime import tzinfo
from pathlib import Path
from typing import Any

from kkt_adapter.emulators.life import ControlPort, Deliver, StateFolder, deliver_all, ended, host_zone
from kkt_adapter.emulators.shtrih.faults import ShtrihFault, ShtrihFaultPlan
from kkt_adapter.emulators.shtrih.line import EmulatedShtrihDevice
from kkt_adapter.emulators.shtrih.machine import ShtrihMachine
from kkt_adapter.emulators.shtrih.model import DESKTOP, Model
from kkt_adapter.emulators.shtrih.own_clock import OwnClock
from kkt_adapter.emulators.shtrih.ports import PtyPort, TcpPort
from kkt_adapter.emulators.shtrih.tables import EXCHANGE_TABLE
from kkt_adapter.fiscal.kkt.virtual import VirtualFn, made_up_registration
from kkt_adapter.fiscal.model import Registration
from kkt_adapter.kernel.clock import Clock, SystemClock
from kkt_adapter.kernel.ids import RegisterId

NAME = RegisterId("shtrih-emulator")
BY_ITSELF, BY_HOST = 1, 0  # table 21 field 2


class ShtrihEmulator:
    """Runs in the loop of ``start``. Port 0 takes a free one, None leaves it out."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int | None = 0,
        pty: Path | None = None,
        control_port: int | None = None,
        state: Path | None = None,
        registration: Registration | None = None,
        model: Model = DESKTOP,
        protocol: int | None = None,
        clock: Clock | None = None,
        zone: tzinfo | None = None,
        deliver: Deliver | None = None,
        relayed: bool = False,
        keeps_queue: bool = True,
    ) -> None:
        """``state`` keeps FN and counters; without it everything is forgotten at the end. ``deliver`` is how
        the register itself reaches its operator; ``relayed``: it leaves that to the host."""
        self._folder = StateFolder(state, prefix="shtrih-emulator-")
        self._registration = registration or made_up_registration(NAME, marked_goods=True)
        self._model = model
        self._clock = OwnClock(clock or SystemClock())
        self._zone = zone
        self._deliver = deliver
        self._relayed = relayed
        self._keeps_queue = keeps_queue
        self._protocol = protocol
        self._pty_path = pty
        self._host, self._port_number = host, port
        self.plan = ShtrihFaultPlan()
        self.down = False
        self._port: TcpPort | None = None
        self._pty: PtyPort | None = None
        self._control = ControlPort(control_port)
        self._pumps: list[asyncio.Task[None]] = []
        self._device: EmulatedShtrihDevice | None = None

    @property
    def device(self) -> EmulatedShtrihDevice:
        assert self._device is not None, "start the emulator first"
        return self._device

    @property
    def machine(self) -> ShtrihMachine:
        return self.device.machine

    @property
    def port(self) -> int:
        assert self._port is not None, "there is no TCP port, or it is not started"
        return self._port.port

    @property
    def address(self) -> str:
        """As the adapter's configuration wants it."""
        return f"tcp://{self._host}:{self.port}"

    @property
    def control_port(self) -> int:
        return self._control.port

    async def start(self) -> None:
        """Raises OSError when a port is taken, KktUnavailable when the state folder is in use."""
        from kkt_adapter.emulators.shtrih.control import control_app

        try:
            self._device = EmulatedShtrihDevice(self._machine(), self.plan, protocol=self._protocol)
            if self._port_number is not None:
                self._port = TcpPort(self.device, host=self._host, port=self._port_number)
                await self._port.listen()
            if self._pty_path is not None:
                self._pty = PtyPort(self.device, self._pty_path)
                self._pty.open()
            await self._control.open(lambda: control_app(self))
            if self._deliver is not None:
                pump = deliver_all(lambda: self.machine.fn, self._deliver, by_itself=self._delivers_by_itself)
                self._pumps = [asyncio.get_running_loop().create_task(pump)]
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """May be called twice."""
        await ended(self._pumps)
        self._pumps = []
        await self._control.close()
        if self._port is not None:
            await self._port.cut()
        if self._pty is not None:
            await self._pty.close()
        if self._device is not None:
            self.machine.close()
        self._folder.close()

    async def set_down(self, down: bool) -> None:
        """Switched off, or its cable pulled: connections are refused until it is back."""
        self.down = down
        if self._port is not None:
            await self._port.cut()
            if not down:
                await self._port.listen()

    def drop_connection(self) -> None:
        if self._port is not None:
            self._port.drop()

    async def power_cycle(self) -> None:
        """Off and on: the connection is gone, the last answer too; an open receipt stays."""
        self.drop_connection()
        self.device.power_cycle()

    def set_faults(self, *faults: ShtrihFault) -> None:
        self.plan.set(faults)

    def state(self) -> dict[str, Any]:
        """What the control interface shows."""
        machine, status = self.machine, self.machine.status()
        return {
            "notice": "test emulator, not a cash register",
            "listening": None if self._port is None or self.down else self._port.port,
            "pty": None if self._pty is None else str(self._pty.path),
            "protocol": self.device.protocol,
            "mode": machine.mode,
            "sub_mode": machine.sub_mode,
            "fn": status.fn_number,
            "last_document": status.fd_number,
            "shift": {"number": status.shift_number, "state": status.shift_state.value},
            "receipts_in_shift": status.receipts_in_shift,
            "unsent": status.unsent_count,
            "counters": asdict(machine.counters),
            "open_receipt": None if machine.receipt is None else len(machine.receipt.lines),
            "faults": [asdict(fault) for fault in self.plan.faults],
            "commands": len(self.device.executed),
        }

    def _machine(self) -> ShtrihMachine:
        folder = self._folder.open()
        fn = VirtualFn(
            folder / "fn.sqlite",
            registration=replace(self._registration, kkt_version="emul-1"),
            clock=self._clock,
            zone=self._zone or host_zone(),
            fsync=self._folder.is_kept,
            keeps_queue=self._keeps_queue,
        )
        machine = ShtrihMachine(fn, model=self._model, state_file=folder / "device.json", clock=self._clock)
        machine.open()
        if self._relayed:
            machine.tables.fields[EXCHANGE_TABLE, 1, 2].value = BY_HOST
        return machine

    def _delivers_by_itself(self) -> bool:
        return self.machine.tables.number(EXCHANGE_TABLE, 2) == BY_ITSELF

"""One node of the lab: the product as ``build_services`` makes it, with probes around its seams.

The node is told what to do over a socket that the lab listens on; when that socket ends, so does the node.
"""

import asyncio
import json
import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

from kkt_adapter.bootstrap import Seams, Services, build_services
from kkt_adapter.fiscal.kkt.virtual import FaultPlan, VirtualFaults, VirtualRegister
from kkt_adapter.lab.fork_server import NodeSpec
from kkt_adapter.lab.inside.around import (
    Foreign,
    ProbedAnswers,
    ProbedDatabase,
    ProbedGateway,
    ProbedHttpOfd,
    ProbedRegister,
    probed_driver,
)
from kkt_adapter.lab.inside.probes import Probes
from kkt_adapter.lab.timing import LabClock
from kkt_adapter.runtime.leases.pass_lock import EXPIRY_S
from kkt_adapter.settings import Settings, load_settings

ORPHANED = 3  # exit code: the lab is gone


class Control:
    """The node's end of the control socket: blocking writes, and a thread that reads."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(path)
        self._sending = threading.Lock()

    def tell(self, what: str, value: Any) -> None:
        with self._sending:
            try:
                self._socket.sendall(json.dumps({what: value}).encode() + b"\n")
            except OSError:
                os._exit(ORPHANED)

    def listen(self, obey: Callable[[dict[str, Any]], None]) -> None:
        """Have ``obey`` called on this event loop with each command, until the lab is gone."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(loop, obey), name="lab-control", daemon=True).start()

    def _read(self, loop: asyncio.AbstractEventLoop, obey: Callable[[dict[str, Any]], None]) -> None:
        with self._socket.makefile("rb") as lines:
            for line in lines:
                try:
                    loop.call_soon_threadsafe(obey, json.loads(line))
                except RuntimeError:
                    return  # the node is at its end
        os._exit(ORPHANED)


class Node:
    """Builds the product for one start of one node, and changes it on command."""

    def __init__(self, spec: NodeSpec) -> None:
        self.spec = spec
        self.clock = LabClock(scale=spec.scale, epoch=spec.epoch, offset_s=spec.offset_s)
        self.control = Control(spec.control)
        self.probes = Probes(self.control.tell)
        self._registers: dict[str, ProbedRegister] = {}  # virtual ones
        self._plans: dict[str, FaultPlan] = {}  # of registers that are not built yet

    @property
    def settings(self) -> Settings:
        return load_settings(environment={}, overrides=self.spec.settings)

    async def build(self, settings: Settings, *, demo: bool = False) -> Services:
        """In the place of ``build_services``."""
        self.control.tell("hello", {"name": self.spec.name, "pid": os.getpid()})
        self.control.listen(self._obey)
        if self.spec.armed is not None:
            self._obey(self.spec.armed)
        probes = self.probes
        services = await build_services(
            settings,
            demo=demo or self.spec.demo,
            clock=self.clock,
            seams=Seams(
                database=lambda database: ProbedDatabase(database, probes),
                driver=lambda driver: probed_driver(driver, probes),
                gateway=lambda gateway: ProbedGateway(gateway, probes),
                http=lambda gateway: ProbedHttpOfd(gateway, probes),
                lock_expiry_s=max(2, round(EXPIRY_S / self.spec.scale)),
            ),
        )
        services.app.add_middleware(ProbedAnswers, probes=probes)
        for unit in services.registers.all():
            driver = unit.lane.session.driver
            assert isinstance(driver, ProbedRegister)
            register = driver.register
            if not isinstance(register, VirtualRegister):
                continue  # what goes wrong with a device is set at the device
            self._registers[unit.register_id] = driver
            if unit.register_id in self._plans:
                register.faults.set(self._plans[unit.register_id])
        self.control.tell("built", self.spec.name)
        return services

    def _obey(self, command: dict[str, Any]) -> None:
        match command["do"]:
            case "arm":
                self.probes.arm(
                    command["points"], kind=signal.Signals[command["signal"]], skip=command.get("skip", 0)
                )
            case "disarm":
                self.probes.disarm()
                self.control.tell("disarmed", self.spec.name)
            case "clock":
                self.clock.offset_s = float(command["offset_s"])
            case "faults":
                self._set_plan(command["register"], FaultPlan.from_json(command["plan"]))
            case "foreign":
                driver, count = self._registers.get(command["register"]), int(command["others"])
                if driver is not None:
                    driver.foreign = Foreign(printed=command["printed"], count=count) if count else None
            case "left":
                driver = self._registers.get(command["register"])
                left = None if driver is None else faults_of(driver).plan.as_json()
                self.control.tell("left", {"register": command["register"], "plan": left})
            case unknown:
                raise ValueError(f"no such command: {unknown}")

    def _set_plan(self, register_id: str, plan: FaultPlan) -> None:
        self._plans[register_id] = plan
        driver = self._registers.get(register_id)
        if driver is not None:
            faults_of(driver).set(plan)


def faults_of(driver: ProbedRegister) -> VirtualFaults:
    """Of a virtual register."""
    assert isinstance(driver.register, VirtualRegister)
    return driver.register.faults

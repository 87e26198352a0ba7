"""Everything that runs in one run of the lab, and that faults are done to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import aiohttp

from kkt_adapter.emulators.link import FlakyLink
from kkt_adapter.emulators.ofd import OfdEmulator
from kkt_adapter.lab.control_channel import ControlChannel
from kkt_adapter.lab.devices.device import LabDevice
from kkt_adapter.lab.ledger import Ledger
from kkt_adapter.lab.nodes import LabNode
from kkt_adapter.lab.servers import PostgresServer, RedisServer
from kkt_adapter.lab.traffic import Till

if TYPE_CHECKING:
    from kkt_adapter.lab.acts.copies import Copies
    from kkt_adapter.lab.acts.log_reader import LogPipe
    from kkt_adapter.lab.acts.notices import NoticeServer
    from kkt_adapter.lab.acts.person import Person
    from kkt_adapter.lab.acts.small_disk import SmallDisk

ALIVE_S = 15.0  # real: a machine may be busy


@dataclass(slots=True, kw_only=True)
class World:
    """``scale``: how much faster the nodes' time is; durations of faults are given in the nodes' seconds.
    ``registers`` are virtual; ``devices`` by brand."""

    nodes: Sequence[LabNode]
    registers: Sequence[str]
    devices: Mapping[str, Sequence[LabDevice]]
    channel: ControlChannel
    operator: OfdEmulator
    tcp_link: FlakyLink
    http_link: FlakyLink
    redis: RedisServer | None
    postgres: PostgresServer | None
    scale: float
    ledger: Ledger
    database_file: Path | None  # of SQLite
    http_registers: frozenset[str]
    relayed: Sequence[str] = ()  # virtual registers that the adapter delivers for, over the binary protocol
    fn_file: Callable[[str], Path] = Path  # where a register's FN lies
    pool: Sequence[str] = ()  # the virtual registers that the doors' group is made of
    tills: list[Till] = field(default_factory=list)
    group_till: Till | None = None  # one that sells on the group
    new_till: Callable[[str], Till] | None = None  # in demo mode: one that nobody configured
    person: "Person | None" = None
    session: aiohttp.ClientSession | None = None
    logs: "Mapping[str, LogPipe]" = field(default_factory=dict)  # by node
    disk: "SmallDisk | None" = None
    notices: "NoticeServer | None" = None
    copies: "Copies | None" = None  # of the database
    database_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    disk_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    wrong: list[str] = field(default_factory=list)  # what a fault saw with its own eyes
    broken: asyncio.Event = field(default_factory=asyncio.Event)  # enough was seen: no more is tried
    question_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    questions_decided: int = 0  # by the person
    operator_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    clock_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    frozen_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    line_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    postgres_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    redis_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    register_turns: dict[str, asyncio.Lock] = field(default_factory=dict)

    @property
    def gone(self) -> list[str]:
        """Nodes that did not come up again."""
        return [node.name for node in self.nodes if node.gone]

    @property
    def is_over(self) -> bool:
        """Nothing more can be shown: a node is gone, or enough was seen."""
        return bool(self.gone) or self.broken.is_set()

    def real(self, seconds: float) -> float:
        """Real seconds of so many seconds of the nodes."""
        return seconds / self.scale

    async def pause(self, seconds: float) -> None:
        """Wait for so many seconds of the nodes."""
        await asyncio.sleep(self.real(seconds))

    def node(self, rng: Random) -> LabNode:
        """Any node, and one to which nothing is being done where there is one."""
        idle = [node for node in self.nodes if not node.turn.locked()]
        return rng.choice(idle or self.nodes)

    def register(self, rng: Random) -> str:
        """Any register, likewise."""
        return rng.choice(self.idle_registers or self.registers)

    @property
    def idle_registers(self) -> list[str]:
        return [register_id for register_id in self.registers if not self.turn_of(register_id).locked()]

    def idle_devices(self, brand: str) -> list[LabDevice]:
        return [d for d in self.devices.get(brand, ()) if not self.turn_of(d.register_id).locked()]

    def device(self, brand: str, rng: Random) -> LabDevice:
        """Any device of that brand, and one to which nothing is being done where there is one."""
        return rng.choice(self.idle_devices(brand) or self.devices[brand])

    async def customer(self, register_id: str, rng: Random, *, keyless: bool = False) -> None:
        """Somebody buys something at this register now."""
        tills = self.tills_of(register_id)
        if tills:
            await rng.choice(tills).ask_once(keyless=keyless)

    @asynccontextmanager
    async def somebody_buys(self, node: LabNode, rng: Random) -> AsyncIterator[None]:
        """Something, at this node, meanwhile."""
        async with asyncio.TaskGroup() as group:
            if self.tills:
                group.create_task(rng.choice(self.tills).ask_once(base=node.base_url))
            yield

    async def passes(self, fault: Callable[[], Awaitable[None]], rng: Random, *, node: LabNode) -> bool:
        """While a fault of a node, or of what all need, lasts, somebody buys something there: did anybody?"""
        return await self._meanwhile(fault, self.tills, rng, base=node.base_url)

    async def passes_at(self, register_id: str, fault: Callable[[], Awaitable[None]], rng: Random) -> bool:
        """The same for a fault of a register, on whatever node."""
        return await self._meanwhile(fault, self.tills_of(register_id), rng, base=None)

    async def _meanwhile(
        self, fault: Callable[[], Awaitable[None]], tills: Sequence[Till], rng: Random, *, base: str | None
    ) -> bool:
        def tries() -> int:
            return sum(till.tries.total() if base is None else till.tries[base] for till in tills)

        before = tries()
        async with asyncio.TaskGroup() as group:
            if tills:
                group.create_task(rng.choice(tills).ask_once(base=base))
            await fault()
            return tries() > before

    async def answers(self, node: LabNode) -> bool:
        """Does a node answer at all, within seconds?"""
        assert self.session is not None
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with asyncio.timeout(ALIVE_S), self.session.get(node.base_url + "/health"):
                return True
        return False

    def foreign(self, register_id: str, *, printed: bool, others: int) -> None:
        """At the next receipt another program prints so many of its own, and the answer to ours is lost; 0
        takes that back."""
        for node in self.nodes:
            node.foreign(register_id, printed=printed, others=others)

    def tills_of(self, register_id: str) -> list[Till]:
        return [till for till in self.tills if till.pos_id.startswith(f"{register_id}-")]

    def turn_of(self, register_id: str) -> asyncio.Lock:
        return self.register_turns.setdefault(register_id, asyncio.Lock())

    def set_plan(self, register_id: str, **plan: object) -> None:
        """A register's faults, whichever node drives it; none lifts them."""
        for node in self.nodes:
            node.set_plan(register_id, **plan)

    async def plan_used(self, register_id: str, name: str, given: int) -> bool:
        """Has any node used up part of a counted fault of this register?"""
        for node in self.nodes:
            left = await node.plan_left(register_id)
            if left is not None and left[name] < given:
                return True
        return False

    async def lift(self) -> None:
        """Take every fault away; processes that stand still go on."""
        for register_id in self.registers:
            self.set_plan(register_id)
        for devices in self.devices.values():
            for device in devices:
                await device.lift()
        for node in self.nodes:
            node.set_clock(0.0)
            node.fill_disk(False)
            node.thaw()
        self.tcp_link.plan.set()
        self.http_link.plan.set()
        await self.operator.set_faults()
        if self.redis is not None:
            self.redis.thaw()
        if self.postgres is not None:
            self.postgres.thaw()

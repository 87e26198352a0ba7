"""One run of the lab, from nothing to a certificate."""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple

import aiohttp

from kkt_adapter import __version__
from kkt_adapter.emulators.link import FlakyLink
from kkt_adapter.emulators.ofd import OfdBook, OfdEmulator
from kkt_adapter.lab.acts.copies import Copies, FileCopies, ServerCopies
from kkt_adapter.lab.acts.full_buffer import as_usual
from kkt_adapter.lab.acts.log_reader import LogPipe
from kkt_adapter.lab.acts.maintenance import end_if_on
from kkt_adapter.lab.acts.notices import NoticeServer, Told, compare_notices, read_told
from kkt_adapter.lab.acts.odd_tills import FIRST
from kkt_adapter.lab.acts.person import Person
from kkt_adapter.lab.acts.small_disk import SmallDisk
from kkt_adapter.lab.books import AdapterBook, OperatorBook, read_adapter
from kkt_adapter.lab.certificate import Certificate
from kkt_adapter.lab.circumstances import commit_of_checkout, footprint
from kkt_adapter.lab.control_channel import ControlChannel
from kkt_adapter.lab.counting import count, traffic
from kkt_adapter.lab.doors.accounts import GROUP
from kkt_adapter.lab.doors.client import DoorClient
from kkt_adapter.lab.doors.held import release_all
from kkt_adapter.lab.doors.shops import LabShops
from kkt_adapter.lab.drawer.compare import DrawerRows, compare_drawers, read_drawer
from kkt_adapter.lab.fork_server import ForkServer, NodeSpec
from kkt_adapter.lab.injector import Injector
from kkt_adapter.lab.ledger import Ledger
from kkt_adapter.lab.nodes import LabNode, ready
from kkt_adapter.lab.own_findings import own_findings, until_broken
from kkt_adapter.lab.plan import LabPlan
from kkt_adapter.lab.ports import ReservedPort
from kkt_adapter.lab.reconcile import forgotten, reconcile
from kkt_adapter.lab.registers import LabRegisters
from kkt_adapter.lab.servers import PostgresServer, RedisServer
from kkt_adapter.lab.settle import Settling
from kkt_adapter.lab.timing import LabClock
from kkt_adapter.lab.traffic import Till
from kkt_adapter.lab.world import World
from kkt_adapter.runtime.db.open import open_database
from kkt_adapter.runtime.db.postgres import IDLE_TRANSACTION_S, PostgresSettings

NODE_COMMAND = (sys.executable, "-m", "kkt_adapter.cli.lab_node")
ANSWER_S = 20.0  # of the nodes: what a till waits for an answer
CORRECTED_AGO = timedelta(days=6 * 366)  # what corrections are about: past under every clock of a node
OPERATOR_KEEPS = 20_000  # documents kept whole by the operator; those of a queue are compared by digest
MAX_ATTEMPTS = 6  # one more than the operator refuses in a row when nobody asks for a dead letter
SIGN_IN_SECRET = "of the fault lab alone, used nowhere else: 7c1e"  # noqa: S105 - nobody signs in there
GONE_S = 5.0  # real: what still gets better when a node does not come up again


async def run_lab(
    plan: LabPlan,
    *,
    fork_server: ForkServer | None = None,
    progress: Callable[[str, int], None] = lambda stage, faults: None,
) -> Certificate:
    """Start everything, let the faults rain, settle, compare the books.

    ``fork_server``: an open one that other labs use too; None: one of its own.

    Raises:
        NotInstalled: a server that the plan asks for is not on this machine.
        RuntimeError: something of the lab's own did not start.
    """
    async with AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kkt-lab-")))
        if fork_server is None:
            fork_server = ForkServer(NODE_COMMAND)
            await fork_server.open()
            stack.push_async_callback(fork_server.close)
        return await _Run(plan, scratch, stack, fork_server, progress).run()


class _Settled(NamedTuple):
    """``before``: the product's book before every sale was asked for again."""

    took_s: float
    before: AdapterBook
    adapter: AdapterBook
    drawer: DrawerRows
    told: frozenset[Told]


class _Run:
    def __init__(
        self,
        plan: LabPlan,
        scratch: Path,
        stack: AsyncExitStack,
        fork_server: ForkServer,
        progress: Callable[[str, int], None],
    ) -> None:
        self._plan = plan
        self._stack = stack
        self._progress = progress
        self._scratch = scratch
        self._folder = plan.folder or scratch
        self._rng = Random(plan.seed)
        self._epoch = time.time()
        self._channel = ControlChannel(scratch / "control", only=plan.points)
        self._fork_server = fork_server
        self._nodes: list[LabNode] = []
        self._ledger = Ledger()
        self._postgres: PostgresServer | None = None
        self._redis: RedisServer | None = None
        self._registers = LabRegisters(
            self._folder, virtual=plan.registers, tills_per_register=plan.tills_per_register
        )
        self._logs: dict[str, LogPipe] = {}
        self._disk: SmallDisk | None = None
        if plan.demo:
            self._registers.add_demo(FIRST)
        self._shops = LabShops(self._registers, self._ledger, seed=plan.seed, wanted=plan.doors)
        self._notices = NoticeServer()
        self._started_at = datetime.now(UTC)
        self._out_of_time = False

    async def run(self) -> Certificate:
        plan, began = self._plan, time.monotonic()
        self._progress("starting", 0)
        world = await self._world()
        session = await self._stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        )
        bases = [node.base_url for node in self._nodes]
        tills = self._people(world, session, bases)
        injector = Injector(world, seed=plan.seed, gap_s=plan.gap_s, only=plan.only, each=plan.each)
        for node in self._nodes:
            await ready(node, session, log=self._logs[node.name].path)
        shops = self._shops.clients(bases, session, answer_s=ANSWER_S / plan.scale, think_s=plan.think_s)
        if plan.first:
            watching = asyncio.create_task(until_broken(world, self._registers.archives))
            self._stack.callback(watching.cancel)
        await self._rain(world, injector, [*tills, *shops])
        self._progress("settling", injector.stats.total)
        await world.lift()
        if not world.gone:
            await release_all(world)
            await end_if_on(world)
            await as_usual(world)
        on_group = [] if world.group_till is None else [world.group_till]
        settled = await self._settle(world, injector, [*tills, *on_group, *shops])
        archives = self._registers.archives()
        operator = OperatorBook(world.operator.book)
        findings = [
            *forgotten(self._ledger, settled.before),
            *reconcile(self._ledger, archives, operator, settled.adapter),
            *compare_drawers(self._ledger.drawer, settled.drawer, archives),
            *compare_notices(settled.told, self._notices.heard),
            *own_findings(injector.stats, world),
        ]
        return Certificate(
            version=__version__,
            commit=commit_of_checkout(),
            seed=plan.seed,
            setups={plan.setup: 1},
            scale=plan.scale,
            started_at=self._started_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            duration_s=round(time.monotonic() - began, 1),
            settled_s=round(settled.took_s, 1),
            faults=dict(injector.stats.hit),
            without_effect=dict(injector.stats.missed),
            points=dict(sorted(self._channel.points.items())),
            node_starts=sum(node.starts for node in self._nodes),
            traffic=traffic(self._ledger),
            books=count(self._ledger, archives, at_operator=operator.documents, repeated=operator.repeated),
            footprint=footprint(
                {self._folder, self._scratch}, node_mb=max(node.peak_mb for node in self._nodes)
            ),
            findings=tuple(findings),
            faults_wanted=plan.faults,
            receipts_wanted=plan.receipts,
            out_of_time=int(self._out_of_time),
        )

    def _people(self, world: World, session: aiohttp.ClientSession, bases: list[str]) -> list[Till]:
        """Who uses the product: the tills, and who decides."""
        tills = world.tills = [self._till(session, pos_id) for pos_id in self._registers.pos_ids]
        world.new_till = partial(self._demo_till, session) if self._plan.demo else None
        if self._shops.pool:
            world.group_till = self._till(session, GROUP)
        world.session = session
        file_of = self._registers.file_of
        world.person = Person(bases=bases, session=session, ledger=self._ledger, fn_file=file_of)
        return tills

    async def _settle(self, world: World, injector: Injector, tills: Sequence[Till | DoorClient]) -> _Settled:
        """Let everything be printed and delivered, end the nodes, and read the product's own book."""
        assert world.session is not None
        assert world.person is not None
        database = open_database(self._database_url(), postgres=PostgresSettings(readers=1))
        try:
            settling = Settling(
                bases=[node.base_url for node in self._nodes],
                session=world.session,
                person=world.person,
                database=database,
                ledger=self._ledger,
                tills=tills,
                queued=list(self._registers.queues.values()),
                enough=world.broken,
            )
            took_s, _ = await settling.settle(limit_s=GONE_S if world.gone else self._plan.settle_s)
            before = await database.read(read_adapter)
            if not world.broken.is_set():
                await settling.ask_all_again(self._ledger.told())
            self._progress("comparing the books", injector.stats.total)
            for node in self._nodes:
                await node.end()
            adapter, drawer = await database.read(read_adapter), await database.read(read_drawer)
            told = await database.read(read_told)
        finally:
            await database.close()
        return _Settled(took_s=took_s, before=before, adapter=adapter, drawer=drawer, told=told)

    async def _rain(self, world: World, injector: Injector, tills: Sequence[Till | DoorClient]) -> None:
        """Traffic and faults together."""
        plan, stop = self._plan, asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for till in tills:
                group.create_task(till.work(stop))
            telling = group.create_task(self._tell_progress(injector))
            try:
                async with asyncio.timeout(plan.limit_s):
                    await injector.inject(plan.faults, limit_s=plan.limit_s)
                    while self._ledger.accepted < plan.receipts and not world.is_over:  # noqa: ASYNC110 - no event
                        await asyncio.sleep(0.1)
            except TimeoutError:
                self._out_of_time = True
            finally:
                stop.set()
                telling.cancel()

    async def _tell_progress(self, injector: Injector) -> None:
        while True:
            self._progress("injecting", injector.stats.total)
            await asyncio.sleep(1.0)

    async def _world(self) -> World:
        plan, stack = self._plan, self._stack
        operator = OfdEmulator(control_port=None, book=OfdBook(keep_documents=OPERATOR_KEEPS))
        await operator.start()
        stack.push_async_callback(operator.stop)
        links = [FlakyLink("127.0.0.1", port) for port in (operator.port, operator.http_port)]
        for link in links:
            await link.start()
            stack.push_async_callback(link.stop)
        await self._servers()
        await self._shops.open(stack)
        await self._notices.listener.start()
        stack.push_async_callback(self._notices.listener.stop)
        await self._channel.open()
        stack.push_async_callback(self._channel.close)
        await self._registers.start_devices(
            plan.devices,
            stack=stack,
            clock=lambda: LabClock(scale=plan.scale, epoch=self._epoch),
            operator_port=operator.port,
        )
        self._nodes = [self._node(n, links) for n in range(plan.nodes)]
        for node in self._nodes:
            self._logs[node.name] = LogPipe(self._folder / f"{node.name}.log")
            stack.callback(self._logs[node.name].close)
            node.begin()
            stack.push_async_callback(node.end)
        file = None if plan.database != "sqlite" else self._folder / "data" / "buffer.db"
        return World(
            nodes=self._nodes,
            registers=self._registers.virtual,
            devices=self._registers.devices,
            channel=self._channel,
            operator=operator,
            tcp_link=links[0],
            http_link=links[1],
            redis=self._redis,
            postgres=self._postgres,
            scale=plan.scale,
            ledger=self._ledger,
            logs=self._logs,
            disk=self._disk,
            database_file=file,
            copies=self._copies(file),
            http_registers=self._registers.over_http,
            pool=self._shops.pool,
            relayed=self._registers.relayed,
            fn_file=self._registers.file_of,
            notices=self._notices,
        )

    async def _servers(self) -> None:
        if self._plan.database == "postgresql":
            folder = self._scratch / "postgres"
            folder.mkdir()
            self._scratch.chmod(0o755)  # another user runs it, when the lab is root's
            self._postgres = PostgresServer(folder)
            await self._postgres.initialise()
            await self._postgres.start()
            self._stack.push_async_callback(self._postgres.stop)
        if self._plan.redis:
            self._redis = RedisServer(self._scratch)
            await self._redis.start()
            self._stack.push_async_callback(self._redis.stop)
        if self._plan.small_disk and self._plan.database == "sqlite":
            self._mount()

    def _copies(self, file: Path | None) -> Copies:
        if file is not None:
            return FileCopies(file)
        assert self._postgres is not None
        return ServerCopies(self._postgres, url=self._database_url())

    def _mount(self) -> None:
        """Where that is allowed."""
        with suppress(OSError, subprocess.SubprocessError):
            self._disk = SmallDisk(self._folder / "data")
            kept = None if self._plan.folder is None else self._folder / "data-kept"
            self._stack.callback(self._disk.keep, kept)

    def _node(self, n: int, links: Sequence[FlakyLink]) -> LabNode:
        node = LabNode(
            f"node{n}",
            port=ReservedPort(),
            channel=self._channel,
            fork_server=self._fork_server,
            restart_pause_s=lambda: self._rng.uniform(0.0, 0.3),
        )
        node.make_spec = lambda of: self._spec(of, links)
        return node

    def _spec(self, node: LabNode, links: Sequence[FlakyLink]) -> NodeSpec:
        plan = self._plan
        shared = plan.database == "sqlite"
        return NodeSpec(
            name=node.name,
            run=plan.name,
            control=str(self._channel.path),
            log=str(self._logs[node.name].path),
            scale=plan.scale,
            epoch=self._epoch,
            offset_s=node.offset_s,
            armed=node.armed,
            demo=plan.demo,
            settings={
                "port": node.port,
                "data_dir": str(self._folder / ("data" if shared else node.name)),
                "database_url": "" if shared else self._database_url(),
                "virtual_dir": str(self._folder / "fn"),
                "virtual_fsync": True,  # as shops run it: on threads, with its own flushes
                "disk_low_mb": 0,
                "max_attempts": MAX_ATTEMPTS,
                "redis_url": self._redis.url if self._redis is not None else "",
                "ofd_host": "127.0.0.1",
                "ofd_port": links[0].port,
                "ofd_base_url": f"http://127.0.0.1:{links[1].port}",
                "notify_url": self._notices.listener.url,
                "log_level": "INFO",
                "log_format": "json",
                "registers": self._registers.settings,
                "sign_in": {"secret": SIGN_IN_SECRET},
                **self._shops.settings,
            },
        )

    def _till(self, session: aiohttp.ClientSession, pos_id: str) -> Till:
        return Till(
            pos_id,
            bases=[node.base_url for node in self._nodes],
            session=session,
            ledger=self._ledger,
            rng=Random(f"{self._plan.seed}:{pos_id}"),
            answer_s=ANSWER_S / self._plan.scale,
            think_s=self._plan.think_s,
            day=(datetime.fromtimestamp(self._epoch, UTC) - CORRECTED_AGO).date(),
        )

    def _demo_till(self, session: aiohttp.ClientSession, pos_id: str) -> Till:
        self._registers.add_demo(pos_id)
        return self._till(session, pos_id)

    def _database_url(self) -> str:
        if self._postgres is not None:
            return self._postgres.url(idle_transaction_s=IDLE_TRANSACTION_S / self._plan.scale)
        return f"sqlite:///{(self._folder / 'data' / 'buffer.db').absolute()}"

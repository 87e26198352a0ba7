"""A node as the lab drives it: started, killed, frozen, and started again whenever it ends."""

import asyncio
import os
import resource
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from kkt_adapter.lab.circumstances import peak_mb
from kkt_adapter.lab.control_channel import ControlChannel
from kkt_adapter.lab.fork_server import ForkServer, NodeSpec
from kkt_adapter.lab.ports import ReservedPort

UP_WITHIN_S = 60.0  # real seconds until a started node is there
CROSSED_S = 0.05  # real seconds in which the last word of a process that has ended still comes
LOOK_EVERY_S = 0.01  # real seconds
ENDS_WITHIN_S, DIES_WITHIN_S = 60.0, 10.0  # real, after SIGTERM and after SIGKILL; a machine may be busy
READY_S, READY_LOOK_S = 180.0, 0.1  # real: the first start of a node
LOG_SHOWN_BYTES = 4_000  # of a node that does not start
NOT_STARTED = 2  # exit code of a service that will not start
FULL_BYTES = 4096  # no file of a node whose disk is full may be written beyond this


class LabNode:
    """One node over all its processes. ``turn`` is for whoever does something to the process as a whole."""

    def __init__(
        self,
        name: str,
        *,
        port: ReservedPort,
        channel: ControlChannel,
        fork_server: ForkServer,
        restart_pause_s: Callable[[], float],
    ) -> None:
        self.name = name
        self._reserved = port
        self.port = port.number
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.turn = asyncio.Lock()
        self.offset_s = 0.0  # how far its wall clock is wrong
        self.armed: dict[str, Any] | None = None  # what the next process starts with
        self.starts = 0
        self.peak_mb = 0  # memory, over all processes that were seen to their end
        self.unexpected: list[int] = []  # exit codes of processes that ended by themselves
        self.last_end = (0, 0)  # which of its processes ended last, and its exit code
        self.gone = False  # it did not come up again: nothing more can be done to it
        self.make_spec: Callable[[LabNode], NodeSpec] | None = None
        self._channel = channel
        self._fork_server = fork_server
        self._restart_pause_s = restart_pause_s
        self._pid: int | None = None
        self._wanted = False  # shall it run?
        self._blamed = False  # we killed this process, or it may run into a kill at a point
        self._asked_to_end = False
        self._greeted: int | None = None  # the process that said hello last
        self._built: int | None = None  # the last one whose parts were made
        self._up = asyncio.Event()
        self._down = asyncio.Event()
        self._down.set()
        self._reached: asyncio.Queue[str] = asyncio.Queue()
        self._disarmed = asyncio.Event()
        self._may_start = asyncio.Event()
        self._may_start.set()
        self._starts_once = False  # the next process is the only one that may start
        self._excuses = 0  # reasons why a process may refuse to start, with NOT_STARTED
        self._excused = False  # has there been one while this process lived?
        self._left: asyncio.Queue[tuple[str, dict[str, Any] | None]] = asyncio.Queue()
        self._plans: dict[str, dict[str, Any]] = {}
        self._life: asyncio.Task[None] | None = None
        channel.add(self)

    def begin(self) -> None:
        self._wanted = True
        self._life = asyncio.create_task(self._live())

    async def _live(self) -> None:
        assert self.make_spec is not None
        while await self._shall_start():
            if self._starts_once:
                self._starts_once = False
                self._may_start.clear()
            self._asked_to_end = False
            self._excused = self._excuses > 0
            self._blamed = self.armed is not None and self.armed["signal"] == signal.SIGKILL.name
            self._down.clear()
            self.starts += 1  # together with the spec: what was armed holds for this process, or for none
            process = await self._fork_server.start(self.make_spec(self))
            self._pid = process.pid
            self._asked_to_end = not self._wanted
            self._look_whether_up()
            self._ended(await process.ended)
            if self._wanted:
                await asyncio.sleep(self._restart_pause_s())

    async def _shall_start(self) -> bool:
        """Asked right before each start, so that whoever halts it finds no process on its way."""
        await self._may_start.wait()
        return self._wanted

    async def end(self) -> None:
        """Stop in order (SIGTERM), by force after a minute; it does not start again."""
        self._wanted = False
        self._may_start.set()
        if self._life is None:
            return
        self._asked_to_end = True
        self._signal(signal.SIGCONT)
        try:
            await self._until_down(signal.SIGTERM, within_s=ENDS_WITHIN_S)
        except TimeoutError:
            with suppress(TimeoutError):
                await self._until_down(signal.SIGKILL, within_s=DIES_WITHIN_S)
        done, _ = await asyncio.wait((self._life,), timeout=DIES_WITHIN_S)
        if done:
            self._life.result()
        else:
            self._life.cancel()

    @property
    def pid(self) -> int | None:
        return self._pid

    async def up(self) -> None:
        """Wait for a process whose parts are made. Raises TimeoutError."""
        with self._gone_if_late():
            async with asyncio.timeout(UP_WITHIN_S):
                await self._up.wait()

    @contextmanager
    def _gone_if_late(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            self.gone = True
            raise

    def said_hello(self, pid: int) -> None:
        self._greeted = pid
        for register_id, plan in self._plans.items():
            self._channel.send(self.name, {"do": "faults", "register": register_id, "plan": plan})

    def built(self) -> None:
        self._built = self._greeted
        self._look_whether_up()

    def _look_whether_up(self) -> None:
        """The word of a process may come before we know its number, or after it has ended."""
        if self._pid is not None and self._pid == self._built:
            self._up.set()

    def reached(self, point: str) -> None:
        self._reached.put_nowait(point)

    def disarmed(self) -> None:
        self._disarmed.set()

    def left(self, register_id: str, plan: dict[str, Any] | None) -> None:
        self._left.put_nowait((register_id, plan))

    def _ended(self, status: int) -> None:
        in_order = self._asked_to_end and status == -signal.SIGTERM  # before its handler was there
        refused = self._excused and status == NOT_STARTED
        if status != 0 and not self._blamed and not in_order and not refused:
            self.unexpected.append(status)
        self.last_end = (self.starts, status)
        self._pid = None
        self._up.clear()
        self._down.set()

    async def kill(self) -> bool:
        """SIGKILL; returns when it is up again. Was there a process?"""
        self._blamed, process, there = True, self.starts, self._pid is not None
        self._signal(signal.SIGKILL)
        await (self._again(process) if there else self.up())
        return there

    async def terminate(self) -> None:
        """SIGTERM; returns when it is up again. Raises TimeoutError when it does not end in time."""
        self._asked_to_end = True
        await self._until_down(signal.SIGTERM, within_s=ENDS_WITHIN_S)
        await self.up()

    @asynccontextmanager
    async def halted(self, how: signal.Signals) -> AsyncIterator[None]:
        """Ended by SIGTERM or SIGKILL, and not started again meanwhile. Raises TimeoutError."""
        self._may_start.clear()
        try:
            self._blamed, self._asked_to_end = True, how is signal.SIGTERM
            await self._until_down(how, within_s=UP_WITHIN_S)
            yield
        finally:
            self._may_start.set()

    async def _until_down(self, how: signal.Signals, *, within_s: float) -> None:
        """Signal the process that is there, also one that is just being made, until it has ended. Raises
        TimeoutError."""
        signalled = None
        async with asyncio.timeout(within_s):
            while not self._down.is_set():
                if self._pid != signalled:
                    signalled = self._pid
                    self._signal(how)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await self._down.wait()
                        return

    async def tries_to_start(self) -> bool:
        """While halted: let one process start. Does it come up? One that does is killed; one that refuses,
        with code 2, is right. Halted again afterwards. Raises TimeoutError."""
        process, came = self.starts, False
        with self.excused():
            self._starts_once = True
            self._may_start.set()
            try:
                async with asyncio.timeout(UP_WITHIN_S):
                    while self.starts == process:  # noqa: ASYNC110 - begins when its pause is over
                        await asyncio.sleep(LOOK_EVERY_S)
                    while not (came := self._up.is_set()) and not self._down.is_set():  # noqa: ASYNC110
                        await asyncio.sleep(LOOK_EVERY_S)
            finally:
                self._starts_once = False
                self._may_start.clear()
                self._blamed = self._blamed or not self._down.is_set()
                await self._until_down(signal.SIGKILL, within_s=DIES_WITHIN_S)
        return came

    @contextmanager
    def excused(self) -> Iterator[None]:
        """Meanwhile a process may refuse to start, with code 2."""
        self._excuses += 1
        self._excused = True
        try:
            yield
        finally:
            self._excuses -= 1

    def foreign(self, register_id: str, *, printed: bool, others: int) -> None:
        order = {"do": "foreign", "register": register_id, "printed": printed, "others": others}
        self._channel.send(self.name, order)

    def hang_up(self) -> None:
        """SIGHUP: a closed terminal, or the rotation of its log; it goes on."""
        self._signal(signal.SIGHUP)

    async def freeze(self, seconds: float) -> None:
        """SIGSTOP for so many real seconds."""
        self._signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._signal(signal.SIGCONT)

    async def at(
        self, points: Sequence[str], kind: signal.Signals, *, skip: int, within_s: float
    ) -> str | None:
        """Let it run into SIGKILL or SIGSTOP at the first of some points; which it was, None when it does not
        come by in time. Raises TimeoutError."""
        self._drain_reached()
        process = self.starts
        self._blamed = self._blamed or kind is signal.SIGKILL
        order = {"do": "arm", "points": points, "signal": kind.name, "skip": skip}
        if not self._channel.send(self.name, order):
            return None
        point = await self._reached_one(within_s) or await self._call_off()
        if point is not None and kind is signal.SIGKILL:
            await self._again(process)
        return point

    async def at_next_start(
        self, points: Sequence[str], kind: signal.Signals, *, within_s: float
    ) -> str | None:
        """Kill it, and let the process that follows run into the signal at a point, from its start on.
        Raises TimeoutError."""
        self._drain_reached()
        self.armed = {"do": "arm", "points": points, "signal": kind.name}
        self._blamed = True
        await self._until_down(signal.SIGKILL, within_s=DIES_WITHIN_S)
        process = self.starts + 1
        point = await self._reached_one(within_s)
        self.armed = None
        point = point or await self._call_off()
        if point is not None and kind is signal.SIGKILL:
            await self._again(process)
        return point

    async def _call_off(self) -> str | None:
        """Take an order to die or to stop back; the point that was reached before that, if one was.

        Returns when the process has said that nothing will come of the order any more, or has ended: only
        then is an end by a signal its own fault again. Raises TimeoutError.
        """
        self._disarmed.clear()
        process, asked = self.starts, False
        async with asyncio.timeout(UP_WITHIN_S):
            while self._reached.empty() and not self._disarmed.is_set():
                if self._down.is_set() or self.starts != process:
                    return await self._reached_one(CROSSED_S)
                asked = asked or self._channel.send(self.name, {"do": "disarm"})  # when it has said hello
                await asyncio.sleep(LOOK_EVERY_S)
        if self._reached.empty():
            self._blamed = False
            return None
        return self._reached.get_nowait()

    async def _reached_one(self, within_s: float) -> str | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                return await self._reached.get()
        return None

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _drain_reached(self) -> None:
        while not self._reached.empty():
            self._reached.get_nowait()

    def set_clock(self, offset_s: float) -> None:
        self.offset_s = offset_s
        self._channel.send(self.name, {"do": "clock", "offset_s": offset_s})

    def set_plan(self, register_id: str, **plan: Any) -> None:
        """The register's faults, also for later processes of this node; none lifts them."""
        if plan:
            self._plans[register_id] = plan
        else:
            self._plans.pop(register_id, None)
        self._channel.send(self.name, {"do": "faults", "register": register_id, "plan": plan})

    async def plan_left(self, register_id: str) -> dict[str, Any] | None:
        """What is left of a register's faults; None when the node does not answer."""
        while not self._left.empty():
            self._left.get_nowait()
        if not self._channel.send(self.name, {"do": "left", "register": register_id}):
            return None
        with suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                while True:
                    register, plan = await self._left.get()
                    if register == register_id:
                        return plan
        return None

    def fill_disk(self, full: bool) -> None:
        """No file of this process grows any more; or it may again. One that is still starting may refuse."""
        if self._pid is None:
            return
        self._excused = self._excused or full
        limit = FULL_BYTES if full else resource.RLIM_INFINITY
        with suppress(OSError, ValueError):
            resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    async def _again(self, process: int) -> None:
        """Wait until the one that follows this process is up. Raises TimeoutError."""
        with self._gone_if_late():
            async with asyncio.timeout(UP_WITHIN_S):
                while self.starts == process:  # noqa: ASYNC110 - two lives may begin between two looks
                    await asyncio.sleep(LOOK_EVERY_S)
                await self._up.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._pid is not None:
            if number in (signal.SIGKILL, signal.SIGTERM):
                self.peak_mb = max(self.peak_mb, peak_mb(self._pid))
            with suppress(ProcessLookupError):
                os.kill(self._pid, number)


async def ready(node: LabNode, session: aiohttp.ClientSession, *, log: Path) -> None:
    """Wait for a node's first answer. Raises RuntimeError with the end of its log."""
    for _ in range(round(READY_S / READY_LOOK_S)):
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with asyncio.timeout(5), session.get(node.base_url + "/ready") as answer:
                if answer.status == 200:
                    return
        await asyncio.sleep(READY_LOOK_S)
    said = await asyncio.to_thread(log.read_bytes)
    raise RuntimeError(f"{node.name} does not start: {said[-LOG_SHOWN_BYTES:].decode(errors='replace')}")

"""Node processes, made by forking one process that has imported everything: a start costs milliseconds.

``ForkServer`` is the lab's side. The other side, ``serve_forks``, is a process without threads that reads one
``NodeSpec`` a line, forks a node for it, and says which process began and how each one ended. When the lab
goes, its input ends, and it ends every node and itself.
"""

import asyncio
import gc
import json
import os
import selectors
import signal
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kkt_adapter.lab.servers import end_with_parent

STARTED_WITHIN_S = 120.0  # real: it imports everything first, maybe on a busy machine
TRACE_CHARACTERS = 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSpec:
    """Everything a node process needs to know; travels as JSON."""

    name: str
    run: str  # name of the lab's run
    control: str  # path of the lab's socket
    log: str  # path of the node's log
    scale: float
    epoch: float  # Unix seconds; all nodes of a lab share it
    offset_s: float  # how far the wall clock is wrong
    armed: dict[str, Any] | None = None  # a command "arm" that holds from the very start
    demo: bool = False  # tills that nobody configured get registers
    settings: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Forked:
    """A node process. ``ended`` is its exit code, negative for a signal; it may be known at once."""

    pid: int
    ended: asyncio.Future[int]


class ForkServer:
    """May serve several labs of one event loop: what one costs to start, all others have for nothing."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._living: dict[int, asyncio.Future[int]] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._started: asyncio.Queue[Forked | None] = asyncio.Queue()
        self._starting = asyncio.Lock()

    async def open(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        self._reading = asyncio.create_task(self._read())

    async def start(self, spec: NodeSpec) -> Forked:
        """A new node, which may have ended when its maker hears of it.

        Raises:
            RuntimeError: the fork_server has ended.
        """
        assert self._process is not None and self._process.stdin is not None
        async with self._starting:
            with suppress(ConnectionError):
                self._process.stdin.write(json.dumps(spec.as_json()).encode() + b"\n")
                await self._process.stdin.drain()
            async with asyncio.timeout(STARTED_WITHIN_S):
                forked = await self._started.get()
        if forked is None:
            self._started.put_nowait(None)  # for everybody who asks later
            raise RuntimeError("the process that starts nodes has ended")
        return forked

    async def close(self) -> None:
        """End every node that still lives, and the fork_server."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        if self._reading is not None:
            await self._reading

    async def _read(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        async for line in self._process.stdout:
            said = json.loads(line)
            if "started" in said:
                forked = Forked(said["started"], asyncio.get_running_loop().create_future())
                self._living[forked.pid] = forked.ended
                self._started.put_nowait(forked)
            else:
                self._end(said["ended"], said["status"])
        for pid in list(self._living):
            self._end(pid, -signal.SIGKILL)  # its nodes end with it
        self._started.put_nowait(None)

    def _end(self, pid: int, status: int) -> None:
        ended = self._living.pop(pid)
        if not ended.done():  # nobody waits any more
            ended.set_result(status)


def serve_forks(run: Callable[[NodeSpec], int]) -> None:
    """Be the forking process until standard input ends. ``run`` is a node's whole life, in its own
    process."""
    gc.collect()
    gc.freeze()  # what is there now is shared by all nodes and never looked at again
    waking_out, waking_in = os.pipe()
    os.set_blocking(waking_in, False)
    signal.set_wakeup_fd(waking_in, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    living: set[int] = set()
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        selector.register(waking_out, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select()}
            if waking_out in ready:
                os.read(waking_out, 4096)
                _reap(living)
            if 0 not in ready:
                continue
            read = os.read(0, 65536)
            if not read:
                break
            *lines, pending = (pending + read).split(b"\n")
            for line in lines:
                living.add(_fork(NodeSpec(**json.loads(line)), run, unwanted=(waking_out, waking_in)))
    for pid in living:
        os.kill(pid, signal.SIGKILL)


def _fork(spec: NodeSpec, run: Callable[[NodeSpec], int], *, unwanted: Sequence[int]) -> int:
    fork_server = os.getpid()
    pid = os.fork()
    if pid:
        _say({"started": pid})
        return pid
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        end_with_parent()
        if os.getppid() != fork_server:
            os._exit(1)  # it ended before we asked to be told
        log = os.open(spec.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        for descriptor in (*unwanted, log, nothing):
            os.close(descriptor)
        code = run(spec)
    except BaseException:
        _leave_trace(spec)
    finally:
        os._exit(code)


def _leave_trace(spec: NodeSpec) -> None:
    """In a file of its own, and a short one: the log may be what could not be written."""
    text = traceback.format_exc()[-TRACE_CHARACTERS:]
    with suppress(OSError):
        Path(f"{spec.log}.{os.getpid()}.trace").write_text(text, encoding="utf-8")


def _reap(living: set[int]) -> None:
    while living:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        living.discard(pid)
        _say({"ended": pid, "status": os.waitstatus_to_exitcode(status)})


def _say(what: dict[str, Any]) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")

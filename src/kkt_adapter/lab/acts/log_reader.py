"""The log of a node goes through a pipe into its file, so that its reader can stop reading."""

import asyncio
import fcntl
import os
from contextlib import suppress
from pathlib import Path
from random import Random

from kkt_adapter.lab.world import World

F_SETPIPE_SZ = 1031  # fcntl(2)
PIPE_BYTES = 4096  # the least that the kernel gives
READ_BYTES = 65_536
STALLS_S = (5, 30)  # nodes' seconds


class LogPipe:
    """Belongs to the event loop it was opened on. ``path`` is what the node writes to."""

    def __init__(self, log: Path) -> None:
        self.path = log.with_suffix(".pipe")
        os.mkfifo(self.path, 0o600)
        self._fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        with suppress(OSError):
            fcntl.fcntl(self._fd, F_SETPIPE_SZ, PIPE_BYTES)
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._loop = asyncio.get_running_loop()
        self.read_on()

    def stall(self) -> None:
        """Nobody reads any more, and the pipe takes no byte more."""
        self._loop.remove_reader(self._fd)
        with suppress(BlockingIOError):
            while True:
                os.write(self._fd, b"\n")

    def read_on(self) -> None:
        self._loop.add_reader(self._fd, self._copy)

    def close(self) -> None:
        self._loop.remove_reader(self._fd)
        self._copy()
        os.close(self._fd)
        os.close(self._log)
        self.path.unlink(missing_ok=True)

    def _copy(self) -> None:
        with suppress(BlockingIOError):
            os.write(self._log, os.read(self._fd, READ_BYTES).replace(b"\n\n", b""))


def node_free(world: World) -> bool:
    return any(not node.turn.locked() for node in world.nodes)


async def stalled(world: World, rng: Random) -> str | None:
    """A journal that stands still, Ctrl-S in a terminal: the node answers all the same."""
    node = world.node(rng)
    log = world.logs[node.name]

    async def stand_still() -> None:
        log.stall()
        try:
            await world.pause(rng.uniform(*STALLS_S))
            answered = await world.answers(node)
        finally:
            log.read_on()
        if not answered and await world.answers(node):  # so it was the log, and not another fault
            world.wrong.append(f"{node.name} does not answer while nobody reads its log")

    async with node.turn:
        await node.up()
        passed = await world.passes(stand_still, rng, node=node)
    return node.name if passed else None

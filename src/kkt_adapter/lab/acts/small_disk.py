"""A file system of its own for the data of the nodes, that can be made as small as what lies on it.

Needs the right to mount; where it is missing the fault is left out.
"""

import asyncio
import os
import shutil
import subprocess
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from random import Random

from kkt_adapter.lab.world import World

ROOM = "512m"  # as long as it is not full; taken only by what is written
FULL_S = (2, 30)  # nodes' seconds
COMMAND_S = 20.0
SPARE_BYTES = (4096, 65_536, 262_144)


class SmallDisk:
    """A tmpfs on ``path``. Raises OSError when it cannot be mounted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.geteuid() != 0:
            raise PermissionError("only root may mount")
        _do("mount", "-t", "tmpfs", "-o", f"size={ROOM},mode=0700", "kkt-lab", str(path))

    def fill(self) -> None:
        """Hardly a byte more fits (ENOSPC), for new files neither. Tried four times."""
        for spare in (0, *SPARE_BYTES):  # somebody may write meanwhile, and it is never made too small
            used = shutil.disk_usage(self.path).used
            with suppress(OSError):
                _do("mount", "-o", f"remount,size={max(used + spare, 4096)}", str(self.path))
                return

    def make_room(self) -> None:
        _do("mount", "-o", f"remount,size={ROOM}", str(self.path))

    def keep(self, elsewhere: Path | None) -> None:
        """Unmount; what lies there is copied to ``elsewhere`` first, if that is wanted."""
        if elsewhere is not None:
            shutil.copytree(self.path, elsewhere, dirs_exist_ok=True)
        _do("umount", "-l", str(self.path))


def _do(*command: str) -> None:
    binary = shutil.which(command[0])
    if binary is None:
        raise FileNotFoundError(command[0])
    done = subprocess.run(  # noqa: S603 - our own words
        (binary, *command[1:]), capture_output=True, text=True, check=False, timeout=COMMAND_S
    )
    if done.returncode:
        raise OSError(done.stderr.strip())


def there(world: World) -> bool:
    return world.disk is not None


def free(world: World) -> bool:
    return not world.disk_turn.locked() and all(not node.turn.locked() for node in world.nodes)


async def full(world: World, rng: Random) -> str | None:
    disk, node = world.disk, world.node(rng)
    assert disk is not None

    async def fill() -> None:
        await asyncio.to_thread(disk.fill)
        try:
            await world.pause(rng.uniform(*FULL_S))
        finally:
            await asyncio.shield(asyncio.to_thread(disk.make_room))

    async with world.disk_turn, node.turn, AsyncExitStack() as stack:
        await node.up()
        for each in world.nodes:
            stack.enter_context(each.excused())
        passed = await world.passes(fill, rng, node=node)
    return "ENOSPC" if passed else None

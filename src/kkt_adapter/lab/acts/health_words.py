"""Does the status of /v1/health fit what the lab knows? A question is open, or maintenance is on.

It is looked at before the status and after it, as nobody can tell what was in between; and the status may
be one moment old.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection

from kkt_adapter.lab.acts.asking import Json, ask
from kkt_adapter.lab.nodes import LabNode
from kkt_adapter.lab.world import World

LATE_S = 3.0  # real: a status is made of what was read a moment before
LOOK_EVERY_S = 0.1  # real
SOME_CANNOT = frozenset({"degraded", "unhealthy"})
NOBODY_SELLS = frozenset({"unhealthy"})

Known = Callable[[], Awaitable[tuple[str, Collection[str]] | None]]


async def tells_the_truth(world: World, node: LabNode, known: Known, *, what: str) -> bool:
    """``known``: what the lab knows now, under a name that stays the same as long as it lasts, and the
    words that fit it; None: nothing. A node that says something else all the time is wrong. False: nobody
    can tell."""
    loop = asyncio.get_running_loop()
    before, status = await known(), ""
    until = loop.time() + LATE_S
    while before is not None and loop.time() < until:
        health = await ask(world, node, "GET", "/v1/health")
        after = await known()
        if health is None or after != before:
            return False
        status = str(health[1].get("status"))
        if status in before[1]:
            return True
        await asyncio.sleep(LOOK_EVERY_S)
    if before is None or not status:
        return False
    world.wrong.append(f"{node.name} says that it is {status} while {what}")
    return True


async def questions(world: World, node: LabNode) -> tuple[str, Collection[str]] | None:
    """The open questions of a node, by register and version."""
    status = await ask(world, node, "GET", "/v1/kkt/status")
    if status is None or status[0] != 200:
        return None
    registers: list[Json] = status[1]["registers"]
    open_ = {one["register_id"]: one["question"]["version"] for one in registers if one["question"]}
    if not open_:
        return None
    return repr(sorted(open_.items())), NOBODY_SELLS if len(open_) == len(registers) else SOME_CANNOT


async def question_is_told(world: World) -> None:
    """By every node that asks one."""
    for node in world.nodes:

        async def known(node: LabNode = node) -> tuple[str, Collection[str]] | None:
            return await questions(world, node)

        await tells_the_truth(world, node, known, what="a question is open")

"""A register of the group is held or drained for a while: receipts of the group go to the others."""

from functools import partial
from random import Random

from kkt_adapter.lab.acts.asking import ask, insist
from kkt_adapter.lab.acts.kind import FaultKind
from kkt_adapter.lab.world import World

LASTS_S = (5, 40)  # nodes' seconds
ACTIONS = ("hold", "drain")
NOT_HELD = 409


def has_pool(world: World) -> bool:
    return bool(world.pool)


def pool_idle(world: World) -> bool:
    return any(not world.turn_of(register_id).locked() for register_id in world.pool)


async def set_aside(world: World, rng: Random) -> str | None:
    idle = [one for one in world.pool if not world.turn_of(one).locked()]
    register_id, action = rng.choice(idle or world.pool), rng.choice(ACTIONS)
    async with world.turn_of(register_id):
        if not await said(world, register_id, action):
            return None

        async def last() -> None:
            await world.pause(rng.uniform(*LASTS_S))

        try:
            passed = await world.passes_at(register_id, last, rng)
        finally:
            await said(world, register_id, "release")
    return f"{action} {register_id}" if passed else None


async def release_all(world: World) -> None:
    """Before a run settles, when every node works. Raises RuntimeError: a register was not released."""
    for register_id in world.pool:
        await insist(
            partial(said, world, register_id, "release"), otherwise=f"{register_id} was not released"
        )


async def said(world: World, register_id: str, action: str) -> bool:
    """A manager says it to any node that listens; holds are kept in the database, which all share."""
    fine = (200, NOT_HELD) if action == "release" else (200,)
    for node in world.nodes:
        path = f"/v1/kkt/registers/{register_id}/{action}"
        told = await ask(world, node, "POST", path, {"reason": "the lab"})
        if told is not None and told[0] in fine:
            return True
    return False


HELD = FaultKind(name="register held or drained", weight=3, work=set_aside, needs=has_pool, free=pool_idle)

"""A register of the group is held or drained for a while: receipts of the group go to the others."""

import asyncio
from contextlib import suppress
from random import Random

import aiohttp

from kkt_adapter.lab.acts.kind import FaultKind
from kkt_adapter.lab.world import World

ANSWER_S = 5.0  # real
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
        for _ in range(60):
            if await said(world, register_id, "release"):
                break
            await asyncio.sleep(0.5)
        else:
            raise RuntimeError(f"{register_id} was not released")


async def said(world: World, register_id: str, action: str) -> bool:
    """A manager says it to any node that listens; holds are kept in the database, which all share."""
    assert world.session is not None
    for node in world.nodes:
        url = f"{node.base_url}/v1/kkt/registers/{register_id}/{action}"
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with (
                asyncio.timeout(ANSWER_S),
                world.session.post(url, json={"reason": "the lab"}) as answer,
            ):
                if answer.status == 200 or (answer.status == NOT_HELD and action == "release"):
                    return True
    return False


HELD = FaultKind(name="register held or drained", weight=3, work=set_aside, needs=has_pool, free=pool_idle)

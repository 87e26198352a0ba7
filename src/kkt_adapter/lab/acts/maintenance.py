"""Maintenance mode for a while: tills are told when to come again, and health says so."""

import asyncio
from collections.abc import Collection
from random import Random

from kkt_adapter.lab.acts.asking import ask, ask_any, insist
from kkt_adapter.lab.acts.health_words import SOME_CANNOT, tells_the_truth
from kkt_adapter.lab.acts.kind import FaultKind
from kkt_adapter.lab.world import World

PATH = "/v1/pos/maintenance"
LASTS_S = (2, 20)  # nodes' seconds
MINUTES = 60  # estimated
OFF = 409  # it is not on


def free(world: World) -> bool:
    return not world.database_turn.locked()


async def maintained(world: World, rng: Random) -> str | None:
    """Nobody copies the database meanwhile: the copy would bring it back."""
    node, looked = world.node(rng), False

    async def known() -> tuple[str, Collection[str]] | None:
        said = await ask(world, node, "GET", PATH)
        if said is None or said[0] != 200 or not said[1]["maintenance"]:
            return None
        return str(said[1]["since"]), SOME_CANNOT

    async def last() -> None:
        nonlocal looked
        await world.pause(rng.uniform(*LASTS_S))
        looked = await tells_the_truth(world, node, known, what="maintenance is on")

    async with world.database_turn:
        body = {"reason": "the lab", "estimated_duration_minutes": MINUTES}
        begun = await ask_any(world, "POST", PATH, body)
        try:
            passed = begun is not None and begun[0] == 200 and await world.passes(last, rng, node=node)
        finally:
            await asyncio.shield(end_if_on(world))
    return node.name if passed and looked else None


async def end_if_on(world: World) -> None:
    """Raises RuntimeError: it could not be ended."""

    async def is_off() -> bool:
        told = await ask_any(world, "DELETE", PATH)
        return told is not None and told[0] in (200, OFF)

    await insist(is_off, otherwise="maintenance was not ended")


MAINTENANCE = FaultKind(name="maintenance", weight=2, work=maintained, free=free)

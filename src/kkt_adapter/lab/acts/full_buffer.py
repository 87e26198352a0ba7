"""The buffer is full: it takes exactly as many receipts as it may, and knows those it has."""

import asyncio
from collections.abc import Sequence
from random import Random

from kkt_adapter.emulators.ofd import OfdFault, OfdFaultMode
from kkt_adapter.lab.acts.asking import Json, ask_any, insist
from kkt_adapter.lab.acts.kind import FaultKind
from kkt_adapter.lab.acts.network import COUNTLESS
from kkt_adapter.lab.ledger import Asked
from kkt_adapter.lab.traffic import Till
from kkt_adapter.lab.world import World

PATH = "/v1/admin/buffer"
SMALL, USUAL = 50, 10_000  # undelivered receipts: the least that is allowed, and what nodes begin with
AT_ONCE, ROUNDS = 12, 10  # customers; together they are more than fit
FULL = "BUFFER_FULL"


def free(world: World) -> bool:
    return bool(world.idle_registers) and not (world.database_turn.locked() or world.operator_turn.locked())


async def filled(world: World, rng: Random) -> str | None:
    """Nothing is delivered meanwhile, so what is there only grows; and nobody copies the database: the copy
    would bring the small capacity back."""
    tills = [till for one in world.idle_registers for till in world.tills_of(one)]
    async with world.database_turn, world.operator_turn:
        await world.operator.set_faults(OfdFault(mode=OfdFaultMode.DOWN, count=COUNTLESS))
        try:
            known = await rng.choice(tills).sale()
            begun = await _set(world, SMALL)
            if known is None or begun is None:
                return None
            was_full = await _sell_out(tills, rng)
            now, most = await _set(world, SMALL), max(SMALL, begun["current_queued"])
            holds = 0 if now is None else now["current_queued"]
            if holds > most:
                world.wrong.append(f"the buffer holds {holds} undelivered receipts, and may hold {most}")
            if was_full:
                await _is_known(world, rng.choice(tills), known)
        finally:
            await world.operator.set_faults()
            await asyncio.shield(as_usual(world))
    return f"{SMALL} receipts" if was_full or holds > most else None


async def _sell_out(tills: Sequence[Till], rng: Random) -> bool:
    """Has somebody heard that there is no room?"""
    for _ in range(ROUNDS):
        asked = await asyncio.gather(*(till.ask_once() for till in rng.choices(tills, k=AT_ONCE)))
        if any(one.heard == FULL for one in asked):
            return True
    return False


async def _is_known(world: World, till: Till, known: Asked) -> None:
    """A receipt that is there is no new one: its till hears of it, and not that there is no room."""
    await till.post(known)
    if known.heard == FULL:
        world.wrong.append(f"{known.name} is stored, and its till hears that the buffer is full")


async def _set(world: World, capacity: int) -> Json | None:
    """What a node answers to an administrator; it counts in the same transaction."""
    told = await ask_any(world, "PATCH", PATH, {"capacity": capacity})
    return None if told is None or told[0] != 200 else told[1]


async def as_usual(world: World) -> None:
    """Raises RuntimeError: it could not be said."""

    async def is_set() -> bool:
        return await _set(world, USUAL) is not None

    await insist(is_set, otherwise="the capacity was not set back")


FILLED = FaultKind(name="buffer full", weight=2, work=filled, free=free)

"""What is done to the operator and to the line that leads there."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from kkt_adapter.emulators.link import FlakyLink, LinkMode, RelayFault
from kkt_adapter.emulators.ofd import OfdFault, OfdFaultMode
from kkt_adapter.lab.acts.kind import Work
from kkt_adapter.lab.world import World

OPERATOR_S = 10.0  # what a delivery waits for its answer (delivery.md#circuit-breaker)
COUNTLESS = 1_000_000  # messages: until the fault is lifted, and yet it is seen how many came
COMES_BY_S = 15.0  # how long a named point, or a counted fault, waits for somebody to pass
LOOK_EVERY_S = 0.05  # real seconds


def operator(mode: OfdFaultMode, *, longest_s: float) -> Work:
    """It counts when somebody came: a message that got no answer, a connection that was refused."""

    async def work(world: World, rng: Random) -> str | None:
        fault = OfdFault(mode=mode, count=COUNTLESS)
        async with world.operator_turn, asyncio.TaskGroup() as group:
            refused = world.tcp_link.in_vain + world.http_link.in_vain
            await world.operator.set_faults(fault)
            for register_id in sorted(world.http_registers):
                group.create_task(world.customer(register_id, rng))
            await world.pause(rng.uniform(1, longest_s))
            await world.operator.set_faults()
            refused = world.tcp_link.in_vain + world.http_link.in_vain - refused
        return mode.value if refused or fault.count != COUNTLESS else None

    return work


def answers(*modes: OfdFaultMode) -> Work:
    """The operator answers the next few messages in a wrong way."""

    async def work(world: World, rng: Random) -> str | None:
        mode = rng.choice(modes)
        code = rng.choice((14, 500, 503, 429, 422)) if mode is OfdFaultMode.CODE else 0
        delay_s = world.real(rng.uniform(0.1, 1.3) * OPERATOR_S) if mode is OfdFaultMode.SLOW else 0.0
        fault = OfdFault(mode=mode, code=code, delay_s=delay_s, count=rng.choice((1, 2, 5)))
        given = fault.count
        async with world.operator_turn:
            await world.operator.set_faults(fault)
            await world.pause(rng.uniform(3, 15))
            await world.operator.set_faults()
        return mode.value if fault.count != given else None

    return work


def line(mode: LinkMode) -> Work:
    """``stale`` is for the binary protocol alone, whose answers name their document; an answer of the HTTP
    profile does not say whose it is, so nobody could tell."""

    async def work(world: World, rng: Random) -> str | None:
        links = (world.tcp_link, world.tcp_link, world.http_link)
        link: FlakyLink = world.tcp_link if mode is LinkMode.STALE else rng.choice(links)
        delay_s = world.real(rng.uniform(0.1, 2.0) * OPERATOR_S)
        async with world.line_turn:
            before = link.plan.hits.get(mode, 0)
            link.plan.add(RelayFault(mode=mode, delay_s=delay_s, count=rng.choice((1, 2, 4))))
            if link is world.http_link:
                link.cut()  # connections there live long, and faults wait for new ones

            async def used() -> bool:
                return link.plan.hits.get(mode, 0) > before

            hit = await in_time(world, used)
            link.plan.set()
        return mode.value if hit else None

    return work


async def in_time(
    world: World, happened: Callable[[], Awaitable[bool]], *, within_s: float = COMES_BY_S
) -> bool:
    """Has it happened before patience is over? ``within_s``: nodes' seconds."""
    loop = asyncio.get_running_loop()
    until = loop.time() + world.real(within_s)
    while loop.time() < until:
        await asyncio.sleep(LOOK_EVERY_S)
        if await happened():
            return True
    return False

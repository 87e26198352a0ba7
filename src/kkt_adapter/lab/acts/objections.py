"""The operator takes documents and finds fault with them: somebody must hear of each.

An FN that has the answer never sends the document again. So what is not told by then is told by nobody, and a
process may die exactly there.
"""

import asyncio
import signal
from random import Random

from kkt_adapter.emulators.ofd import OfdFault, OfdFaultMode
from kkt_adapter.lab.acts import idle
from kkt_adapter.lab.acts.kind import FaultKind
from kkt_adapter.lab.acts.network import COMES_BY_S, COUNTLESS, in_time
from kkt_adapter.lab.books import is_confirmed, read_documents
from kkt_adapter.lab.world import World

CODES = (11, 14)  # not recognised; format control failed
ALERT, ALERTED_S = "FORMAT_CONTROL_FAILED", 60.0  # nodes' seconds
FN_HAS_IT = "register.accept_reply:after"


async def heard(world: World, rng: Random) -> str | None:
    """The documents of one register, a receipt among them when it comes in time."""
    code, register_id = rng.choice(CODES), rng.choice(world.relayed)
    file = world.fn_file(register_id)
    before = await asyncio.to_thread(read_documents, file)
    if not before:
        return None
    fault = OfdFault(mode=OfdFaultMode.CODE, code=code, count=COUNTLESS, fn=before[0].fn_number)
    async with world.operator_turn:
        await world.operator.set_faults(fault)
        try:
            sale = await rng.choice(world.tills_of(register_id)).sale()

            async def taken() -> bool:
                now = await asyncio.to_thread(read_documents, file)
                made = sale is not None and any(d.name == sale.name for d in now)
                return made and await asyncio.to_thread(is_confirmed, file)

            await in_time(world, taken)
        finally:
            await world.operator.set_faults()
    if fault.count == COUNTLESS:
        return None
    await _alerted(world)
    return f"{code} {register_id}"


async def _alerted(world: World) -> None:
    """Give the alert time to be told to people, as nobody waits for that at the end."""

    async def told() -> bool:
        return world.notices is None or world.notices.codes[ALERT] > 0

    await in_time(world, told, within_s=ALERTED_S)


async def heard_and_died(world: World, rng: Random) -> str | None:
    """The documents of all registers; the process that heard it is killed when the FN has the answer."""
    node, code = world.node(rng), rng.choice(CODES)
    fault = OfdFault(mode=OfdFaultMode.CODE, code=code, count=COUNTLESS)
    async with node.turn, world.operator_turn, asyncio.TaskGroup() as group:
        await node.up()
        await world.operator.set_faults(fault)
        try:
            for register_id in world.relayed:
                group.create_task(world.customer(register_id, rng))
            within_s = world.real(COMES_BY_S)
            point = await node.at((FN_HAS_IT,), signal.SIGKILL, skip=0, within_s=within_s)
        finally:
            await world.operator.set_faults()
    return node.name if point is not None and fault.count != COUNTLESS else None


def free_to_die(world: World) -> bool:
    return idle.node(world) and idle.operator_idle(world)


HEARD = FaultKind(
    name="operator finds fault with a document",
    weight=2,
    work=heard,
    needs=idle.relays,
    free=idle.operator_idle,
)
HEARD_AND_DIED = FaultKind(
    name="operator finds fault, and the process is killed",
    weight=2,
    work=heard_and_died,
    needs=idle.relays,
    free=free_to_die,
)

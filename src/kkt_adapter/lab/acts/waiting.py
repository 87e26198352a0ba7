"""A receipt waits in a copy of the database, is printed, and then the copy is put back.

Without a key nobody but a person can tell that the document in the FN is this receipt's, and a wrong clock is
no reason to decide it otherwise. A receipt of a group waits for one register in the copy, and another one has
printed it since: the first must look there before it prints.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

from kkt_adapter.kernel.errors import StorageError
from kkt_adapter.lab.acts.asking import ask_any
from kkt_adapter.lab.acts.copies import Copies
from kkt_adapter.lab.acts.kind import FaultKind
from kkt_adapter.lab.acts.network import in_time
from kkt_adapter.lab.acts.person import RIGHT
from kkt_adapter.lab.acts.replaced import while_halted
from kkt_adapter.lab.books import read_documents
from kkt_adapter.lab.doors.held import said
from kkt_adapter.lab.ledger import Asked
from kkt_adapter.lab.world import World

DAY_S = 86_400
AHEAD_S = (40 * DAY_S, 402 * DAY_S)  # past the 31 days in which a till asks again
COMES_OUT_S = 300.0  # nodes' seconds; it is over as soon as it happens
STAYS_S = (5, 30)  # nodes' seconds that the clocks stay wrong
STOPS = (signal.SIGTERM, signal.SIGKILL)


def there(world: World) -> bool:
    return world.copies is not None and bool(_own_way(world))


def has_group(world: World) -> bool:
    return world.copies is not None and world.group_till is not None and len(world.pool) > 1


def free(world: World) -> bool:
    return not (world.database_turn.locked() or world.clock_turn.locked())


def free_group(world: World) -> bool:
    busy = any(world.turn_of(register_id).locked() for register_id in world.pool)
    return not (busy or world.database_turn.locked())


def _own_way(world: World) -> list[str]:
    """Registers whose receipts the operator does not have under their document's number alone."""
    return [one for one in world.registers if one not in world.http_registers]


async def without_key(world: World, rng: Random) -> str | None:
    """Afterwards the clocks of the nodes, and of their registers, are far ahead for a while."""
    register_id = rng.choice(_own_way(world))
    tills = world.tills_of(register_id)
    async with world.clock_turn, world.database_turn, world.turn_of(register_id):
        async with _no_paper(world, (register_id,)):
            receipt = await rng.choice(tills).sale(keyless=True)
            copied = receipt is not None and await _rests(world, receipt) and await _copied(world)
            copied = copied and receipt is not None and await _rests(world, receipt)
        if receipt is None or not copied or not await _printed(world, receipt, (register_id,)):
            return None
        ahead_s = rng.choice(AHEAD_S)
        try:
            await _put_back(world, rng, ahead_s=ahead_s)
            await _comes_out(world, receipt, tills[0].pos_id)
            await world.pause(rng.uniform(*STAYS_S))
        finally:
            for node in world.nodes:
                node.set_clock(0.0)
    return f"{register_id} +{ahead_s // DAY_S} d"


async def of_group(world: World, rng: Random) -> str | None:
    """It waits for the register that was held afterwards, so that it moved to another one."""
    assert world.group_till is not None
    pool = sorted(world.pool)
    async with AsyncExitStack() as turns:
        await turns.enter_async_context(world.database_turn)
        for register_id in pool:
            await turns.enter_async_context(world.turn_of(register_id))
        async with _no_paper(world, pool):
            receipt = await world.group_till.sale()
            waits_for = None if receipt is None else await _waits_for(world, receipt)
            if receipt is None or waits_for is None or not await _copied(world):
                return None
            await said(world, waits_for, "hold")
        try:
            others = [one for one in pool if one != waits_for]
            if not await _printed(world, receipt, others):
                return None
            await _put_back(world, rng, ahead_s=0)
        finally:
            await asyncio.shield(said(world, waits_for, "release"))
    return waits_for


async def _comes_out(world: World, receipt: Asked, pos_id: str) -> None:
    """A person has decided the question about it; or it was printed, and nobody was asked."""
    person = world.person
    assert person is not None

    async def out() -> bool:
        question = await person.question(pos_id)
        if question is not None and await person.decide(*question, RIGHT):
            return True
        told = await ask_any(world, "GET", f"/v1/kkt/receipt/{receipt.receipt_id}")
        return told is not None and told[0] == 200 and told[1]["print_state"] == "printed"

    await in_time(world, out, within_s=COMES_OUT_S)


async def _rests(world: World, receipt: Asked) -> bool:
    """Nothing is under way with it, and nothing was made: an open attempt in a copy would be a question by
    itself, whatever the clock says."""

    async def rests() -> bool:
        told = await ask_any(world, "GET", f"/v1/kkt/receipt/{receipt.receipt_id}")
        if told is None or told[0] != 200 or told[1]["print_state"] != "new":
            return False
        return all(attempt["ended_at"] is not None for attempt in told[1]["attempts"])

    return await in_time(world, rests)


async def _waits_for(world: World, receipt: Asked) -> str | None:
    """The register to which the receipt was given, while none can print."""
    told = await ask_any(world, "GET", f"/v1/kkt/receipt/{receipt.receipt_id}")
    if told is None or told[0] != 200 or told[1]["print_state"] != "new":
        return None
    return str(told[1]["register_id"])


@asynccontextmanager
async def _no_paper(world: World, registers: Collection[str]) -> AsyncIterator[None]:
    for register_id in registers:
        world.set_plan(register_id, paper_out=True)
    try:
        yield
    finally:
        for register_id in registers:
            world.set_plan(register_id)


async def _copied(world: World) -> bool:
    assert world.copies is not None
    async with world.postgres_turn:
        try:
            await world.copies.make()
        except StorageError:  # the small disk is full: no copy, no act
            return False
    return True


async def _printed(world: World, receipt: Asked, registers: Collection[str]) -> bool:
    """Is its document in the FN of one of these registers, in time?"""

    def look() -> bool:
        made = [read_documents(world.fn_file(register_id)) for register_id in registers]
        return any(document.name == receipt.name for documents in made for document in documents)

    async def made() -> bool:
        return await asyncio.to_thread(look)

    return await in_time(world, made, within_s=COMES_OUT_S)


async def _put_back(world: World, rng: Random, *, ahead_s: int) -> None:
    """Half of it would be a loss that nobody knows of: it is done to its end."""
    copies = world.copies
    assert copies is not None
    by_restore = world.database_file is not None and rng.random() < 0.5

    async def replace(copies: Copies) -> None:
        await copies.put_back(decided=by_restore)
        if ahead_s:
            for node in world.nodes:
                node.set_clock(float(ahead_s))

    doing = asyncio.create_task(while_halted(world, copies, replace, how=rng.choice(STOPS)))
    try:
        await asyncio.shield(doing)
    except asyncio.CancelledError:
        await doing
        raise


WITHOUT_KEY = FaultKind(
    name="older copy in which a receipt without a key waits",
    weight=2,
    work=without_key,
    needs=there,
    free=free,
)
OF_GROUP = FaultKind(
    name="older copy in which a group's receipt waits",
    weight=2,
    work=of_group,
    needs=has_group,
    free=free_group,
)

"""A backlog goes out in blocks of documents, and the operator refuses one in the middle: what is behind it in
the FN has not gone out, and may not be called delivered."""

import asyncio
from collections.abc import Sequence
from random import Random
from urllib.parse import quote

from kkt_adapter.emulators.ofd import OfdFault, OfdFaultMode
from kkt_adapter.lab.acts import idle
from kkt_adapter.lab.acts.asking import ask_any
from kkt_adapter.lab.acts.kind import FaultKind
from kkt_adapter.lab.acts.network import COUNTLESS, in_time
from kkt_adapter.lab.acts.person import decided_before
from kkt_adapter.lab.books import Archived, confirmed_number, read_documents
from kkt_adapter.lab.ledger import Asked
from kkt_adapter.lab.world import World

SALES = 10  # blocks grow to 1, 2, 4 and 8 documents
REFUSED = (4, 5)  # of them, from 0: in the middle of a block of four
PRINTED_S = 100.0  # nodes' seconds
SYNCED = "synced"


def free(world: World) -> bool:
    return bool(_idle(world)) and idle.operator_idle(world)


def _idle(world: World) -> list[str]:
    return [one for one in world.relayed if not world.turn_of(one).locked()]


async def one_refused(world: World, rng: Random) -> str | None:
    register_id = rng.choice(_idle(world) or list(world.relayed))
    async with world.turn_of(register_id), world.operator_turn:
        await decided_before(world, register_id)
        try:
            await world.operator.set_faults(OfdFault(mode=OfdFaultMode.DOWN, count=COUNTLESS))
            sales, documents = await _sold(world, register_id, rng)
            if len(documents) < SALES:
                return None
            refused = documents[rng.choice(REFUSED)]
            fault = OfdFault(
                mode=OfdFaultMode.REFUSE, fn=refused.fn_number, document=refused.fd_number, count=COUNTLESS
            )
            await world.operator.set_faults(fault)

            async def came() -> bool:
                await ask_any(world, "POST", "/v1/kkt/buffer/sync?force=true")
                return fault.count != COUNTLESS

            if not await in_time(world, came):
                return None
            await _look(world, register_id, sales, documents)
        finally:
            await world.operator.set_faults()
    return register_id


async def _sold(world: World, register_id: str, rng: Random) -> tuple[list[Asked], list[Archived]]:
    """Sales, and their documents in the order of the FN."""
    tills = world.tills_of(register_id)
    done = await asyncio.gather(*(rng.choice(tills).sale() for _ in range(SALES)))
    sales = [sale for sale in done if sale is not None]
    names = {sale.name for sale in sales}
    documents: list[Archived] = []

    async def printed() -> bool:
        made = await asyncio.to_thread(read_documents, world.fn_file(register_id))
        documents[:] = [one for one in made if one.name in names]
        return len(documents) >= len(names)

    await in_time(world, printed, within_s=PRINTED_S)
    return sales, documents


async def _look(
    world: World, register_id: str, sales: Sequence[Asked], documents: Sequence[Archived]
) -> None:
    """Read what the adapter says before what the FN says, as what is confirmed stays confirmed."""
    numbers = {document.name: document.fd_number for document in documents}
    said = [await ask_any(world, "GET", f"/v1/kkt/receipt/{quote(str(one.receipt_id))}") for one in sales]
    confirmed = await asyncio.to_thread(confirmed_number, world.fn_file(register_id))
    for sale, told in zip(sales, said, strict=True):
        if confirmed is None or told is None or told[0] != 200 or told[1]["status"] != SYNCED:
            continue
        if numbers[sale.name] > confirmed:
            text = f"{sale.name} is called delivered, document {numbers[sale.name]} of {register_id}; "
            world.wrong.append(text + f"the operator has confirmed {confirmed}")


ONE_REFUSED = FaultKind(
    name="operator refuses one document of a backlog",
    weight=2,
    work=one_refused,
    needs=idle.relays,
    free=free,
)

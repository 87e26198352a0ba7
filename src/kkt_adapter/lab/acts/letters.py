"""The operator refuses a receipt for good, a person closes its dead letter, and a till refunds the sale.

The person says that the receipt was delivered in another way, or writes it off; of one letter, or of all of a
register. The first may be refunded, the second only with a reason.
"""

import asyncio
from random import Random
from urllib.parse import quote

from kkt_adapter.emulators.ofd import OfdFault, OfdFaultMode
from kkt_adapter.lab.acts.asking import Json, ask_any
from kkt_adapter.lab.acts.kind import FaultKind
from kkt_adapter.lab.acts.network import COUNTLESS
from kkt_adapter.lab.acts.person import decided_before
from kkt_adapter.lab.ledger import Asked, LedgerOutcome
from kkt_adapter.lab.traffic import WRITTEN_OFF, Till
from kkt_adapter.lab.world import World

LETTERS = "/v1/kkt/dlq"
UNPROCESSABLE = 422  # over HTTP: the document itself is refused
GIVEN_UP_S = 30.0  # real: a few refusals, one after each order to deliver now; a machine may be busy
LOOK_EVERY_S = 0.02  # real
TRIES = 5
NOBODY_COUNTED = 999_999
OTHERWISE = "delivered_otherwise"
BLOCKED = "REFUND_BLOCKED"


def there(world: World) -> bool:
    return bool(world.http_registers)


def free(world: World) -> bool:
    idle = any(not world.turn_of(register_id).locked() for register_id in world.http_registers)
    return idle and not world.operator_turn.locked()


async def resolved(world: World, rng: Random) -> str | None:
    register_id = rng.choice(sorted(world.http_registers))
    outcome, many = rng.choice((OTHERWISE, WRITTEN_OFF)), rng.random() < 0.5
    till = rng.choice(world.tills_of(register_id))
    async with world.turn_of(register_id), world.operator_turn:
        await decided_before(world, register_id)
        await world.operator.set_faults(OfdFault(mode=OfdFaultMode.CODE, code=UNPROCESSABLE, count=COUNTLESS))
        try:
            sale = await till.sale()
            receipt_id = "" if sale is None else str(sale.receipt_id)
            letter = await _given_up(world, receipt_id) if receipt_id else None
        finally:
            await world.operator.set_faults()
    if sale is None or letter is None:
        return None
    note = f"the lab: {outcome} {len(world.ledger.resolved)}"
    world.ledger.resolved[note] = outcome
    said = {"note": note, "outcome": outcome}
    await (_resolve_all(world, register_id, said) if many else _resolve(world, letter, said))
    closed = _Closed(world, letter, receipt_id, note)
    if not await closed.is_so():
        return None
    await _refund(world, till, sale, closed, written_off=outcome == WRITTEN_OFF)
    return f"{outcome} {register_id}"


async def _given_up(world: World, receipt_id: str) -> int | None:
    """The open letter of a receipt, once the adapter has tried often enough: somebody has it try at once."""
    loop = asyncio.get_running_loop()
    until = loop.time() + GIVEN_UP_S
    while loop.time() < until:
        await ask_any(world, "POST", "/v1/kkt/buffer/sync?force=true")
        page = await ask_any(world, "GET", LETTERS)
        for letter in [] if page is None or page[0] != 200 else page[1]["items"]:
            if letter["original_receipt_id"] == receipt_id and letter["resolved_at"] is None:
                return int(letter["id"])
        await asyncio.sleep(LOOK_EVERY_S)
    return None


async def _resolve(world: World, letter: int, said: Json) -> None:
    await ask_any(world, "POST", f"{LETTERS}/{letter}/resolve", said)


async def _resolve_all(world: World, register_id: str, said: Json) -> None:
    """First with a count that cannot be right, which must be refused and tells the right one."""
    body = {"filter": {"register_id": register_id}, **said}
    count = NOBODY_COUNTED
    for _ in range(TRIES):
        told = await ask_any(world, "POST", f"{LETTERS}/resolve", {**body, "expected_count": count})
        if told is None:
            continue
        status, answer = told
        if status == 200 and count == NOBODY_COUNTED:
            world.wrong.append(f"dead letters were resolved although not {count} of them are open")
        if status != 409:
            return
        count = int(answer["count"])


class _Closed:
    """A letter that the lab has closed: is it still, as far as anybody can tell? A replaced database may have
    forgotten it."""

    def __init__(self, world: World, letter: int, receipt_id: str, note: str) -> None:
        self._world = world
        self._letter = letter
        self.receipt_id = receipt_id
        self._note = note

    async def is_so(self) -> bool:
        letter = await ask_any(self._world, "GET", f"{LETTERS}/{self._letter}")
        receipt = await ask_any(self._world, "GET", f"/v1/kkt/receipt/{quote(self.receipt_id)}")
        if letter is None or receipt is None or letter[0] != 200 or receipt[0] != 200:
            return False
        same = letter[1]["original_receipt_id"] == self.receipt_id and letter[1]["note"] == self._note
        return bool(same and receipt[1]["status"] == "failed")


async def _refund(world: World, till: Till, sale: Asked, closed: _Closed, *, written_off: bool) -> None:
    if written_off:
        plain = await till.refund(sale, closed.receipt_id)
        if plain.outcome is LedgerOutcome.TOLD and await closed.is_so():
            world.wrong.append(f"{sale.name} was written off, and {plain.name} refunds it without a reason")
    refund = await till.refund(sale, closed.receipt_id, why="the lab" if written_off else None)
    if refund.refusal == BLOCKED and await closed.is_so():
        world.wrong.append(f"{sale.name} is settled by a person, and its refund {refund.name} is refused")


RESOLVED = FaultKind(
    name="dead letter resolved and refunded", weight=2, work=resolved, needs=there, free=free
)

"""Tills that nobody configured, with names as people give them: demo mode gives each a register."""

from itertools import count
from random import Random

from kkt_adapter.lab.acts.kind import FaultKind
from kkt_adapter.lab.world import World

NAMES = (
    'Касса "У входа" №',
    "till \"left\" 'right' \\ ",
    "../../../etc/passwd ",
    "%2e%2e%2f&pos_id=R0#",
    "Robert'); DROP TABLE receipts;--",
    "A very long name of a till that stands in the hall, no.",
    "-rf --",
    "│░▒▓█ ё",
)
FIRST = "POS-001"  # the register that demo mode always has


def there(world: World) -> bool:
    return world.new_till is not None


async def sells(world: World, rng: Random) -> str | None:
    """It counts when its first receipt was accepted; in the end it is asked for like every other."""
    assert world.new_till is not None
    taken = {till.pos_id for till in world.tills}
    name = rng.choice(NAMES)
    pos_id = next(one for one in (f"{name}{n}" for n in count(1)) if one not in taken)
    till = world.new_till(pos_id)
    world.tills.append(till)
    return pos_id if await till.sale() else None


ODD_TILL = FaultKind(name="demo till with an odd name", weight=3, work=sells, needs=there)

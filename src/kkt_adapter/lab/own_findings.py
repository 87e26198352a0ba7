"""What went wrong with the processes themselves, and what the faults saw with their own eyes; and whether a
promise is broken already, while everything still runs."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress

from kkt_adapter.lab.books import FnBook
from kkt_adapter.lab.injector import FaultStats
from kkt_adapter.lab.ledger import Ledger
from kkt_adapter.lab.nodes import UP_WITHIN_S
from kkt_adapter.lab.reconcile import BookFinding, FindingKind
from kkt_adapter.lab.world import World

NO_DATABASE = 2  # exit code of a node that cannot reach its database when it starts
LOOK_EVERY_S = 0.25  # real


def own_findings(stats: FaultStats, world: World) -> list[BookFinding]:
    """A node that starts while PostgreSQL restarts ends, and is started again. With SQLite none may: who
    starts waits for a process that holds the file, also for one that is frozen."""
    found = [
        BookFinding(kind=FindingKind.WRONG, subject="fault", text=f"{name} did not end")
        for name in stats.stuck
    ]
    said = [*stats.broken, *world.wrong]
    said += [f"{name} did not come up within {UP_WITHIN_S:.0f} s" for name in world.gone]
    found += [BookFinding(kind=FindingKind.WRONG, subject="fault", text=text) for text in said]
    allowed = set() if world.postgres is None else {NO_DATABASE}
    for node in world.nodes:
        ended = [status for status in node.unexpected if status not in allowed]
        if ended:
            text = f"ended by itself: {ended}"
            found.append(BookFinding(kind=FindingKind.WRONG, subject=node.name, text=text))
    return found


async def until_broken(world: World, archives: Callable[[], Sequence[FnBook]]) -> None:
    """Set ``world.broken`` when a fault has seen something wrong, or a receipt has too many documents.
    ``archives`` reads the FNs as they are now."""
    while not world.broken.is_set():
        await asyncio.sleep(LOOK_EVERY_S)
        if world.wrong or _is_doubled(world.ledger, await asyncio.to_thread(_names, archives)):
            world.broken.set()


def _names(archives: Callable[[], Sequence[FnBook]]) -> Counter[str | None]:
    with suppress(sqlite3.Error, ValueError):  # an FN that is not there yet, or is busy
        return Counter(document.name for archive in archives() for document in archive.documents)
    return Counter()


def _is_doubled(ledger: Ledger, names: Counter[str | None]) -> bool:
    return any(names[asked.name] > asked.allowed for asked in ledger.asked)

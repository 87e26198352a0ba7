"""The database goes away: an older copy takes its place, or it is deleted and a person puts a copy back.

Receipts that came in after the copy are gone from the database, and are in the FN when they were printed.
Their tills ask again with the same key, which must find the document and print nothing. What has no key in
its document, and what the HTTP operator has under its old id, a person looks up in the register's report.
"""

import asyncio
import signal
import sqlite3
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from kkt_adapter.lab.nodes import LabNode
from kkt_adapter.lab.world import World
from kkt_adapter.runtime.db.backup import back_up, restore
from kkt_adapter.runtime.db.identity import Decided, Decision, load_memory, save_memory

KEEP = 1000  # copies of a run
LAST_WORDS_S = 0.2  # real: answers of a node that has ended still come to their tills
GOES_ON_S = (5, 60)  # nodes' seconds between the copy and the loss
STOPS = (signal.SIGTERM, signal.SIGKILL)


def one_node_alone(world: World) -> bool:
    """Nobody else has the file open, and every FN can be read by anybody."""
    return world.database_file is not None and len(world.nodes) == 1 and not world.devices


def node_free(world: World) -> bool:
    """Not in a run whose clocks were off by months: by them the FN's documents are too old for any key."""
    return not world.nodes[0].turn.locked() and not world.clock_turn.locked() and not world.was_far_off


async def by_an_older_copy(world: World, rng: Random) -> str | None:
    """With `db restore`, or by another program, which the count of changes or the FN gives away."""
    return await _lose(world, rng, decided=rng.random() < 0.5, deleted=False)


async def lost(world: World, rng: Random) -> str | None:
    """Without its database the node must not start; then a person puts a copy back."""
    return await _lose(world, rng, decided=True, deleted=True)


async def _lose(world: World, rng: Random, *, decided: bool, deleted: bool) -> str | None:
    file, node = world.database_file, world.nodes[0]
    assert file is not None
    async with node.turn, world.clock_turn:
        if world.was_far_off:
            return None
        world.was_replaced = True
        await node.up()
        copy = await asyncio.to_thread(
            back_up, file, file.parent / "lab-copies", now=datetime.now(UTC), keep=KEEP
        )
        await world.pause(rng.uniform(*GOES_ON_S))
        replacing = asyncio.create_task(
            _replace(world, copy, how=rng.choice(STOPS), decided=decided, deleted=deleted)
        )
        try:
            await asyncio.shield(replacing)
        except asyncio.CancelledError:
            await replacing  # half of it would be a loss that nobody knows of
            raise
        await node.up()
    return f"{'deleted' if deleted else 'replaced'}, {'said' if decided else 'not said'}"


async def _replace(world: World, copy: Path, *, how: signal.Signals, decided: bool, deleted: bool) -> None:
    file, node = world.database_file, world.nodes[0]
    assert file is not None
    async with node.halted(how):
        await asyncio.sleep(LAST_WORDS_S)
        if deleted:
            await _must_refuse(world, node, file)
        await asyncio.to_thread(_put_back, copy, file, decided=decided)
        keys = await asyncio.to_thread(_texts_in, file, "SELECT idempotency_key FROM receipts")
        world.ledger.went_back(keys, asks_again=lambda till: not world.is_http(till))
        reasons = "SELECT reason FROM cash_transactions WHERE reason IS NOT NULL"
        world.ledger.drawer.went_back(await asyncio.to_thread(_texts_in, file, reasons))


async def _must_refuse(world: World, node: LabNode, file: Path) -> None:
    for name in (file.name, f"{file.name}-wal", f"{file.name}-shm"):
        with suppress(FileNotFoundError):
            file.with_name(name).unlink()
    if await node.tries_to_start():
        world.wrong.append("a node came up without its database, as if the shop were new")


def _put_back(copy: Path, file: Path, *, decided: bool) -> None:
    restore(copy, file, now=datetime.now(UTC))
    if decided:
        memory = load_memory(file.parent)
        at = datetime.now(UTC).isoformat()
        decision = Decision(what=Decided.RESTORE, by="lab", reason="act of the lab", at=at, file=copy.name)
        save_memory(file.parent, replace(memory, decision=decision))


def _texts_in(file: Path, query: str) -> frozenset[str]:
    """The one column of a query, in a SQLite file that nobody writes."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as raw:
        return frozenset(text for (text,) in raw.execute(query))

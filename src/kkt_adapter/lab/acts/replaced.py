"""The database goes away: an older copy takes its place, or it is deleted and a person puts a copy back, or
its log is deleted.

Receipts that came in after the copy are gone from the database, and are in the FN when they were printed.
Their tills ask again with the same key, which must find the document and print nothing. What has no key in
its document a person looks up in the register's report.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

from kkt_adapter.kernel.errors import StorageError
from kkt_adapter.lab.acts.copies import Copies
from kkt_adapter.lab.world import World

GOES_ON_S = (5, 60)  # nodes' seconds between the copy and the loss
LAST_WORDS_S = 0.2  # real: answers of a node that has ended still come to their tills
STOPS = (signal.SIGTERM, signal.SIGKILL)
KEYS = "SELECT idempotency_key FROM receipts"
REASONS = "SELECT reason FROM cash_transactions WHERE reason IS NOT NULL"


def there(world: World) -> bool:
    return world.copies is not None


def in_a_file(world: World) -> bool:
    return world.database_file is not None


def free(world: World) -> bool:
    return not world.database_turn.locked()


async def by_an_older_copy(world: World, rng: Random) -> str | None:
    """With `db restore`, or by another program, which the count of changes or the FN gives away."""
    decided = world.database_file is not None and rng.random() < 0.5

    async def replace(copies: Copies) -> None:
        await copies.put_back(decided=decided)

    return await _lose(world, rng, replace, how=rng.choice(STOPS))


async def lost(world: World, rng: Random) -> str | None:
    """Without its database no node must start; then a person puts a copy back."""

    async def lose(copies: Copies) -> None:
        await copies.delete()
        try:
            for node in world.nodes:
                if await node.tries_to_start():
                    world.wrong.append(f"{node.name} came up without its database, as if the shop were new")
        finally:
            await copies.put_back(decided=True)

    return await _lose(world, rng, lose, how=rng.choice(STOPS))


async def log_lost(world: World, rng: Random) -> str | None:
    """Killed, so that the log is full of what the file has not got; then somebody tidies it away."""

    async def lose(copies: Copies) -> None:
        if not await copies.delete_log():
            await copies.put_back(decided=True)  # the file alone is no database: the start says so

    return await _lose(world, rng, lose, how=signal.SIGKILL)


async def _lose(
    world: World, rng: Random, replace: Callable[[Copies], Awaitable[None]], *, how: signal.Signals
) -> str | None:
    copies = world.copies
    assert copies is not None
    async with world.database_turn:
        async with world.postgres_turn:
            try:
                await copies.make()
            except StorageError:  # the small disk is full: no copy, no act
                return None
        await world.pause(rng.uniform(*GOES_ON_S))
        losing = asyncio.create_task(while_halted(world, copies, replace, how=how))
        try:
            await asyncio.shield(losing)
        except asyncio.CancelledError:
            await losing  # half of it would be a loss that nobody knows of
            raise
    return how.name


async def while_halted(
    world: World, copies: Copies, replace: Callable[[Copies], Awaitable[None]], *, how: signal.Signals
) -> None:
    """Stop every node, replace the database, tell the books what it knows, and have every node started."""
    async with _all_halted(world, how), world.postgres_turn:
        await asyncio.sleep(LAST_WORDS_S)
        await replace(copies)
        keys, reasons = await copies.texts(KEYS), await copies.texts(REASONS)
        world.ledger.went_back(keys)
        world.ledger.drawer.went_back(reasons)


@asynccontextmanager
async def _all_halted(world: World, how: signal.Signals) -> AsyncIterator[None]:
    """No node runs; afterwards all are up. Raises TimeoutError."""
    async with AsyncExitStack() as stack:
        for node in world.nodes:
            await stack.enter_async_context(node.turn)
            await node.up()
        async with AsyncExitStack() as halting:
            for node in world.nodes:
                await halting.enter_async_context(node.halted(how))
            yield
        for node in world.nodes:
            await node.up()

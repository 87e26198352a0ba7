"""After the last fault: everything is repaired, clients and people do their part, and the service must do
the rest.

The till asks again for what it has no answer to. A person has receipts that a register refused printed again,
and dead letters sent again, and decides open questions by what the FN holds. Nobody else helps.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import aiohttp
from sqlalchemy import Connection, select

from kkt_adapter.fiscal.store.tables import dlq, receipts
from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.lab.acts.person import RIGHT, Person
from kkt_adapter.lab.books import is_confirmed
from kkt_adapter.lab.ledger import Asked, Ledger
from kkt_adapter.runtime.db.protocol import Database

LOOK_EVERY_S = 0.25
HELP_EVERY_S = 2.0
AT_ONCE = 16
PATIENT_S = 20.0  # real: a till waits for an answer, once nothing goes wrong any more
LONGEST_S = 900.0  # real


REASON = {"reason": "the lab has mended the register"}  # a shop that was told of a failure needs one


class Client(Protocol):
    """Who asked for receipts, and asks again. ``answer_s``: how long it waits, in real seconds."""

    answer_s: float

    @property
    def pos_id(self) -> str: ...

    async def post(self, asked: Asked) -> bool: ...


class Settling:
    """``bases``: addresses of the nodes; ``database``: a connection of the lab's own; ``queued``: the files
    of FNs whose documents go out of a queue of their own, reports too; ``enough``: nobody need wait."""

    def __init__(
        self,
        *,
        bases: Sequence[str],
        session: aiohttp.ClientSession,
        person: Person,
        database: Database,
        ledger: Ledger,
        tills: Sequence[Client],
        queued: Sequence[Path],
        enough: asyncio.Event,
    ) -> None:
        self._bases = bases
        self._session = session
        self._person = person
        self._db = database
        self._ledger = ledger
        self._queued = queued
        self._enough = enough
        self._tills = {till.pos_id: till for till in tills}
        for till in tills:
            till.answer_s = PATIENT_S

    async def settle(self, *, limit_s: float) -> tuple[float, bool]:
        """Real seconds until everything was printed and delivered; and whether it was, before nothing had got
        any better for ``limit_s``: a busy machine is slow, and loses nothing."""
        loop = asyncio.get_running_loop()
        started = better = loop.time()
        helped, least = float("-inf"), math.inf
        while (now := loop.time()) - better < limit_s and now - started < LONGEST_S:
            if self._enough.is_set():
                break
            if now - helped >= HELP_EVERY_S:
                await self._help()
                helped = loop.time()
            if (left := await self._unsettled()) == 0:
                return loop.time() - started, True
            if left < least:
                least, better = left, loop.time()
            await asyncio.sleep(LOOK_EVERY_S)
        return loop.time() - started, False

    async def ask_all_again(self, receipts_: Sequence[Asked]) -> None:
        """Every till asks for every receipt once more: the answers must not have changed."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def ask(asked: Asked) -> None:
            async with gate:
                await self._tills[asked.till].post(asked)

        await asyncio.gather(*(ask(asked) for asked in receipts_))

    async def _unsettled(self) -> float:
        """Receipts without an answer, or not printed and delivered, and FNs with something in their queue;
        infinite when nobody can say."""
        try:
            left = await self._db.read(_left)
        except AdapterError:
            return math.inf
        queues = await asyncio.to_thread(lambda: sum(not is_confirmed(queue) for queue in self._queued))
        return len(self._ledger.open()) + sum(not self._is_given_up(receipt) for receipt in left) + queues

    async def _help(self) -> None:
        await self.ask_all_again(self._ledger.open())
        with suppress(AdapterError):
            refused = await self._db.read(_failed)
            asking = await self._db.read(_ids(receipts.c.pos_id, receipts.c.print_state == "print_unknown"))
            letters = await self._db.read(_ids(dlq.c.id, dlq.c.resolved_at.is_(None)))
            for receipt_id, key in refused:
                if not self._is_pressed_anew(key):
                    self._ledger.forced = True
                    await self._post(f"/v1/kkt/receipt/{receipt_id}/reprint", REASON)
            for letter in letters:
                await self._post(f"/v1/kkt/dlq/{letter}/retry", {})
            for pos_id in sorted(set(asking)):
                found = await self._person.question(pos_id)
                if found is not None:
                    await self._person.decide(*found, RIGHT)

    def _is_pressed_anew(self, key: str) -> bool:
        """Does its client press again by itself when it hears of a failure, with another key?"""
        asked = self._ledger.by_key(key)
        return asked is not None and asked.door_presses

    def _is_given_up(self, left: tuple[str, str]) -> bool:
        """A press that failed, and was followed by one that was printed."""
        key, print_state = left
        return print_state == "print_failed" and self._is_pressed_anew(key)

    async def _post(self, path: str, body: dict[str, str]) -> None:
        for base in self._bases:
            with suppress(aiohttp.ClientError, OSError, TimeoutError):
                async with asyncio.timeout(5), self._session.post(base + path, json=body) as answer:
                    if answer.status == 200:
                        return


def _left(connection: Connection) -> list[tuple[str, str]]:
    """Stored key and print state of receipts that are not printed and delivered, nor settled by a person."""
    settled = select(dlq.c.id).where(dlq.c.original_receipt_id == receipts.c.id, dlq.c.outcome.is_not(None))
    by_a_person = (receipts.c.status == "failed") & settled.exists()
    left = select(receipts.c.idempotency_key, receipts.c.print_state).where(
        (receipts.c.print_state != "printed") | ((receipts.c.status != "synced") & ~by_a_person)
    )
    return [(key, state) for key, state in connection.execute(left)]


def _failed(connection: Connection) -> list[tuple[str, str]]:
    """Id and stored key of what a register refused."""
    failed = select(receipts.c.id, receipts.c.idempotency_key).where(receipts.c.print_state == "print_failed")
    return [(receipt_id, key) for receipt_id, key in connection.execute(failed.limit(500))]


def _ids(column: Any, where: Any) -> Callable[[Connection], list[Any]]:
    def read(connection: Connection) -> list[Any]:
        return [found for (found,) in connection.execute(select(column).where(where).limit(500))]

    return read

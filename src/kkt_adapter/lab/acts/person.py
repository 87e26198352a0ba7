"""A person decides what became of a receipt: what the adapter may never decide by itself.

The question is made on purpose: another program prints on the register while the answer to our command is
lost. The person looks at the FN, and is right, or decides wrongly. A wrong decision makes a wrong document,
and exactly that one: nothing reopens or overrules it.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

import aiohttp

from kkt_adapter.lab.acts.health_words import question_is_told
from kkt_adapter.lab.books import read_documents
from kkt_adapter.lab.ledger import Asked, Ledger, is_foreign
from kkt_adapter.lab.world import World

ANSWER_S = 5.0  # real
LOOK_EVERY_S = 0.1  # real
QUESTION_S = 60.0  # nodes' seconds until the adapter has asked
RIGHT, ADOPTS_WRONGLY, PRINTS_WRONGLY = "rightly", "adopts wrongly", "prints wrongly"
# How the person decides, one question after the other, and whether our document was made: any four in a row
# hold a print that is right or wrong while it was not made.
CASES = (
    (RIGHT, False),
    (ADOPTS_WRONGLY, True),
    (RIGHT, True),
    (PRINTS_WRONGLY, False),
    (RIGHT, False),
    (ADOPTS_WRONGLY, False),
    (RIGHT, True),
    (PRINTS_WRONGLY, True),
)


class Person:
    """``bases``: addresses of the nodes; ``fn_file``: where a register's FN lies."""

    def __init__(
        self,
        *,
        bases: Sequence[str],
        session: aiohttp.ClientSession,
        ledger: Ledger,
        fn_file: Callable[[str], Path],
    ) -> None:
        self._bases = bases
        self._session = session
        self._ledger = ledger
        self._fn_file = fn_file

    async def question(self, pos_id: str) -> tuple[Asked, dict[str, Any]] | None:
        """What is asked about this till's register, and about which receipt; None: nothing."""
        for base in self._bases:
            status = await self._ask("GET", f"{base}/v1/kkt/status?{urlencode({'pos_id': pos_id})}")
            found = [
                {**one["question"], "register_id": one["register_id"]}
                for one in (status or {}).get("registers", ())
                if one["question"]
            ]
            for question in found:
                if question["receipt_id"] is None:
                    continue
                receipt = await self._ask("GET", f"{base}/v1/kkt/receipt/{question['receipt_id']}")
                asked = self._ledger.by_key((receipt or {}).get("idempotency_key"))
                if asked is not None:
                    return asked, question
        return None

    async def decide(self, asked: Asked, question: dict[str, Any], how: str) -> bool:
        """Say it to the node that asks; false when it was not heard, or the question is another by now."""
        register_id = question["register_id"]
        made = await asyncio.to_thread(read_documents, self._fn_file(register_id))
        own = [document for document in made if document.name == asked.name]
        offered = {candidate["fd_number"] for candidate in question["documents"]}
        others = [d for d in made if d.fd_number in offered and is_foreign(d.name)]
        asked.decide()
        body: dict[str, Any] = {"reason": f"the lab: {how}", "question_version": question["version"]}
        if how == ADOPTS_WRONGLY and others:
            body |= {"action": "adopt", "fiscal_doc_number": others[-1].fd_number}
            asked.adopted.add(others[-1].id)
        elif own and how != PRINTS_WRONGLY:
            body |= {"action": "adopt", "fiscal_doc_number": own[-1].fd_number}
        else:
            body |= {"action": "print_again"}
            asked.allowed = len(own) + 1
        for base in self._bases:
            done = await self._ask("POST", f"{base}/v1/kkt/receipt/{question['receipt_id']}/resolve", body)
            if done is not None:
                return True
        return False

    async def _ask(self, method: str, url: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
        with suppress(aiohttp.ClientError, OSError, TimeoutError, ValueError):
            async with (
                asyncio.timeout(ANSWER_S),
                self._session.request(method, url, json=body) as answer,
            ):
                found = await answer.json(content_type=None)
                return found if answer.status == 200 and isinstance(found, dict) else None
        return None


def register_free(world: World) -> bool:
    return bool(world.idle_registers) and not world.question_turn.locked()


async def question(world: World, rng: Random) -> str | None:
    """One at a time, as a register with an open question sells nothing."""
    register_id = world.register(rng)
    http = register_id in world.http_registers  # an operator that has it under a wrong document keeps it so
    tills = world.tills_of(register_id)
    if not tills or world.person is None:
        return None
    async with world.question_turn, world.turn_of(register_id):
        how, printed = CASES[world.questions_decided % len(CASES)]
        if http and how == ADOPTS_WRONGLY:
            how = PRINTS_WRONGLY
        others = 1 if printed else 2  # of documents without a key a single one is taken for ours
        world.foreign(register_id, printed=printed, others=others)
        posting = asyncio.create_task(world.customer(register_id, rng, keyless=printed))
        try:
            was_decided = await decided(world, tills[0].pos_id, how, looks_at_health=True)
        finally:
            world.foreign(register_id, printed=False, others=0)
            await posting
    world.questions_decided += was_decided
    return f"{how} {register_id}" if was_decided else None


async def decided_before(world: World, register_id: str) -> None:
    """An open question would keep an act from its register: a person decides it, rightly."""
    tills = world.tills_of(register_id)
    if world.person is not None and tills:
        found = await world.person.question(tills[0].pos_id)
        if found is not None:
            await world.person.decide(*found, RIGHT)


async def decided(world: World, pos_id: str, how: str, *, looks_at_health: bool = False) -> bool:
    """Wait for the question about this till's register and decide it; false when none came in time.
    ``looks_at_health``: before that, whether the nodes say that something is wrong."""
    person, loop = world.person, asyncio.get_running_loop()
    assert person is not None
    until = loop.time() + world.real(QUESTION_S)
    while loop.time() < until:
        found = await person.question(pos_id)
        if found is not None and looks_at_health:
            await question_is_told(world)
            looks_at_health = False
        if found is not None and await person.decide(*found, how):
            return True
        await asyncio.sleep(LOOK_EVERY_S)
    return False

"""What both kinds of shops are: clients that sell one thing after another, and write down what they hear."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from typing import Any

from kkt_adapter.fiscal.intake.origin import scoped_key
from kkt_adapter.lab.ledger import NAME, Asked, CommandKind, Ledger, LedgerOutcome

Json = dict[str, Any]

PATIENCE = 6  # tries of one sale before the shop comes back to it at the end
KNOWN = 30  # of the latest sales, that are asked for again


class DoorClient:
    """``bases`` are the nodes' addresses; ``answer_s`` and ``think_s`` are real seconds."""

    door: str
    scope: str

    def __init__(
        self,
        pos_id: str,
        *,
        bases: Sequence[str],
        ledger: Ledger,
        rng: Random,
        answer_s: float,
        think_s: float,
    ) -> None:
        self.pos_id = pos_id
        self._bases = bases
        self._ledger = ledger
        self._rng = rng
        self.answer_s = answer_s
        self._think_s = think_s
        self._mine: list[Asked] = []

    async def work(self, stop: asyncio.Event) -> None:
        """Sell until ``stop``."""
        while not stop.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._rng.expovariate(1 / self._think_s)):
                    await stop.wait()
                    return
            await self._act()

    async def _act(self) -> None:
        told = [asked for asked in self._mine[-KNOWN:] if asked.outcome is LedgerOutcome.TOLD]
        if told and self._rng.random() < 0.1:
            await self.post(self._rng.choice(told))  # asks again for what it has
        else:
            await self._sell(self._new())

    async def _sell(self, asked: Asked) -> None:
        for n in range(PATIENCE):
            if await self.post(asked):
                return
            await asyncio.sleep(self._rng.uniform(0.05, 0.2) * (n + 1))

    async def post(self, asked: Asked, *, base: str | None = None) -> bool:
        """One try; true when no other is needed."""
        raise NotImplementedError

    def _new(self) -> Asked:
        """In the books before anybody is asked."""
        number = len(self._ledger.asked)
        kind = CommandKind.REFUND if self._rng.random() < 0.15 else CommandKind.SALE
        asked = Asked(
            number=number,
            key=self._stored(self._key()),
            till=self.pos_id,
            kind=kind,
            total_kop=self._rng.randrange(1, 500_000),
            body={},
            keyless=False,
        )
        asked.body = self._body(asked, NAME.format(number=number))
        self._ledger.asked.append(asked)
        self._mine.append(asked)
        return asked

    def _body(self, asked: Asked, name: str) -> Json:
        raise NotImplementedError

    def _key(self) -> str:
        return f"{self._rng.getrandbits(128):032x}"

    def _stored(self, key: str) -> str:
        """The client's key as the adapter keeps it."""
        return scoped_key(self.door, self.scope, key)

    def _sent(self, key: str) -> str:
        """The client's key out of the stored one."""
        return key.rpartition(" ")[2]

    def _wrong(self, asked: Asked, answer: object) -> None:
        self._ledger.wrong_answers.append(f"{asked.name} through {self.door}: {str(answer)[:500]}")

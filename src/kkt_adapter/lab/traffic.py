"""The tills: random traffic by seed, and clients as stubborn as real ones.

A till posts a receipt until it hears 200, or a refusal for good; no answer, a broken one, or "try again" make
it try again with the same key, on any node. Now and then it asks twice at once, asks again for what it has,
or uses a key for something else.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from random import Random
from typing import Any

import aiohttp

from kkt_adapter.lab.drawer.traffic import DrawerTraffic
from kkt_adapter.lab.ledger import NAME, Asked, CommandKind, Ledger, LedgerOutcome, Told

TRY_AGAIN = frozenset(
    {
        "IDEMPOTENCY_IN_PROGRESS", "BUFFER_FULL", "STORAGE_ERROR", "OVERLOADED", "KKT_BLOCKED", "KKT_ERROR",
        "KKT_UNAVAILABLE", "RATE_LIMITED", "MAINTENANCE", "NOT_READY", "LEASE_LOST", "REQUEST_TIMEOUT",
    }
)  # fmt: skip
REFUSALS = frozenset({"REFUND_BLOCKED", "SHIFT_EXPIRED"})
WRITTEN_OFF = "written_off"  # the sale of a refund, by a person
KEYLESS_SHARE = 0.05  # of sales leave no place for the product's receipt key
PATIENCE = 6  # tries of one receipt before the till goes on with others and comes back to it at the end


class Till:
    """One till of one register. ``bases`` are the nodes' addresses."""

    def __init__(
        self,
        pos_id: str,
        *,
        bases: Sequence[str],
        session: aiohttp.ClientSession,
        ledger: Ledger,
        rng: Random,
        answer_s: float,
        think_s: float,
        day: date,
    ) -> None:
        self.pos_id = pos_id
        self._bases = bases
        self._session = session
        self._ledger = ledger
        self._rng = rng
        self.answer_s = answer_s
        self._think_s = think_s
        self._day = day
        self._mine: list[Asked] = []
        self._drawer = DrawerTraffic(pos_id, ledger=ledger.drawer, rng=rng, ask=self._ask_any)
        self.tries: Counter[str] = Counter()  # by the node that was asked

    async def work(self, stop: asyncio.Event) -> None:
        """Sell until ``stop``."""
        while not stop.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._rng.expovariate(1 / self._think_s)):
                    await stop.wait()
                    return
            await self._act()

    async def _act(self) -> None:
        dice = self._rng.random()
        told = [asked for asked in self._mine[-50:] if asked.outcome is LedgerOutcome.TOLD]
        if dice < 0.06 and told:
            await self.post(self._rng.choice(told))  # asks again for what it has
        elif dice < 0.08 and told:
            await self._abuse(self._rng.choice(told))
        elif dice < 0.14:
            asked = self._new()
            await asyncio.gather(self.post(asked), self.post(asked), self.post(asked))
        elif dice < 0.16:
            await self._drawer.z_report()
        elif dice < 0.17:
            await self._drawer.x_report()
        elif dice < 0.21:
            await self._drawer.move_cash()
        elif dice < 0.23:
            await self._send("/v1/kkt/buffer/sync", {}, key=None)
        else:
            await self.sell()

    async def ask_once(self, *, base: str | None = None, keyless: bool = False) -> Asked:
        """One new receipt and one try; without an answer it is asked for again at the end. ``keyless``: a
        sale that leaves no place for the product's receipt key."""
        asked = self._sale(keyless=True) if keyless else self._new()
        await self.post(asked, base=base)
        return asked

    async def sale(self, *, keyless: bool = False) -> Asked | None:
        """A new sale; None when it was not accepted, for now at least."""
        asked = await self._insist(self._sale(keyless=keyless))
        return asked if asked.told else None

    async def refund(self, sale: Asked, receipt_id: str, *, why: str | None = None) -> Asked:
        """``receipt_id``: under which the sale was accepted; ``why``: the reason of a refund that needs one.
        What came of it is in its ``outcome``."""
        more = {"original_receipt_id": receipt_id}
        more |= {} if why is None else {"refund_force_reason": why}
        return await self._insist(self._entered(CommandKind.REFUND, sale.total_kop, more, keyless=False))

    async def sell(self) -> None:
        """One receipt, tried until an answer that ends it, or until patience is over."""
        await self._insist(self._new())

    async def _insist(self, asked: Asked) -> Asked:
        for n in range(PATIENCE):
            if await self.post(asked):
                break
            await asyncio.sleep(self._rng.uniform(0.05, 0.15) * (n + 1))
        return asked

    async def post(self, asked: Asked, *, base: str | None = None) -> bool:
        """One try on any node, or on that one; true when no other is needed."""
        if asked.outcome is LedgerOutcome.GONE:
            return True
        asked.tries += 1
        asked.in_doubt += 1
        base = base or self._rng.choice(self._bases)
        self.tries[base] += 1
        status, answer, replayed = await self._ask(base + "/v1/kkt/receipt", asked.body, key=asked.key)
        if status is None or answer is None:
            self._ledger.unanswered += 1
            asked.refused_for_good = 0
            return False
        asked.in_doubt -= 1
        self._ledger.answers += 1
        self._ledger.replays += replayed
        asked.heard = ""
        if status == 200:
            asked.note(
                Told(
                    node=base,
                    receipt_id=answer["receipt_id"],
                    status=answer["status"],
                    document_id=answer["fiscal_doc_id"],
                )
            )
            return True
        code = asked.heard = str(answer.get("code"))
        if code in REFUSALS:
            return asked.refuse(code, for_good=answer.get("outcome") == WRITTEN_OFF)
        if code not in TRY_AGAIN:
            self._ledger.wrong_answers.append(f"{asked.name}: {status} {json.dumps(answer)[:500]}")
        return False

    async def _abuse(self, asked: Asked) -> None:
        """Another body under a key that was used: 409, and nothing else may come of it."""
        total = asked.total_kop + 100
        body = _body(asked.till, "Lab other", total, {"type": "sale"}, self._rng)
        base = self._rng.choice(self._bases)
        status, answer, _ = await self._ask(base + "/v1/kkt/receipt", body, key=asked.key)
        if status is None or answer is None:
            return
        if status == 200:
            asked.complaints.append("another body under its key was accepted")
        elif answer.get("code") == "IDEMPOTENCY_CONFLICT":
            self._ledger.conflicts += 1
            if answer.get("receipt_id") != asked.receipt_id:
                asked.complaints.append(f"the conflict names {answer.get('receipt_id')}")

    def _new(self) -> Asked:
        rng = self._rng
        total = rng.choice((100, 9_900, rng.randrange(1, 500_000)))
        kind = CommandKind.SALE
        more: dict[str, Any] = {}
        dice = rng.random()
        sales = [a for a in self._mine[-80:] if a.kind is CommandKind.SALE and a.told]
        if dice < 0.12 and sales:
            sale = rng.choice(sales)
            kind, total, more = CommandKind.REFUND, sale.total_kop, {"original_receipt_id": sale.receipt_id}
        elif dice < 0.18:
            kind = CommandKind.CORRECTION
            more = {"correction": {"type": "self", "date": self._day.isoformat(), "operation": "sale"}}
        keyless = kind is CommandKind.SALE and rng.random() < KEYLESS_SHARE
        return self._entered(kind, total, more, keyless=keyless)

    def _sale(self, *, keyless: bool) -> Asked:
        return self._entered(CommandKind.SALE, self._rng.randrange(1, 500_000), {}, keyless=keyless)

    def _entered(self, kind: CommandKind, total: int, more: dict[str, Any], *, keyless: bool) -> Asked:
        """In the books before anybody is asked."""
        number = len(self._ledger.asked)
        if keyless:
            more = {
                "additional_attribute": f"L{number}",
                "user_attribute": {"name": "lab", "value": str(number)},
            }
        name = NAME.format(number=number)
        asked = Asked(
            number=number,
            key=self._key(),
            till=self.pos_id,
            kind=kind,
            total_kop=total,
            body=_body(self.pos_id, name, total, {"type": kind.value, **more}, self._rng),
            keyless=keyless,
        )
        self._ledger.asked.append(asked)
        self._mine.append(asked)
        return asked

    def _key(self) -> str:
        return f"{self._rng.getrandbits(128):032x}"

    async def _ask_any(
        self, path: str, body: dict[str, Any], key: str
    ) -> tuple[int | None, dict[str, Any] | None]:
        status, answer, _ = await self._ask(self._rng.choice(self._bases) + path, body, key=key)
        return status, answer

    async def _send(self, path: str, body: dict[str, Any], *, key: str | None) -> None:
        await self._ask(self._rng.choice(self._bases) + path, body, key=key)

    async def _ask(
        self, url: str, body: dict[str, Any], *, key: str | None
    ) -> tuple[int | None, dict[str, Any] | None, bool]:
        """Status, JSON and whether it is a replay; None where no whole answer came."""
        headers = {} if key is None else {"Idempotency-Key": key}
        try:
            async with (
                asyncio.timeout(self.answer_s),
                self._session.post(url, json=body, headers=headers) as answer,
            ):
                found = await answer.json(content_type=None)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return None, None, False
        if not isinstance(found, dict):
            return answer.status, None, False
        return answer.status, found, answer.headers.get("Idempotency-Replayed") == "true"


def _body(till: str, name: str, total_kop: int, more: dict[str, Any], rng: Random) -> dict[str, Any]:
    amount = f"{total_kop // 100}.{total_kop % 100:02d}"
    return {
        "pos_id": till,
        "items": [{"name": name, "price": amount, "qty": 1}],
        "payments": [{"type": rng.choice(("cash", "card")), "amount": amount}],
        **more,
    }

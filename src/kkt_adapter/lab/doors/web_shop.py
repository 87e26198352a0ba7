"""A web shop that speaks ATOL Online: it repeats with the same external_id, asks for the report, and is
called back, when the call does not get lost.

Its sales go to the group. A sale is told when it is registered; a report or a call that names a document must
go on naming that one. A failure that was reported is final until a person forces it.
"""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

import aiohttp

from kkt_adapter.fiscal.kkt.virtual.identity import SELLER_INN
from kkt_adapter.lab.doors.accounts import GROUP, SECRET, WEB
from kkt_adapter.lab.doors.client import DoorClient, Json
from kkt_adapter.lab.ledger import Asked, CommandKind, Ledger, LedgerOutcome, Told

OPERATIONS = {CommandKind.SALE: "sell", CommandKind.REFUND: "sell_refund"}
EXPIRED, UNKNOWN, KNOWN_ID, NO_STATE, SERVER = 11, 30, 33, 34, 50  # codes of the protocol
POLLS = 4
TIME = "29.11.2026 12:00:00"  # of the shop's clock: data, never the receipt's time


class WebShop(DoorClient):
    """``callback_url``: where it listens."""

    door, scope = "atol-online", GROUP

    def __init__(
        self,
        *,
        bases: Sequence[str],
        session: aiohttp.ClientSession,
        ledger: Ledger,
        rng: Random,
        answer_s: float,
        think_s: float,
        callback_url: str,
    ) -> None:
        super().__init__(WEB, bases=bases, ledger=ledger, rng=rng, answer_s=answer_s, think_s=think_s)
        self._session = session
        self._callback_url = callback_url
        self._token = ""
        self._failed: set[int] = set()  # numbers of sales that were told to have failed
        self.calls = 0  # that came

    async def _sell(self, asked: Asked) -> None:
        twice = self._rng.random() < 0.2
        if twice:
            await asyncio.gather(self.post(asked), self.post(asked))
        await super()._sell(asked)
        if self._rng.random() < 0.3:
            return  # waits for the call
        for n in range(POLLS):
            if asked.document_ids or asked.number in self._failed:
                return
            await asyncio.sleep(self._rng.uniform(0.05, 0.2) * (n + 1))
            await self._report(asked)

    async def post(self, asked: Asked, *, base: str | None = None) -> bool:
        """Registers it, or hears what it was registered as."""
        if asked.outcome is LedgerOutcome.GONE:
            return True
        asked.tries += 1
        asked.in_doubt += 1
        base = base or self._rng.choice(self._bases)
        status, answer = await self._ask(base, "POST", OPERATIONS[asked.kind], asked.body)
        if status is None or answer is None:
            self._ledger.unanswered += 1
            return False
        asked.in_doubt -= 1
        self._ledger.answers += 1
        code, uuid = code_of(answer), answer.get("uuid")
        if uuid and (status == 200 or code == KNOWN_ID):
            self._ledger.replays += code == KNOWN_ID
            asked.note(Told(node=base, receipt_id=uuid, status=str(answer["status"]), document_id=None))
            if answer.get("warnings"):
                asked.complaints.append(f"the same sale is taken for another one: {answer['warnings']}")
            return await self._report(asked)
        if code == EXPIRED:
            self._token = ""
        elif code != SERVER:
            self._wrong(asked, (status, answer))
        return False

    async def _report(self, asked: Asked) -> bool:
        """False: ask again."""
        uuid = asked.receipt_id
        if uuid is None:
            return False
        base = self._rng.choice(self._bases)
        _, answer = await self._ask(base, "GET", f"report/{uuid}", None)
        if answer is None:
            return False
        code = code_of(answer)
        if code == EXPIRED:
            self._token = ""
        if answer.get("payload") is not None or answer.get("status") == "fail":
            if code == UNKNOWN and asked.receipt_id != uuid:
                return False  # its database was replaced meanwhile
            self.hear(asked, answer, node=base)
        elif code not in (NO_STATE, EXPIRED, SERVER):
            self._wrong(asked, answer)
        return True

    def hear(self, asked: Asked, answer: Json, *, node: str) -> None:
        """An outcome, reported or called back."""
        if asked.receipt_id != answer["uuid"]:
            return  # of a life before
        if answer["status"] == "fail":
            if asked.document_ids:
                asked.complaints.append(f"told that it failed after {sorted(asked.document_ids)}")
            self._failed.add(asked.number)
            return
        if asked.number in self._failed and not self._ledger.forced:
            asked.complaints.append("told that it failed, and then that it is printed")
        payload = answer["payload"]
        document_id = f"{payload['fn_number']}-{payload['fiscal_document_number']}"
        asked.note(Told(node=node, receipt_id=answer["uuid"], status="done", document_id=document_id))

    async def _ask(self, base: str, method: str, call: str, body: Json | None) -> tuple[int | None, Any]:
        """Status and JSON; None where no whole answer came."""
        root = f"{base}/possystem/{self._rng.choice(('v4', 'v5')) if method == 'GET' else version(body)}"
        try:
            async with asyncio.timeout(self.answer_s):
                if not self._token:
                    self._token = await self._sign_in(root)
                if not self._token:
                    return None, None  # no sign-in now: as without an answer
                async with self._session.request(
                    method, f"{root}/{GROUP}/{call}", json=body, headers={"Token": self._token}
                ) as answer:
                    found = await answer.json(content_type=None)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return None, None
        return answer.status, found if isinstance(found, dict) else None

    async def _sign_in(self, root: str) -> str:
        login = {"login": WEB, "pass": SECRET}
        async with self._session.post(f"{root}/getToken", json=login) as answer:
            found = await answer.json(content_type=None)
        return str(found.get("token") or "")

    def _body(self, asked: Asked, name: str) -> Json:
        rubles = asked.total_kop / 100  # as JavaScript has it
        is_v5 = self._rng.random() < 0.5
        line = {
            "name": name,
            "price": rubles,
            "quantity": 1,
            "sum": rubles,
            "payment_method": "full_payment",
            "payment_object": 1 if is_v5 else "commodity",
            "vat": {"type": "none"},
        } | ({"measure": 0} if is_v5 else {})
        return {
            "external_id": self._sent(asked.key),
            "timestamp": TIME,
            "service": {"callback_url": self._callback_url},
            "receipt": {
                "client": {"email": "buyer@example.com"},
                "company": {
                    "email": "shop@example.com",
                    "sno": "osn",
                    "inn": SELLER_INN,
                    "payment_address": "x",
                },
                "items": [line],
                "payments": [{"type": self._rng.choice((0, 1)), "sum": rubles}],
                "total": rubles,
            },
        }


def version(body: Json | None) -> str:
    """Of the protocol: the words of a line say which."""
    line = {} if body is None else body["receipt"]["items"][0]
    return "v5" if "measure" in line else "v4"


def code_of(answer: Json) -> int | None:
    error = answer.get("error")
    return error.get("code") if isinstance(error, dict) else None

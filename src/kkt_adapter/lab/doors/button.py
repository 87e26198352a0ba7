"""A till that speaks KkmServer: whoever stands at it presses again, with a new IdCommand, when no document
was named. Half of the time it asks GetRezult first.

A press that was refused is followed by another one; so one sale may be stored more than once, and exactly one
of those may be printed. Where a database was replaced the presses that it knew are gone, and nobody presses.
"""

import asyncio
import base64
import json
import re
from typing import Final

from kkt_adapter.lab.doors.accounts import BUTTON, SECRET
from kkt_adapter.lab.doors.client import DoorClient, Json
from kkt_adapter.lab.ledger import Asked, CommandKind, LedgerOutcome, Told

OK, RUNNING, REFUSED, NOT_FOUND = 0, 1, 2, 3  # Status
LAST_WORDS_S = 30.0  # real: after a half-closed connection, whose other end may stand still so long
TYPES: Final = {CommandKind.SALE: 0, CommandKind.REFUND: 1}
DOCUMENT: Final = re.compile(r"fn=(?P<fn>[0-9]+)&i=(?P<fd>[0-9]+)")
REASON: Final = re.compile(r"\[(?P<word>[a-z_0-9]+)\]\Z")
JUST: Final = "just_registered"
WRONG: Final = frozenset(
    {"id_used", "not_supported", "no_goods", "sums_differ", "no_payment", "no_command", "duplicate_field"}
)


class Button(DoorClient):
    door, scope = "kkmserver", BUTTON

    def _new(self) -> Asked:
        asked = super()._new()
        asked.door_presses = True
        return asked

    async def post(self, asked: Asked, *, base: str | None = None) -> bool:
        """One press: of a sale that is told the same again, else a new one."""
        if asked.outcome is LedgerOutcome.GONE:
            return True
        base = base or self._rng.choice(self._bases)
        if asked.told:
            return await self._again(asked, base)
        if asked.tries and self._rng.random() < 0.5:
            await self._poll(asked, base)
            if asked.is_over:
                return True
        if asked.tries:
            asked.press_anew(self._stored(self._key()))
        asked.tries += 1
        answer = await self._execute(base, {**asked.body, "IdCommand": self._sent(asked.keys[-1])})
        if answer is None:
            self._ledger.unanswered += 1
            return False
        self._ledger.answers += 1
        return await self._hear(asked, answer, base)

    async def _hear(self, asked: Asked, answer: Json, base: str) -> bool:
        if answer["Status"] == OK:
            self._note(asked, answer, base)
            return True
        if answer["Status"] == RUNNING:
            return False
        said = REASON.search(answer["Error"])
        word = "" if said is None else said["word"]
        if word == JUST:
            self._ledger.conflicts += 1
            while not await self._poll(asked, base):  # the number that it names belongs to an earlier press
                if asked.is_over:
                    return True
                base = self._rng.choice(self._bases)
                await asyncio.sleep(self._rng.uniform(0.1, 0.3))
            return True
        if answer["Status"] == NOT_FOUND or not word or word in WRONG:
            self._wrong(asked, answer)
        return False

    async def _again(self, asked: Asked, base: str) -> bool:
        """The same IdCommand as the one that was told: the same document."""
        key = asked.told_key or asked.key
        answer = await self._execute(base, {**asked.body, "IdCommand": self._sent(key)})
        if answer is None or asked.outcome is not LedgerOutcome.TOLD:
            return False
        if answer["Status"] == OK:
            self._ledger.replays += 1
            self._note(asked, answer, base)
            return True
        if answer["Status"] == REFUSED and REASON.search(answer["Error"]) is None:
            self._wrong(asked, answer)
        return False

    async def _poll(self, asked: Asked, base: str) -> bool:
        """GetRezult of each press so far: is one of them done?"""
        for key in reversed(asked.keys):
            answer = await self._execute(base, {"Command": "GetRezult", "IdCommand": self._sent(key)})
            if answer is not None and answer["Status"] == OK:
                asked.told_key = key
                self._note(asked, answer["Rezult"], base)
                return True
        return False

    def _note(self, asked: Asked, answer: Json, base: str) -> None:
        if asked.told_key is None:
            asked.told_key = asked.keys[-1]
        found = DOCUMENT.search(answer.get("QRCode") or "")
        if found is None or int(found["fd"]) != answer["CheckNumber"]:
            self._wrong(asked, answer)
            return
        document_id = f"{found['fn']}-{int(found['fd'])}"
        told = Told(node=base, receipt_id=answer["ReceiptId"], status="printed", document_id=document_id)
        asked.note(told)

    async def _execute(self, base: str, command: Json) -> Json | None:
        """The answer; None where no whole one came, or no answer of the door."""
        answer = await self._exchange(base, json.dumps(command).encode())
        if answer is None:
            return None
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            return None
        try:
            found = json.loads(body)
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    async def _exchange(self, base: str, body: bytes) -> bytes | None:
        """Over a connection of its own. Whoever has no patience left says so before it hangs up, by closing
        its side only: an answer that is on its way by then still counts, so no answer is told to nobody."""
        host, _, port = base.removeprefix("http://").partition(":")
        sign_in = base64.b64encode(f"{BUTTON}:{SECRET}".encode()).decode()
        head = f"POST /Execute HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Basic {sign_in}\r\n"
        head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        try:
            reader, writer = await asyncio.open_connection(host, int(port))
        except OSError:
            return None
        try:
            writer.write(head.encode() + body)
            reading = asyncio.create_task(reader.read())
            done, _ = await asyncio.wait({reading}, timeout=self.answer_s)
            if not done:
                writer.write_eof()
                await asyncio.wait({reading}, timeout=LAST_WORDS_S)
            if not reading.done():
                reading.cancel()
                return None
            return reading.result() or None
        except OSError:
            return None
        finally:
            writer.close()

    def _body(self, asked: Asked, name: str) -> Json:
        rubles = asked.total_kop / 100
        line = {"Name": name, "Quantity": 1, "Price": rubles, "Amount": rubles, "Tax": -1}
        paid = self._rng.choice(("Cash", "ElectronicPayment"))
        return {
            "Command": "RegisterCheck",
            "NumDevice": 0,
            "IsFiscalCheck": True,
            "TypeCheck": TYPES[asked.kind],
            "CashierName": "Lab",
            "CheckStrings": [{"Register": line}],
            paid: rubles,
        }

"""Repeats of a group's keys while registers are held, drained, lost and moved from: one document a key.

A script of random steps, the same for a seed. At its end every register works again, and the archives of all
FNs are compared: a key that stands in two documents, on whatever registers, is a receipt printed twice. A
variant of the product that chooses a register anew for a repeat must be caught by the same script.
"""

import asyncio
import hashlib
import http.client
import json
import random
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.processes.service import service_process
from tests.support.product import Product, sale
from tests.support.registers.group import GROUP, REGISTERS, pool, printed_twice

from kkt_adapter.emulators.ofd import OfdEmulator
from kkt_adapter.fiscal.intake.accept import ReceiptIntake
from kkt_adapter.fiscal.kkt.virtual import FaultPlan

STEPS = 60
FAULTS = (
    FaultPlan(),
    FaultPlan(timeout_after=1),
    FaultPlan(timeout_before=1),
    FaultPlan(paper_out=True),
    FaultPlan(latency_s=0.05),
)


class Script:
    """What was posted under each key, and which receipt each key has got."""

    def __init__(self, running: Product, seed: int) -> None:
        self._running = running
        self._random = random.Random(seed)
        self._sums: dict[str, int] = {}
        self.receipts: dict[str, set[str]] = {}

    async def run(self) -> None:
        steps = [self._post] * 6 + [self._repeat] * 6 + [self._aside] * 3 + [self._fault] * 2
        for _ in range(STEPS):
            await self._random.choice(steps)()
        await self._mend()

    async def _post(self) -> None:
        key = f"key-{len(self._sums)}"
        self._sums[key] = 100 + len(self._sums)
        await asyncio.gather(*(self._send(key) for _ in range(self._random.choice((1, 1, 3)))))

    async def _repeat(self) -> None:
        if self._sums:
            await self._send(self._random.choice(list(self._sums)))

    async def _send(self, key: str) -> None:
        answer = await self._running.post(sale(till=GROUP, kop=self._sums[key]), key=key)
        if answer.status_code == 200:
            self.receipts.setdefault(key, set()).add(answer.json()["receipt_id"])

    async def _aside(self) -> None:
        action = self._random.choice(("hold", "drain", "release", "release"))
        path = f"/v1/kkt/registers/{self._random.choice(REGISTERS)}/{action}"
        await self._running.call("POST", path, {"reason": "x"})

    async def _fault(self) -> None:
        self._running.faults(self._random.choice(REGISTERS)).set(self._random.choice(FAULTS))

    async def _mend(self) -> None:
        for register_id in REGISTERS:
            self._running.faults(register_id).clear()
            await self._running.call("POST", f"/v1/kkt/registers/{register_id}/release", {"reason": "x"})
            self._running.lane(register_id).look_now()
        for key in self._sums:
            await self._send(key)
        await self._running.delivered(within_s=60)


@pytest.mark.parametrize("seed", [2])
async def test_a_key_is_one_receipt_and_one_document_whatever_happens(tmp_path: Path, seed: int) -> None:
    async with pool(tmp_path) as running:
        script = Script(running, seed)
        await script.run()
        assert printed_twice(running.settings.fn_dir) == []
        assert {key: len(ids) for key, ids in script.receipts.items() if len(ids) > 1} == {}
        await running.check_books(in_order=False)


async def test_a_pool_that_chooses_anew_for_a_repeat_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broken variant: the register is chosen first, and the key is looked up among its receipts."""
    commit = ReceiptIntake._commit

    async def choose_first(self: ReceiptIntake, item: Any, candidates: Any) -> Any:
        ready = [option for option in item.options if option.ready] or list(item.options)
        register_id = ready[0].receipt.register_id
        own = hashlib.sha256(item.key_hash + register_id.encode()).digest()[:16]
        return await commit(self, replace(item, key_hash=own), candidates)

    monkeypatch.setattr(ReceiptIntake, "_commit", choose_first)
    async with pool(tmp_path) as running:
        script = Script(running, seed=1)
        with suppress(AssertionError):
            await script.run()
        assert printed_twice(running.settings.fn_dir)


async def test_an_open_question_stays_on_its_register_and_what_waits_behind_it_moves(tmp_path: Path) -> None:
    async with pool(tmp_path) as running:
        await running.delivered()
        (opening,) = await running.sell(1, till=GROUP, kop=50)
        await running.state_of(opening["receipt_id"], print_state="printed")
        running.faults("K1").set(FaultPlan(timeout_after=1, latency_s=0.3))
        begun = (await running.post(sale(till=GROUP, kop=100), key="begun")).json()
        await running.state_of(begun["receipt_id"], print_state="printing")
        running.faults("K1").set(FaultPlan(timeout_after=1, unreachable=True))
        await running.call("POST", "/v1/kkt/registers/K1/hold", {"reason": "x"})
        again = (await running.post(sale(till=GROUP, kop=100), key="begun")).json()
        assert again["receipt_id"] == begun["receipt_id"]
        (other,) = await running.sell(1, till=GROUP, kop=200)
        await running.state_of(other["receipt_id"], print_state="printed")
        stays = await running.receipt(begun["receipt_id"])
        assert stays["register_id"] == "K1"
        running.faults("K1").clear()
        await running.call("POST", "/v1/kkt/registers/K1/release", {"reason": "x"})
        running.lane("K1").look_now()
        await running.delivered()
        assert (await running.receipt(begun["receipt_id"]))["register_id"] == "K1"
        assert printed_twice(running.settings.fn_dir) == []


async def test_a_kill_between_register_and_answer_and_a_held_register_print_once(tmp_path: Path) -> None:
    ofd = OfdEmulator()
    await ofd.start()
    async with service_process(
        tmp_path, tills=REGISTERS, ofd=ofd, KKT_VIRTUAL_LATENCY="0.3", KKT_RESPONSE_BUDGET="0.2"
    ) as service:
        with service.config.open("a", encoding="utf-8") as file:
            file.write(f'\n[[group]]\nid = "{GROUP}"\nregisters = ["K1", "K2", "K3"]\n')
        service.start()
        await service.ready()
        first = await _sales(service.port)
        await _printed(service.port, at_least=1)
        service.kill()
        service.start()
        await service.ready()
        await asyncio.to_thread(_call, service.port, "/v1/kkt/registers/K1/hold", {"reason": "x"})
        assert await _sales(service.port) == first
        await asyncio.to_thread(_call, service.port, "/v1/kkt/registers/K1/release", {"reason": "x"})
        assert await _sales(service.port) == first
        await _printed(service.port, at_least=len(first))
        assert service.terminate() == 0
        assert printed_twice(service.settings.fn_dir) == []
    await ofd.stop()


async def _sales(port: int) -> list[str]:
    """Five sales under their keys, at once; the receipts they are."""
    posts = [
        asyncio.to_thread(_call, port, "/v1/kkt/receipt", sale(till=GROUP, kop=100 + n), f"key-{n}")
        for n in range(5)
    ]
    return [answer["receipt_id"] for answer in await asyncio.gather(*posts)]


async def _printed(port: int, *, at_least: int) -> None:
    while True:
        shown = (await asyncio.to_thread(_call, port, "/v1/kkt/receipts"))["items"]
        if sum(one["print_state"] == "printed" for one in shown) >= at_least:
            return
        await asyncio.sleep(0.02)


def _call(port: int, path: str, body: Any = None, key: str = "") -> Any:
    """A plain client in a thread: it leaves nothing behind in the loop when the service is killed."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        content = None if body is None else json.dumps(body)
        connection.request("GET" if body is None else "POST", path, content, headers)
        answer = connection.getresponse()
        told = json.loads(answer.read())
        assert answer.status == 200, told
        return told

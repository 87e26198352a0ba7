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
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.support.product import (
    MONEY_DOCUMENT_CODES,
    Product,
    archive,
    product,
    sale,
    service_process,
    virtual_registers,
)

from kkt_adapter.emulators.ofd import OfdEmulator
from kkt_adapter.fiscal.intake.accept import ReceiptIntake
from kkt_adapter.fiscal.kkt.virtual import FaultPlan, VirtualRegister
from kkt_adapter.fiscal.model import FiscalDocument, Unread
from kkt_adapter.fiscal.printing.recovery.fn_readback import FnReadback
from kkt_adapter.fiscal.store import group_rows
from kkt_adapter.fiscal.store.attempts import LaneTerm
from kkt_adapter.fiscal.store.orphan_documents import OrphanDocuments
from kkt_adapter.kernel.errors import KktUnavailable
from kkt_adapter.runtime.db.backup import back_up, restore
from kkt_adapter.settings import GroupSettings

GROUP, REGISTERS = "main", ("K1", "K2", "K3")
STEPS = 60
KEYLESS: dict[str, Any] = {"additional_attribute": "order 7", "user_attribute": {"name": "a", "value": "4"}}
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


def printed_twice(folder: Path, registers: Sequence[str] = REGISTERS) -> list[str]:
    made = Counter(
        document.key
        for register_id in registers
        for document in archive(folder, register_id)
        if document.code in MONEY_DOCUMENT_CODES
    )
    return [str(key) for key, n in made.items() if n > 1]


def pool(tmp_path: Path) -> Any:
    return product(
        tmp_path,
        registers=virtual_registers(*REGISTERS),
        group=(GroupSettings(id=GROUP, registers=REGISTERS),),
        response_budget_s=0.05,
    )


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


async def test_after_a_restore_a_repeat_gets_its_document_and_waits_for_a_register_that_is_away(
    tmp_path: Path,
) -> None:
    async with pool(tmp_path) as running:
        await running.delivered()
        for register_id in ("K2", "K3"):
            await running.call("POST", f"/v1/kkt/registers/{register_id}/hold", {"reason": "x"})
        file = running.settings.data_dir / "buffer.db"
        (first,) = await running.sell(1, till=GROUP, kop=50)
        await running.state_of(first["receipt_id"], print_state="printed")
        for register_id in ("K2", "K3"):
            await running.call("POST", f"/v1/kkt/registers/{register_id}/release", {"reason": "x"})
        backup = back_up(file, tmp_path / "copies", now=datetime.now(UTC))
        lost = (await running.post(sale(till=GROUP, kop=100), key="lost")).json()
        await running.state_of(lost["receipt_id"], print_state="printed")
        async with running.stopped():
            restore(backup, file, now=datetime.now(UTC))
        unit, lane = running.unit("K1"), running.lane("K1")
        lane._orphans.forget()  # as if K1 were away: nobody has read its FN
        unit.unread = True
        waits = await running.post(sale(till=GROUP, kop=100), key="lost")
        assert (waits.status_code, waits.json()["reason"]) == (503, "GROUP_UNREAD")
        assert (await running.get("/v1/kkt/ready", group=GROUP))["reason"] == "group"

        lane._broken = True  # it is back
        running.wake("K1")

        async def sold() -> bool:
            return bool((await running.post(sale(till=GROUP, kop=100), key="lost")).status_code == 200)

        await running.until(sold)
        await running.delivered()
        assert printed_twice(running.settings.fn_dir) == []
        again = await running.post(sale(till=GROUP, kop=100), key="lost")
        assert again.json()["fiscal_doc_id"].startswith(running.archive("K1")[0].fn_number)


@pytest.mark.parametrize("read_back_first", [True, False])
async def test_a_group_waits_for_a_register_that_was_renamed_after_a_restore(
    tmp_path: Path, read_back_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pool(tmp_path) as running:
        await running.delivered()
        file = running.settings.data_dir / "buffer.db"
        backup = back_up(file, tmp_path / "copies", now=datetime.now(UTC))
        for register_id in ("K2", "K3"):
            await running.call("POST", f"/v1/kkt/registers/{register_id}/hold", {"reason": "x"})
        lost = (await running.post(sale(till=GROUP, kop=100), key="lost")).json()
        await running.state_of(lost["receipt_id"], print_state="printed")
        async with running.stopped():
            restore(backup, file, now=datetime.now(UTC))
            if not read_back_first:
                monkeypatch.setattr(FnReadback, "read", away)
        await running.until(partial(are_read, running, *(("K1",) * read_back_first), "K2", "K3"))

        monkeypatch.setattr(FnReadback, "read", away)
        async with running.stopped():
            for path in running.settings.fn_dir.glob("K1*"):
                path.rename(path.with_name("N1" + path.name.removeprefix("K1")))
            registers = ("N1", "K2", "K3")
            group = (GroupSettings(id=GROUP, registers=registers),)
            changes = {"registers": virtual_registers(*registers), "group": group}
            running.settings = running.settings.model_copy(update=changes)
        await running.until(partial(are_read, running, "K2", "K3"))
        waits = await running.post(sale(till=GROUP, kop=100), key="lost")
        assert (waits.status_code, waits.json()["reason"]) == (503, "GROUP_UNREAD")

        monkeypatch.undo()

        async def sold() -> bool:
            return bool((await running.post(sale(till=GROUP, kop=100), key="lost")).status_code == 200)

        await running.until(sold)
        await running.delivered()
        again = await running.post(sale(till=GROUP, kop=100), key="lost")
        assert again.json()["fiscal_doc_id"].startswith(running.archive("N1")[0].fn_number)
        assert printed_twice(running.settings.fn_dir, registers) == []


async def are_read(running: Product, *register_ids: str) -> bool:
    """Their FNs are read back, and the group knows it."""
    waits: frozenset[str] = await running.read(group_rows.unread)
    return waits.isdisjoint(register_ids) and not any(running.unit(one).unread for one in register_ids)


async def away(readback: FnReadback, lane: LaneTerm) -> OrphanDocuments:
    """K1, or what it is called now, does not answer."""
    if readback._session.register_id in ("K1", "N1"):
        raise KktUnavailable("it is switched off", "она выключена")
    return await read_back(readback, lane)


read_back = FnReadback.read


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


async def _printed_by_k2_after_the_copy(running: Product, receipt_id: str) -> Any:
    """A copy in which the receipt waits for K1 is put back after K2 has printed it."""
    file = running.settings.data_dir / "buffer.db"
    backup = back_up(file, file.parent.parent / "copies", now=datetime.now(UTC))
    await running.call("POST", "/v1/kkt/registers/K2/release", {"reason": "x"})
    await running.call("POST", "/v1/kkt/registers/K1/hold", {"reason": "x"})
    printed = await running.state_of(receipt_id, print_state="printed")
    assert printed["register_id"] == "K2"
    async with running.stopped():
        restore(backup, file, now=datetime.now(UTC))
    return printed


@pytest.mark.parametrize(("keyless", "state"), [(False, "printed"), (True, "print_unknown")])
async def test_what_waited_in_the_copy_and_was_printed_by_another_register_since_is_not_printed_again(
    tmp_path: Path, keyless: bool, state: str
) -> None:
    """By its key it is adopted; without one a person is asked at the register that holds the document."""
    body = sale(till=GROUP, kop=100) | (KEYLESS if keyless else {})
    async with pool(tmp_path) as running:
        await running.delivered()
        for register_id in ("K2", "K3"):
            await running.call("POST", f"/v1/kkt/registers/{register_id}/hold", {"reason": "x"})
        running.faults("K1").set(FaultPlan(paper_out=True))
        waits = (await running.post(body, key="moved")).json()
        assert waits["status"] == "buffered"
        printed = await _printed_by_k2_after_the_copy(running, waits["receipt_id"])
        for register_id in ("K2", "K3"):
            await running.call("POST", f"/v1/kkt/registers/{register_id}/release", {"reason": "x"})
        again = await running.state_of(waits["receipt_id"], print_state=state)
        assert again["register_id"] == "K2"
        assert keyless or again["fiscal_doc"] == printed["fiscal_doc"]
        made = [d for one in REGISTERS for d in running.archive(one) if d.code in MONEY_DOCUMENT_CODES]
        assert len(made) == 1


async def test_what_stands_behind_a_tills_own_receipt_is_looked_for_too(tmp_path: Path) -> None:
    """Its attempt must not share the commit of the document before it."""
    async with pool(tmp_path) as running:
        await running.delivered()
        for register_id in ("K2", "K3"):
            await running.call("POST", f"/v1/kkt/registers/{register_id}/drain", {"reason": "x"})
        running.faults("K1").set(FaultPlan(paper_out=True))
        own = (await running.post(sale(till="K1", kop=70), key="own")).json()
        waits = (await running.post(sale(till=GROUP, kop=100), key="moved")).json()
        await _printed_by_k2_after_the_copy(running, waits["receipt_id"])
        running.faults("K1").clear()
        await running.state_of(own["receipt_id"], print_state="printed")
        await running.call("POST", "/v1/kkt/registers/K2/release", {"reason": "x"})
        await running.state_of(waits["receipt_id"], print_state="printed")
        assert printed_twice(running.settings.fn_dir) == []


async def test_a_repeat_after_a_restore_is_a_question_where_a_key_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another register of the group would print it at once."""

    async def without_tags(self: VirtualRegister, fd_number: int) -> FiscalDocument | None:
        found = await read(self, fd_number)
        return None if found is None else replace(found, key=None, unread=Unread.TAGS)

    read = VirtualRegister.document
    async with pool(tmp_path) as running:
        await running.delivered()
        for register_id in ("K1", "K3"):
            await running.call("POST", f"/v1/kkt/registers/{register_id}/hold", {"reason": "x"})
        file = running.settings.data_dir / "buffer.db"
        backup = back_up(file, tmp_path / "copies", now=datetime.now(UTC))
        (lost,) = await running.sell(1, till=GROUP, kop=100)
        await running.state_of(lost["receipt_id"], print_state="printed")
        async with running.stopped():
            restore(backup, file, now=datetime.now(UTC))
            monkeypatch.setattr(VirtualRegister, "document", without_tags)
        for register_id in ("K1", "K3"):
            await running.call("POST", f"/v1/kkt/registers/{register_id}/release", {"reason": "x"})

        async def accepted() -> Any:
            answer = await running.post(sale(till=GROUP, kop=100), key="again")
            return answer.json() if answer.status_code == 200 else None

        again = await running.until(accepted)  # once every FN of the group is read back
        asked = await running.state_of(again["receipt_id"], print_state="print_unknown")
        assert asked["register_id"] == "K2"
        other = (await running.post(sale(till=GROUP, kop=200), key="other")).json()
        assert (await running.state_of(other["receipt_id"], print_state="printed"))["register_id"] != "K2"

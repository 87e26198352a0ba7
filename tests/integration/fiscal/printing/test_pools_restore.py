"""Repeats of a group's keys after a restore: one document a key, though a register is away or was renamed."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.support.books import MONEY_DOCUMENT_CODES
from tests.support.product import Product, sale, virtual_registers
from tests.support.registers.group import GROUP, REGISTERS, pool, printed_twice

from kkt_adapter.fiscal.housekeeping.database_mark import DatabaseMark
from kkt_adapter.fiscal.kkt.virtual import FaultPlan, VirtualRegister
from kkt_adapter.fiscal.model import FiscalDocument, Unread
from kkt_adapter.fiscal.printing.recovery.fn_readback import FnReadback
from kkt_adapter.fiscal.store import group_rows
from kkt_adapter.fiscal.store.attempts import LaneTerm
from kkt_adapter.fiscal.store.orphan_documents import OrphanDocuments
from kkt_adapter.kernel.errors import KktUnavailable
from kkt_adapter.runtime.db import identity
from kkt_adapter.runtime.db.backup import back_up, restore
from kkt_adapter.settings import GroupSettings

KEYLESS: dict[str, Any] = {"additional_attribute": "order 7", "user_attribute": {"name": "a", "value": "4"}}


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


async def test_a_young_copy_put_back_by_other_tools_after_a_kill_prints_no_moved_receipt_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has counted a change since the copy, but the move did: the FNs are read first."""
    monkeypatch.setattr(DatabaseMark, "look", unseen)
    async with pool(tmp_path) as running:
        await running.delivered()
        for register_id in ("K2", "K3"):
            await running.call("POST", f"/v1/kkt/registers/{register_id}/hold", {"reason": "x"})
        running.faults("K1").set(FaultPlan(paper_out=True))
        waits = (await running.post(sale(till=GROUP, kop=100), key="moved")).json()
        printed = await _printed_by_k2_after_the_copy(running, waits["receipt_id"])
        now = await running.read(identity.read)
        assert now is not None and now.epoch == 2
        for register_id in ("K2", "K3"):
            await running.call("POST", f"/v1/kkt/registers/{register_id}/release", {"reason": "x"})
        again = await running.state_of(waits["receipt_id"], print_state="printed")
        assert again["fiscal_doc"] == printed["fiscal_doc"]
        assert printed_twice(running.settings.fn_dir) == []


async def unseen(mark: DatabaseMark) -> None:
    """A process that is killed looks no more."""


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

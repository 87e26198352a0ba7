"""Two safeguards taken out, one at a time: the same sale then is doubled or mixed up, and the books tell."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select
from tests.support.api import Json
from tests.support.doors.kkm import basic, execute, receipts_in, result, sale, shop
from tests.support.product import Product, product, virtual_registers
from tests.support.product import sale as native_sale

from kkt_adapter.api.doors.kkmserver.parts import Call
from kkt_adapter.fiscal.intake.origin import Origin
from kkt_adapter.fiscal.intake.press_guard import PressGuard
from kkt_adapter.fiscal.kkt.virtual import FaultPlan
from kkt_adapter.fiscal.store.tables import receipts

POOL = virtual_registers("K1", "K2")


async def _press_on_two_registers(running: Product) -> tuple[Json, int]:
    """The first press is left without an answer; the second, with a new id, goes to another register."""
    for name in ("K1", "K2"):
        running.faults(name).set(FaultPlan(paper_out=True))
    assert (await execute(running.client, sale("first", NumDevice=1), path="/Execute/async"))["Status"] == 1
    for name in ("K1", "K2"):
        running.faults(name).clear()
    pressed = await execute(running.client, sale("second", NumDevice=2))
    assert (await result(running.client, "first"))["Status"] == 0
    return pressed, receipts_in(running, "K1") + receipts_in(running, "K2")


async def test_a_second_press_on_another_register_prints_nothing(tmp_path: Path) -> None:
    async with product(tmp_path, registers=POOL, shop=(shop(),)) as running:
        pressed, printed = await _press_on_two_registers(running)
        assert (pressed["Status"], printed) == (2, 1), pressed


async def test_a_guard_per_register_doubles_the_sale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guard = Call.guard

    def per_register(self: Call, content: bytes, *, guard_for: timedelta | None) -> PressGuard:
        number = self.command.device.number
        return replace(guard(self, content, guard_for=guard_for), account=f"{self.shop.id} on {number}")

    monkeypatch.setattr(Call, "guard", per_register)
    async with product(tmp_path, registers=POOL, shop=(shop(),)) as running:
        pressed, printed = await _press_on_two_registers(running)
        assert (pressed["Status"], printed) == (0, 2), "the test would not notice"


async def _same_text_as_key(running: Product) -> list[str]:
    """Three clients use "1001" for a sale each, and the register's answer is lost each time. Gives the keys
    in the documents."""
    running.break_register(timeout_after=1)
    await running.post(native_sale(), key="1001")
    for login in ("till", "other"):
        running.break_register(timeout_after=1)
        answer = await execute(running.client, sale("1001"), authorization=basic(login))
        assert answer["Status"] == 0, answer
    await running.delivered()

    def keys(conn: Connection) -> list[Any]:
        return list(conn.execute(select(receipts.c.receipt_key)).scalars())

    found = await running.read(keys)
    in_fn = [one.key for one in running.archive() if one.total_kop is not None]
    assert sorted(map(str, found)) == sorted(map(str, in_fn))
    return [str(key) for key in found]


async def test_the_same_text_of_three_clients_is_three_documents(tmp_path: Path) -> None:
    async with product(tmp_path, shop=(shop(), shop("other"))) as running:
        keys = await _same_text_as_key(running)
        assert len(set(keys)) == len(keys) == 3
        await running.check_books()


async def test_a_receipt_key_without_its_scope_makes_one_key_of_three(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Origin, "key", property(lambda self: self.client_key))
    async with product(tmp_path, shop=(shop(), shop("other"))) as running:
        keys = await _same_text_as_key(running)
        assert len(keys) == 3
        assert len(set(keys)) == 1, "the test would not notice"
        with pytest.raises(AssertionError):
            await running.check_books()

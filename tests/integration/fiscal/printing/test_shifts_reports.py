"""Shifts that open and close by themselves, the reports of a register, and what it says of itself."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.product import PATIENCE_S, TILL, Product, ShiftedClock, product, sale, virtual_registers
from tests.support.registers.trouble import printed

from kkt_adapter.fiscal.control import register_actions
from kkt_adapter.fiscal.kkt.driver import KktStatus
from kkt_adapter.fiscal.kkt.virtual import VirtualRegister
from kkt_adapter.fiscal.model import DocumentCode


async def test_a_shift_older_than_a_day_is_closed_and_a_new_one_opened_by_itself(tmp_path: Path) -> None:
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock) as running:
        (before,) = await running.sell(1)
        clock.ahead = timedelta(hours=24, minutes=1)
        (after,) = await running.sell(1)
        assert after["status"] == "printed"
        assert after["fiscal_doc"]["shift_number"] == before["fiscal_doc"]["shift_number"] + 1
        codes = [document.code for document in running.archive()]
        assert codes[-3:] == [DocumentCode.CLOSE_SHIFT, DocumentCode.OPEN_SHIFT, DocumentCode.RECEIPT]
        await running.delivered()
        await running.check_books()


async def test_without_automatic_shifts_an_expired_one_refuses_receipts(tmp_path: Path) -> None:
    clock = ShiftedClock()
    registers = virtual_registers(TILL, automatic_shift=False)
    async with product(tmp_path, clock=clock, registers=virtual_registers(TILL)) as running:
        await running.sell(1)
        await running.restart(registers=registers)
        clock.ahead = timedelta(hours=25)
        await running.look()
        refused = await running.post()
        assert (refused.status_code, refused.json()["code"]) == (409, "SHIFT_EXPIRED")
        assert (await running.get("/v1/health"))["status"] == "unhealthy"  # it is the only register
        report = await running.close_shift()
        assert report["receiptCount"] == 1
        assert (await running.get("/v1/health"))["status"] == "healthy"


async def test_x_and_z_reports_agree_and_the_next_receipt_opens_a_new_shift(running: Product) -> None:
    await running.sell(2, kop=10_000)
    card = sale(kop=5_000, payments=[{"type": "card", "amount": 50}])
    await running.post(card)
    shown = await running.get_x()
    assert shown["reportType"] == 1
    assert shown["fiscalDocumentNumber"] is None
    closed = await running.close_shift()
    assert closed["reportType"] == 2
    assert closed["fiscalDocumentNumber"] == running.archive()[-1].fd_number
    same = ("cashTotal", "cardTotal", "totalSales", "totalRefunds", "receiptCount", "shiftNumber")
    assert {name: closed[name] for name in same} == {name: shown[name] for name in same}
    assert (closed["cashTotal"], closed["cardTotal"], closed["totalSales"]) == (200.0, 50.0, 250.0)

    again = await running.call("POST", "/v1/kkt/z_report", {"pos_id": TILL})
    assert (again.status_code, again.json()["code"]) == (409, "CONFLICT")
    (next_one,) = await running.sell(1)
    assert next_one["fiscal_doc"]["shift_number"] == closed["shiftNumber"] + 1
    await running.delivered()
    await running.check_books()


async def test_a_z_report_takes_its_turn_among_receipts_that_are_being_stored(running: Product) -> None:
    """Reports and receipts at once: the loop neither spins nor starves, and every receipt has its shift."""
    await running.sell(1)
    for _ in range(5):
        posts = [asyncio.create_task(running.post(sale(kop=100 + i))) for i in range(8)]
        report = asyncio.create_task(running.call("POST", "/v1/kkt/z_report", {"pos_id": TILL}))
        answers = await asyncio.wait_for(asyncio.gather(*posts), 60)
        assert {a.status_code for a in answers} == {200}
        assert (await report).status_code in (200, 409)
    await running.delivered()
    assert set(printed(running).values()) == {1}
    await running.check_books()


async def test_a_command_hears_why_the_register_stands_still_and_does_not_wait_for_its_turn(
    running: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(register_actions, "REPORT_DEADLINE_S", 3600.0)
    await running.sell(1)
    running.break_register(unreachable=True)
    await running.sell(1)
    answer = await asyncio.wait_for(running.call("POST", "/v1/kkt/z_report", {"pos_id": TILL}), PATIENCE_S)
    assert (answer.status_code, answer.json()["code"]) == (503, "KKT_UNAVAILABLE")


async def test_the_status_of_a_register_is_what_it_says_now(running: Product) -> None:
    lane = running.lane()
    lane._policy = replace(lane._policy, look_again_s=3600)  # the lane's own look comes later
    await running.sell(1)
    await asyncio.sleep(1.1)  # what it said is old by now
    await running.sell(2)
    await running.delivered()

    async def told() -> Any:
        (register,) = (await running.get("/v1/kkt/status", pos_id=TILL))["registers"]
        device = register["device"]
        return (device["last_document"], device["shift"]["receipts"], device["unsent_documents"]) == (5, 3, 0)

    await running.until(told)


async def test_the_status_of_a_register_that_hangs_is_what_it_said_last(
    running: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    await running.sell(1)
    asked, answers, told = asyncio.Event(), asyncio.Event(), running.driver().status

    async def hangs(_: VirtualRegister) -> KktStatus:
        asked.set()
        await answers.wait()
        return await told()

    monkeypatch.setattr(VirtualRegister, "status", hangs)
    await asyncio.sleep(1.1)  # what it said is old by now
    showing = running.get("/v1/kkt/status", pos_id=TILL)
    (register,) = (await asyncio.wait_for(showing, PATIENCE_S))["registers"]
    assert register["device"]["fn_number"]
    assert asked.is_set()
    assert not answers.is_set()
    answers.set()

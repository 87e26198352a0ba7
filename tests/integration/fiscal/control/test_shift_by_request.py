"""Shifts that people open, and shift reports whose outcome only a person can settle."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select, update
from tests.support.product import TILL, Product, product, virtual_registers

from kkt_adapter.fiscal.kkt.driver import Fence
from kkt_adapter.fiscal.model import DocumentCode
from kkt_adapter.fiscal.printing.lane_front import LanePolicy
from kkt_adapter.fiscal.store.tables import attempts

OPEN, RESOLVE, Z = "/v1/kkt/shift/open", "/v1/kkt/shift/resolve", "/v1/kkt/z_report"


@pytest.fixture
async def by_hand(tmp_path: Path) -> AsyncIterator[Product]:
    """A register whose shifts nobody opens by itself."""
    registers = virtual_registers(TILL, automatic_shift=False)
    async with product(tmp_path, registers=registers, response_budget_s=0.3) as one:
        yield one


def openings(running: Product) -> int:
    return sum(document.code is DocumentCode.OPEN_SHIFT for document in running.archive())


async def test_a_receipt_with_a_closed_shift_waits_and_is_told_how_to_open_one(by_hand: Product) -> None:
    (answer,) = await by_hand.sell(1)
    assert answer["status"] == "buffered"
    assert OPEN in answer["message"]
    assert "kkt-adapter shifts open" in answer["message"]

    opened = (await by_hand.call("POST", OPEN, {"pos_id": TILL})).json()
    assert set(opened) == {"fiscalDocumentNumber", "fiscalSign", "dateTime", "shiftNumber", "offline"}
    assert opened["fiscalDocumentNumber"] == by_hand.archive()[1].fd_number
    printed = await by_hand.state_of(answer["receipt_id"], print_state="printed")
    assert printed["fiscal_doc"]["shift_number"] == opened["shiftNumber"]
    await by_hand.delivered()
    await by_hand.check_books()


async def test_a_shift_is_opened_closed_and_opened_again(by_hand: Product) -> None:
    first = await by_hand.call("POST", OPEN)
    again = await by_hand.call("POST", OPEN)
    assert (first.status_code, again.status_code) == (200, 409)
    assert again.json()["code"] == "CONFLICT"
    assert (await by_hand.sell(1))[0]["status"] == "printed"
    await by_hand.close_shift()
    second = (await by_hand.call("POST", OPEN)).json()
    assert second["shiftNumber"] == first.json()["shiftNumber"] + 1
    await by_hand.delivered()
    await by_hand.check_books()


async def test_an_opening_with_a_key_happens_once_and_its_answer_is_repeated(by_hand: Product) -> None:
    opening = partial(by_hand.call, "POST", OPEN, {"pos_id": TILL}, **{"Idempotency-Key": "morning"})
    both = await asyncio.gather(opening(), opening())
    assert [answer.status_code for answer in both] == [200, 200]
    assert both[0].json() == both[1].json()
    await by_hand.close_shift()
    await by_hand.restart()
    later = await opening()
    assert later.json() == both[0].json()
    assert later.headers["idempotency-replayed"] == "true"
    assert openings(by_hand) == 1


async def test_an_opening_whose_answer_was_lost_is_found_by_its_key(by_hand: Product) -> None:
    by_hand.break_register(timeout_after=1)
    lost = await by_hand.call("POST", OPEN, {"pos_id": TILL}, **{"Idempotency-Key": "morning"})
    assert (lost.status_code, lost.json()["code"]) == (409, "KKT_OUTCOME_UNKNOWN")
    found = await by_hand.call("POST", OPEN, {"pos_id": TILL}, **{"Idempotency-Key": "morning"})
    assert found.status_code == 200, found.text
    assert openings(by_hand) == 1
    assert (await by_hand.sell(1))[0]["fiscal_doc"]["shift_number"] == found.json()["shiftNumber"]


async def test_a_register_that_is_not_ready_opens_no_shift_and_the_key_is_not_used_up(
    by_hand: Product,
) -> None:
    by_hand.break_register(paper_out=True)
    refused = await by_hand.call("POST", OPEN, None, **{"Idempotency-Key": "morning"})
    assert (refused.status_code, refused.json()["code"]) == (503, "KKT_UNAVAILABLE")
    by_hand.faults().clear()
    assert (await by_hand.call("POST", OPEN, None, **{"Idempotency-Key": "morning"})).status_code == 200
    assert openings(by_hand) == 1


async def test_a_shift_can_be_opened_early_where_it_opens_by_itself(tmp_path: Path) -> None:
    async with product(tmp_path) as running:
        assert (await running.call("POST", OPEN)).status_code == 200
        assert (await running.sell(1))[0]["fiscal_doc"]["shift_number"] == 1
        unknown = await running.call("POST", OPEN, {"pos_id": "NOBODY"})
        assert (unknown.status_code, unknown.json()["code"]) == (404, "NOT_FOUND")


def hand_attempts_to(owner: str, conn: Connection) -> None:
    conn.execute(update(attempts).where(attempts.c.ended_at.is_(None)).values(owner=owner))


async def question(running: Product) -> dict[str, Any] | None:
    (register,) = (await running.get("/v1/kkt/status"))["registers"]
    asked: dict[str, Any] | None = register["question"]
    return asked


async def report_open(running: Product) -> bool:
    query = select(attempts.c.id).where(attempts.c.ended_at.is_(None))
    return bool(await running.read(lambda c: c.execute(query).all()))


async def z_in_doubt(running: Product, *, made: bool) -> None:
    """A Z report that another process began, which is not proven to have ended, at a register that shuts
    nobody out; ``made``: the FN has it, but cannot be read completely."""
    await running.sell(1)
    running.driver().fence = Fence.NONE
    running.lane().recovery._owner_ended = lambda owner: False
    running.lane()._policy = LanePolicy(look_again_s=3600)  # the doubt lasts until somebody decides
    running.break_register(latency_s=0.5)
    closing = asyncio.create_task(running.call("POST", Z, {"pos_id": TILL}, **{"Idempotency-Key": "evening"}))
    await running.until(partial(report_open, running))
    await running.services.database.write(partial(hand_attempts_to, "frozen elsewhere"))
    if made:
        hide_documents(running)
    running.break_register(**({"timeout_after": 1} if made else {"timeout_before": 1}))
    lost = await closing
    assert (lost.status_code, lost.json()["code"]) == (409, "KKT_OUTCOME_UNKNOWN")
    running.faults().clear()
    asked = await running.until(lambda: question(running))
    assert (asked["what"], asked["receipt_id"]) == ("close_shift", None)


def hide_documents(running: Product) -> None:
    """The archive cannot be read at the moment."""

    async def nothing(fd_number: int) -> None:
        return None

    running.driver().document = nothing  # type: ignore[method-assign]


def show_documents(running: Product) -> None:
    del running.driver().document


async def decide(running: Product, **decision: Any) -> Any:
    return await running.call("POST", RESOLVE, {"pos_id": TILL, "reason": "the tape says so"} | decision)


async def audited(running: Product) -> list[dict[str, Any]]:
    page = await running.get("/v1/kkt/buffer/logs", type="print_resolved")
    return [item["metadata"] for item in page["items"]]


async def test_a_report_that_was_not_made_is_made_again_by_a_persons_word(tmp_path: Path) -> None:
    async with product(tmp_path, response_budget_s=0.3) as running:
        await z_in_doubt(running, made=False)
        (waiting,) = await running.sell(1)
        assert waiting["status"] == "buffered"

        settled = await decide(running, action="do_again")
        assert settled.status_code == 200, settled.text
        assert settled.json()["what"] == "close_shift"
        await running.state_of(waiting["receipt_id"], print_state="printed")
        (entry,) = await audited(running)
        assert (entry["action"], entry["what"], entry["by"]) == ("do_again", "close_shift", "open")
        assert entry["reason"] == "the tape says so"
        again = await running.call("POST", Z, {"pos_id": TILL}, **{"Idempotency-Key": "evening"})
        assert (again.status_code, again.json()["receiptCount"]) == (200, 2)
        assert await question(running) is None
        await running.delivered()
        await running.check_books()


async def test_a_report_that_was_made_is_adopted_by_its_number(tmp_path: Path) -> None:
    async with product(tmp_path, response_budget_s=0.3) as running:
        await z_in_doubt(running, made=True)
        made = running.archive()[-1]
        assert made.code is DocumentCode.CLOSE_SHIFT
        show_documents(running)
        wrong = [
            await decide(running, action="adopt", fiscal_doc_number=number)
            for number in (made.fd_number - 1, made.fd_number + 1)
        ]
        assert [(answer.status_code, answer.json()["code"]) for answer in wrong] == [(409, "CONFLICT")] * 2
        settled = await decide(running, action="adopt", fiscal_doc_number=made.fd_number)
        assert settled.status_code == 200, settled.text
        again = await running.call("POST", Z, {"pos_id": TILL}, **{"Idempotency-Key": "evening"})
        assert (again.status_code, again.json()["fiscalDocumentNumber"]) == (200, made.fd_number)
        assert again.json()["receiptCount"] == 1
        await running.delivered()
        await running.check_books()


async def test_a_decision_needs_a_question_a_reason_and_a_document_that_goes_with_it(tmp_path: Path) -> None:
    async with product(tmp_path) as running:
        await running.sell(1)
        assert (await decide(running, action="do_again")).status_code == 409
        for wrong in (
            {"action": "do_again", "reason": ""},
            {"action": "do_again", "fiscal_doc_number": 1},
            {"action": "adopt"},
            {"action": "print_again"},
        ):
            answer = await decide(running, **wrong)
            assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR"), wrong

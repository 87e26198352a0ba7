"""Receipts of which only a person can tell whether they were printed: printed again, adopted, left alone."""

import asyncio
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, update
from tests.support.product import TILL, Product, product
from tests.support.registers.doubt import KOP, asked, attempt_open, in_doubt
from tests.support.registers.trouble import QUICK, printed

from kkt_adapter.fiscal.kkt.driver import Fence
from kkt_adapter.fiscal.model import DocumentCode
from kkt_adapter.fiscal.store.tables import attempts


async def test_a_foreign_document_leaves_doubt_and_stops_that_lane_alone(running: Product) -> None:
    receipt_id = await in_doubt(running, foreign=1, kop=KOP + 1)
    (waiting,) = await running.sell(1)
    assert waiting["status"] == "buffered"
    (other,) = await running.sell(1, till="OTHER")
    await running.state_of(other["receipt_id"], print_state="printed")
    alerts = (await running.status())["alerts"]
    assert ("P1", "PRINT_UNKNOWN") in [(a["level"], a["code"]) for a in alerts]
    assert (await running.get("/v1/health"))["status"] == "degraded"
    status = await running.get("/v1/kkt/status", pos_id=TILL)
    question = status["registers"][0]["question"]
    assert question["receipt_id"] == receipt_id
    assert [d["receipt_key"] for d in question["documents"]] == [None]
    action = await running.call("POST", "/v1/kkt/z_report", {"pos_id": TILL})
    assert (action.status_code, action.json()["code"]) == (409, "KKT_OUTCOME_UNKNOWN")

    await running.restart()  # the question outlives the process
    await running.until(partial(asked, running))
    assert (await running.receipt(receipt_id))["print_state"] == "print_unknown"
    before = len(running.archive())
    await asyncio.sleep(0.2)
    assert len(running.archive()) == before


async def test_a_person_has_it_printed_again(running: Product) -> None:
    receipt_id = await in_doubt(running, foreign=1, kop=KOP + 1)
    (waiting,) = await running.sell(1)
    wanted = {"action": "print_again", "reason": "nothing on the tape"}
    answer = await running.call("POST", f"/v1/kkt/receipt/{receipt_id}/resolve", wanted)
    assert answer.status_code == 200, answer.text
    row = await running.state_of(receipt_id, print_state="printed")
    await running.state_of(waiting["receipt_id"], print_state="printed")
    resolved = [event for event in row["events"] if event["event"] == "print_resolved"]
    assert [event["metadata"]["reason"] for event in resolved] == ["nothing on the tape"]
    assert resolved[0]["metadata"]["action"] == "print_again"
    assert resolved[0]["metadata"]["by"]
    assert set(printed(running).values()) == {1}
    again = await running.call("POST", f"/v1/kkt/receipt/{receipt_id}/resolve", wanted)
    assert (again.status_code, again.json()["code"]) == (409, "CONFLICT")


async def test_a_person_adopts_the_document(running: Product) -> None:
    """The sums agree, so the other program's document may be called this receipt's, if a person says so."""
    receipt_id = await in_doubt(running, foreign=1)
    (number,) = [d.fd_number for d in running.archive() if d.code is DocumentCode.RECEIPT and d.key is None]
    wanted = {"action": "adopt", "fiscal_doc_number": number, "reason": "it is on the tape"}
    answer = await running.call("POST", f"/v1/kkt/receipt/{receipt_id}/resolve", wanted)
    assert answer.status_code == 200, answer.text
    row = await running.state_of(receipt_id, print_state="printed", status="synced")
    assert row["fiscal_doc"]["fiscal_doc_number"] == number
    assert "print_resolved" in [event["event"] for event in row["events"]]
    (after,) = await running.sell(1)
    await running.state_of(after["receipt_id"], print_state="printed")


@pytest.mark.parametrize("case", ["older", "of another sum", "not there", "a shift opening"])
async def test_a_document_that_cannot_be_this_receipt_is_not_adopted(running: Product, case: str) -> None:
    receipt_id = await in_doubt(running, foreign=1, kop=KOP + 1)
    numbers = {d.code: d.fd_number for d in running.archive()}
    number = {
        "older": numbers[DocumentCode.RECEIPT] - 1,
        "of another sum": numbers[DocumentCode.RECEIPT],
        "not there": 999,
        "a shift opening": numbers[DocumentCode.OPEN_SHIFT],
    }[case]
    answer = await running.call(
        "POST",
        f"/v1/kkt/receipt/{receipt_id}/resolve",
        {"action": "adopt", "fiscal_doc_number": number, "reason": "guess"},
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
    assert (await running.receipt(receipt_id))["print_state"] == "print_unknown"
    assert await asked(running)


async def test_what_is_not_in_doubt_cannot_be_resolved(running: Product) -> None:
    (answer,) = await running.sell(1)
    wanted = {"action": "print_again", "reason": "why not"}
    done = await running.call("POST", f"/v1/kkt/receipt/{answer['receipt_id']}/resolve", wanted)
    assert (done.status_code, done.json()["code"]) == (409, "CONFLICT")
    gone = await running.call("POST", "/v1/kkt/receipt/unknown/resolve", wanted)
    assert gone.status_code == 404


async def test_adopting_without_a_number_is_refused(running: Product) -> None:
    receipt_id = await in_doubt(running, foreign=1, kop=KOP + 1)
    answer = await running.call(
        "POST", f"/v1/kkt/receipt/{receipt_id}/resolve", {"action": "adopt", "reason": "x"}
    )
    assert answer.status_code == 422


async def test_absence_is_not_proven_while_an_unfenced_process_may_still_send(tmp_path: Path) -> None:
    """A device that shuts nobody out, and an attempt of a process that is not proven to have ended."""
    async with product(tmp_path, **QUICK) as running:
        await running.sell(1)
        running.break_register(unreachable=True)
        lane = running.lane()
        running.driver().fence = Fence.NONE
        lane.recovery._owner_ended = lambda owner: owner == "ended"
        running.break_register(timeout_before=1)
        (answer,) = await running.sell(1)
        await running.state_of(
            answer["receipt_id"], print_state="printed"
        )  # our own attempt: absence is proven

        for owner, state in (("ended", "printed"), ("frozen elsewhere", "print_unknown")):
            running.break_register(hang=True)
            posting = asyncio.create_task(running.sell(1))
            await running.until(partial(attempt_open, running))
            await running.services.database.write(partial(hand_attempts_to, owner))
            running.break_register(timeout_before=1)
            ((answer,),) = await asyncio.gather(posting)
            await running.state_of(answer["receipt_id"], print_state=state)
            running.faults().clear()


def hand_attempts_to(owner: str, conn: Connection) -> None:
    conn.execute(update(attempts).where(attempts.c.ended_at.is_(None)).values(owner=owner))

"""Everything that goes wrong at a register, and that no receipt is lost or printed twice by it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select, update
from tests.support.product import (
    PATIENCE_S,
    TILL,
    Product,
    ShiftedClock,
    product,
    sale,
    virtual_registers,
)
from tests.support.receipts import a_sale

from kkt_adapter.fiscal.control import register_actions
from kkt_adapter.fiscal.kkt.driver import Fence, KktStatus
from kkt_adapter.fiscal.kkt.virtual import VirtualRegister
from kkt_adapter.fiscal.model import DocumentCode, FiscalDocument
from kkt_adapter.fiscal.printing.queue import EARLY_S
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.tables import attempts

QUICK: Any = {"response_budget_s": 0.15}


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Product]:
    async with product(tmp_path, registers=virtual_registers(TILL, "OTHER"), **QUICK) as one:
        yield one


def printed(running: Product) -> Counter[str]:
    """How often each receipt key is in the FN."""
    return Counter(document.key for document in running.archive() if document.key is not None)


async def outcomes(running: Product) -> list[str | None]:
    query = select(attempts.c.outcome).where(attempts.c.what == "print").order_by(attempts.c.id)
    found: list[str | None] = await running.read(lambda c: c.execute(query).scalars().all())
    return found


# --- not ready -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["paper_out", "cover_open", "unreachable"])
async def test_a_receipt_waits_for_a_register_that_is_not_ready_and_goes_on_by_itself(
    running: Product, trouble: str
) -> None:
    await running.sell(1)
    running.break_register(**{trouble: True})
    answers = await running.sell_at_once(3)
    assert {a["status"] for a in answers} == {"buffered"}
    assert all(a["fiscal_doc"] is None for a in answers)
    assert "готова" in answers[-1]["message"]
    row = await running.receipt(answers[0]["receipt_id"])
    assert row["print_state"] in ("new", "printing")
    running.faults().clear()
    await running.delivered()
    assert set(printed(running).values()) == {1}
    assert sum(printed(running).values()) == 4
    await running.check_books()


async def test_waiting_receipts_are_printed_in_the_order_in_which_they_were_accepted(
    running: Product,
) -> None:
    running.break_register(paper_out=True)
    ids = [(await running.sell(1))[0]["receipt_id"] for _ in range(4)]
    running.faults().clear()
    await running.delivered()
    numbers = [(await running.receipt(i))["fiscal_doc"]["fiscal_doc_number"] for i in ids]
    assert numbers == sorted(numbers)


async def test_another_register_prints_while_one_is_out_of_paper(running: Product) -> None:
    running.break_register(paper_out=True)
    (here,) = await running.sell(1)
    (there,) = await running.sell(1, till="OTHER")
    assert here["status"] == "buffered"
    await running.state_of(there["receipt_id"], print_state="printed")


async def test_a_slow_register_answers_buffered_first_and_prints_once(running: Product) -> None:
    await running.sell(1)
    running.break_register(latency_s=0.5)
    (answer,) = await running.sell(1)
    assert answer["status"] == "buffered"
    await running.state_of(answer["receipt_id"], print_state="printed")
    await running.delivered()
    assert set(printed(running).values()) == {1}
    await running.check_books()


# --- refused ---------------------------------------------------------------------------------------------


async def failures_of(running: Product, receipt_id: str) -> list[Any]:
    row = await running.receipt(receipt_id)
    return [event for event in row["events"] if event["event"] == "print_failed"]


async def test_a_refused_receipt_is_tried_again_by_itself_and_others_pass(running: Product) -> None:
    await running.sell(1)
    running.break_register(refuse=1)
    (answer,) = await running.sell(1)
    assert answer["status"] == "buffered"
    assert "отказала" in answer["message"]
    (failed,) = await failures_of(running, answer["receipt_id"])
    assert "24" in failed["metadata"]["error"]  # 0x18, the device's own code
    (passing,) = await running.sell(1)
    await running.state_of(passing["receipt_id"], print_state="printed")
    await running.state_of(answer["receipt_id"], print_state="printed")
    await running.delivered()
    assert await outcomes(running) == ["done", "refused", "done", "done"]
    await running.check_books()


async def test_after_three_automatic_tries_a_person_has_the_receipt_printed_again(tmp_path: Path) -> None:
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock, **QUICK) as running:
        await running.sell(1)
        running.break_register(refuse=4)
        (answer,) = await running.sell(1)
        pauses_s = (1, 2, 4)
        for tries, seconds in enumerate(pauses_s, start=1):
            await running.until(partial(refused_at_least, running, tries))
            clock.leap(seconds)
            running.wake()
        await running.until(lambda: refusals(running, 4))
        waited_s = await running.read(waits_between_refusals)
        assert all(real >= s - EARLY_S for real, s in zip(waited_s, pauses_s, strict=True)), waited_s
        clock.leap(8)
        running.wake()
        await asyncio.sleep(0.1)
        assert await refusals(running, 4), "after the third nothing is tried without a person"
        row = await running.receipt(answer["receipt_id"])
        assert (row["print_state"], row["last_error"] is None) == ("print_failed", False)
        status = await running.status()
        assert (status["print_failed"], status["unprinted"]) == (1, 0)

        reprinted = await running.call("POST", f"/v1/kkt/receipt/{answer['receipt_id']}/reprint")
        assert reprinted.status_code == 200
        await running.state_of(answer["receipt_id"], print_state="printed")
        again = await running.call("POST", f"/v1/kkt/receipt/{answer['receipt_id']}/reprint")
        assert (again.status_code, again.json()["code"]) == (409, "CONFLICT")
        await running.delivered()
        await running.check_books()


async def refusals(running: Product, n: int) -> bool:
    return (await outcomes(running)).count("refused") == n


async def refused_at_least(running: Product, n: int) -> bool:
    return (await outcomes(running)).count("refused") >= n


def waits_between_refusals(conn: Connection) -> list[float]:
    """Seconds from the end of each refused attempt to the beginning of the next."""
    query = select(attempts.c.started_at, attempts.c.ended_at).where(attempts.c.outcome == "refused")
    tries = conn.execute(query.order_by(attempts.c.id)).all()
    return [(after.started_at - before.ended_at).total_seconds() for before, after in pairwise(tries)]


async def test_only_a_receipt_that_exists_can_be_printed_again(running: Product) -> None:
    answer = await running.call("POST", "/v1/kkt/receipt/unknown/reprint")
    assert answer.status_code == 404


# --- lost answers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", ["timeout_before", "timeout_after"])
async def test_a_lost_answer_is_settled_by_the_fn_without_a_person(running: Product, lost: str) -> None:
    (first,) = await running.sell(1)
    await running.state_of(first["receipt_id"], print_state="printed")
    running.break_register(**{lost: 1})
    (answer,) = await running.sell(1)
    row = await running.state_of(answer["receipt_id"], print_state="printed")
    assert printed(running) == Counter({document.key: 1 for document in running.archive() if document.key})
    assert sum(printed(running).values()) == 2
    kinds = [event["event"] for event in row["events"]]
    assert "print_unknown" in kinds
    assert ("print_recovered" in kinds) == (lost == "timeout_after")
    await running.delivered()
    await running.check_books()


@pytest.mark.parametrize("lost", ["timeout_before", "timeout_after"])
async def test_a_lost_shift_opening_is_settled_by_the_fn(running: Product, lost: str) -> None:
    running.break_register(**{lost: 1})
    (answer,) = await running.sell(1)
    await running.state_of(answer["receipt_id"], print_state="printed")
    codes = Counter(document.code for document in running.archive())
    assert codes == {DocumentCode.REGISTRATION: 1, DocumentCode.OPEN_SHIFT: 1, DocumentCode.RECEIPT: 1}
    await running.delivered()
    await running.check_books()


@pytest.mark.parametrize("lost", ["timeout_before", "timeout_after"])
async def test_a_lost_z_report_is_settled_by_the_fn(running: Product, lost: str) -> None:
    await running.sell(2)
    running.break_register(**{lost: 1})
    unknown = await running.call("POST", "/v1/kkt/z_report", {"pos_id": TILL}, **{"Idempotency-Key": "z"})
    assert (unknown.status_code, unknown.json()["code"]) == (409, "KKT_OUTCOME_UNKNOWN")
    report = await running.close_shift(**{"Idempotency-Key": "z"})
    assert (report["receiptCount"], report["totalSales"]) == (2, 200.0)
    assert sum(document.code is DocumentCode.CLOSE_SHIFT for document in running.archive()) == 1
    await running.sell(1)
    await running.delivered()
    await running.check_books()


async def test_of_two_equal_receipts_in_one_minute_the_lost_one_is_found(running: Product) -> None:
    """Same sum, same minute, same till: only the receipt key and the baseline tell them apart."""
    await running.sell(1)
    running.break_register(timeout_after=1)
    first, second, third = await asyncio.gather(*(running.sell(1) for _ in range(3)))
    for (answer,) in (first, second, third):
        await running.state_of(answer["receipt_id"], print_state="printed")
    await running.delivered()
    assert sorted(printed(running).values()) == [1, 1, 1, 1]
    await running.check_books()


async def test_a_burst_with_many_lost_answers_prints_everything_once(running: Product) -> None:
    (first,) = await running.sell(1)
    await running.state_of(first["receipt_id"], print_state="printed")  # the shift is open
    running.break_register(timeout_before=5, timeout_after=5)
    await running.sell_at_once(15)
    await running.delivered()
    assert set(printed(running).values()) == {1}
    assert sum(printed(running).values()) == 16
    await running.check_books()


# --- blocked ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fault", "reason"), [("fn_full", "FN_FULL"), ("fn_expired", "FN_EXPIRED")])
async def test_a_register_known_to_be_blocked_takes_no_receipt(
    running: Product, fault: str, reason: str
) -> None:
    (first,) = await running.sell(1)
    await running.state_of(first["receipt_id"], print_state="printed")
    running.break_register(**{fault: True})
    (last,) = await running.sell(1)  # nobody knew yet: stored, not printed
    assert last["status"] == "buffered"
    before = await running.read(counters.read)
    refused = await running.post()
    assert refused.status_code == 503
    assert (refused.json()["code"], refused.json()["reason"]) == ("KKT_BLOCKED", reason)
    assert await running.read(counters.read) == before
    assert (await running.post(sale(till="OTHER"))).status_code == 200
    health = await running.get("/v1/health")
    assert health["status"] == "degraded"  # the other register sells

    report = await running.close_shift()  # a blocked FN still closes its shift
    assert report["receiptCount"] == 1
    running.faults().clear()
    await running.state_of(last["receipt_id"], print_state="printed")

    async def free_again() -> bool:
        return (await running.post()).status_code == 200

    await running.until(free_again)
    await running.delivered()


async def test_a_blocked_register_sells_again_as_soon_as_its_documents_are_delivered(
    running: Product,
) -> None:
    await running.break_operator("down")
    (first,) = await running.sell(1)
    await running.state_of(first["receipt_id"], print_state="printed")
    running.lane()._not_ready = 50  # blocked for long: it looks once a minute
    running.break_register(fn_full=True)
    (last,) = await running.sell(1)

    async def blocked() -> bool:
        return (await running.post()).status_code == 503

    await running.until(blocked)
    running.faults().clear()
    await running.repair_operator()

    await running.state_of(last["receipt_id"], print_state="printed")

    async def free_again() -> bool:
        return (await running.post()).status_code == 200

    await running.until(free_again)


# --- a person decides ------------------------------------------------------------------------------------


FOREIGN_KOP = a_sale().total_kop


async def foreign_document(running: Product) -> FiscalDocument:
    """Another program sells on the same register, whatever ours has on its way."""
    lane, driver = running.lane(), running.driver()
    assert lane._term is not None
    registration = (await running.unit().profile()).registration
    receipt = a_sale(key=None, additional_attribute=None, ffd_version=registration.ffd_version)
    work = partial(driver._fn.fiscalize, receipt, term=lane._term.number)
    return await driver._lane.run(work, deadline_s=10)


async def in_doubt(running: Product, *, kop: int = FOREIGN_KOP + 1) -> str:
    """A receipt whose print was lost while another program made a document: its id."""
    (before,) = await running.sell(1)
    await running.state_of(before["receipt_id"], print_state="printed")
    running.break_register(hang=True)  # our command is on its way, and stays there
    posting = asyncio.create_task(running.sell(1, kop=kop))
    await running.until(partial(attempts_open, running))
    await foreign_document(running)
    running.break_register(timeout_before=1)  # and now it is lost
    (answer,) = await posting
    await running.state_of(answer["receipt_id"], print_state="print_unknown")
    await running.until(lambda: asked(running))
    return str(answer["receipt_id"])


async def attempts_open(running: Product) -> bool:
    query = select(attempts.c.id).where(attempts.c.ended_at.is_(None))
    return bool(await running.read(lambda c: c.execute(query).all()))


async def asked(running: Product) -> bool:
    return running.lane().recovery.question is not None


async def test_a_foreign_document_leaves_doubt_and_stops_that_lane_alone(running: Product) -> None:
    receipt_id = await in_doubt(running)
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
    await running.until(lambda: asked(running))
    assert (await running.receipt(receipt_id))["print_state"] == "print_unknown"
    before = len(running.archive())
    await asyncio.sleep(0.2)
    assert len(running.archive()) == before


async def test_a_person_has_it_printed_again(running: Product) -> None:
    receipt_id = await in_doubt(running)
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
    receipt_id = await in_doubt(running, kop=FOREIGN_KOP)
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
    receipt_id = await in_doubt(running)
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
    receipt_id = await in_doubt(running)
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
            await running.until(partial(attempts_open, running))
            await running.services.database.write(partial(hand_attempts_to, owner))
            running.break_register(timeout_before=1)
            ((answer,),) = await asyncio.gather(posting)
            await running.state_of(answer["receipt_id"], print_state=state)
            running.faults().clear()


def hand_attempts_to(owner: str, conn: Connection) -> None:
    conn.execute(update(attempts).where(attempts.c.ended_at.is_(None)).values(owner=owner))


# --- shifts ----------------------------------------------------------------------------------------------


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

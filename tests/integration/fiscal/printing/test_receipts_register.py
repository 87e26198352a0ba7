"""A register that is not ready, refuses, loses answers or is blocked: no receipt is lost or printed twice."""

import asyncio
from collections import Counter
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select
from tests.support.product import TILL, Product, ShiftedClock, product, sale
from tests.support.registers.trouble import QUICK, printed

from kkt_adapter.fiscal.model import DocumentCode
from kkt_adapter.fiscal.printing.queue import EARLY_S
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.tables import attempts


async def outcomes(running: Product) -> list[str | None]:
    query = select(attempts.c.outcome).where(attempts.c.what == "print").order_by(attempts.c.id)
    found: list[str | None] = await running.read(lambda c: c.execute(query).scalars().all())
    return found


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


@pytest.mark.parametrize(("fault", "reason"), [("fn_full", "FN_FULL"), ("fn_expired", "FN_EXPIRED")])
async def test_a_register_known_to_be_blocked_takes_no_receipt(
    running: Product, fault: str, reason: str
) -> None:
    await running.sell(1)
    await running.delivered()  # else the totals below change when it is
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

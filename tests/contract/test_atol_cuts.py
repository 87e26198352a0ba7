"""Links to an ATOL register end at every step; then recovery decides.

The decision is the product's own (``printing``): the driver is asked for facts, and the FN counts. Whatever
happens, the FN must hold the document exactly once in the end.
"""

import itertools
from functools import partial
from typing import Any, cast

import pytest
from tests.support.registers.atol_till import AtolTill, an_atol_till, keyed, sold_once
from tests.support.registers.kkt import TERM

from kkt_adapter.emulators.atol import AtolFault, AtolFaultMode
from kkt_adapter.fiscal.printing.recovery.rules import Absent, judge_receipt

STEPS = 14  # HTTP requests of one sale, from the look to the document that was read back
ANSWER_CUTS = (0, 17, 10_000)  # bytes of an answer


async def test_a_sale_that_is_cut_at_any_http_step_is_made_once() -> None:
    async with an_atol_till() as (till, registration):
        for number, (skip, at) in enumerate(itertools.product(range(STEPS), (None, *ANSWER_CUTS))):
            mode = AtolFaultMode.CUT_REQUEST if at is None else AtolFaultMode.CUT_ANSWER
            await sold_once(till, registration, number, AtolFault(mode=mode, at=at or 0, skip=skip))


@pytest.mark.parametrize("mode", [AtolFaultMode.CUT_REQUEST, AtolFaultMode.CUT_ANSWER, AtolFaultMode.LATE])
@pytest.mark.parametrize("step", ["post", "get"])
async def test_a_line_that_stays_broken_for_a_while_costs_no_receipt(mode: AtolFaultMode, step: str) -> None:
    async with an_atol_till() as (till, registration):
        task = "sell" if step == "post" else None
        for number, count in enumerate((1, 2, 3, 4, 7)):
            fault = AtolFault(mode=mode, step=step, task=task, count=count, delay_s=0.01, skip=number % 2)
            await sold_once(till, registration, number, fault)


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_proxy_that_speaks_for_the_server_is_not_believed(status: int) -> None:
    async with an_atol_till() as (till, registration):
        for number, skip in enumerate(range(6)):
            fault = AtolFault(mode=AtolFaultMode.HTTP_ERROR, code=status, skip=skip, count=2)
            await sold_once(till, registration, number, fault)


async def test_a_request_that_arrives_after_it_was_given_up_is_the_same_job() -> None:
    async with an_atol_till() as (till, registration):
        late = AtolFault(
            mode=AtolFaultMode.LATE, step="post", task="sell", delay_s=0.05, count=till.patience.tries
        )
        await sold_once(till, registration, 1, late)


async def test_what_another_process_has_sent_is_found_by_its_uuid() -> None:
    """The fence: a process that was frozen before it sent makes no second document."""
    async with an_atol_till() as (till, registration):
        receipt = keyed(registration, 1)
        other = till.new_driver()
        await other.open()
        made = await other.fiscalize(receipt, term=TERM)
        await other.close()

        assert await till.driver.fiscalize(receipt, term=TERM) == made
        assert till.holds(receipt.key) == 1


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


async def test_an_adapter_that_dies_at_any_request_of_a_sale_makes_it_once() -> None:
    """Before and after each HTTP exchange; a new process then asks the FN. Its attempt was on disk before."""
    async with an_atol_till() as (till, registration):
        await till.sell(keyed(registration, 0))
        died = unsent = 0
        for number in range(1, 2 * STEPS + 1):
            receipt, marks = keyed(registration, number), list[int]()

            async def mark(marks: list[int] = marks) -> None:
                marks.append(1)

            baseline = (await till.driver.status()).baseline
            die_in(till, exchange=number // 2, answered=bool(number % 2))
            try:
                await till.driver.fiscalize(receipt, term=TERM, about_to=mark)
            except Killed:
                died += 1
            await till.restart()
            await till.driver.open()
            found = await till.reconciled(baseline, partial(judge_receipt, receipt))
            if not marks:
                unsent += 1
                assert isinstance(found, Absent), "not marked as about to be sent, and made all the same"
            if isinstance(found, Absent):
                await till.sell(receipt)
            assert till.holds(receipt.key) == 1, f"died at exchange {number // 2}"
        assert 0 < unsent < died


def die_in(till: AtolTill, *, exchange: int, answered: bool) -> None:
    """The process ends before this exchange, or once it was ``answered``."""
    web, left = cast(Any, till.atol.web), exchange
    send = web._send

    async def last_words(*args: Any) -> Any:
        nonlocal left
        left -= 1
        if left >= 0:
            return await send(*args)
        if answered:
            await send(*args)
        raise Killed

    web._send = last_words


@pytest.mark.parametrize("code", [2, 15, 44, 80, 503])
async def test_cash_that_was_booked_is_booked_though_the_answer_is_an_error(code: int) -> None:
    async with an_atol_till() as (till, _):
        till.emulator.set_faults(AtolFault(mode=AtolFaultMode.ERROR_CLOSED, task="cashIn", code=code))
        await till.driver.move_cash(100_000)
        till.emulator.set_faults(
            *(AtolFault(mode=AtolFaultMode.CUT_ANSWER, step="post", task="cashIn", skip=n) for n in (0, 1))
        )
        await till.driver.move_cash(50_000)

        assert (await till.driver.cash_counts()).put_in == 2
        assert till.emulator.machine.counters.in_kop == 150_000

"""Links to an ATOL register end at every step, and its servers lie; then recovery decides.

The decision is the product's own (``printing``): the driver is asked for facts, and the FN counts. Whatever
happens, the FN must hold the document exactly once in the end, or a person is asked.
"""

import itertools
from dataclasses import replace
from functools import partial
from typing import Any, cast
from uuid import uuid4

import pytest
from tests.support.registers import atol_till
from tests.support.registers.atol_till import Asked, AtolTill, an_atol_till, keyed
from tests.support.registers.kkt import TERM

from kkt_adapter.emulators.atol import JAR, WR, AtolFault, AtolFaultMode, Flavour
from kkt_adapter.fiscal.kkt.atol import codes, making
from kkt_adapter.fiscal.kkt.atol.jobs import Ended
from kkt_adapter.fiscal.model import DocumentCode, FiscalDocument, Registration, Unread
from kkt_adapter.fiscal.printing.recovery.rules import Absent, judge_receipt
from kkt_adapter.kernel.errors import KktOutcomeUnknown, KktUnavailable

FLAVOURS = pytest.mark.parametrize("flavour", [WR, JAR], ids=lambda one: one.name)
STEPS = 14  # HTTP requests of one sale, from the look to the document that was read back
ANSWER_CUTS = (0, 17, 10_000)  # bytes of an answer
UNCERTAIN = (2, 5, 15, 117, 141, 177, 241, 503, 600)  # each flavour blocks at some of them


async def sold_once(
    till: AtolTill, registration: Registration, number: int, *faults: AtolFault
) -> FiscalDocument:
    receipt = keyed(registration, number)
    till.emulator.set_faults(*faults)
    document = await till.sell(receipt)
    till.emulator.set_faults()
    till.emulator.machine.linked = True
    assert (document.key, till.holds(receipt.key)) == (receipt.key, 1), faults
    return document


# --- the line ---


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


# --- lies of server and register ---


@FLAVOURS
async def test_an_error_is_no_proof(flavour: Flavour) -> None:
    async with an_atol_till(flavour=flavour) as (till, registration):
        for number, code in enumerate(UNCERTAIN):
            closed = AtolFault(mode=AtolFaultMode.ERROR_CLOSED, task="sell", code=code)
            await sold_once(till, registration, 2 * number, closed)
            nothing = AtolFault(mode=AtolFaultMode.ERROR, task="sell", code=code)
            await sold_once(till, registration, 2 * number + 1, nothing)


@FLAVOURS
@pytest.mark.parametrize(
    "fault",
    [
        AtolFault(mode=AtolFaultMode.READY_NULL, task="sell"),
        AtolFault(mode=AtolFaultMode.READY_NOTHING, task="sell"),
        AtolFault(mode=AtolFaultMode.READY_FLAT, task="sell"),
        AtolFault(mode=AtolFaultMode.READY_OTHER, task="sell"),
        AtolFault(mode=AtolFaultMode.DELETED, task="sell"),
        AtolFault(mode=AtolFaultMode.HIDE, task="sell"),
        AtolFault(mode=AtolFaultMode.SLOW, task="sell", delay_s=0.8),
        AtolFault(mode=AtolFaultMode.LINK_BEFORE, task="sell", delay_s=0.1),
        AtolFault(mode=AtolFaultMode.LINK_AFTER, task="sell", delay_s=0.1),
        AtolFault(mode=AtolFaultMode.LINK_BEFORE, task="sell", delay_s=0.9),
        AtolFault(mode=AtolFaultMode.LINK_AFTER, task="sell", delay_s=0.9),
        AtolFault(mode=AtolFaultMode.LINK_AFTER, task="sell", delay_s=0.1, code=241),
        AtolFault(mode=AtolFaultMode.LINK_AFTER, task="sell", delay_s=0.1, code=15),
        AtolFault(mode=AtolFaultMode.LINK_BEFORE, task="sell", delay_s=0.1, code=177),
    ],
    ids=lambda fault: f"{fault.mode.value}-{fault.code}-{fault.delay_s}",
)
async def test_a_lie_costs_no_receipt(flavour: Flavour, fault: AtolFault) -> None:
    async with an_atol_till(flavour=flavour) as (till, registration):
        await sold_once(till, registration, 1, fault)
        await sold_once(till, registration, 2)


@FLAVOURS
@pytest.mark.parametrize(
    ("mode", "code", "made"),
    [
        (AtolFaultMode.ERROR_CLOSED, 6, True),
        (AtolFaultMode.READY_NULL, 0, True),
        (AtolFaultMode.READY_FLAT, 0, True),
        (AtolFaultMode.DELETED, 0, True),
        (AtolFaultMode.HIDE, 0, True),
        (AtolFaultMode.LINK_AFTER, 2, True),
        (AtolFaultMode.ERROR, 6, False),
        (AtolFaultMode.READY_NOTHING, 0, False),
        (AtolFaultMode.READY_OTHER, 0, False),
        (AtolFaultMode.LINK_BEFORE, 2, False),
    ],
)
async def test_another_program_on_the_register_is_never_taken_for_us(
    flavour: Flavour, mode: AtolFaultMode, code: int, made: bool
) -> None:
    """Its receipt has our sum and no key. Ours is found by its key; if it was not made, a person is asked."""
    async with an_atol_till(flavour=flavour) as (till, registration):
        receipt = keyed(registration, 1)
        till.emulator.set_faults(AtolFault(mode=mode, task="sell", code=code, foreign=True, delay_s=0.1))
        if made:
            assert (await till.sell(receipt)).key == receipt.key
        else:
            with pytest.raises(Asked):
                await till.sell(receipt)
        assert till.holds(receipt.key) == int(made)


async def test_a_server_that_loses_its_jobs_loses_no_receipt() -> None:
    async with an_atol_till() as (till, registration):
        receipt = keyed(registration, 1)
        till.emulator.set_faults(AtolFault(mode=AtolFaultMode.HIDE, task="sell"))
        baseline = (await till.driver.status()).baseline
        with pytest.raises(KktOutcomeUnknown):
            await till.driver.fiscalize(receipt, term=TERM)
        await till.emulator.restart_web(forget=True)

        found = await till.driver.document(baseline.fd_number + 1)

        assert found is not None
        assert found.key == receipt.key


async def test_a_queue_that_stands_still_says_why_and_goes_on() -> None:
    async with an_atol_till() as (till, registration):
        receipt = keyed(registration, 1)
        till.emulator.set_faults(AtolFault(mode=AtolFaultMode.LINK_AFTER, task="sell", delay_s=-1))
        with pytest.raises(KktOutcomeUnknown):
            await till.driver.fiscalize(receipt, term=TERM)
        with pytest.raises(KktUnavailable, match="connectionError"):
            await till.driver.status()
        waiting = len(till.emulator.device.queue)
        till.emulator.set_link(True)

        assert waiting == 0, "questions that nobody waits for are taken back"
        assert (await till.driver.status()).receipts_in_shift == 1
        assert till.holds(receipt.key) == 1


async def test_the_default_device_is_never_used() -> None:
    async with an_atol_till(registers=2) as (till, registration):
        receipt = keyed(registration, 1)
        till.emulator.set_faults(AtolFault(mode=AtolFaultMode.HIDE, task="sell"))
        with pytest.raises(KktOutcomeUnknown):
            await till.driver.fiscalize(receipt, term=TERM)
        till.emulator.server.default = "2"
        await till.sell(keyed(registration, 2))

        other = till.emulator.server.devices["2"].machine
        assert other.status().fd_number == 1, "nothing but its registration"
        assert till.holds(receipt.key) == 1


async def test_another_fn_is_no_proof_of_anything() -> None:
    async with an_atol_till() as (till, registration):
        receipt = keyed(registration, 1)
        till.emulator.set_faults(AtolFault(mode=AtolFaultMode.HIDE, task="sell"))
        baseline = (await till.driver.status()).baseline
        with pytest.raises(KktOutcomeUnknown):
            await till.driver.fiscalize(receipt, term=TERM)
        till.emulator.swap_fn()

        assert (await till.driver.status()).fn_number != baseline.fn_number
        with pytest.raises(KktUnavailable, match="FN"):
            await till.driver.fiscalize(receipt, term=TERM)


async def test_the_zone_of_the_pc_changes_no_time() -> None:
    async with an_atol_till(pc_zone="+10:00") as (till, registration):
        status = await till.driver.status()
        document = await till.sell(keyed(registration, 1))

        assert document.fiscalized_at == status.clock.replace(second=0, microsecond=0)
        assert status.shift_opened_at == document.fiscalized_at


async def test_of_two_equal_receipts_the_right_one_is_adopted() -> None:
    async with an_atol_till() as (till, registration):
        first, second = keyed(registration, 1), keyed(registration, 2)
        till.emulator.set_faults(AtolFault(mode=AtolFaultMode.HIDE, task="sell"))
        made = await till.sell(first)
        again = await till.sell(second)

        assert (made.key, again.key) == (first.key, second.key)
        assert again.fd_number == made.fd_number + 1


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


async def test_a_document_in_its_short_form_is_adopted_by_nobody() -> None:
    async with an_atol_till() as (till, registration):
        receipt = keyed(registration, 1)
        till.emulator.device.queries.archived_up_to = 99
        with pytest.raises(Asked):
            await till.sell(receipt)
        found = await till.driver.document(3)
        assert found is not None
        assert (found.key, found.unread) == (None, Unread.KOPECKS)


@pytest.mark.parametrize(
    ("fault", "unread"),
    [
        (AtolFault(mode=AtolFaultMode.READY_NULL, task="getFnDocument"), None),
        (AtolFault(mode=AtolFaultMode.ERROR, task="getFnDocument", code=115), None),
        (AtolFault(mode=AtolFaultMode.HTTP_ERROR, step="get", code=502), None),
        (AtolFault(mode=AtolFaultMode.CUT_ANSWER, step="get", at=400), None),
        (AtolFault(mode=AtolFaultMode.RAW_CUT, task="getFnDocument", at=9), Unread.TAGS),
    ],
    ids=["null", "error", "web page", "truncated", "raw bytes"],
)
async def test_a_document_that_cannot_be_read_is_never_one_without_a_key(
    fault: AtolFault, unread: Unread | None
) -> None:
    """No answer, or one that says that its key is not known; once it can be read, its key."""
    async with an_atol_till() as (till, registration):
        made = await till.sell(keyed(registration, 1))
        till.emulator.set_faults(replace(fault, count=None))
        if unread is None:
            with pytest.raises(KktUnavailable):
                await till.driver.document(made.fd_number)
        else:
            found = await till.driver.document(made.fd_number)
            assert found is not None
            assert (found.key, found.unread) == (None, unread)
        till.emulator.set_faults(*[fault] * (2 if unread else 0))
        assert await till.driver.document(made.fd_number) == made


# --- shifts and cash ---


@FLAVOURS
async def test_a_shift_is_opened_and_closed_once_whatever_is_cut(flavour: Flavour) -> None:
    async with an_atol_till(flavour=flavour) as (till, _):
        await till.close_shift()
        lies = [
            AtolFault(mode=mode, task=task, code=code, delay_s=0.05)
            for mode, code in (
                (AtolFaultMode.ERROR_CLOSED, 2),
                (
                    AtolFaultMode.ERROR_CLOSED,
                    16,
                ),  # on the certain list, and yet it says nothing about reports
                (AtolFaultMode.ERROR, 16),
                (AtolFaultMode.LINK_AFTER, 2),
                (AtolFaultMode.LINK_AFTER, 241),
                (AtolFaultMode.HIDE, 0),
            )
            for task in ("openShift", "closeShift")
        ]
        cuts = [AtolFault(mode=AtolFaultMode.CUT_ANSWER, at=9, skip=n) for n in range(0, 20, 4)]
        opened, closed = till.holds(code=DocumentCode.OPEN_SHIFT), till.holds(code=DocumentCode.CLOSE_SHIFT)
        for n, fault in enumerate([*lies, *cuts], start=1):
            till.emulator.set_faults(fault)
            await till.open_shift()
            await till.close_shift()
            till.emulator.set_faults()
            assert till.holds(code=DocumentCode.OPEN_SHIFT) == opened + n, fault
            assert till.holds(code=DocumentCode.CLOSE_SHIFT) == closed + n, fault


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


# --- the net catches broken drivers ---


async def test_a_driver_that_believes_error_doubles_and_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    async with an_atol_till() as (till, registration):
        monkeypatch.setattr(codes, "proves_absence", lambda code: True)
        receipt = keyed(registration, 1)
        till.emulator.set_faults(AtolFault(mode=AtolFaultMode.ERROR_CLOSED, task="sell", code=6))
        await till.sell(receipt)
        assert till.holds(receipt.key) == 2


async def test_a_driver_that_believes_ready_loses_and_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    async with an_atol_till() as (till, registration):
        first = await till.sell(keyed(registration, 1))

        async def believing(ended: Ended, *_: Any) -> FiscalDocument:
            return first

        monkeypatch.setattr(till.atol._making, "_named", believing)
        receipt = keyed(registration, 2)
        till.emulator.set_faults(AtolFault(mode=AtolFaultMode.READY_OTHER, task="sell"))
        await till.sell(receipt)
        assert till.holds(receipt.key) == 0


async def test_a_driver_with_one_uuid_for_ever_never_sells_and_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with an_atol_till() as (till, registration):
        monkeypatch.setattr(making, "job_uuid", lambda fn, what, attempt: f"{fn}:{what}")
        monkeypatch.setattr(atol_till, "TRIES", 5)
        receipt = keyed(registration, 1)
        till.emulator.set_faults(AtolFault(mode=AtolFaultMode.ERROR, task="sell", code=6))
        with pytest.raises(AssertionError, match="never came to an end"):
            await till.sell(receipt)
        assert till.holds(receipt.key) == 0


async def test_a_driver_with_a_new_uuid_each_time_doubles_and_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with an_atol_till() as (till, registration):
        monkeypatch.setattr(making, "job_uuid", lambda fn, what, attempt: str(uuid4()))
        receipt = keyed(registration, 1)
        other = till.new_driver()
        await other.open()
        await other.fiscalize(receipt, term=TERM)
        await other.close()
        await till.driver.fiscalize(receipt, term=TERM)
        assert till.holds(receipt.key) == 2

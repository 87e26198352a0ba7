"""The servers before an ATOL register lie, forget and stand still; then recovery decides.

Whatever they say, the FN must hold the document exactly once in the end, or a person is asked. Drivers that
believe them are caught.
"""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from tests.support.registers import atol_till
from tests.support.registers.atol_till import Asked, an_atol_till, keyed, sold_once
from tests.support.registers.kkt import TERM

from kkt_adapter.emulators.atol import JAR, WR, AtolFault, AtolFaultMode, Flavour
from kkt_adapter.fiscal.kkt.atol import codes, making
from kkt_adapter.fiscal.kkt.atol.jobs import Ended
from kkt_adapter.fiscal.model import DocumentCode, FiscalDocument, Unread
from kkt_adapter.kernel.errors import KktOutcomeUnknown, KktUnavailable

FLAVOURS = pytest.mark.parametrize("flavour", [WR, JAR], ids=lambda one: one.name)
UNCERTAIN = (2, 5, 15, 117, 141, 177, 241, 503, 600)  # each flavour blocks at some of them


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

"""A Shtrih-M register has made a document, or not, and nobody was told; then recovery decides.

The register goes away after its answer, the adapter dies between two frames, a document cannot be read.
Drivers that believe too much are caught: the FN counts.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from tests.support.registers.kkt import CASHIER, TERM
from tests.support.registers.reconciled import reconciled
from tests.support.registers.shtrih_till import TRIES, a_till, keyed

from kkt_adapter.emulators.shtrih import ShtrihFault, ShtrihFaultMode
from kkt_adapter.fiscal.kkt.shtrih import requests, session
from kkt_adapter.fiscal.kkt.shtrih.device_errors import NO_DATA, NOT_SUPPORTED
from kkt_adapter.fiscal.kkt.shtrih.wire.link import LinkDown
from kkt_adapter.fiscal.model import FiscalDocument, Operation, Payment, PaymentKind, Receipt, Unread
from kkt_adapter.fiscal.printing.recovery.rules import Absent, judge_receipt
from kkt_adapter.kernel.errors import KktOutcomeUnknown, KktUnavailable


@pytest.mark.parametrize(
    "command", [requests.CLOSE_RECEIPT, requests.OPEN_SHIFT, requests.Z_REPORT], ids=bytes.hex
)
async def test_a_register_that_is_gone_right_after_its_answer_has_made_the_document(
    tmp_path: Path, command: bytes
) -> None:
    """No connection comes about any more: that says nothing of what was done before."""
    async with a_till(tmp_path) as (till, registration):
        receipt = keyed(registration, 1)
        if command != requests.OPEN_SHIFT:
            await till.driver.open_shift(CASHIER, term=TERM)
        fd_number = till.emulator.machine.status().fd_number
        link = till.shtrih._session._link
        exchange = link.exchange

        async def last_answer(body: bytes, *, answer_s: float) -> bytes:
            answer = await exchange(body, answer_s=answer_s)
            if body.startswith(command):
                await till.emulator.set_down(True)
            return answer

        cast(Any, link).exchange = last_answer
        make: dict[bytes, Callable[[], Awaitable[Any]]] = {
            requests.CLOSE_RECEIPT: lambda: till.driver.fiscalize(receipt, term=TERM),
            requests.OPEN_SHIFT: lambda: till.driver.open_shift(CASHIER, term=TERM),
            requests.Z_REPORT: lambda: till.driver.close_shift(CASHIER, term=TERM),
        }
        with pytest.raises(KktOutcomeUnknown):
            await make[command]()
        await till.emulator.set_down(False)
        assert till.emulator.machine.status().fd_number == fd_number + 1


@pytest.mark.parametrize("refused", [requests.FN_STATUS, requests.FN_SHIFT, requests.FN_FIND], ids=bytes.hex)
async def test_a_register_that_does_not_tell_of_its_document_has_refused_nothing(
    tmp_path: Path, refused: bytes
) -> None:
    async with a_till(tmp_path) as (till, registration):
        await till.driver.open_shift(CASHIER, term=TERM)
        link = till.shtrih._session._link
        exchange, closed = link.exchange, list[bytes]()

        async def tight_lipped(body: bytes, *, answer_s: float) -> bytes:
            if closed and body.startswith(refused):
                return refused + b"\x33"  # "wrong parameters"
            answer = await exchange(body, answer_s=answer_s)
            if body.startswith(requests.CLOSE_RECEIPT):
                closed.append(body)
            return answer

        cast(Any, link).exchange = tight_lipped
        with pytest.raises(KktOutcomeUnknown):
            await till.driver.fiscalize(keyed(registration, 1), term=TERM)
        assert till.holds(keyed(registration, 1).key) == 1


async def test_an_adapter_that_dies_at_any_frame_of_a_receipt_makes_it_once(tmp_path: Path) -> None:
    """Before and after each exchange; a new process then asks the FN. Its attempt was on disk before."""
    async with a_till(tmp_path) as (till, registration):
        await till.driver.open_shift(CASHIER, term=TERM)
        await till.sell(keyed(registration, 0))
        frames = len(till.driver.command_times)
        assert frames > 10
        unmarked = 0
        for n in range(2 * frames):
            receipt = keyed(registration, n + 1)
            baseline = (await till.driver.status()).baseline
            marked = await till.dies(receipt, at=n // 2, answered=bool(n % 2))
            judge = partial(judge_receipt, receipt)
            found = await reconciled(till.driver, baseline, judge, tries=TRIES)
            assert marked or isinstance(found, Absent), "made without the mark"
            unmarked += not marked
            if isinstance(found, Absent):
                await till.sell(receipt)
            assert till.holds(receipt.key) == 1, f"died at exchange {n // 2}"
        assert 0 < unmarked < 2 * frames


async def test_a_driver_that_believes_silence_doubles_and_is_caught(tmp_path: Path) -> None:
    async with a_till(tmp_path) as (till, registration):
        await till.driver.open_shift(CASHIER, term=TERM)
        exchange = till.shtrih._session._link.exchange

        async def believing(body: bytes, *, answer_s: float) -> bytes:
            try:
                return await exchange(body, answer_s=answer_s)
            except LinkDown as error:
                raise LinkDown(error.why, sent=False) from error  # "no answer: not done"

        cast(Any, till.shtrih._session._link).exchange = believing
        till.lose(requests.CLOSE_RECEIPT, 0)
        receipt = keyed(registration, 1)
        await till.sell(receipt)
        assert till.holds(receipt.key) == 2


async def test_a_driver_that_believes_every_good_answer_loses_and_is_caught(tmp_path: Path) -> None:
    async with a_till(tmp_path) as (till, registration):
        await till.driver.open_shift(CASHIER, term=TERM)
        first = await till.sell(keyed(registration, 1))

        async def trusting(before: Any, made: Any, receipt: Receipt, *, key: str | None) -> FiscalDocument:
            return first

        kept, till.shtrih._closed = till.shtrih._closed, trusting  # type: ignore[method-assign]
        lie = ShtrihFault(mode=ShtrihFaultMode.LIE, command="ff45")
        receipt = keyed(registration, 2)
        till.emulator.set_faults(lie)
        await till.sell(receipt)
        assert till.holds(receipt.key) == 0

        till.shtrih._closed = kept  # type: ignore[method-assign]
        till.emulator.set_faults(ShtrihFault(mode=ShtrihFaultMode.LIE, command="ff45"))
        await till.sell(receipt)
        assert till.holds(receipt.key) == 1
        assert receipt.operation is Operation.SALE


async def test_a_driver_that_closes_twice_doubles_and_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first FF45 is executed late, after the second one has closed its receipt: in the middle of the next
    customer's, which it closes with the payments of the first; that one is then begun anew."""
    monkeypatch.setattr(session, "REPEATABLE", session.REPEATABLE | {requests.CLOSE_RECEIPT})
    async with a_till(tmp_path) as (till, registration):
        await till.driver.open_shift(CASHIER, term=TERM)
        device, late = till.emulator.device, list[bytes]()
        monkeypatch.setattr(device, "run_later", lambda body, delay_s: late.append(body))
        till.emulator.set_faults(ShtrihFault(mode=ShtrihFaultMode.LATE, command="ff45"))
        in_cash = keyed(registration, 1)
        by_card = (Payment(kind=PaymentKind.CARD, amount_kop=in_cash.total_kop),)
        next_one = keyed(registration, 2, payments=by_card)
        await till.sell(in_cash)
        link = till.shtrih._session._link
        exchange = link.exchange

        async def slowly(body: bytes, *, answer_s: float) -> bytes:
            answer = await exchange(body, answer_s=answer_s)
            if body.startswith(requests.OPERATION) and late:
                await device.run(late.pop())
            return answer

        cast(Any, link).exchange = slowly
        await till.sell(next_one)
        assert till.holds(next_one.key) == 2


@pytest.mark.parametrize(
    "fault",
    [
        ShtrihFault(mode=ShtrihFaultMode.ERROR, command="ff3a", code=NO_DATA),
        ShtrihFault(mode=ShtrihFaultMode.ERROR, command="ff3a", code=NOT_SUPPORTED),
        ShtrihFault(mode=ShtrihFaultMode.ERROR, command="ff3b", code=NO_DATA, skip=1),
        ShtrihFault(mode=ShtrihFaultMode.CUT_ANSWER, command="ff3b", at=5),
        ShtrihFault(mode=ShtrihFaultMode.ERROR, command="ff3a", code=0x33),
        ShtrihFault(mode=ShtrihFaultMode.ERROR, command="ff3a", code=0x2F),
    ],
    ids=["not kept", "not known", "breaks off", "cut", "refused", "fault of the FN"],
)
async def test_a_document_that_cannot_be_read_is_never_one_without_a_key(
    tmp_path: Path, fault: ShtrihFault
) -> None:
    """No answer, or one that says that its key is not known; once it can be read, its key."""
    async with a_till(tmp_path) as (till, registration):
        await till.driver.open_shift(CASHIER, term=TERM)
        made = await till.sell(keyed(registration, 1))
        till.emulator.set_faults(replace(fault, count=None))
        try:
            found = await till.driver.document(made.fd_number)
        except KktUnavailable:
            assert fault.mode is ShtrihFaultMode.CUT_ANSWER or fault.code == 0x2F
        else:
            assert fault.mode is ShtrihFaultMode.ERROR
            assert found is not None
            assert (found.key, found.unread) == (None, Unread.TAGS)
        till.emulator.set_faults()
        assert await till.driver.document(made.fd_number) == made


async def test_a_key_is_read_also_while_a_receipt_is_open(tmp_path: Path) -> None:
    """An open document keeps the device from giving others. One without its key would be nobody's, and its
    receipt made again."""
    async with a_till(tmp_path) as (till, registration):
        await till.driver.open_shift(CASHIER, term=TERM)
        made = await till.driver.fiscalize(keyed(registration, 1), term=TERM)
        till.emulator.set_faults(ShtrihFault(mode=ShtrihFaultMode.LOSE_REQUEST, command="ff45"))
        with pytest.raises(KktOutcomeUnknown):
            await till.driver.fiscalize(keyed(registration, 2), term=TERM)
        till.emulator.set_faults()

        found = await till.driver.document(made.fd_number)

        assert found is not None
        assert found.key == made.key == keyed(registration, 1).key

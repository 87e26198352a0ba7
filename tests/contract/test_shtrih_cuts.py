"""The link to a Shtrih-M register ends at every byte of every command that matters; then recovery decides.

The decision is the product's own (``printing``): the driver is asked for facts, and the FN counts. Whatever
happens, the FN must hold the document exactly once in the end.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from tests.support.receipts import a_correction, a_line
from tests.support.registers.kkt import CASHIER, TERM, ShtrihBench, a_sale_for, an_answer
from tests.support.registers.reconciled import reconciled

from kkt_adapter.emulators.shtrih import ShtrihFault, ShtrihFaultMode
from kkt_adapter.fiscal.kkt.shtrih import requests, session
from kkt_adapter.fiscal.kkt.shtrih.device_errors import NO_DATA, NOT_SUPPORTED
from kkt_adapter.fiscal.kkt.shtrih.driver import ShtrihRegister
from kkt_adapter.fiscal.kkt.shtrih.wire.link import LinkDown, Timing
from kkt_adapter.fiscal.kkt.shtrih.wire.protocol1 import Protocol1
from kkt_adapter.fiscal.kkt.shtrih.wire.wires import TcpWire, WireError
from kkt_adapter.fiscal.kkt.virtual import made_up_registration
from kkt_adapter.fiscal.lifecycle import DeviceCash
from kkt_adapter.fiscal.model import (
    DocumentCode,
    FfdVersion,
    FiscalDocument,
    Operation,
    Payment,
    PaymentKind,
    Receipt,
    ReceiptKind,
    Registration,
    Unread,
)
from kkt_adapter.fiscal.printing.recovery.rules import Absent, Adopt, judge_receipt, judge_report
from kkt_adapter.fiscal.shifts import device_cash
from kkt_adapter.fiscal.shifts.device_cash import CashOrder, Counted, Happened, NotYet
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.kernel.errors import KktOutcomeUnknown, KktUnavailable
from kkt_adapter.kernel.ids import RegisterId

HASTY = Timing(
    connect_s=5.0, byte_s=0.4, quiet_s=0.01, enquiries=3, poll_s=0.005, printing_s=2.0, answer_scale=0.002
)
TRIES = 8
EVERY_BYTE = os.environ.get("KKT_EVERY_BYTE") == "1"  # of long frames too; minutes
HEAD, STEP, TAIL = 14, 12, 4  # of long frames: each byte of head and end, some of what lies between


def cuts(frame_bytes: int) -> Sequence[int]:
    """After how many bytes a frame is cut: sums, names and codes in its middle are alike."""
    if EVERY_BYTE or frame_bytes <= HEAD + TAIL:
        return range(frame_bytes + 1)
    return (*range(HEAD), *range(HEAD, frame_bytes - TAIL, STEP), *range(frame_bytes - TAIL, frame_bytes + 1))


FIRST_BLOCK = 161  # bytes of FF33 with the first block of an answer
NEWEST = 12  # documents among which a receipt just made is looked for
CASH_FRAME = 13  # bytes of 50h and 51h
MARK = "0104600000000012215abcdefghijkl\x1d91FFD0\x1d92" + "A" * 44


class CutWire(TcpWire):
    """A line that ends after ``at`` bytes of the next frame of ``command``."""

    command: bytes | None = None
    at = 0
    frame_bytes = 0  # of the frame that was cut last

    def write(self, data: bytes) -> None:
        if self.command is None or data[2:].find(self.command) != 0 or len(data) < 5:
            super().write(data)
            return
        self.command, self.frame_bytes = None, len(data)
        super().write(data[: self.at])
        assert self._transport is not None
        self._transport.close()
        self._inbox.end("cut")
        raise WireError("cut")


class Till(ShtrihBench):
    """A register whose line can be cut, and what the product does about it."""

    async def begin(self) -> Registration:
        await self.start()
        host, _, port = self.address.removeprefix("tcp://").rpartition(":")
        self.wire = CutWire(host, int(port))
        return await self.driver_anew()

    async def driver_anew(self) -> Registration:
        """That of a process that has just begun."""
        self.driver = self.shtrih = ShtrihRegister(
            Protocol1(self.wire, timing=HASTY),
            password=1,
            admin_password=30,
            clock=SystemClock(),
            timing=HASTY,
        )
        return await self.driver.open()

    @contextmanager
    def cut(self, command: bytes, at: int) -> Iterator[None]:
        self.wire.command, self.wire.at = command, at
        yield
        self.wire.command = None

    def lose(self, command: bytes, at: int) -> None:
        self.emulator.set_faults(ShtrihFault(mode=ShtrihFaultMode.CUT_ANSWER, command=command.hex(), at=at))

    async def once(
        self, make: Callable[[], Awaitable[FiscalDocument]], judge: Callable[..., Any]
    ) -> FiscalDocument:
        """What the lane does: an attempt from a baseline, and after doubt the FN decides."""
        for _ in range(TRIES):
            try:
                baseline = (await self.driver.status()).baseline
            except KktUnavailable:
                continue
            try:
                return await make()
            except KktUnavailable:
                continue
            except KktOutcomeUnknown:
                found = await reconciled(self.driver, baseline, judge, tries=TRIES)
            if isinstance(found, Adopt):
                return found.document
            assert isinstance(found, Absent), found
        raise AssertionError("it never came to an end")

    async def dies(self, receipt: Receipt, *, at: int, answered: bool) -> bool:
        """The process that sells it ends before exchange ``at``, or once that one was ``answered``. Was it
        marked before as about to be made?"""
        marks = list[int]()

        async def mark() -> None:
            marks.append(1)

        left, link = at, self.shtrih._session._link
        exchange = link.exchange

        async def last_words(body: bytes, *, answer_s: float) -> bytes:
            nonlocal left
            left -= 1
            if left >= 0:
                return await exchange(body, answer_s=answer_s)
            if answered:
                await exchange(body, answer_s=answer_s)
            raise Killed

        cast(Any, link).exchange = last_words
        with pytest.raises(Killed):
            await self.driver.fiscalize(receipt, term=TERM, about_to=mark)
        await self.wire.close()
        await self.driver_anew()
        return bool(marks)

    async def sell(self, receipt: Receipt) -> FiscalDocument:
        return await self.once(
            lambda: self.driver.fiscalize(receipt, term=TERM), lambda *found: judge_receipt(receipt, *found)
        )

    async def move_cash(self, amount_kop: int) -> None:
        """What the lane does: the counters are kept before, and compared after doubt."""
        for _ in range(TRIES):
            try:
                order = CashOrder(
                    id=1,
                    amount_kop=amount_kop,
                    state=DeviceCash.SENT,
                    before=await self._counted(),
                    sent_by=None,
                    at=datetime.now(UTC),
                )
                return await self.driver.move_cash(amount_kop)
            except KktUnavailable:
                continue
            except KktOutcomeUnknown:
                await SystemClock().sleep(self.driver.settle_s)
                outcome = device_cash.judge(order, await self._counted())
            if isinstance(outcome, Happened):
                return None
            assert isinstance(outcome, NotYet), outcome
        raise AssertionError("it never came to an end")

    async def _counted(self) -> Counted:
        for _ in range(TRIES):
            try:
                counts = await self.driver.cash_counts()
            except KktUnavailable:
                continue
            return Counted(fn_number="1", shift_number=1, put_in=counts.put_in, taken_out=counts.taken_out)
        raise AssertionError("the register never answers again")

    def holds(self, key: str | None = None, code: DocumentCode | None = None) -> int:
        """How many documents with that key, or of that code, the FN holds."""
        fn = self.emulator.machine.fn
        last = self.emulator.machine.status().fd_number
        found = [fn.document(n) for n in range(1 if code else max(last - NEWEST, 1), last + 1)]
        return sum(d is not None and (d.key == key if code is None else d.code is code) for d in found)


@asynccontextmanager
async def a_till(folder: Path, **options: Any) -> AsyncIterator[tuple[Till, Registration]]:
    till = Till(folder, timing=HASTY, **options)
    try:
        yield till, await till.begin()
    finally:
        await till.aclose()


def keyed(registration: Registration, number: int, **changes: Any) -> Receipt:
    """A receipt with a key of its own."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    key = "KEY" + "".join(letters[number // 26**n % 26] for n in range(13))
    return a_sale_for(registration, key=key, additional_attribute=key, **changes)


async def test_a_receipt_whose_closing_is_cut_is_made_once(tmp_path: Path) -> None:
    async with a_till(tmp_path) as (till, registration):
        await till.driver.open_shift(CASHIER, term=TERM)
        for at in cuts(121):
            receipt = keyed(registration, at)
            with till.cut(requests.CLOSE_RECEIPT, at):
                document = await till.sell(receipt)
            assert (document.key, till.holds(receipt.key)) == (receipt.key, 1), f"cut after {at} bytes"


async def test_a_receipt_whose_answer_is_cut_at_any_byte_is_made_once(tmp_path: Path) -> None:
    async with a_till(tmp_path) as (till, registration):
        await till.driver.open_shift(CASHIER, term=TERM)
        for at in range(24):  # ACK and the answer's frame
            receipt = keyed(registration, at)
            till.lose(requests.CLOSE_RECEIPT, at)
            document = await till.sell(receipt)
            assert (document.key, till.holds(receipt.key)) == (receipt.key, 1), f"cut after {at} bytes"


@pytest.mark.parametrize(
    "command",
    [requests.OPEN_RECEIPT, requests.TAG, requests.OPERATION, requests.ITEM_TAG, requests.SUBTOTAL],
    ids=bytes.hex,
)
async def test_a_receipt_that_is_cut_before_its_closing_is_begun_anew(tmp_path: Path, command: bytes) -> None:
    async with a_till(tmp_path) as (till, registration):
        await till.driver.open_shift(CASHIER, term=TERM)
        for at in (0, 1, 5, 9, 300):
            for lose in (till.lose, None):
                receipt = keyed(registration, 2 * at + (lose is None))
                if lose is not None:
                    lose(command, min(at, 4))
                with till.cut(command, at) if lose is None else till.cut(b"?", 0):
                    await till.sell(receipt)
                assert till.holds(receipt.key) == 1, f"cut after {at} bytes"


@pytest.mark.parametrize(
    ("command", "frame_bytes"),
    [(requests.FN_BEGIN_OPEN_SHIFT, 9), (requests.TAG, 26), (requests.OPEN_SHIFT, 8)],
    ids=["ff41", "ff0c", "e0"],
)
async def test_a_shift_that_is_cut_while_it_opens_is_opened_once(
    tmp_path: Path, command: bytes, frame_bytes: int
) -> None:
    async with a_till(tmp_path) as (till, _):
        for n, at in enumerate(cuts(frame_bytes)):
            with till.cut(command, at):
                await till.once(
                    lambda: till.driver.open_shift(CASHIER, term=TERM),
                    lambda *found: judge_report(DocumentCode.OPEN_SHIFT, *found),
                )
            assert till.holds(code=DocumentCode.OPEN_SHIFT) == n + 1, f"cut after {at} bytes"
            till.lose(requests.Z_REPORT, at % 5)
            await till.once(
                lambda: _closed(till.driver),
                lambda *found: judge_report(DocumentCode.CLOSE_SHIFT, *found),
            )
            assert till.holds(code=DocumentCode.CLOSE_SHIFT) == n + 1, f"Z report cut after {at % 5} bytes"


@pytest.mark.parametrize("command", [requests.CASH_IN, requests.CASH_OUT], ids=bytes.hex)
async def test_cash_that_is_cut_is_moved_once(tmp_path: Path, command: bytes) -> None:
    async with a_till(tmp_path) as (till, _):
        await till.driver.open_shift(CASHIER, term=TERM)
        await till.driver.move_cash(10_000_000)
        amount_kop = 500 if command == requests.CASH_IN else -500
        for n, at in enumerate((*range(CASH_FRAME + 1), *range(8))):
            before = await till.driver.cash_counts()
            if n > CASH_FRAME:
                till.lose(command, at)
            with till.cut(command, at) if n <= CASH_FRAME else till.cut(b"?", 0):
                await till.move_cash(amount_kop)
            after = await till.driver.cash_counts()
            moved = (after.put_in - before.put_in, after.taken_out - before.taken_out)
            assert moved == ((1, 0) if amount_kop > 0 else (0, 1)), f"cut after {at} bytes"
        assert till.wire.frame_bytes == CASH_FRAME


async def _closed(driver: Any) -> FiscalDocument:
    return cast(FiscalDocument, (await driver.close_shift(CASHIER, term=TERM)).document)


async def test_a_correction_of_ffd_1_05_that_is_cut_is_made_once(tmp_path: Path) -> None:
    registration = made_up_registration(RegisterId("kkt-1"), ffd_version=FfdVersion.V1_05)
    async with a_till(tmp_path, registration=registration) as (till, facts):
        await till.driver.open_shift(CASHIER, term=TERM)
        for n, at in enumerate(cuts(72)):
            receipt = keyed(facts, n, kind=ReceiptKind.CORRECTION, correction=a_correction(number="1"))
            with till.cut(requests.CORRECTION, at):
                await till.sell(receipt)
            assert till.holds(receipt.key) == 1, f"FF4A cut after {at} bytes"
            if at > 9:
                continue
            second = keyed(facts, n + 100, kind=ReceiptKind.CORRECTION, correction=a_correction(number="2"))
            with till.cut(requests.BEGIN_CORRECTION, at):
                await till.sell(second)
            assert till.holds(second.key) == 1, f"FF35 cut after {at} bytes"


@pytest.mark.parametrize("command", [requests.FN_DOCUMENT, requests.FN_DOCUMENT_PIECE], ids=bytes.hex)
async def test_a_document_that_is_cut_while_it_is_read_is_read_right(tmp_path: Path, command: bytes) -> None:
    """FF3B is a cursor: a piece that got lost must not be passed over, and the till must not stay stuck."""
    async with a_till(tmp_path) as (till, registration):
        await till.driver.open_shift(CASHIER, term=TERM)
        receipt = keyed(registration, 1, lines=(a_line(name="Товар с длинным названием " * 4),) * 3)
        made = await till.sell(receipt)
        for at in range(14):
            with till.cut(command, at):
                assert await till.driver.document(made.fd_number) == made
            till.emulator.set_faults(
                ShtrihFault(mode=ShtrihFaultMode.CUT_ANSWER, command=command.hex(), at=at, skip=at % 3)
            )
            assert await till.driver.document(made.fd_number) == made
        after = await till.sell(keyed(registration, 2))
        assert after.fd_number == made.fd_number + 1


@pytest.mark.parametrize(
    ("command", "frame_bytes"),
    [(requests.CHECK_MARK, 98), (requests.ACCEPT_MARK, 10), (requests.BIND_MARK, 95)],
    ids=["ff61", "ff69", "ff67"],
)
async def test_a_marked_receipt_that_is_cut_is_made_once(
    tmp_path: Path, command: bytes, frame_bytes: int
) -> None:
    async with a_till(tmp_path) as (till, registration):
        await till.driver.open_shift(CASHIER, term=TERM)
        for n, at in enumerate(cuts(frame_bytes)):
            receipt = keyed(registration, n, lines=(a_line(mark_code=MARK, subject=33),))
            with till.cut(command, at):
                await till.sell(receipt)
            if n > 9:
                assert till.holds(receipt.key) == 1
                continue
            till.lose(command, n)
            second = keyed(registration, n + 200, lines=(a_line(mark_code=MARK, subject=33),))
            await till.sell(second)
            assert (till.holds(receipt.key), till.holds(second.key)) == (1, 1)
        assert till.wire.frame_bytes == frame_bytes


async def test_an_operators_answer_that_is_cut_is_taken_in_the_end(tmp_path: Path) -> None:
    async with a_till(tmp_path) as (till, registration):
        await till.driver.open_shift(CASHIER, term=TERM)
        for command, frame_bytes in ((requests.FN_BEGIN_WRITE, 11), (requests.FN_WRITE_BLOCK, FIRST_BLOCK)):
            for n, at in enumerate(cuts(frame_bytes)):
                await till.sell(keyed(registration, n))
                if n < 8:
                    till.lose(command, n)
                with till.cut(command, at):
                    await _deliver(till)
            assert till.wire.frame_bytes == frame_bytes
        assert till.emulator.machine.fn.exchange_status().unsent_count == 0


async def _deliver(till: Till) -> None:
    for _ in range(40):
        try:
            message = await till.driver.read_message()
            if message is None:
                return
            await till.driver.accept_reply(an_answer(message))
        except KktUnavailable:
            continue
    raise AssertionError("the queue never became empty")


# --- made and answered, and then the register is gone ------------------------------------------------------


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


# --- the adapter dies between any two frames -------------------------------------------------------------


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


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


# --- the net catches broken drivers ----------------------------------------------------------------------


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

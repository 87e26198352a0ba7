"""The link to a Shtrih-M register ends at every byte of every command that matters; then recovery decides.

The decision is the product's own (``printing``): the driver is asked for facts, and the FN counts. Whatever
happens, the FN must hold the document exactly once in the end.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from tests.support.kkt import CASHIER, TERM, ShtrihBench, a_sale_for, an_answer
from tests.support.receipts import a_correction, a_line

from kkt_adapter.emulators.shtrih import Fault, FaultMode
from kkt_adapter.fiscal.kkt.shtrih import requests
from kkt_adapter.fiscal.kkt.shtrih.driver import ShtrihRegister
from kkt_adapter.fiscal.kkt.shtrih.wire.link import LinkDown, Timing
from kkt_adapter.fiscal.kkt.shtrih.wire.protocol1 import Protocol1
from kkt_adapter.fiscal.kkt.shtrih.wire.wires import TcpWire, WireError
from kkt_adapter.fiscal.kkt.virtual import made_up_registration
from kkt_adapter.fiscal.model import (
    DocumentCode,
    FfdVersion,
    FiscalDocument,
    Operation,
    Receipt,
    ReceiptKind,
    Registration,
)
from kkt_adapter.fiscal.printing.recovery.rules import Absent, Adopt, judge_receipt, judge_report
from kkt_adapter.fiscal.printing.register_session import RegisterSession
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.kernel.errors import KktOutcomeUnknown, KktUnavailable
from kkt_adapter.kernel.ids import RegisterId

HASTY = Timing(
    connect_s=5.0, byte_s=0.4, quiet_s=0.01, enquiries=3, poll_s=0.005, printing_s=2.0, answer_scale=0.002
)
TRIES = 8
CLOSING_CUTS = (*range(14), *range(14, 110, 4), *range(110, 122))
"""Of the 121 bytes of FF45: each one of its head and its end, every fourth of the sums, which are alike."""
NEWEST = 12  # documents among which a receipt just made is looked for
MARK = "0104600000000012215abcdefghijkl\x1d91FFD0\x1d92" + "A" * 44


class CutWire(TcpWire):
    """A line that ends after ``at`` bytes of the next frame of ``command``."""

    command: bytes | None = None
    at = 0

    def write(self, data: bytes) -> None:
        if self.command is None or data[2:].find(self.command) != 0 or len(data) < 5:
            super().write(data)
            return
        self.command = None
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
        self.emulator.set_faults(Fault(mode=FaultMode.CUT_ANSWER, command=command.hex(), at=at))

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
                verdict = await self._verdict(baseline, judge)
            if isinstance(verdict, Adopt):
                return verdict.document
            assert isinstance(verdict, Absent), verdict
        raise AssertionError("it never came to an end")

    async def _verdict(self, baseline: Any, judge: Callable[..., Any]) -> Any:
        session = RegisterSession(
            RegisterId("kkt-1"),
            driver=self.driver,
            database=cast(Any, None),
            clock=SystemClock(),
            cashier=CASHIER,
            automatic_shift=True,
            fits=lambda _: None,
        )
        for _ in range(TRIES):
            try:
                evidence = await session.evidence(baseline)
            except KktUnavailable:
                continue
            return judge(baseline, evidence.now, evidence.found)
        raise AssertionError("the register never answers again")

    async def sell(self, receipt: Receipt) -> FiscalDocument:
        return await self.once(
            lambda: self.driver.fiscalize(receipt, term=TERM), lambda *found: judge_receipt(receipt, *found)
        )

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
        for at in CLOSING_CUTS:
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
        for n, at in enumerate([*range(0, frame_bytes, 3), frame_bytes]):
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


async def _closed(driver: Any) -> FiscalDocument:
    return cast(FiscalDocument, (await driver.close_shift(CASHIER, term=TERM)).document)


async def test_a_correction_of_ffd_1_05_that_is_cut_is_made_once(tmp_path: Path) -> None:
    registration = made_up_registration(RegisterId("kkt-1"), ffd_version=FfdVersion.V1_05)
    async with a_till(tmp_path, registration=registration) as (till, facts):
        await till.driver.open_shift(CASHIER, term=TERM)
        for n, at in enumerate([0, 1, 4, 40, 71, 72]):
            receipt = keyed(facts, n, kind=ReceiptKind.CORRECTION, correction=a_correction(number="1"))
            with till.cut(requests.CORRECTION, at):
                await till.sell(receipt)
            assert till.holds(receipt.key) == 1, f"FF4A cut after {at} bytes"
            with till.cut(requests.BEGIN_CORRECTION, at % 9):
                await till.sell(keyed(facts, n + 100))
            assert till.holds(keyed(facts, n + 100).key) == 1


@pytest.mark.parametrize("command", [requests.FN_DOCUMENT, requests.FN_DOCUMENT_PIECE], ids=bytes.hex)
async def test_a_document_that_is_cut_while_it_is_read_is_read_right(tmp_path: Path, command: bytes) -> None:
    """FF3B is a cursor: a piece that got lost must not be passed over, and the till must not stay stuck."""
    async with a_till(tmp_path) as (till, registration):
        await till.driver.open_shift(CASHIER, term=TERM)
        receipt = keyed(registration, 1, lines=(a_line(name="Товар с длинным названием " * 4),) * 3)
        made = await till.sell(receipt)
        for at in range(0, 12, 2):
            with till.cut(command, at):
                assert await till.driver.document(made.fd_number) == made
            till.emulator.set_faults(
                Fault(mode=FaultMode.CUT_ANSWER, command=command.hex(), at=at, skip=at % 3)
            )
            assert await till.driver.document(made.fd_number) == made
        after = await till.sell(keyed(registration, 2))
        assert after.fd_number == made.fd_number + 1


@pytest.mark.parametrize(
    "command", [requests.CHECK_MARK, requests.ACCEPT_MARK, requests.BIND_MARK], ids=bytes.hex
)
async def test_a_marked_receipt_that_is_cut_is_made_once(tmp_path: Path, command: bytes) -> None:
    async with a_till(tmp_path) as (till, registration):
        await till.driver.open_shift(CASHIER, term=TERM)
        for n, at in enumerate((0, 3, 20, 300)):
            receipt = keyed(registration, n, lines=(a_line(mark_code=MARK, subject=33),))
            with till.cut(command, at):
                await till.sell(receipt)
            till.lose(command, at % 6)
            second = keyed(registration, n + 50, lines=(a_line(mark_code=MARK, subject=33),))
            await till.sell(second)
            assert (till.holds(receipt.key), till.holds(second.key)) == (1, 1)


async def test_an_operators_answer_that_is_cut_is_taken_in_the_end(tmp_path: Path) -> None:
    async with a_till(tmp_path) as (till, registration):
        await till.driver.open_shift(CASHIER, term=TERM)
        for n, at in enumerate((0, 5, 60, 300)):
            await till.sell(keyed(registration, n))
            till.lose(requests.FN_WRITE_BLOCK, at % 5)
            with till.cut(requests.FN_BEGIN_WRITE, at % 11):
                await _deliver(till)
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
        lie = Fault(mode=FaultMode.LIE, command="ff45")
        receipt = keyed(registration, 2)
        till.emulator.set_faults(lie)
        await till.sell(receipt)
        assert till.holds(receipt.key) == 0

        till.shtrih._closed = kept  # type: ignore[method-assign]
        till.emulator.set_faults(Fault(mode=FaultMode.LIE, command="ff45"))
        await till.sell(receipt)
        assert till.holds(receipt.key) == 1
        assert receipt.operation is Operation.SALE

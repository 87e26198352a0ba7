"""The link to a Shtrih-M register ends at every byte of every command that matters; then recovery decides.

The decision is the product's own (``printing``): the driver is asked for facts, and the FN counts. Whatever
happens, the FN must hold the document exactly once in the end.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from tests.support.receipts import a_correction, a_line
from tests.support.registers.kkt import CASHIER, TERM, an_answer
from tests.support.registers.shtrih_till import Till, a_till, keyed

from kkt_adapter.emulators.shtrih import ShtrihFault, ShtrihFaultMode
from kkt_adapter.fiscal.kkt.shtrih import requests
from kkt_adapter.fiscal.kkt.virtual import made_up_registration
from kkt_adapter.fiscal.model import DocumentCode, FfdVersion, FiscalDocument, ReceiptKind
from kkt_adapter.fiscal.printing.recovery.rules import judge_report
from kkt_adapter.kernel.errors import KktUnavailable
from kkt_adapter.kernel.ids import RegisterId

EVERY_BYTE = os.environ.get("KKT_EVERY_BYTE") == "1"  # of long frames too; minutes
HEAD, STEP, TAIL = 14, 12, 4  # of long frames: each byte of head and end, some of what lies between


def cuts(frame_bytes: int) -> Sequence[int]:
    """After how many bytes a frame is cut: sums, names and codes in its middle are alike."""
    if EVERY_BYTE or frame_bytes <= HEAD + TAIL:
        return range(frame_bytes + 1)
    return (*range(HEAD), *range(HEAD, frame_bytes - TAIL, STEP), *range(frame_bytes - TAIL, frame_bytes + 1))


FIRST_BLOCK = 161  # bytes of FF33 with the first block of an answer
CASH_FRAME = 13  # bytes of 50h and 51h
MARK = "0104600000000012215abcdefghijkl\x1d91FFD0\x1d92" + "A" * 44


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

"""An emulated Shtrih-M register whose line can be cut, its driver, and what the product does after doubt."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from tests.support.registers.kkt import TERM, ShtrihBench, a_sale_for
from tests.support.registers.reconciled import reconciled

from kkt_adapter.emulators.shtrih import ShtrihFault, ShtrihFaultMode
from kkt_adapter.fiscal.kkt.shtrih.driver import ShtrihRegister
from kkt_adapter.fiscal.kkt.shtrih.wire.link import Timing
from kkt_adapter.fiscal.kkt.shtrih.wire.protocol1 import Protocol1
from kkt_adapter.fiscal.kkt.shtrih.wire.wires import TcpWire, WireError
from kkt_adapter.fiscal.lifecycle import DeviceCash
from kkt_adapter.fiscal.model import DocumentCode, FiscalDocument, Receipt, Registration
from kkt_adapter.fiscal.printing.recovery.rules import Absent, Adopt, judge_receipt
from kkt_adapter.fiscal.shifts import device_cash
from kkt_adapter.fiscal.shifts.device_cash import CashOrder, Counted, Happened, NotYet
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.kernel.errors import KktOutcomeUnknown, KktUnavailable

HASTY = Timing(
    connect_s=5.0, byte_s=0.4, quiet_s=0.01, enquiries=3, poll_s=0.005, printing_s=2.0, answer_scale=0.002
)
TRIES = 8
NEWEST = 12  # documents among which a receipt just made is looked for


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


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

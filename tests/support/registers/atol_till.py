"""An emulated ATOL register, its driver, and what the product does after doubt."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from tests.support.registers.kkt import CASHIER, TERM, AtolBench, a_sale_for
from tests.support.registers.reconciled import reconciled

from kkt_adapter.emulators.atol import AtolFault
from kkt_adapter.fiscal.kkt.atol.driver import AtolRegister
from kkt_adapter.fiscal.model import Baseline, DocumentCode, FiscalDocument, Receipt, Registration
from kkt_adapter.fiscal.printing.recovery.rules import Absent, Adopt, judge_receipt, judge_report
from kkt_adapter.kernel.errors import KktOutcomeUnknown, KktRefused, KktUnavailable

TRIES = 60
PAUSE_S = 0.02  # what the lane waits is longer


class Asked(Exception):
    """The evidence does not decide: a person is asked."""


class AtolTill(AtolBench):
    """Attempts from a baseline; after doubt the FN decides, by the product's own rules."""

    @property
    def atol(self) -> AtolRegister:
        return cast(AtolRegister, self.driver)

    async def once(
        self, make: Callable[[], Awaitable[FiscalDocument]], judge: Callable[..., Any]
    ) -> FiscalDocument:
        for _ in range(TRIES):
            try:
                baseline = (await self.driver.status()).baseline
                return await make()
            except (KktUnavailable, KktRefused):
                await asyncio.sleep(PAUSE_S)
                continue
            except KktOutcomeUnknown:
                found = await self.reconciled(baseline, judge)
            if isinstance(found, Adopt):
                return found.document
            if not isinstance(found, Absent):
                raise Asked
        raise AssertionError("it never came to an end")

    async def sell(self, receipt: Receipt) -> FiscalDocument:
        return await self.once(
            lambda: self.driver.fiscalize(receipt, term=TERM), lambda *found: judge_receipt(receipt, *found)
        )

    async def open_shift(self) -> FiscalDocument:
        return await self.once(
            lambda: self.driver.open_shift(CASHIER, term=TERM),
            lambda *found: judge_report(DocumentCode.OPEN_SHIFT, *found),
        )

    async def close_shift(self) -> FiscalDocument:
        return await self.once(self._closed, lambda *found: judge_report(DocumentCode.CLOSE_SHIFT, *found))

    async def _closed(self) -> FiscalDocument:
        return (await self.driver.close_shift(CASHIER, term=TERM)).document

    async def reconciled(self, baseline: Baseline, judge: Callable[..., Any]) -> Any:
        return await reconciled(self.driver, baseline, judge, tries=TRIES, pause_s=PAUSE_S)

    def holds(self, key: str | None = None, code: DocumentCode | None = None) -> int:
        """How many documents with that key, or of that code, the FNs of all registers hold."""
        return sum(
            found is not None and (found.key == key if code is None else found.code is code)
            for device in self.emulator.server.devices.values()
            for number in range(1, device.machine.status().fd_number + 1)
            for found in (device.machine.fn.document(number),)
        )


@asynccontextmanager
async def an_atol_till(**options: Any) -> AsyncIterator[tuple[AtolTill, Registration]]:
    """Open, with a shift."""
    till = AtolTill(**options)
    await till.start()
    try:
        registration = await till.driver.open()
        await till.open_shift()
        yield till, registration
    finally:
        await till.aclose()


def keyed(registration: Registration, number: int, **changes: Any) -> Receipt:
    """A receipt with an id and a key of its own."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    key = "KEY" + "".join(letters[number // 26**n % 26] for n in range(13))
    return a_sale_for(registration, id=f"receipt-{number}", key=key, additional_attribute=key, **changes)


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

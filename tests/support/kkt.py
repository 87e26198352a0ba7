"""Registers for tests: a bench is a device with a driver, and a hand on what tests need to happen to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from tests.support.clock import ManualClock
from tests.support.receipts import REGISTER, a_sale

from kkt_adapter.fiscal.kkt.driver import KktDriver
from kkt_adapter.fiscal.kkt.virtual import (
    FnPool,
    VirtualFaults,
    VirtualFn,
    VirtualRegister,
    fn_path,
    made_up_registration,
)
from kkt_adapter.fiscal.model import Cashier, OfdMessage, Receipt, Registration
from kkt_adapter.fiscal.ofd.frame import build_reply, parse_message, service_data

MOSCOW = ZoneInfo("Europe/Moscow")
CASHIER = Cashier(name="Кассир")
TERM = 1


class KktBench(Protocol):
    """What the contract suite needs of a device; a method an emulator has no lever for skips the test."""

    driver: KktDriver
    zone: ZoneInfo

    async def restart(self) -> None:
        """The program ends and starts again, the device stays: ``driver`` is a new one, not yet open."""
        ...

    async def pass_time(self, span: timedelta) -> None:
        """Let the device's clock go on."""
        ...

    def lose_next_command(self) -> None:
        """The next command that makes a document does not arrive; the driver cannot know."""
        ...

    def lose_next_answer(self) -> None:
        """The next command that makes a document is done, but its answer does not arrive."""
        ...

    def set_paper(self, *, present: bool) -> None: ...


class VirtualBench:
    """A virtual register over a file in a folder, with a clock that stands still."""

    def __init__(
        self, folder: Path, *, registration: Registration | None = None, keeps_queue: bool = True
    ) -> None:
        self.zone = MOSCOW
        self.clock = ManualClock()
        self.faults = VirtualFaults()
        self.path = fn_path(folder, REGISTER)
        self.registration = registration or made_up_registration(REGISTER)
        self.keeps_queue = keeps_queue
        self.pool = FnPool(threads=1)
        self.driver: KktDriver = self._driver()

    async def restart(self) -> None:
        await self.driver.close()
        self.driver = self._driver()

    async def pass_time(self, span: timedelta) -> None:
        self.clock.set_wall(self.clock.now() + span)

    def lose_next_command(self) -> None:
        self.faults.set(replace(self.faults.plan, timeout_before=1))

    def lose_next_answer(self) -> None:
        self.faults.set(replace(self.faults.plan, timeout_after=1))

    def set_paper(self, *, present: bool) -> None:
        self.faults.set(replace(self.faults.plan, paper_out=not present))

    async def aclose(self) -> None:
        self.faults.clear()
        await self.driver.close()
        await self.pool.close()

    def _driver(self) -> VirtualRegister:
        fn = a_fn(self.path, clock=self.clock, registration=self.registration, keeps_queue=self.keeps_queue)
        return VirtualRegister(fn, pool=self.pool, faults=self.faults)


@asynccontextmanager
async def virtual_bench(folder: Path) -> AsyncIterator[VirtualBench]:
    bench = VirtualBench(folder)
    try:
        yield bench
    finally:
        await bench.aclose()


def a_fn(
    path: Path,
    *,
    clock: ManualClock | None = None,
    registration: Registration | None = None,
    keeps_queue: bool = True,
    capacity: int = 10_000,
    life_days: int = 1110,
) -> VirtualFn:
    return VirtualFn(
        path,
        registration=registration or made_up_registration(REGISTER),
        clock=clock or ManualClock(),
        zone=MOSCOW,
        fsync=False,
        keeps_queue=keeps_queue,
        capacity=capacity,
        life_days=life_days,
    )


def a_sale_for(registration: Registration, **changes: object) -> Receipt:
    """A sale that this register may take."""
    return a_sale(**({"ffd_version": registration.ffd_version} | changes))


def an_answer(message: OfdMessage, *, fd_number: int | None = None, response_code: int | None = 0) -> bytes:
    """The operator's confirmation of a message, or of another document when ``fd_number`` says so."""
    number = fd_number or message.fd_number
    return build_reply(
        parse_message(message.raw),
        fd_number=number,
        ofd_inn="9999000013",
        replied_at=datetime(2026, 3, 2, 12, 0, 7),  # noqa: DTZ001 - wall clock
        operator_sign=bytes.fromhex("880686ce88300003"),
        service_data_2=service_data(b"\1\2\3\4\5", number),
        sign=b"\1\2\3\4\5\6",
        response_code=response_code,
    )

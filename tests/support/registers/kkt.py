"""Registers for tests: a bench is a device with a driver, and a hand on what tests need to happen to it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast
from zoneinfo import ZoneInfo

from tests.support.clock import ManualClock
from tests.support.receipts import REGISTER, a_sale

from kkt_adapter.emulators import atol
from kkt_adapter.emulators.fn_machine import FnMachine
from kkt_adapter.emulators.shtrih import DESKTOP, Model, ShtrihEmulator, ShtrihFault, ShtrihFaultMode
from kkt_adapter.emulators.shtrih.tables import FFD_TABLE, REPLACEMENT
from kkt_adapter.fiscal.ffd.tlv import Element, decode
from kkt_adapter.fiscal.kkt.atol.driver import AtolRegister
from kkt_adapter.fiscal.kkt.atol.jobs import Patience
from kkt_adapter.fiscal.kkt.atol.web import WebServer
from kkt_adapter.fiscal.kkt.driver import KktDriver
from kkt_adapter.fiscal.kkt.shtrih.driver import ShtrihRegister
from kkt_adapter.fiscal.kkt.shtrih.wire.link import Link, Timing
from kkt_adapter.fiscal.kkt.shtrih.wire.protocol1 import Protocol1
from kkt_adapter.fiscal.kkt.shtrih.wire.protocol2 import Protocol2
from kkt_adapter.fiscal.kkt.shtrih.wire.wires import wire_for
from kkt_adapter.fiscal.kkt.virtual import (
    FnPool,
    VirtualFaults,
    VirtualFn,
    VirtualRegister,
    fn_path,
    made_up_registration,
)
from kkt_adapter.fiscal.model import Cashier, DocumentCode, OfdMessage, Receipt, Registration
from kkt_adapter.fiscal.ofd.frame import build_reply, parse_message, service_data
from kkt_adapter.kernel.clock import SystemClock

MOSCOW = ZoneInfo("Europe/Moscow")
CASHIER = Cashier(name="Кассир")
QUICK = Timing(
    connect_s=5.0, byte_s=0.5, quiet_s=0.01, enquiries=4, poll_s=0.01, printing_s=2.0, answer_scale=0.02
)
TERM = 1
HURRIED = Patience(
    connect_s=5.0,
    exchange_s=5.0,
    result_s=0.6,
    look_s=5.0,
    mark_s=2.0,
    late_s=0.02,
    tries=3,
    first_pause_s=0.002,
    longest_pause_s=0.05,
)


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

    async def tags_of(self, fd_number: int) -> Sequence[Element]:
        """The elements of a document, read from the FN itself."""
        ...

    async def confirm_next(self) -> bool:
        """The operator confirms the FN's oldest document; False: nothing waits."""
        ...


class VirtualBench:
    """A virtual register over a file in a folder, with a clock that stands still."""

    def __init__(
        self, folder: Path, *, registration: Registration | None = None, keeps_queue: bool = True
    ) -> None:
        self.zone = MOSCOW
        self.clock = ManualClock()
        self.faults = VirtualFaults()
        self.path = fn_path(folder, REGISTER)
        self.registration = registration or made_up_registration(REGISTER, marked_goods=True)
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

    async def tags_of(self, fd_number: int) -> Sequence[Element]:
        register = cast(VirtualRegister, self.driver)
        return elements_in(await register._ask(partial(register._fn.message, fd_number)))

    async def confirm_next(self) -> bool:
        return await confirm_by_relay(self.driver)

    def set_paper(self, *, present: bool) -> None:
        self.faults.set(replace(self.faults.plan, paper_out=not present))

    async def aclose(self) -> None:
        self.faults.clear()
        await self.driver.close()
        await self.pool.close()

    def _driver(self) -> VirtualRegister:
        fn = a_fn(self.path, clock=self.clock, registration=self.registration, keeps_queue=self.keeps_queue)
        return VirtualRegister(fn, pool=self.pool, faults=self.faults)


class ShtrihBench:
    """An emulated Shtrih-M register and its driver, over TCP or a pseudo terminal."""

    def __init__(
        self,
        folder: Path,
        *,
        protocol: int = 1,
        serial: bool = False,
        model: Model = DESKTOP,
        registration: Registration | None = None,
        clock: ManualClock | None = None,
        relayed: bool = True,
        timing: Timing = QUICK,
    ) -> None:
        self.zone = MOSCOW
        self.clock = clock or ManualClock()
        self.protocol = protocol
        self.timing = timing
        self.emulator = ShtrihEmulator(
            port=None if serial else 0,
            pty=folder / "tty" if serial else None,
            state=None,
            registration=registration or made_up_registration(REGISTER, marked_goods=True),
            model=model,
            protocol=protocol,
            clock=self.clock,
            zone=MOSCOW,
            relayed=relayed,
        )
        self.address = f"serial://{folder / 'tty'}" if serial else ""
        self.driver: KktDriver

    async def start(self) -> None:
        await self.emulator.start()
        self.emulator.machine.tables.fields[FFD_TABLE, 1, REPLACEMENT].value = 2  # 20 % stays 20 %
        self.address = self.address or self.emulator.address
        self.driver = self.new_driver()

    def new_driver(self) -> ShtrihRegister:
        return shtrih_driver(self.address, protocol=self.protocol, timing=self.timing)

    async def restart(self) -> None:
        await self.driver.close()
        self.driver = self.new_driver()

    async def pass_time(self, span: timedelta) -> None:
        self.clock.set_wall(self.clock.now() + span)

    def lose_next_command(self) -> None:
        tries = 1 if self.protocol == 1 else self.timing.frames
        self.emulator.set_faults(
            *(ShtrihFault(mode=ShtrihFaultMode.LOSE_REQUEST, command=c, count=tries) for c in MAKING)
        )

    def lose_next_answer(self) -> None:
        self.emulator.set_faults(
            *(ShtrihFault(mode=ShtrihFaultMode.FORGET_ANSWER, command=c) for c in MAKING)
        )

    async def tags_of(self, fd_number: int) -> Sequence[Element]:
        return elements_in(self.emulator.machine.fn.message(fd_number))

    async def confirm_next(self) -> bool:
        return await confirm_by_relay(self.driver)

    def set_paper(self, *, present: bool) -> None:
        self.emulator.machine.set_paper(present=present)

    async def aclose(self) -> None:
        self.emulator.set_faults()
        await self.driver.close()
        await self.emulator.stop()


class AtolBench:
    """Emulated ATOL registers behind their web server, and the driver of the first."""

    def __init__(
        self,
        *,
        clock: ManualClock | None = None,
        registration: Registration | None = None,
        patience: Patience = HURRIED,
        **options: Any,
    ) -> None:
        self.zone = MOSCOW
        self.clock = clock or ManualClock()
        self.patience = patience
        self.emulator = atol.AtolEmulator(
            registration=registration or made_up_registration(REGISTER, marked_goods=True),
            clock=self.clock,
            zone=MOSCOW,
            **options,
        )
        self.driver: KktDriver

    async def start(self) -> None:
        await self.emulator.start()
        self.driver = self.new_driver()

    def new_driver(self) -> AtolRegister:
        web = WebServer(self.emulator.address, timeout_s=self.patience.exchange_s, connect_s=5.0)
        return AtolRegister(web, device_id="1", clock=SystemClock(), patience=self.patience)

    async def restart(self) -> None:
        await self.driver.close()
        self.driver = self.new_driver()

    async def pass_time(self, span: timedelta) -> None:
        self.clock.set_wall(self.clock.now() + span)

    def lose_next_command(self) -> None:
        self.emulator.set_faults(
            *(
                atol.AtolFault(
                    mode=atol.AtolFaultMode.CUT_REQUEST, step="post", task=t, count=self.patience.tries
                )
                for t in ATOL_MAKING
            )
        )

    def lose_next_answer(self) -> None:
        self.emulator.set_faults(*(atol.AtolFault(mode=atol.AtolFaultMode.HIDE, task=t) for t in ATOL_MAKING))

    async def tags_of(self, fd_number: int) -> Sequence[Element]:
        return elements_in(self.emulator.machine.fn.message(fd_number))

    async def confirm_next(self) -> bool:
        fn = self.emulator.machine.fn
        message = fn.read_message()
        if message is None:
            return False
        fn.accept_reply(an_answer(message))
        return True

    def set_paper(self, *, present: bool) -> None:
        self.emulator.machine.paper = present

    async def aclose(self) -> None:
        self.emulator.set_faults()
        await self.driver.close()
        await self.emulator.stop()


ATOL_MAKING = ("sell", "sellReturn", "openShift", "closeShift", "cashIn", "cashOut")


async def confirm_by_relay(driver: KktDriver) -> bool:
    message = await driver.read_message()
    if message is None:
        return False
    await driver.accept_reply(an_answer(message))
    return True


def elements_in(message: bytes | None) -> Sequence[Element]:
    assert message is not None
    container = parse_message(message).container
    assert container is not None
    return decode(container.document)[0].children


MAKING = ("ff45", "e0", "41", "ff4a", "51")  # commands that make documents, and one that takes cash out


def shtrih_driver(address: str, *, protocol: int = 1, timing: Timing = QUICK) -> ShtrihRegister:
    """A driver that gives up quickly."""
    link: Link = (Protocol1 if protocol == 1 else Protocol2)(wire_for(address), timing=timing)
    return ShtrihRegister(link, password=1, admin_password=30, clock=SystemClock(), timing=timing)


@asynccontextmanager
async def shtrih_bench(folder: Path, **options: Any) -> AsyncIterator[ShtrihBench]:
    bench = ShtrihBench(folder, **options)
    await bench.start()
    try:
        yield bench
    finally:
        await bench.aclose()


@asynccontextmanager
async def atol_bench(_folder: Path, **options: Any) -> AsyncIterator[AtolBench]:
    bench = AtolBench(**options)
    await bench.start()
    try:
        yield bench
    finally:
        await bench.aclose()


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


def receipts_in(machine: FnMachine[Any]) -> list[int]:
    """Totals of every receipt that an emulated register's FN holds."""
    found = (machine.fn.document(number) for number in range(1, machine.status().fd_number + 1))
    return [d.total_kop or 0 for d in found if d is not None and d.code is DocumentCode.RECEIPT]

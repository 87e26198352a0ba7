"""The virtual register as a driver: faults, deadlines, cancelling, names of files."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.receipts import REGISTER, a_sale
from tests.support.registers.kkt import CASHIER, TERM, VirtualBench, a_fn

from kkt_adapter.fiscal.kkt.driver import Fence, KktState
from kkt_adapter.fiscal.kkt.virtual import FaultPlan, FnPool, VirtualFn, VirtualRegister, fn_path
from kkt_adapter.fiscal.model import FiscalDocument, Receipt, Registration
from kkt_adapter.kernel.errors import (
    KktBlocked,
    KktOutcomeUnknown,
    KktRefused,
    KktUnavailable,
    LeaseLost,
)
from kkt_adapter.kernel.ids import RegisterId

PATIENCE_S = 60.0
SHORT_S = 0.2  # of a driver whose commands all hang


class Bench:
    """An open register with an open shift."""

    def __init__(self, folder: Path) -> None:
        self.pool = FnPool(threads=1)
        self.fn = a_fn(fn_path(folder, REGISTER))
        self.driver = VirtualRegister(self.fn, pool=self.pool, deadline_s=PATIENCE_S)

    async def start(self) -> None:
        await self.driver.open()
        await self.driver.open_shift(CASHIER, term=TERM)

    def fault(self, **plan: object) -> None:
        self.driver.faults.set(FaultPlan(**plan))  # type: ignore[arg-type]

    async def sell(self) -> FiscalDocument:
        return await self.driver.fiscalize(a_sale(), term=TERM)

    async def last(self) -> int:
        return (await self.driver.status()).fd_number


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    await bench.start()
    yield bench
    await bench.pool.close()


def test_its_fence_is_the_term_and_nothing_arrives_late(tmp_path: Path) -> None:
    driver = Bench(tmp_path).driver

    assert (driver.fence, driver.settle_s) == (Fence.TERM, 0.0)


@pytest.mark.parametrize(
    ("plan", "state"),
    [({"paper_out": True}, KktState.PAPER_OUT), ({"cover_open": True}, KktState.COVER_OPEN)],
)
async def test_a_register_that_is_not_ready_says_so_and_makes_nothing(
    bench: Bench, plan: dict[str, bool], state: KktState
) -> None:
    last = await bench.last()
    bench.fault(**plan)

    assert (await bench.driver.status()).state is state
    for command in (bench.sell(), bench.driver.close_shift(CASHIER, term=TERM)):
        with pytest.raises(KktUnavailable):
            await command

    bench.driver.faults.clear()
    assert (await bench.sell()).fd_number == last + 1


@pytest.mark.parametrize(
    ("plan", "reason"), [({"fn_full": True}, "FN_FULL"), ({"fn_expired": True}, "FN_EXPIRED")]
)
async def test_a_blocked_fn_still_closes_its_shift(bench: Bench, plan: dict[str, bool], reason: str) -> None:
    bench.fault(**plan)

    assert (await bench.driver.status()).blocked == reason
    with pytest.raises(KktBlocked) as blocked:
        await bench.sell()
    assert blocked.value.facts["reason"] == reason
    await bench.driver.close_shift(CASHIER, term=TERM)
    with pytest.raises(KktBlocked):
        await bench.driver.open_shift(CASHIER, term=TERM)


async def test_an_unreachable_register_answers_nothing(bench: Bench) -> None:
    bench.fault(unreachable=True)

    for command in (
        bench.driver.open(),
        bench.driver.status(),
        bench.driver.document(1),
        bench.driver.read_message(),
        bench.driver.exchange_status(),
        bench.sell(),
    ):
        with pytest.raises(KktUnavailable):
            await command


async def test_refusals_hit_as_many_documents_as_were_set(bench: Bench) -> None:
    last = await bench.last()
    bench.fault(refuse=2, refuse_code=0x33)

    for _ in range(2):
        with pytest.raises(KktRefused) as refused:
            await bench.sell()
        assert refused.value.device_code == 0x33

    assert (await bench.sell()).fd_number == last + 1


async def test_a_lost_command_has_done_nothing_and_a_lost_answer_has(bench: Bench) -> None:
    last = await bench.last()
    bench.fault(timeout_before=1, timeout_after=1)

    with pytest.raises(KktOutcomeUnknown):
        await bench.sell()
    assert await bench.last() == last
    with pytest.raises(KktOutcomeUnknown):
        await bench.sell()
    assert await bench.last() == last + 1
    assert (await bench.sell()).fd_number == last + 2


async def test_latency_is_spent_without_holding_anybody_up(bench: Bench) -> None:
    last = await bench.last()
    bench.fault(latency_s=5.0)

    sale = asyncio.create_task(bench.sell())
    await asyncio.sleep(0)
    assert (await bench.driver.status()).fd_number == last
    assert not sale.done()
    sale.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sale

    bench.fault(latency_s=0.2)
    began = time.monotonic()
    assert (await bench.sell()).fd_number == last + 1
    assert time.monotonic() - began >= 0.2


async def test_a_register_that_hangs_goes_on_when_the_fault_is_lifted(bench: Bench) -> None:
    last = await bench.last()
    bench.fault(hang=True)
    sale, look = asyncio.create_task(bench.sell()), asyncio.create_task(bench.driver.status())
    await asyncio.sleep(0.01)
    assert not sale.done()
    assert not look.done()

    bench.driver.faults.clear()

    assert (await sale).fd_number == last + 1
    assert (await look).fd_number in (last, last + 1)


async def test_a_register_that_hangs_too_long_leaves_the_outcome_unknown(bench: Bench) -> None:
    last = await bench.last()
    bench.fault(hang=True)
    hasty = VirtualRegister(bench.fn, pool=bench.pool, faults=bench.driver.faults, deadline_s=SHORT_S)

    with pytest.raises(KktOutcomeUnknown):
        await hasty.fiscalize(a_sale(), term=TERM)
    with pytest.raises(KktUnavailable):
        await hasty.status()

    bench.driver.faults.clear()
    assert await bench.last() == last


async def test_the_term_counts_when_the_command_arrives_not_when_it_was_sent(bench: Bench) -> None:
    """A process frozen between its last look and its command has lost the lane meanwhile."""
    bench.fault(hang=True)
    frozen = asyncio.create_task(bench.driver.fiscalize(a_sale(), term=TERM))
    await asyncio.sleep(0)

    successor = VirtualRegister(bench.fn, pool=bench.pool)
    document = await successor.fiscalize(a_sale(), term=TERM + 1)
    bench.driver.faults.clear()

    with pytest.raises(LeaseLost):
        await frozen
    assert await bench.last() == document.fd_number


class StuckFn(VirtualFn):
    """An FN whose file takes its time."""

    slow_s = 0.0

    def fiscalize(self, receipt: Receipt, **how: object) -> FiscalDocument:
        time.sleep(self.slow_s)
        return super().fiscalize(receipt, **how)  # type: ignore[arg-type]


async def test_after_the_deadline_the_document_may_exist_and_the_next_question_knows(tmp_path: Path) -> None:
    bench = VirtualBench(tmp_path)
    fn = StuckFn(
        bench.path,
        registration=bench.registration,
        clock=bench.clock,
        zone=bench.zone,
        fsync=False,
    )
    driver = VirtualRegister(fn, pool=bench.pool, deadline_s=PATIENCE_S)
    await driver.open()
    opened = await driver.open_shift(CASHIER, term=TERM)

    fn.slow_s = 1.5
    hasty = VirtualRegister(fn, pool=bench.pool, deadline_s=1.2)
    with pytest.raises(KktOutcomeUnknown):
        await hasty.fiscalize(a_sale(), term=TERM)

    hasty._deadline_s = PATIENCE_S
    assert await hasty.document(opened.fd_number + 1) is not None
    await bench.pool.close()


async def test_cancelling_does_not_undo_a_document(bench: Bench) -> None:
    last = await bench.last()
    sale = asyncio.create_task(bench.sell())
    await asyncio.sleep(0)

    sale.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sale

    assert await bench.last() == last + 1


async def test_many_registers_work_side_by_side(tmp_path: Path) -> None:
    pool = FnPool(threads=3)
    drivers = [VirtualRegister(a_fn(fn_path(tmp_path, RegisterId(f"kkt-{n}"))), pool=pool) for n in range(12)]

    async def work(driver: VirtualRegister) -> list[int]:
        await driver.open()
        await driver.open_shift(CASHIER, term=TERM)
        return [(await driver.fiscalize(a_sale(), term=TERM)).fd_number for _ in range(10)]

    numbers = await asyncio.gather(*[work(driver) for driver in drivers])

    assert numbers == [list(range(3, 13))] * 12
    await pool.close()


async def test_the_end_of_the_pool_gives_the_file_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.start()

    await bench.pool.close()
    await bench.driver.close()

    fn = a_fn(fn_path(tmp_path, REGISTER))
    fn.open()
    assert fn.exchange_status().last_fd_number == 2
    fn.close()
    gc.collect()  # an unclosed file would be a warning, and warnings are errors here


async def test_a_new_register_takes_the_registration_it_was_given(tmp_path: Path) -> None:
    bench = VirtualBench(tmp_path)
    driver = VirtualRegister.in_folder(
        tmp_path,
        RegisterId("Касса № 1"),
        registration=bench.registration,
        pool=bench.pool,
        clock=bench.clock,
        zone=bench.zone,
    )

    registration: Registration = await driver.open()

    assert registration == bench.registration
    assert fn_path(tmp_path, RegisterId("Касса № 1")).exists()
    await bench.pool.close()


@pytest.mark.parametrize(
    ("register_id", "name"),
    [
        ("POS-001", "POS-001.sqlite"),
        ("Касса 1", "Касса%201.sqlite"),
        ("../../etc/passwd", "..%2F..%2Fetc%2Fpasswd.sqlite"),
        ("a%2Fb", "a%252Fb.sqlite"),
        ("..", "...sqlite"),
    ],
)
def test_file_names_stay_in_their_folder_and_apart(tmp_path: Path, register_id: str, name: str) -> None:
    path = fn_path(tmp_path, RegisterId(register_id))

    assert path == tmp_path / name
    assert path.resolve().parent == tmp_path.resolve()

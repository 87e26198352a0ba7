"""Commands and answers are lost, paper ends, a process is late: documents and cash are made once."""

import pytest
from tests.support.registers.kkt import CASHIER, TERM, KktBench, a_sale_for
from tests.support.registers.steps import open_register, sell

from kkt_adapter.fiscal.kkt.driver import Capability, Fence, KktState
from kkt_adapter.fiscal.model import Operation
from kkt_adapter.kernel.errors import KktOutcomeUnknown, KktRefused, KktUnavailable, LeaseLost

OTHER_KEY = "QWERTYUIOPASDFGH"


async def test_counts_of_cash_survive_a_restart(bench: KktBench) -> None:
    await open_register(bench)
    await bench.driver.move_cash(100_000)
    before = await bench.driver.cash_counts()

    await bench.restart()
    await bench.driver.open()

    assert before.put_in == 1
    assert await bench.driver.cash_counts() == before


async def test_cash_is_moved_once_though_its_answer_is_lost(bench: KktBench) -> None:
    await open_register(bench)
    if Capability.CASH_COUNTERS not in bench.driver.capabilities:
        pytest.skip("this register does not count cash")
    before, document = await bench.driver.cash_counts(), (await bench.driver.status()).fd_number

    await bench.driver.move_cash(100_000)
    bench.lose_next_answer()
    with pytest.raises(KktOutcomeUnknown):
        await bench.driver.move_cash(-50_000)

    after = await bench.driver.cash_counts()
    assert (after.put_in - before.put_in, after.taken_out - before.taken_out) == (1, 1)
    bench.lose_next_command()
    with pytest.raises(KktOutcomeUnknown):
        await bench.driver.move_cash(-50_000)
    assert await bench.driver.cash_counts() == after
    assert (await bench.driver.status()).fd_number == document


async def test_a_lost_command_leaves_no_document(bench: KktBench) -> None:
    registration = await open_register(bench)
    baseline = (await bench.driver.status()).baseline

    bench.lose_next_command()
    with pytest.raises(KktOutcomeUnknown):
        await sell(bench, registration)

    assert (await bench.driver.status()).baseline == baseline
    assert (await sell(bench, registration)).fd_number == baseline.fd_number + 1


async def test_after_a_lost_answer_the_document_is_found_by_its_key(bench: KktBench) -> None:
    registration = await open_register(bench)
    baseline = (await bench.driver.status()).baseline

    bench.lose_next_answer()
    with pytest.raises(KktOutcomeUnknown):
        await sell(bench, registration, additional_attribute=OTHER_KEY)

    found = await bench.driver.document(baseline.fd_number + 1)
    assert found is not None
    assert (found.key, found.total_kop, found.operation) == (OTHER_KEY, 10_000, Operation.SALE)
    assert (await sell(bench, registration)).fd_number == baseline.fd_number + 2


async def test_a_lost_z_report_can_be_read_again(bench: KktBench) -> None:
    registration = await open_register(bench)
    await sell(bench, registration)
    totals = await bench.driver.x_report()
    baseline = (await bench.driver.status()).baseline

    bench.lose_next_answer()
    with pytest.raises(KktOutcomeUnknown):
        await bench.driver.close_shift(CASHIER, term=TERM)

    report = await bench.driver.shift_report(baseline.fd_number + 1)
    assert report is not None
    assert report.totals == totals


async def test_without_paper_nothing_is_made_and_the_status_says_so(bench: KktBench) -> None:
    registration = await open_register(bench)
    before = await bench.driver.status()
    assert before.state is KktState.READY

    bench.set_paper(present=False)
    assert (await bench.driver.status()).state is KktState.PAPER_OUT
    with pytest.raises(KktUnavailable):
        await sell(bench, registration)
    bench.set_paper(present=True)

    assert await bench.driver.status() == before
    assert (await sell(bench, registration)).fd_number == before.fd_number + 1


async def test_a_receipt_that_contradicts_the_registration_is_refused(bench: KktBench) -> None:
    registration = await open_register(bench)
    before = await bench.driver.status()
    foreign = next(bit for bit in (1, 2, 4, 32) if not bit & registration.taxation_mask)

    with pytest.raises(KktRefused):
        await sell(bench, registration, taxation=foreign)

    assert await bench.driver.status() == before


async def test_a_lower_term_is_refused_where_the_fence_is_the_term(bench: KktBench) -> None:
    if bench.driver.fence is not Fence.TERM:
        pytest.skip("this driver's fence is another one")
    registration = await bench.driver.open()
    await bench.driver.open_shift(CASHIER, term=7)
    before = await bench.driver.status()

    with pytest.raises(LeaseLost):
        await bench.driver.fiscalize(a_sale_for(registration), term=6)
    with pytest.raises(LeaseLost):
        await bench.driver.close_shift(CASHIER, term=6)

    assert await bench.driver.status() == before
    assert await bench.driver.fiscalize(a_sale_for(registration), term=7)


async def test_the_fence_survives_a_restart(bench: KktBench) -> None:
    if bench.driver.fence is not Fence.TERM:
        pytest.skip("this driver's fence is another one")
    await bench.driver.open()
    await bench.driver.open_shift(CASHIER, term=7)

    await bench.restart()
    await bench.driver.open()

    with pytest.raises(LeaseLost):
        await bench.driver.close_shift(CASHIER, term=6)

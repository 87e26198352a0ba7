"""A driver opens and closes its link, a restart loses nothing, and shifts begin, report and end."""

from datetime import timedelta

import pytest
from tests.support.receipts import a_line, a_payment
from tests.support.registers.kkt import CASHIER, TERM, KktBench
from tests.support.registers.steps import open_register, sell

from kkt_adapter.fiscal.kkt.driver import ShiftState
from kkt_adapter.fiscal.model import DocumentCode, Operation, PaymentKind, ReceiptKind
from kkt_adapter.kernel.errors import KktRefused, KktUnavailable, ShiftExpired


async def test_opening_tells_the_registration(bench: KktBench) -> None:
    registration = await bench.driver.open()

    assert len(registration.fn_number) == 16
    assert (await bench.driver.status()).fn_number == registration.fn_number


async def test_opening_again_changes_nothing(bench: KktBench) -> None:
    first = await bench.driver.open()
    before = await bench.driver.status()

    assert await bench.driver.open() == first
    assert await bench.driver.status() == before


async def test_a_closed_driver_does_nothing_and_can_be_opened_again(bench: KktBench) -> None:
    registration = await open_register(bench)
    await bench.driver.close()
    await bench.driver.close()

    with pytest.raises(KktUnavailable):
        await bench.driver.status()

    assert await bench.driver.open() == registration
    assert (await bench.driver.status()).shift_state is ShiftState.OPEN


async def test_numbers_and_shift_survive_a_restart(bench: KktBench) -> None:
    registration = await open_register(bench)
    before = await sell(bench, registration)

    await bench.restart()
    assert await bench.driver.open() == registration
    after = await sell(bench, registration)

    assert after.fd_number == before.fd_number + 1
    assert (after.shift_number, after.receipt_number) == (before.shift_number, 2)


async def test_opening_a_shift_makes_a_document(bench: KktBench) -> None:
    await bench.driver.open()
    before = await bench.driver.status()
    assert before.shift_state is ShiftState.CLOSED

    document = await bench.driver.open_shift(CASHIER, term=TERM)

    after = await bench.driver.status()
    assert (document.code, document.fd_number) == (DocumentCode.OPEN_SHIFT, before.fd_number + 1)
    assert document.shift_number == after.shift_number == before.shift_number + 1
    assert (after.shift_state, after.shift_opened_at) == (ShiftState.OPEN, document.fiscalized_at)
    assert after.receipts_in_shift == 0


async def test_an_open_shift_cannot_be_opened_again(bench: KktBench) -> None:
    await open_register(bench)
    before = await bench.driver.status()

    with pytest.raises(KktRefused):
        await bench.driver.open_shift(CASHIER, term=TERM)

    assert await bench.driver.status() == before


async def test_without_a_shift_there_is_neither_receipt_nor_closing(bench: KktBench) -> None:
    registration = await bench.driver.open()
    before = await bench.driver.status()

    with pytest.raises(KktRefused):
        await sell(bench, registration)
    with pytest.raises(KktRefused):
        await bench.driver.close_shift(CASHIER, term=TERM)

    assert await bench.driver.status() == before


async def test_a_z_report_closes_the_shift_and_tells_its_totals(bench: KktBench) -> None:
    registration = await open_register(bench)
    await sell(bench, registration, lines=(a_line(price_kop=5_000, amount_kop=5_000),))
    await sell(
        bench,
        registration,
        lines=(a_line(price_kop=12_000, amount_kop=12_000),),
        payments=(a_payment(2_000), a_payment(9_000, PaymentKind.CARD), a_payment(1_000, PaymentKind.CREDIT)),
    )
    await sell(
        bench,
        registration,
        kind=ReceiptKind.REFUND,
        operation=Operation.REFUND,
        lines=(a_line(price_kop=3_000, amount_kop=3_000),),
    )

    report = await bench.driver.close_shift(CASHIER, term=TERM)

    totals = report.totals
    assert report.document.code is DocumentCode.CLOSE_SHIFT
    assert (totals.shift_number, totals.receipt_count) == (report.document.shift_number, 3)
    assert (totals.sales_kop, totals.refunds_kop) == (17_000, 3_000)
    assert (totals.cash_kop, totals.card_kop, totals.other_kop) == (4_000, 9_000, 1_000)
    assert (await bench.driver.status()).shift_state is ShiftState.CLOSED


async def test_a_z_report_can_be_read_again_by_its_number(bench: KktBench) -> None:
    registration = await open_register(bench)
    receipt = await sell(bench, registration)
    report = await bench.driver.close_shift(CASHIER, term=TERM)
    await bench.driver.open_shift(CASHIER, term=TERM)
    await sell(bench, registration)

    assert await bench.driver.shift_report(report.document.fd_number) == report
    assert await bench.driver.shift_report(receipt.fd_number) is None
    assert await bench.driver.shift_report(99_999) is None


async def test_an_x_report_shows_the_shift_and_makes_no_document(bench: KktBench) -> None:
    registration = await open_register(bench)
    await sell(bench, registration, lines=(a_line(price_kop=5_000, amount_kop=5_000),))
    before = await bench.driver.status()

    totals = await bench.driver.x_report()

    assert (totals.sales_kop, totals.cash_kop, totals.receipt_count) == (5_000, 5_000, 1)
    assert (totals.shift_number, totals.opened_at) == (before.shift_number, before.shift_opened_at)
    assert await bench.driver.status() == before


async def test_an_x_report_after_closing_shows_the_last_shift(bench: KktBench) -> None:
    registration = await open_register(bench)
    await sell(bench, registration)
    report = await bench.driver.close_shift(CASHIER, term=TERM)

    assert await bench.driver.x_report() == report.totals


async def test_a_new_shift_counts_from_zero(bench: KktBench) -> None:
    registration = await open_register(bench)
    await sell(bench, registration)
    await bench.driver.close_shift(CASHIER, term=TERM)

    await bench.driver.open_shift(CASHIER, term=TERM)

    assert (await bench.driver.x_report()).receipt_count == 0
    assert (await sell(bench, registration)).receipt_number == 1


async def test_a_shift_of_24_hours_takes_no_receipts_until_it_is_closed(bench: KktBench) -> None:
    registration = await open_register(bench)
    await sell(bench, registration)
    await bench.pass_time(timedelta(hours=24, minutes=1))
    before = await bench.driver.status()
    assert before.shift_state is ShiftState.EXPIRED

    with pytest.raises(ShiftExpired):
        await sell(bench, registration)
    assert (await bench.driver.status()).fd_number == before.fd_number

    await bench.driver.close_shift(CASHIER, term=TERM)
    await bench.driver.open_shift(CASHIER, term=TERM)
    assert (await sell(bench, registration)).receipt_number == 1

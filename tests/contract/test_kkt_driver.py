"""What every register driver promises, whatever is behind it.

A further driver joins with one more entry in ``BENCHES``: a device (or its emulator) behind a ``KktBench``.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from tests.support.receipts import KEY, a_correction, a_line, a_payment
from tests.support.registers.kkt import (
    CASHIER,
    TERM,
    KktBench,
    a_sale_for,
    an_answer,
    atol_bench,
    shtrih_bench,
    virtual_bench,
)

from kkt_adapter.emulators.atol import JAR
from kkt_adapter.fiscal.ffd.tlv import first
from kkt_adapter.fiscal.ffd.vat import CALCULATED, CODE, vat_inside
from kkt_adapter.fiscal.kkt.driver import Capability, Fence, KktState, ShiftState
from kkt_adapter.fiscal.model import (
    DocumentCode,
    FiscalDocument,
    Operation,
    PaymentKind,
    Receipt,
    ReceiptKind,
    Registration,
    UserAttribute,
    VatRate,
)
from kkt_adapter.fiscal.printing.tag_audit import differences
from kkt_adapter.fiscal.requisites import (
    Agent,
    AgentType,
    CashlessPayment,
    LineExtras,
    OperationAttribute,
    ReceiptExtras,
    Supplier,
)
from kkt_adapter.kernel.errors import (
    KktBlocked,
    KktOutcomeUnknown,
    KktRefused,
    KktUnavailable,
    LeaseLost,
    ShiftExpired,
)
from kkt_adapter.kernel.money import Kopecks, Quantity

BENCHES: dict[str, Callable[[Path], AbstractAsyncContextManager[KktBench]]] = {
    "virtual": virtual_bench,
    "shtrih-1-tcp": shtrih_bench,
    "shtrih-2-tcp": partial(shtrih_bench, protocol=2),
    "shtrih-1-serial": partial(shtrih_bench, serial=True),
    "atol-wr": atol_bench,
    "atol-jar": partial(atol_bench, flavour=JAR),
}
OTHER_KEY = "QWERTYUIOPASDFGH"
MARK = "0104600000000012215abcdefghijkl\x1d91FFD0\x1d92" + "A" * 44


@pytest.fixture(params=BENCHES)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[KktBench]:
    async with BENCHES[request.param](tmp_path) as bench:
        yield bench


async def open_register(bench: KktBench) -> Registration:
    """Open, with a shift."""
    registration = await bench.driver.open()
    await bench.driver.open_shift(CASHIER, term=TERM)
    return registration


async def sell(bench: KktBench, registration: Registration, **changes: object) -> FiscalDocument:
    """Another receipt every time."""
    return await bench.driver.fiscalize(
        a_sale_for(registration, **({"id": uuid4().hex} | changes)), term=TERM
    )


async def deliver_everything(bench: KktBench) -> None:
    while await bench.confirm_next():
        pass


def need_relay(bench: KktBench) -> None:
    if Capability.RELAY not in bench.driver.capabilities:
        pytest.skip("this register delivers by itself")


# --- life ------------------------------------------------------------------------------------------------


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


# --- shifts ----------------------------------------------------------------------------------------------


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


# --- receipts --------------------------------------------------------------------------------------------


async def test_a_document_tells_what_its_commands_took(bench: KktBench) -> None:
    registration = await open_register(bench)
    await sell(bench, registration)
    times = bench.driver.command_times
    assert times
    assert all(time.name and time.took_ms >= 0 for time in times)

    await bench.driver.status()
    assert bench.driver.command_times == times, "looks count for no document"
    await sell(bench, registration)
    assert len(bench.driver.command_times) == len(times), "those of the last document alone"


async def test_receipts_get_rising_numbers(bench: KktBench) -> None:
    registration = await open_register(bench)
    baseline = (await bench.driver.status()).baseline

    documents = [await sell(bench, registration) for _ in range(3)]

    assert [d.fd_number for d in documents] == [baseline.fd_number + n for n in (1, 2, 3)]
    assert [d.receipt_number for d in documents] == [1, 2, 3]
    assert {d.fn_number for d in documents} == {registration.fn_number}
    assert (await bench.driver.status()).baseline.fd_number == documents[-1].fd_number


@pytest.mark.parametrize(
    ("kind", "operation", "code"),
    [
        (ReceiptKind.SALE, Operation.SALE, DocumentCode.RECEIPT),
        (ReceiptKind.REFUND, Operation.REFUND, DocumentCode.RECEIPT),
        (ReceiptKind.EXPENSE, Operation.EXPENSE, DocumentCode.RECEIPT),
        (ReceiptKind.EXPENSE_REFUND, Operation.EXPENSE_REFUND, DocumentCode.RECEIPT),
        (ReceiptKind.CORRECTION, Operation.SALE, DocumentCode.CORRECTION),
        (ReceiptKind.CORRECTION, Operation.EXPENSE, DocumentCode.CORRECTION),
    ],
)
async def test_every_kind_of_receipt_is_fiscalised_and_can_be_read_again(
    bench: KktBench, kind: ReceiptKind, operation: Operation, code: DocumentCode
) -> None:
    registration = await open_register(bench)
    correction = a_correction(operation=operation, number="1") if kind is ReceiptKind.CORRECTION else None

    document = await sell(bench, registration, kind=kind, operation=operation, correction=correction)

    assert (document.code, document.operation, document.total_kop) == (code, operation, 10_000)
    assert await bench.driver.document(document.fd_number) == document


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"additional_attribute": KEY}, KEY),
        (
            {"additional_attribute": None, "user_attribute": UserAttribute(name="receipt_key", value=KEY)},
            KEY,
        ),
        # a fiscal sign of a wrong document, and somebody else's pair, are no keys of ours
        ({"additional_attribute": "3730902192"}, None),
        ({"additional_attribute": None, "user_attribute": UserAttribute(name="order", value=KEY)}, None),
        ({"additional_attribute": None}, None),
    ],
)
async def test_a_document_tells_the_receipt_key_it_carries(
    bench: KktBench, changes: dict[str, object], found: str | None
) -> None:
    registration = await open_register(bench)

    document = await sell(bench, registration, **changes)

    read = await bench.driver.document(document.fd_number)
    assert read is not None
    assert document.key == read.key == found


async def test_all_twelve_rates_come_out_as_they_were_asked_for(bench: KktBench) -> None:
    registration = await open_register(bench)
    lines = tuple(
        a_line(vat=rate, vat_kop=vat_inside(10_000, rate), method=1 if rate in CALCULATED else 4)
        for rate in VatRate
    )

    document = await sell(bench, registration, lines=lines)

    tags = await bench.tags_of(document.fd_number)
    told = [line.child(1199) for line in tags if line.tag == 1059]
    assert [one.value for one in told if one is not None] == [CODE[rate] for rate in VatRate]
    assert first(tags, 1102) is not None, "the register works the sums out"


async def test_an_agent_and_his_supplier_are_in_the_document(bench: KktBench) -> None:
    registration = await open_register(bench)
    extras = LineExtras(
        agent=Agent(type=AgentType.COMMISSION_AGENT),
        supplier=Supplier(name="ООО Поставщик", inn="7707083893", phones=("+74950000000",)),
        country="643",
    )

    document = await sell(bench, registration, lines=(a_line(extras=extras),))

    (line,) = [e for e in await bench.tags_of(document.fd_number) if e.tag == 1059]
    found = {tag: line.child(tag) for tag in (1222, 1224, 1226, 1230)}
    assert all(found.values()), found
    assert found[1222] is not None and found[1222].value == 32


async def test_a_document_says_what_was_asked_for(bench: KktBench) -> None:
    registration = await open_register(bench)
    if Capability.TAGS not in bench.driver.capabilities:
        pytest.skip("this register does not read tags back")
    extras = LineExtras(
        agent=Agent(type=AgentType.COMMISSION_AGENT),
        supplier=Supplier(name="ООО Поставщик", inn="7707083893", phones=("+74950000000",)),
        country="643",
        customs_declaration="10702030/210218/0003473",
    )
    lines = (
        a_line(extras=extras, vat=VatRate.P22, subject=4, method=1),
        a_line(price_kop=4_000, quantity=Quantity(1_250_000), amount_kop=5_000, measure=11, vat=VatRate.P10),
    )
    payments = (a_payment(4_000), a_payment(9_000, PaymentKind.CARD), a_payment(2_000, PaymentKind.PREPAID))
    receipt = a_sale_for(
        registration,
        lines=lines,
        payments=payments,
        user_attribute=UserAttribute(name="order", value="A-17"),
        extras=ReceiptExtras(
            operation_attribute=OperationAttribute(id=7, data="d", time=datetime(2026, 1, 2, 3, 4, 5)),  # noqa: DTZ001
            cashless=(CashlessPayment(amount_kop=Kopecks(9_000), method=1, id="rrn-1"),),
        ),
    )

    document = await bench.driver.fiscalize(receipt, term=TERM)
    tags = await bench.driver.tags(document.fd_number)

    assert tags is not None
    assert differences(receipt, tags) == []


async def test_a_marked_code_is_in_its_line(bench: KktBench) -> None:
    registration = await open_register(bench)
    if Capability.MARKING not in bench.driver.capabilities:
        pytest.skip("this register knows no marking")

    document = await sell(bench, registration, lines=(a_line(mark_code=MARK, subject=33), a_line()))

    marked, plain = [e for e in await bench.tags_of(document.fd_number) if e.tag == 1059]
    assert marked.child(1163) is not None
    assert marked.child(2106) is not None
    assert plain.child(1163) is None


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


async def test_the_last_receipt_is_printed_again_without_a_document(bench: KktBench) -> None:
    registration = await open_register(bench)
    document = await sell(bench, registration)

    await bench.driver.reprint()

    assert (await bench.driver.status()).fd_number == document.fd_number


async def test_books_are_told_right_before_a_receipt_is_made_and_may_forbid_it(bench: KktBench) -> None:
    registration = await open_register(bench)
    if not bench.driver.tells:
        pytest.skip("this register shuts late senders out by itself")
    told = list[int]()

    async def note() -> None:
        told.append(len(bench.driver.command_times))

    async def forbid() -> None:
        raise LeaseLost("another process drives this register", "этой ККТ управляет другой процесс")

    receipt = a_sale_for(registration, id=uuid4().hex)
    document = await bench.driver.fiscalize(receipt, term=TERM, about_to=note)
    assert told == [len(bench.driver.command_times) - sent_from_there_on(bench)]

    with pytest.raises(LeaseLost):
        await bench.driver.fiscalize(a_sale_for(registration, id=uuid4().hex), term=TERM, about_to=forbid)
    assert (await bench.driver.status()).fd_number == document.fd_number
    assert (await sell(bench, registration)).fd_number == document.fd_number + 1


def sent_from_there_on(bench: KktBench) -> int:
    """How many of the last receipt's commands are the closing one, or come after it."""
    names = [time.name for time in bench.driver.command_times]
    closing = "FF45" if "FF45" in names else "sell"
    return len(names) - names.index(closing)


async def test_giving_up_where_nothing_is_open_does_nothing(bench: KktBench) -> None:
    registration = await open_register(bench)
    document = await sell(bench, registration)

    await bench.driver.discard()

    assert (await bench.driver.status()).fd_number == document.fd_number
    assert (await sell(bench, registration)).fd_number == document.fd_number + 1


async def test_there_is_no_document_beyond_the_last_one(bench: KktBench) -> None:
    await open_register(bench)
    last = (await bench.driver.status()).fd_number

    assert await bench.driver.document(last) is not None
    assert await bench.driver.document(last + 1) is None
    assert await bench.driver.document(0) is None


async def test_looking_beside_a_print_is_possible(bench: KktBench) -> None:
    registration = await open_register(bench)

    document, status, exchange, message = await asyncio.gather(
        sell(bench, registration),
        bench.driver.status(),
        bench.driver.exchange_status(),
        bench.driver.read_message(),
    )

    assert document.fd_number - status.fd_number in (0, 1)
    assert document.fd_number - exchange.last_fd_number in (0, 1)
    assert (message is not None) is (Capability.RELAY in bench.driver.capabilities)
    assert message is None or message.fd_number == exchange.first_unsent_number


# --- when something goes wrong ---------------------------------------------------------------------------


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


# --- the operator's queue --------------------------------------------------------------------------------


async def test_the_oldest_document_waits_first_with_the_same_bytes_every_time(bench: KktBench) -> None:
    need_relay(bench)
    registration = await open_register(bench)
    first = await bench.driver.read_message()
    await sell(bench, registration)
    again = await bench.driver.read_message()
    await bench.restart()
    await bench.driver.open()

    assert first is not None
    assert first == again == await bench.driver.read_message()
    assert first.fd_number == (await bench.driver.exchange_status()).first_unsent_number


async def test_the_queue_holds_every_document_in_order(bench: KktBench) -> None:
    need_relay(bench)
    registration = await open_register(bench)
    await deliver_everything(bench)
    sold = [await sell(bench, registration) for _ in range(2)]
    report = await bench.driver.close_shift(CASHIER, term=TERM)
    seen = []

    while message := await bench.driver.read_message():
        seen.append((message.fd_number, message.code))
        await bench.driver.accept_reply(an_answer(message))

    assert seen == [(d.fd_number, d.code) for d in [*sold, report.document]]


async def test_a_confirmation_moves_the_queue_on(bench: KktBench) -> None:
    registration = await open_register(bench)
    document = await sell(bench, registration)
    await deliver_everything(bench)

    exchange, status = await bench.driver.exchange_status(), await bench.driver.status()

    assert (exchange.unsent_count, exchange.first_unsent_number, exchange.first_unsent_at) == (0, None, None)
    assert (status.unsent_count, status.first_unsent_number, status.first_unsent_at) == (0, None, None)
    assert exchange.last_fd_number == document.fd_number
    assert await bench.driver.document(document.fd_number) == replace(document, confirmed=True)
    assert await bench.driver.read_message() is None


async def test_the_status_of_the_exchange_counts_what_waits(bench: KktBench) -> None:
    registration = await open_register(bench)
    await deliver_everything(bench)
    first = await sell(bench, registration)
    await bench.pass_time(timedelta(minutes=5))
    await sell(bench, registration)

    exchange = await bench.driver.exchange_status()

    assert (exchange.unsent_count, exchange.first_unsent_number) == (2, first.fd_number)
    assert exchange.first_unsent_at == first.fiscalized_at


async def test_an_answer_for_another_document_changes_nothing(bench: KktBench) -> None:
    need_relay(bench)
    await open_register(bench)
    message = await bench.driver.read_message()
    before = await bench.driver.exchange_status()
    assert message is not None

    with pytest.raises(KktRefused) as refused:
        await bench.driver.accept_reply(an_answer(message, fd_number=message.fd_number + 1))

    assert refused.value.device_code == 0x20
    assert await bench.driver.exchange_status() == before
    assert await bench.driver.read_message() == message


async def test_a_damaged_answer_changes_nothing(bench: KktBench) -> None:
    need_relay(bench)
    await open_register(bench)
    message = await bench.driver.read_message()
    before = await bench.driver.exchange_status()
    assert message is not None
    whole = an_answer(message)

    for damaged in (whole[:-1], whole[:50] + bytes([whole[50] ^ 1]) + whole[51:], whole[:30], b""):
        with pytest.raises(KktRefused):
            await bench.driver.accept_reply(damaged)

    assert await bench.driver.exchange_status() == before


async def test_a_late_second_confirmation_is_refused_without_harm(bench: KktBench) -> None:
    need_relay(bench)
    await open_register(bench)
    first = await bench.driver.read_message()
    assert first is not None
    await bench.driver.accept_reply(an_answer(first))
    before = await bench.driver.exchange_status()

    with pytest.raises(KktRefused):
        await bench.driver.accept_reply(an_answer(first))

    assert await bench.driver.exchange_status() == before
    await deliver_everything(bench)
    with pytest.raises(KktRefused):
        await bench.driver.accept_reply(an_answer(first))


async def test_a_confirmation_with_a_finding_releases_the_queue_too(bench: KktBench) -> None:
    need_relay(bench)
    await open_register(bench)
    message = await bench.driver.read_message()
    assert message is not None

    await bench.driver.accept_reply(an_answer(message, response_code=14))

    after = await bench.driver.read_message()
    assert after is None or after.fd_number == message.fd_number + 1


async def test_thirty_days_without_delivery_block_the_register_until_it_delivers(bench: KktBench) -> None:
    registration = await open_register(bench)
    await bench.pass_time(timedelta(days=30, minutes=1))
    assert (await bench.driver.status()).blocked == "FN_UNSENT_LIMIT"

    with pytest.raises(KktBlocked) as blocked:
        await sell(bench, registration)
    assert blocked.value.facts["reason"] == "FN_UNSENT_LIMIT"
    await bench.driver.close_shift(CASHIER, term=TERM)
    with pytest.raises(KktBlocked):
        await bench.driver.open_shift(CASHIER, term=TERM)

    await deliver_everything(bench)
    assert (await bench.driver.status()).blocked is None
    await bench.driver.open_shift(CASHIER, term=TERM)
    assert await sell(bench, registration)


async def test_a_sale_of_many_lines_is_delivered_whole(bench: KktBench) -> None:
    need_relay(bench)
    registration = await open_register(bench)
    await deliver_everything(bench)
    receipt: Receipt = a_sale_for(registration, lines=tuple(a_line(name=f"Товар {n}") for n in range(150)))

    document = await bench.driver.fiscalize(receipt, term=TERM)

    message = await bench.driver.read_message()
    assert message is not None
    assert message.fd_number == document.fd_number
    assert message.raw.count("Товар".encode("cp866")) == 150

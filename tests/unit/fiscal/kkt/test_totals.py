"""Running sums of a shift and of an FN."""

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.receipts import a_correction, a_line, a_registration, a_sale
from tests.support.registers.kkt import CASHIER

from kkt_adapter.fiscal.ffd.compose_reports import close_shift_body
from kkt_adapter.fiscal.ffd.counters import Counters, add
from kkt_adapter.fiscal.ffd.vat import vat_inside
from kkt_adapter.fiscal.kkt.virtual.totals import Column, RegisterTotals, plus_both, shift_totals
from kkt_adapter.fiscal.model import (
    FfdVersion,
    Operation,
    Payment,
    PaymentKind,
    Receipt,
    ReceiptKind,
    VatRate,
)
from kkt_adapter.kernel.money import Kopecks


@st.composite
def receipts(draw: st.DrawFn, largest_kop: int = 10**9) -> Receipt:
    operation = draw(st.sampled_from(Operation))
    correction = draw(st.booleans())
    lines = draw(
        st.lists(st.tuples(st.integers(1, largest_kop), st.sampled_from(VatRate)), min_size=1, max_size=4)
    )
    total_kop = sum(amount for amount, _ in lines)
    cuts = sorted(draw(st.lists(st.integers(0, total_kop), max_size=3)))
    parts = [b - a for a, b in zip([0, *cuts], [*cuts, total_kop], strict=True)]
    kinds = draw(st.lists(st.sampled_from(PaymentKind), min_size=len(parts), max_size=len(parts)))
    return a_sale(
        kind=ReceiptKind.CORRECTION if correction else ReceiptKind.SALE,
        correction=a_correction(operation=operation) if correction else None,
        operation=operation,
        lines=tuple(a_line(amount_kop=a, vat=rate, vat_kop=vat_inside(a, rate)) for a, rate in lines),
        payments=tuple(
            Payment(kind=kind, amount_kop=Kopecks(part))
            for kind, part in zip(kinds, parts, strict=True)
            if part
        ),
    )


@given(st.lists(receipts(), max_size=8))
def test_it_counts_what_the_counters_of_the_document_count(sold: list[Receipt]) -> None:
    totals = reduce(RegisterTotals.plus, sold, RegisterTotals.zero())

    assert totals.counters() == reduce(add, sold, Counters())


@given(st.lists(receipts(), max_size=8))
def test_cash_card_and_other_make_up_sales_less_refunds(sold: list[Receipt]) -> None:
    totals = shift_totals(
        reduce(RegisterTotals.plus, sold, RegisterTotals.zero()), shift_number=1, opened_at=None
    )

    assert totals.cash_kop + totals.card_kop + totals.other_kop == totals.sales_kop - totals.refunds_kop
    assert totals.receipt_count == len(sold)


@given(st.lists(receipts(), max_size=4))
def test_it_survives_being_stored(sold: list[Receipt]) -> None:
    totals = reduce(RegisterTotals.plus, sold, RegisterTotals.zero())

    assert RegisterTotals.from_bytes(totals.as_bytes()) == totals
    assert hash(RegisterTotals.from_bytes(totals.as_bytes())) == hash(totals)


def test_adding_leaves_the_old_one_as_it_was() -> None:
    before = RegisterTotals.zero()

    shift, whole = plus_both(before, before.plus(a_sale()), a_sale())

    assert before == RegisterTotals.zero()
    assert (shift.count(), whole.count()) == (1, 2)


def test_expenses_and_corrections_count_by_their_operation() -> None:
    sold = [
        a_sale(operation=Operation.SALE, lines=(a_line(amount_kop=1_000),)),
        a_sale(operation=Operation.REFUND, lines=(a_line(amount_kop=200),)),
        a_sale(operation=Operation.EXPENSE, lines=(a_line(amount_kop=30),)),
        a_sale(operation=Operation.EXPENSE_REFUND, lines=(a_line(amount_kop=4),)),
        a_sale(kind=ReceiptKind.CORRECTION, correction=a_correction(), lines=(a_line(amount_kop=50_000),)),
    ]

    totals = shift_totals(
        reduce(RegisterTotals.plus, sold, RegisterTotals.zero()), shift_number=3, opened_at=None
    )

    assert (totals.sales_kop, totals.refunds_kop, totals.cash_kop) == (51_004, 230, 50_774)


def test_a_sum_that_does_not_fit_into_its_counter_is_refused() -> None:
    totals, largest = RegisterTotals.zero(), a_sale(lines=(a_line(amount_kop=2**47),))
    totals = totals.plus(largest)

    with pytest.raises(OverflowError):
        totals.plus(largest)
    assert totals.of(Column.TOTAL, Operation.SALE) == 2**47


@given(st.lists(receipts(largest_kop=2**45), min_size=1, max_size=8))
def test_what_is_taken_can_always_be_reported(sold: list[Receipt]) -> None:
    totals = RegisterTotals.zero()
    for receipt in sold:
        try:
            totals = totals.plus(receipt)
        except OverflowError:
            continue

    counters = totals.counters()
    assert close_shift_body(
        a_registration(ffd_version=FfdVersion.V1_2),
        cashier=CASHIER,
        receipt_count=1,
        document_count=1,
        shift_counters=counters,
        fn_counters=counters,
    )


def test_damaged_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="sums"):
        RegisterTotals.from_bytes(RegisterTotals.zero().as_bytes()[:-8])
    with pytest.raises(ValueError, match="bytes"):
        RegisterTotals.from_bytes(b"123")

"""Counters of shifts and of the FN."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.receipts import a_correction, a_line, a_payment, a_sale

from kkt_adapter.fiscal.ffd.counters import (
    CorrectionCounters,
    Counters,
    OperationCounters,
    add,
)
from kkt_adapter.fiscal.ffd.tlv import TlvError, decode
from kkt_adapter.fiscal.model import Operation, PaymentKind, ReceiptKind, VatRate
from kkt_adapter.kernel.money import Kopecks


def test_a_receipt_raises_the_counters_of_its_operation_only():
    receipt = a_sale(
        operation=Operation.REFUND,
        lines=(a_line(vat=VatRate.P20, vat_kop=Kopecks(1_667)), a_line(vat=VatRate.P0), a_line()),
        payments=(a_payment(10_000), a_payment(20_000, PaymentKind.CARD)),
    )
    counters = add(Counters(), receipt)
    assert counters.receipts[1] == OperationCounters(
        count=1,
        total_kop=30_000,
        cash_kop=10_000,
        card_kop=20_000,
        vat_20_kop=1_667,
        turnover_0_kop=10_000,
        turnover_none_kop=10_000,
    )
    others = [counters.receipts[at] for at in (0, 2, 3)]
    assert others == [OperationCounters()] * 3
    assert counters.corrections == Counters().corrections


@pytest.mark.parametrize("vat", ["22", "22/122", "5", "7", "5/105", "7/107"])
def test_new_rates_have_no_counter_but_count_in_the_total(vat):
    line = a_line(vat=VatRate(vat), vat_kop=Kopecks(500))
    counters = add(Counters(), a_sale(lines=(line,)))
    assert counters.receipts[0] == OperationCounters(count=1, total_kop=10_000, cash_kop=10_000)


def test_a_correction_is_counted_among_the_receipts_and_once_more_alone():
    receipt = a_sale(
        kind=ReceiptKind.CORRECTION,
        operation=Operation.EXPENSE,
        correction=a_correction(operation=Operation.EXPENSE),
    )
    counters = add(add(Counters(), receipt), receipt)
    both = OperationCounters(count=2, total_kop=20_000, cash_kop=20_000, turnover_none_kop=20_000)
    assert counters.receipts[2] == both
    assert counters.corrections[2] == CorrectionCounters(count=2, total_kop=20_000)


def test_the_elements_of_1194():
    counters = add(Counters(), a_sale())
    correction = a_sale(kind=ReceiptKind.CORRECTION, correction=a_correction())
    elements = decode(add(counters, correction).payload())
    assert [e.tag for e in elements] == [1134, 1129, 1130, 1131, 1132, 1133]
    assert elements[0].value == 2  # corrections are among the receipts
    sale = {e.tag: e.value for e in elements[1].children}
    assert (sale[1135], sale[1136], sale[1183], sale[1201]) == (2, 20_000, 20_000, 20_000)
    assert len(sale) == 13
    corrections = elements[5].children
    assert [(e.tag, e.value) for e in corrections[:1]] == [(1144, 1)]
    assert [[(c.tag, c.value) for c in e.children] for e in corrections[1:]] == [
        [(1135, 1), (1201, 10_000)],
        [(1135, 0), (1201, 0)],
        [(1135, 0), (1201, 0)],
        [(1135, 0), (1201, 0)],
    ]
    assert [e.tag for e in corrections[1:]] == [1145, 1146, 1232, 1233]


def test_counters_at_their_largest_fit_their_tag():
    """A shift can be closed whatever it has sold: the largest sums do not break the report."""
    full = OperationCounters(
        count=2**31,
        **dict.fromkeys((f for f in OperationCounters.__dataclass_fields__ if f != "count"), 2**48 - 1),
    )
    correction = CorrectionCounters(count=2**29, total_kop=2**48 - 1)
    counters = Counters(
        receipts=(OperationCounters(), full, OperationCounters(), OperationCounters()),
        corrections=(correction,) * 4,
    )
    refunds = decode(counters.payload())[2]
    assert [e.value for e in refunds.children if e.tag == 1201] == [2**48 - 1]


def test_a_sum_over_six_bytes_is_said():
    counters = Counters(receipts=(OperationCounters(total_kop=2**48),) + (OperationCounters(),) * 3)
    with pytest.raises(TlvError) as caught:
        counters.payload()
    assert caught.value.tag == 1201


@pytest.mark.parametrize("wrong", [(), (OperationCounters(),) * 3])
def test_there_are_four_operations(wrong):
    with pytest.raises(ValueError, match="four operations"):
        Counters(receipts=wrong)


@given(
    st.lists(
        st.tuples(st.sampled_from(Operation), st.booleans(), st.integers(1, 10**9), st.sampled_from(VatRate)),
        max_size=10,
    )
)
def test_totals_are_those_of_the_receipts_whatever_their_order(receipts):
    made = [
        a_sale(
            operation=operation,
            kind=ReceiptKind.CORRECTION if correction else ReceiptKind.SALE,
            lines=(a_line(amount_kop=Kopecks(amount), vat=vat),),
        )
        for operation, correction, amount, vat in receipts
    ]
    forwards, backwards = Counters(), Counters()
    for receipt in made:
        forwards = add(forwards, receipt)
    for receipt in reversed(made):
        backwards = add(backwards, receipt)
    assert forwards == backwards
    total = sum(c.total_kop for c in forwards.receipts)
    assert total == sum(amount for _, _, amount, _ in receipts)
    corrected = sum(amount for _, correction, amount, _ in receipts if correction)
    assert sum(c.total_kop for c in forwards.corrections) == corrected
    assert sum(c.cash_kop for c in forwards.receipts) == sum(c.total_kop for c in forwards.receipts)

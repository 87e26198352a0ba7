"""Total and payments: the kopeck that is tolerated, and everything that is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.receipts import (
    a_line_request,
    a_payment,
    a_profile,
    a_request,
    checked,
    refusals,
    some_defaults,
)

from kkt_adapter.fiscal.model import PaymentKind, ReceiptRequest
from kkt_adapter.kernel.errors import ReceiptInvalid
from kkt_adapter.kernel.money import Kopecks

CASH, CARD, PREPAID = PaymentKind.CASH, PaymentKind.CARD, PaymentKind.PREPAID
ROUNDING = a_profile(defaults=some_defaults(rounding=True))


def paid(*payments: tuple[int, PaymentKind], total: int | None = None, price: int = 10_000) -> ReceiptRequest:
    return a_request(
        lines=(a_line_request(price_kop=price),),
        payments=tuple(a_payment(amount, kind) for amount, kind in payments),
        total_kop=None if total is None else Kopecks(total),
    )


@pytest.mark.parametrize(
    ("payments", "total", "kept", "warned"),
    [
        ([(10_000, CASH)], None, [10_000], []),
        ([(10_000, CASH)], 10_000, [10_000], []),
        ([(4_000, CASH), (6_000, CARD)], 10_000, [4_000, 6_000], []),
        # a kopeck too much or too little goes into the largest payment
        ([(10_001, CASH)], None, [10_000], ["payments.0.amount"]),
        ([(9_999, CARD)], None, [10_000], ["payments.0.amount"]),
        ([(4_000, CASH), (6_001, CARD)], None, [4_000, 6_000], ["payments.1.amount"]),
        ([(5_000, CASH), (4_999, CARD)], None, [5_001, 4_999], ["payments.0.amount"]),
        # the first of two equal ones
        ([(5_000, CASH), (5_000, CARD), (1, PREPAID)], None, [4_999, 5_000, 1], ["payments.0.amount"]),
        # a total a kopeck off becomes the sum of the lines, and the payments follow
        ([(10_001, CASH)], 10_001, [10_000], ["total", "payments.0.amount"]),
        ([(10_000, CASH)], 9_999, [10_000], ["total"]),
        ([(10_002, CASH)], 10_001, [10_000], ["total", "payments.0.amount"]),  # each within its kopeck
    ],
)
def test_a_kopeck_is_put_right(payments, total, kept, warned):
    result = checked(paid(*payments, total=total))
    assert [p.amount_kop for p in result.receipt.payments] == kept
    assert [p.kind for p in result.receipt.payments] == [kind for _, kind in payments]
    assert result.receipt.total_kop == 10_000
    assert [(w.code, w.field) for w in result.warnings] == [("KOPECK_ADJUSTED", field) for field in warned]


@pytest.mark.parametrize(
    ("payments", "total", "found"),
    [
        ([(9_998, CASH)], None, [("payments", "payments_differ")]),
        ([(10_002, CASH)], None, [("payments", "payments_differ")]),  # change is not kept
        ([(20_000, CASH)], None, [("payments", "payments_differ")]),
        ([], None, [("payments", "payments_differ")]),
        ([(10_002, CARD)], None, [("payments", "cashless_over_total")]),  # a card gives no change
        ([(1, CASH), (12_000, CARD)], None, [("payments", "cashless_over_total")]),
        ([(9_998, CASH)], 9_998, [("total", "total_differs")]),
        ([(10_002, CASH)], 10_002, [("total", "total_differs"), ("payments", "payments_differ")][:1]),
        ([(9_970, CASH)], 9_970, [("total", "total_differs")]),  # rounding is off
        ([(0, CASH), (0, CARD)], None, [("payments.0.amount", "payment_range")]),
        ([(10_100, CASH), (-100, CARD)], None, [("payments.1.amount", "payment_range")]),
    ],
)
def test_more_than_a_kopeck_is_refused(payments, total, found):
    assert [(v.field, v.code) for v in refusals(paid(*payments, total=total))][: len(found)] == found


@pytest.mark.parametrize(
    ("total", "accepted"),
    [
        (10_000, 10_000),
        (9_999, 9_999),  # with rounding a kopeck less is rounding, not a mistake
        (9_950, 9_950),
        (9_901, 9_901),  # 99 kopecks
        (9_900, None),
        (10_001, 10_000),  # more is a mistake of a kopeck
        (10_002, None),
    ],
)
def test_rounding_in_the_buyers_favour(total, accepted):
    request = paid((total, CASH), total=total)
    if accepted is None:
        assert refusals(request, ROUNDING)[0].code == "total_differs"
        return
    receipt = checked(request, ROUNDING).receipt
    assert receipt.total_kop == accepted
    assert receipt.lines[0].amount_kop == 10_000  # lines stay as they are


def test_a_receipt_of_nothing_is_refused():
    request = a_request(lines=(a_line_request(price_kop=1, quantity=100_000),), payments=(a_payment(1),))
    assert ("total", "total_range") in [(v.field, v.code) for v in refusals(request)]


def test_a_payment_that_the_kopeck_eats_up_is_left_out():
    result = checked(paid((1, CASH), (1, CARD), price=1))
    assert [(p.kind, p.amount_kop) for p in result.receipt.payments] == [(CARD, 1)]


def test_no_payment_becomes_negative():
    request = paid((1, CASH), (1, CARD), (1, PREPAID), total=2, price=1)
    assert refusals(request)[0].field == "payments"


@given(
    prices=st.lists(st.integers(1, 10**6), min_size=1, max_size=5),
    payments=st.lists(st.tuples(st.integers(1, 10**6), st.sampled_from(PaymentKind)), max_size=5),
    nudge=st.integers(-3, 3),
    said=st.none() | st.integers(-3, 3),
    rounding=st.booleans(),
)
def test_the_document_always_adds_up(prices, payments, nudge, said, rounding):
    lines_kop = sum(prices)
    rest = lines_kop + nudge - sum(amount for amount, _ in payments)
    if rest > 0:
        payments = [*payments, (rest, CASH)]
    request = a_request(
        lines=tuple(a_line_request(price_kop=price) for price in prices),
        payments=tuple(a_payment(amount, kind) for amount, kind in payments),
        total_kop=None if said is None else lines_kop + said,
    )
    try:
        receipt = checked(request, ROUNDING if rounding else None).receipt
    except ReceiptInvalid:
        return
    assert sum(p.amount_kop for p in receipt.payments) == receipt.total_kop
    assert all(p.amount_kop > 0 for p in receipt.payments)
    assert lines_kop - 99 <= receipt.total_kop <= lines_kop
    assert receipt.total_kop == lines_kop or rounding


def test_a_zero_beside_a_payment_is_left_out():
    result = checked(paid((0, PaymentKind.CREDIT), (10_001, CARD), (0, CASH)))
    assert [(p.kind, p.amount_kop) for p in result.receipt.payments] == [(CARD, 10_000)]
    assert [w.field for w in result.warnings] == ["payments.1.amount"]  # by the place in the request
    assert {line.method for line in result.receipt.lines} == {4}  # nothing is on credit

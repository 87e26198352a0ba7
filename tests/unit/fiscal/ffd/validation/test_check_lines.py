"""The rules of one line, as tables with the reason beside each row."""

from datetime import date
from typing import Any

import pytest
from tests.support.receipts import (
    SETTLEMENT_DAY,
    a_correction,
    a_line_request,
    a_payment,
    a_profile,
    a_registration,
    a_request,
    checked,
    refusals,
    some_defaults,
)

from kkt_adapter.fiscal.ffd.limits import MAX_QUANTITY, MAX_SUM_KOP
from kkt_adapter.fiscal.model import (
    FfdVersion,
    Operation,
    PaymentKind,
    ReceiptKind,
    ReceiptRequest,
    RegisterProfile,
    VatRate,
)
from kkt_adapter.kernel.money import ONE, line_amount


def one_line(**changes: Any) -> ReceiptRequest:
    """A request of one line, paid in full."""
    line = a_line_request(**changes)
    due = line_amount(line.price_kop, line.quantity) if line.amount_kop is None else line.amount_kop
    return a_request(lines=(line,), payments=(a_payment(max(due, 1)),))


def codes(
    request: ReceiptRequest, profile: RegisterProfile | None = None, *, today: date = SETTLEMENT_DAY
) -> list[tuple[str, str]]:
    return [(v.field, v.code) for v in refusals(request, profile, today=today)]


def warnings(
    request: ReceiptRequest, profile: RegisterProfile | None = None, *, today: date = SETTLEMENT_DAY
) -> list[tuple[str, str, int | None]]:
    return [(w.code, w.field, w.tag) for w in checked(request, profile, today=today).warnings]


@pytest.mark.parametrize(
    ("price_kop", "quantity", "said", "amount_kop"),
    [
        (10_000, ONE, None, 10_000),
        (3_333, 3 * ONE, None, 9_999),
        (100_000, 250_000, None, 25_000),  # 0.25 of 1000.00
        (333, 1_500_000, None, 500),  # 499.5 goes up
        (1, 100_000, None, 0),  # a tenth of a kopeck is nothing
        (3_333, 3 * ONE, 10_000, 10_000),  # one kopeck up is taken as given
        (3_333, 3 * ONE, 9_998, 9_998),  # and one down
        (333, 1_500_000, 499, 499),
    ],
)
def test_the_amount_is_price_times_quantity_or_what_the_till_says_within_a_kopeck(
    price_kop, quantity, said, amount_kop
):
    rest = a_line_request()
    request = a_request(
        lines=(a_line_request(price_kop=price_kop, quantity=quantity, amount_kop=said), rest),
        payments=(a_payment(amount_kop + 10_000),),
    )
    result = checked(request)
    assert result.receipt.lines[0].amount_kop == amount_kop
    told = [warning.code for warning in result.warnings]
    assert told == (["FRACTIONAL_PIECES"] if quantity % ONE else [])


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"price_kop": 3_333, "quantity": 3 * ONE, "amount_kop": 10_001}, "total", "line_amount"),
        ({"price_kop": 3_333, "quantity": 3 * ONE, "amount_kop": 9_997}, "total", "line_amount"),
        ({"price_kop": 1, "quantity": ONE, "amount_kop": -1}, "total", "line_amount"),
        ({"price_kop": -100}, "price", "sum_range"),
        ({"price_kop": MAX_SUM_KOP + 1}, "price", "sum_range"),
        ({"quantity": 0}, "quantity", "quantity_range"),
        ({"quantity": -ONE}, "quantity", "quantity_range"),
        ({"price_kop": 1, "quantity": MAX_QUANTITY + 1}, "quantity", "quantity_range"),
        ({"price_kop": MAX_SUM_KOP, "quantity": 2 * ONE}, "total", "sum_range"),
    ],
)
def test_amounts_that_cannot_be(changes, field, code):
    assert codes(one_line(**changes)) == [(f"items.0.{field}", code)]


def test_the_largest_sum_and_quantity_are_accepted():
    assert checked(one_line(price_kop=MAX_SUM_KOP)).receipt.total_kop == MAX_SUM_KOP
    assert checked(one_line(price_kop=1, quantity=MAX_QUANTITY)).receipt.lines[0].quantity == MAX_QUANTITY


@pytest.mark.parametrize(
    ("name", "printed", "changed"),
    [
        ("Молоко 3,2%", "Молоко 3,2%", False),
        ("x" * 128, "x" * 128, False),  # the most tag 1030 takes
        ("x" * 129, "x" * 128, True),
        ("x" * 255, "x" * 128, True),
        ("Хлеб «Бородинский»", 'Хлеб "Бородинский"', True),
        ("Скидка 5 ₽", "Скидка 5 руб.", True),
        ("Кофе ☕", "Кофе ?", True),
        ("₽" * 100, ("руб." * 100)[:128], True),  # replaced first, then cut
    ],
)
def test_a_name_becomes_what_the_document_can_carry(name, printed, changed):
    result = checked(one_line(name=name))
    assert result.receipt.lines[0].name == printed
    assert [(w.code, w.field, w.tag) for w in result.warnings] == (
        [("NAME_CHANGED", "items.0.name", 1030)] if changed else []
    )


@pytest.mark.parametrize("name", ["", "   ", "\u200b"])
def test_a_name_of_nothing_is_refused(name):
    assert codes(one_line(name=name)) == [("items.0.name", "name_blank")]


@pytest.mark.parametrize("subject", [1, 2, 4, 13, 27, 30, 32])
def test_subjects_of_tag_1212(subject):
    assert checked(one_line(subject=subject)).receipt.lines[0].subject == subject


@pytest.mark.parametrize("subject", [0, -1, 28, 29, 34, 255])
def test_other_numbers_are_no_subject(subject):
    assert codes(one_line(subject=subject)) == [("items.0.subject", "subject_unknown")]


def test_subjects_of_marked_goods_need_ffd_1_2():
    old = a_profile(registration=a_registration(ffd_version=FfdVersion.V1_05))
    assert codes(one_line(subject=32), old) == [("items.0.subject", "subject_ffd")]


@pytest.mark.parametrize("method", [0, 8, -1])
def test_other_numbers_are_no_method(method):
    assert codes(one_line(method=method)) == [("items.0.method", "method_unknown")]


@pytest.mark.parametrize(
    ("payments", "configured", "method"),
    [
        ([PaymentKind.CASH], None, 4),
        ([PaymentKind.CARD, PaymentKind.PREPAID], None, 4),
        ([PaymentKind.CREDIT], None, 6),  # everything on credit
        ([PaymentKind.CREDIT, PaymentKind.CREDIT], None, 6),
        ([PaymentKind.CASH, PaymentKind.CREDIT], None, 5),  # a part
        ([PaymentKind.CREDIT], 4, 4),  # the configuration goes first
    ],
)
def test_the_method_follows_from_credit_unless_somebody_says(payments, configured, method):
    share = 10_000 // len(payments)
    request = a_request(payments=tuple(a_payment(share, kind) for kind in payments))
    profile = a_profile(defaults=some_defaults(method=configured))
    assert checked(request, profile).receipt.lines[0].method == method


def test_the_method_of_a_line_goes_before_everything():
    request = a_request(lines=(a_line_request(method=7),), payments=(a_payment(10_000, PaymentKind.CREDIT),))
    assert checked(request).receipt.lines[0].method == 7


@pytest.mark.parametrize(
    ("unit", "version", "measure", "text", "warned"),
    [
        ("кг", FfdVersion.V1_2, 11, "кг", False),
        ("kg", FfdVersion.V1_05, 11, "кг", False),
        ("11", FfdVersion.V1_2, 11, "кг", False),
        ("255", FfdVersion.V1_2, 255, "ед. изм.", False),  # asked for
        ("упак", FfdVersion.V1_2, 255, "упак", True),  # may be a slip of the pen
        ("упак", FfdVersion.V1_05, 255, "упак", False),  # a text is all 1.05 wants
    ],
)
def test_a_measure_is_a_code_or_a_word(unit, version, measure, text, warned):
    profile = a_profile(registration=a_registration(ffd_version=version))
    result = checked(one_line(unit=unit), profile)
    line = result.receipt.lines[0]
    assert (line.measure, line.unit) == (measure, text)
    assert [w.code for w in result.warnings] == (["MEASURE_OTHER"] if warned else [])


def test_a_measure_outside_cp866_is_fitted():
    profile = a_profile(registration=a_registration(ffd_version=FfdVersion.V1_05))
    result = checked(one_line(unit="«шт»"), profile)
    assert result.receipt.lines[0].unit == '"шт"'
    assert [(w.code, w.tag) for w in result.warnings] == [("NAME_CHANGED", 1197)]


@pytest.mark.parametrize("unit", ["", "796", "очень длинное слово"])
def test_what_is_no_measure_is_refused(unit):
    assert codes(one_line(unit=unit)) == [("items.0.unit", "unit_unknown")]


IN_2024, IN_2025, IN_2026 = date(2024, 6, 1), date(2025, 6, 1), date(2026, 6, 1)
REFUSING = a_profile(defaults=some_defaults(vat_dates="refuse"))
LATE = [("VAT_RATE_DATE", "items.0.vat_rate", 1199)]


@pytest.mark.parametrize(
    ("vat", "today", "kind", "method", "expected"),
    [
        (VatRate.P22, IN_2026, ReceiptKind.SALE, None, []),
        (VatRate.P20, IN_2025, ReceiptKind.SALE, None, []),
        (VatRate.P20, IN_2026, ReceiptKind.SALE, None, LATE),
        (VatRate.P20_120, IN_2026, ReceiptKind.SALE, 3, LATE),
        (VatRate.P20, IN_2026, ReceiptKind.EXPENSE, None, LATE),
        (VatRate.P20, IN_2026, ReceiptKind.REFUND, None, []),
        (VatRate.P20, IN_2026, ReceiptKind.SALE, 7, []),
        (VatRate.P10, IN_2024, ReceiptKind.SALE, None, []),
    ],
)
def test_an_ended_rate_is_warned_of_by_default(vat, today, kind, method, expected):
    request = a_request(kind=kind, lines=(a_line_request(vat=vat, method=method),))
    assert warnings(request, today=today) == expected
    # and refused where the register is told to
    refused = codes(request, REFUSING, today=today)
    assert refused == ([("items.0.vat_rate", "vat_rate_date")] if expected else [])


@pytest.mark.parametrize(
    ("vat", "today", "kind"),
    [
        (VatRate.P22, IN_2025, ReceiptKind.SALE),
        (VatRate.P22, IN_2025, ReceiptKind.REFUND),
        (VatRate.P22_122, IN_2025, ReceiptKind.SALE),
        (VatRate.P5, IN_2024, ReceiptKind.SALE),
    ],
)
def test_a_rate_that_does_not_exist_yet_is_refused_always(vat, today, kind):
    request = a_request(kind=kind, lines=(a_line_request(vat=vat),))
    assert codes(request, today=today) == [("items.0.vat_rate", "vat_rate_date")]


@pytest.mark.parametrize(
    ("vat", "settled", "expected"),
    [
        (VatRate.P20, IN_2025, []),  # the rate of the day that is corrected
        (VatRate.P22, IN_2026, []),
        (VatRate.P20, IN_2026, LATE),  # as 22 % in one of 2025
        (VatRate.P22, IN_2025, LATE),  # may have to repeat a mistake, so no refusal
    ],
)
def test_the_day_of_a_correction_is_the_day_it_corrects(vat, settled, expected):
    request = a_request(
        kind=ReceiptKind.CORRECTION,
        correction=a_correction(date=settled),
        lines=(a_line_request(vat=vat),),
    )
    assert warnings(request, today=date(2026, 7, 1)) == expected
    assert bool(codes(request, REFUSING, today=date(2026, 7, 1))) is bool(expected)


def test_a_correction_of_a_refund_takes_the_rate_of_what_was_sold_before():
    request = a_request(
        kind=ReceiptKind.CORRECTION,
        correction=a_correction(date=IN_2026, operation=Operation.REFUND),
        lines=(a_line_request(vat=VatRate.P20),),
    )
    assert warnings(request, today=date(2026, 7, 1)) == []


@pytest.mark.parametrize("vat", [VatRate.P5, VatRate.P7, VatRate.P5_105, VatRate.P7_107])
@pytest.mark.parametrize(("taxation", "warned"), [(1, True), (2, False), (4, False), (16, True)])
def test_five_and_seven_percent_belong_to_the_simplified_systems(vat, taxation, warned):
    profile = a_profile(registration=a_registration(taxation_mask=taxation))
    expected = [("VAT_TAXATION", "items.0.vat_rate", 1199)] if warned else []
    assert warnings(one_line(vat=vat), profile) == expected


@pytest.mark.parametrize(
    ("vat", "method", "warned"),
    [
        (VatRate.P22, 1, True),
        (VatRate.P22, 3, True),
        (VatRate.P10, 2, True),
        (VatRate.P22_122, 3, False),
        (VatRate.P22, 4, False),
        (VatRate.NONE, 3, False),
        (VatRate.P0, 1, False),
    ],
)
def test_an_advance_with_a_plain_rate_is_warned_of(vat, method, warned):
    expected = [("VAT_ADVANCE", "items.0.vat_rate", 1199)] if warned else []
    assert warnings(one_line(vat=vat, method=method)) == expected


def test_the_tax_of_each_line_is_filled_in():
    request = a_request(
        lines=(a_line_request(vat=VatRate.P22), a_line_request(vat=VatRate.P10), a_line_request()),
        payments=(a_payment(30_000),),
    )
    assert [line.vat_kop for line in checked(request).receipt.lines] == [1_803, 909, 0]


def test_a_gift_beside_paid_goods_is_taken():
    gift = a_line_request(name="Подарок", price_kop=0, vat=VatRate.P22)
    result = checked(a_request(lines=(a_line_request(price_kop=10_000), gift), payments=(a_payment(10_000),)))
    line = result.receipt.lines[1]
    assert (line.price_kop, line.amount_kop, line.vat_kop) == (0, 0, 0)
    assert (line.method, line.subject) == (4, 1)  # as of any line that does not say
    assert result.warnings == ()


def test_a_receipt_of_gifts_alone_is_refused():
    refused = refusals(a_request(lines=(a_line_request(price_kop=0),), payments=(a_payment(1),)))
    assert [v.code for v in refused] == ["total_range"]

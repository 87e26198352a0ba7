"""``complete`` as a whole: defaults and their precedence, all findings at once, the size limit."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.receipts import (
    BUYER_INN,
    CASHIER_INN,
    IDEMPOTENCY_KEY,
    POS,
    RECEIPT,
    REGISTER,
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

from kkt_adapter.fiscal.ffd.compose import document_size, fits_document
from kkt_adapter.fiscal.ffd.limits import MAX_DOCUMENT_BYTES
from kkt_adapter.fiscal.ffd.tags import registry
from kkt_adapter.fiscal.model import (
    Cashier,
    Customer,
    FfdVersion,
    MarkPermission,
    PaymentKind,
    ReceiptKind,
    ReceiptRequest,
    UserAttribute,
    VatRate,
)
from kkt_adapter.kernel.errors import ReceiptInvalid
from kkt_adapter.kernel.money import ONE


def test_the_smallest_request_becomes_a_complete_receipt_without_warnings():
    result = checked(a_request())
    receipt = result.receipt
    assert result.warnings == ()
    assert (receipt.id, receipt.pos_id, receipt.register_id) == (RECEIPT, POS, REGISTER)
    assert (receipt.operation, receipt.taxation, receipt.total_kop) == (1, 1, 10_000)
    assert receipt.cashier == Cashier(name="Кассир")
    assert receipt.ffd_version is FfdVersion.V1_2
    assert (receipt.internet, receipt.place, receipt.address, receipt.sender_email) == (False,) + (None,) * 3
    line = receipt.lines[0]
    assert (line.vat, line.subject, line.method, line.measure, line.unit) == (VatRate.NONE, 1, 4, 0, "шт")
    assert receipt.key == receipt.additional_attribute == "HPD24SLRREZOWGQA"


def test_the_same_arguments_give_the_same_receipt():
    assert checked(a_request()) == checked(a_request())


@pytest.mark.parametrize(
    ("kind", "operation"),
    [
        (ReceiptKind.SALE, 1),
        (ReceiptKind.REFUND, 2),
        (ReceiptKind.EXPENSE, 3),
        (ReceiptKind.EXPENSE_REFUND, 4),
    ],
)
def test_the_kind_gives_the_operation(kind, operation):
    assert checked(a_request(kind=kind)).receipt.operation == operation


def test_configuration_fills_in_what_the_request_leaves_out():
    defaults = some_defaults(
        taxation=2,
        cashier="Иванова А.",
        cashier_inn=CASHIER_INN,
        vat=VatRate.P5,
        subject=4,
        method=1,
        unit="час",
    )
    profile = a_profile(registration=a_registration(taxation_mask=1 | 2), defaults=defaults)
    receipt = checked(a_request(), profile).receipt
    line = receipt.lines[0]
    assert receipt.taxation == 2
    assert receipt.cashier == Cashier(name="Иванова А.", inn=CASHIER_INN)
    assert (line.vat, line.subject, line.method, line.measure, line.unit) == (VatRate.P5, 4, 1, 71, "час")


def test_the_request_goes_before_the_configuration():
    defaults = some_defaults(taxation=2, vat=VatRate.P5, subject=4, method=1, unit="час")
    profile = a_profile(registration=a_registration(taxation_mask=1 | 2), defaults=defaults)
    request = a_request(
        taxation=1,
        cashier=Cashier(name="Петров", inn=CASHIER_INN),
        lines=(a_line_request(vat=VatRate.P10, subject=2, method=4, unit="kg"),),
    )
    receipt = checked(request, profile).receipt
    line = receipt.lines[0]
    assert receipt.taxation == 1
    assert receipt.cashier == Cashier(name="Петров", inn=CASHIER_INN)
    assert (line.vat, line.subject, line.method, line.measure, line.unit) == (VatRate.P10, 2, 4, 11, "кг")


def test_what_has_no_rule_is_passed_on():
    request = a_request(
        order_id="A-1",
        original_receipt_id="old",
        lines=(a_line_request(sku="SKU-1", discount_kop=500),),
    )
    receipt = checked(request).receipt
    assert (receipt.order_id, receipt.original_receipt_id) == ("A-1", "old")
    assert (receipt.lines[0].sku, receipt.lines[0].discount_kop) == ("SKU-1", 500)


def test_every_finding_is_reported_at_once_with_field_tag_cause_and_remedy():
    request = a_request(
        taxation=2,
        cashier=Cashier(inn="123"),
        address="elsewhere",
        additional_attribute="x" * 17,
        lines=(a_line_request(name=" "), a_line_request(amount_kop=1, method=9)),
    )
    found = refusals(request)
    assert {(v.field, v.tag, v.code) for v in found} == {
        ("taxation", 1055, "taxation_registered"),
        ("cashier.inn", 1203, "cashier_inn"),
        ("address", 1009, "place_registered"),
        ("additional_attribute", 1192, "attribute_text"),
        ("items.0.name", 1030, "name_blank"),
        ("items.1.total", 1043, "line_amount"),
        ("items.1.method", 1214, "method_unknown"),
    }
    for violation in found:
        assert violation.message.en != violation.message.ru
        assert violation.remedy is not None
        assert violation.remedy.en != violation.remedy.ru
        assert violation.tag in registry()


def test_the_error_itself_names_the_first_finding_and_the_number_of_others():
    request = a_request(taxation=2, address="elsewhere")
    with pytest.raises(ReceiptInvalid) as caught:
        checked(request)
    assert caught.value.detail.en == "The register is registered for 1, not for 2. (and 1 more)"
    assert caught.value.detail.ru.endswith("(и ещё 1)")


def test_a_receipt_without_lines_is_refused():
    assert [v.code for v in refusals(a_request(lines=()))] == ["items_empty"]


def lines_request(count: int, name_length: int) -> ReceiptRequest:
    lines = [a_line_request(name=f"{n:04}".ljust(name_length, "x"), vat=VatRate.P22) for n in range(count)]
    return a_request(lines=tuple(lines), payments=(a_payment(count * 10_000),))


@pytest.mark.parametrize(
    ("name_length", "fits", "too_many"),
    [
        (20, 430, 480),  # the figures of the till interface: about 430 lines with short names,
        (128, 170, 190),  # about 170 with the longest ones
    ],
)
def test_the_fn_limit_of_a_document_is_kept(name_length, fits, too_many):
    receipt = checked(lines_request(fits, name_length)).receipt
    assert document_size(receipt, a_registration()) <= MAX_DOCUMENT_BYTES
    found = refusals(lines_request(too_many, name_length))
    assert [(v.field, v.code) for v in found] == [("items", "document_size")]
    assert str(MAX_DOCUMENT_BYTES) in found[0].message.ru


def test_the_last_line_that_fits_is_accepted_and_the_next_is_not():
    def fits(count: int) -> bool:
        return not refusals(lines_request(count, 20))

    low, high = 430, 480
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    receipt = checked(lines_request(low, 20)).receipt
    line = receipt.lines[0]
    more = replace(receipt, lines=(*receipt.lines, line))
    assert document_size(receipt, a_registration()) <= MAX_DOCUMENT_BYTES
    assert document_size(more, a_registration()) > MAX_DOCUMENT_BYTES


@settings(deadline=None)
@given(
    count=st.sampled_from([1, 39, 40, 41, 60, 90, 200]),
    marked=st.booleans(),
    name=st.integers(1, 128),
    version=st.sampled_from(FfdVersion),
    long_texts=st.booleans(),
)
def test_the_cheap_estimate_never_lets_a_large_document_through(count, marked, name, version, long_texts):
    marked = marked and version is FfdVersion.V1_2
    registration = a_registration(ffd_version=version, marked_goods=True)
    if long_texts:
        registration = replace(
            registration, user_name="n" * 256, address="a" * 256, place="p" * 256, fns_site="s" * 256
        )
    permission = MarkPermission(uuid="u" * 36, time="1" * 13, inst="i" * 120, ver="v" * 60)
    lines = tuple(
        a_line_request(
            name="x" * name,
            price_kop=2**40 // 1000,
            quantity=ONE if marked else ONE - 1,
            vat=VatRate.P22,
            unit="шт" if marked else "коробка",
            mark_code=f"010469025752852321{n:06}{'s' * 14}" if marked else None,
            mark_permission=permission if marked else None,
        )
        for n in range(count)
    )
    total = sum(
        line.price_kop if line.quantity == ONE else (line.price_kop * line.quantity + ONE // 2) // ONE
        for line in lines
    )
    request = a_request(
        lines=lines,
        payments=(a_payment(total, PaymentKind.CARD),),
        user_attribute=UserAttribute(name="n" * 64, value="v" * 256),
        customer=Customer(email="buyer@example.com", name="b" * 256, inn=BUYER_INN),
    )
    profile = a_profile(registration=registration)
    try:
        receipt = checked(request, profile).receipt
    except ReceiptInvalid as error:
        assert [v.code for v in error.violations] == ["document_size"]
        return
    assert fits_document(receipt, registration)
    assert document_size(receipt, registration) <= MAX_DOCUMENT_BYTES


def test_a_correction_takes_operation_and_sign_from_its_data():
    request = a_request(
        kind=ReceiptKind.CORRECTION,
        correction=a_correction(operation=2, fiscal_sign="2853205313"),
    )
    receipt = checked(request).receipt
    assert receipt.operation == 2
    assert receipt.additional_attribute == "2853205313"
    assert receipt.user_attribute == UserAttribute(name="receipt_key", value="HPD24SLRREZOWGQA")
    assert receipt.key == "HPD24SLRREZOWGQA"


def test_the_key_depends_on_the_idempotency_key_only():
    other = a_request(lines=(a_line_request(name="Other"),))
    assert checked(other).receipt.key == checked(a_request()).receipt.key
    assert IDEMPOTENCY_KEY not in (checked(a_request()).receipt.key or "")

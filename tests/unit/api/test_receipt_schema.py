"""From the bytes of a till to the canonical request."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.api import SALE, changed, with_item, with_payment
from tests.support.receipts import a_line_request, a_request

from kkt_adapter.api.problems import RequestInvalid
from kkt_adapter.api.schemas.examples import receipts as examples
from kkt_adapter.api.schemas.names.forms import LINE, PAYMENT
from kkt_adapter.api.schemas.receipt import parse_receipt
from kkt_adapter.fiscal.model import (
    Cashier,
    Correction,
    Customer,
    MarkPermission,
    Operation,
    PaymentKind,
    ReceiptKind,
    ReceiptRequest,
    UserAttribute,
    VatRate,
)
from kkt_adapter.kernel.errors import ReceiptInvalid, Violation


def parse(body: Any) -> ReceiptRequest:
    return parse_receipt(json.dumps(body).encode()).request


def findings(body: Any) -> dict[str, str]:
    """Field to code."""
    return {violation.field: violation.code for violation in violations(body)}


def violations(body: Any) -> tuple[Violation, ...]:
    with pytest.raises(ReceiptInvalid) as refusal:
        parse_receipt(body if isinstance(body, bytes) else json.dumps(body).encode())
    return refusal.value.violations


def test_the_smallest_request_of_the_contract_is_taken_as_it_is() -> None:
    parsed = parse_receipt(
        b'{"pos_id":"POS-001","type":"sale","items":[{"name":"Test","price":100,"qty":1}],\n'
        b' "payments":[{"type":"cash","amount":100}]}'
    )
    assert parsed.request == a_request()
    assert parsed.ignored == ()


def test_a_receipt_with_everything() -> None:
    request = parse(
        {
            "pos_id": "POS-001",
            "type": "correction",
            "items": [
                {
                    "name": "Сыр",
                    "price": "899.90",
                    "quantity": 0.254,
                    "total": 228.57,
                    "vat_rate": "10",
                    "sku": "S-1",
                    "mark_code": "01046\x1d93",
                    "mark_permission": {"uuid": "u", "time": 1, "inst": "i", "ver": "v", "blocked": False},
                    "discount": 0,
                    "subject": "commodity",
                    "method": "full_payment",
                    "unit": "кг",
                }
            ],
            "payments": [{"type": "card", "amount": 228.57}],
            "total": 228.57,
            "original_receipt_id": "r-1",
            "correction": {
                "type": "order",
                "date": "2026-03-01",
                "number": 17,
                "operation": "refund",
                "fiscal_sign": 123,
            },
            "customer": {"email": "a@b.example", "phone": "+79990000000", "name": "П", "inn": "7707083893"},
            "order_id": 1001,
            "cashier": {"name": "Иванова", "inn": "500100732259"},
            "taxation": "osn",
            "internet": True,
            "place": "shop.example",
            "address": "Москва",
            "additional_attribute": "attr",
            "user_attribute": {"name": "n", "value": "v"},
        }
    )
    assert request == ReceiptRequest(
        **{
            **{name: getattr(request, name) for name in ("pos_id", "lines", "payments")},
            "kind": ReceiptKind.CORRECTION,
            "total_kop": 22857,
            "original_receipt_id": "r-1",
            "correction": Correction(
                by_order=True,
                date=date(2026, 3, 1),
                number="17",
                operation=Operation.REFUND,
                fiscal_sign="123",
            ),
            "customer": Customer(email="a@b.example", phone="+79990000000", name="П", inn="7707083893"),
            "order_id": "1001",
            "cashier": Cashier(name="Иванова", inn="500100732259"),
            "taxation": 1,
            "internet": True,
            "place": "shop.example",
            "address": "Москва",
            "additional_attribute": "attr",
            "user_attribute": UserAttribute(name="n", value="v"),
        }
    )
    assert request.lines == (
        a_line_request(
            name="Сыр",
            price_kop=89990,
            quantity=254_000,
            amount_kop=22857,
            vat=VatRate.P10,
            sku="S-1",
            mark_code="01046\x1d93",
            mark_permission=MarkPermission(uuid="u", time="1", inst="i", ver="v", blocked=False),
            discount_kop=0,
            subject=1,
            method=4,
            unit="кг",
        ),
    )
    assert [(p.kind, p.amount_kop) for p in request.payments] == [(PaymentKind.CARD, 22857)]


@pytest.mark.parametrize("name", [name for name, meant in LINE.names.items() if name != meant])
def test_every_other_name_of_a_line_field_means_the_same(name: str) -> None:
    meant = LINE.names[name]
    value = {"quantity": 2, "total": 200, "vat_rate": "20%", "subject": 4, "method": "advance", "unit": 11}[
        meant
    ]
    without = {"qty": ...}
    assert parse(with_item(**without | {name: value})) == parse(with_item(**without | {meant: value}))


@pytest.mark.parametrize("name", [name for name, meant in PAYMENT.names.items() if name != meant])
def test_every_other_name_of_a_payment_field_means_the_same(name: str) -> None:
    meant = PAYMENT.names[name]
    value = {"type": "card", "amount": "55.5"}[meant]
    assert parse(with_payment(**{meant: ..., name: value})) == parse(with_payment(**{meant: value}))


def test_the_sale_of_a_refund_may_be_named_by_its_fiscal_document() -> None:
    assert parse(changed(original_fiscal_doc_id=12)).original_receipt_id == "12"


@pytest.mark.parametrize(
    "item",
    [
        {"qty": 2, "quantity": 2},
        {"qty": 2, "quantity": "2.000"},
        {"qty": None, "quantity": 2},
        {"vat": "20%", "vat_rate": 20, "tax": "vat20"},
        {"vat": None, "vat_rate": "none"},
        {"sum": 100, "amount": 100.0, "total": "100.00"},
        {"unit": "кг", "measure": 11},
        {"subject": 1, "payment_object": "commodity"},
        {"method": 4, "payment_method": "fullPayment"},
    ],
)
def test_two_forms_of_a_field_may_agree(item: dict[str, Any]) -> None:
    assert parse(with_item(**{"qty": ...} | item))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (with_item(qty=1, quantity=2), "items.0.quantity"),
        (with_item(vat="20%", vat_rate=10), "items.0.vat_rate"),
        (with_item(vat=20, vat_rate=None), "items.0.vat_rate"),
        (with_item(sum=100, amount=200), "items.0.amount"),
        (with_item(unit="кг", measure="шт"), "items.0.measure"),
        (with_item(subject=1, payment_object=4), "items.0.payment_object"),
        (with_item(qty=1, quantity="x"), "items.0.quantity"),
        (with_payment(type="cash", method="card"), "payments.0.method"),
        (with_payment(amount=100, sum=100.01), "payments.0.sum"),
        (changed(original_receipt_id="a", original_fiscal_doc_id="b"), "original_fiscal_doc_id"),
    ],
)
def test_two_forms_that_contradict_each_other_are_refused(body: Any, field: str) -> None:
    assert findings(body)[field] == "conflicting_forms"


def test_a_contradiction_is_found_beside_other_faults() -> None:
    assert findings(with_item(qty=1, quantity=2, price=-1)) == {
        "items.0.quantity": "conflicting_forms",
        "items.0.price": "not_positive",
    }


def test_null_is_nothing_said_and_for_vat_it_is_no_vat() -> None:
    request = parse(
        changed(
            total=None,
            customer={"email": None},
            cashier=None,
            internet=None,
            items=[{"name": "Test", "price": 100, "qty": None, "sku": None, "vat_rate": None}],
        )
    )
    assert request == a_request(lines=(a_line_request(vat=VatRate.NONE),))


def test_empty_texts_are_nothing_said() -> None:
    request = parse(
        changed(
            order_id="",
            cashier={"name": " ", "inn": ""},
            customer={"email": "", "phone": ""},
            place="",
            original_receipt_id="",
        )
    )
    assert request == a_request()


def test_a_cashier_may_be_a_name_alone() -> None:
    assert parse(changed(cashier="Иванова")).cashier == Cashier(name="Иванова")


def test_unknown_fields_are_left_out_and_their_names_told() -> None:
    parsed = parse_receipt(
        json.dumps(
            changed(till="x", items=[{**SALE["items"][0], "colour": "red"}], customer={"vip": 1})
        ).encode()
    )
    assert parsed.request == a_request()
    assert parsed.ignored == ("customer.vip", "items.0.colour", "till")


def test_a_flood_of_unknown_fields_is_told_in_short() -> None:
    names = {"x" * 500 + str(number) + "\n": 1 for number in range(1000)}
    ignored = parse_receipt(json.dumps(SALE | names).encode()).ignored
    assert len(ignored) <= 20
    assert all(len(name) <= 40 and name.isprintable() for name in ignored)


def test_all_faults_are_told_at_once_by_the_names_the_client_used() -> None:
    body = {
        "pos_id": "",
        "type": "gift",
        "items": [
            {"name": "", "price": True, "qty": -1, "vat": 18},
            {"price": "x", "sum": -1},
        ],
        "payments": [{"method": "bitcoin", "sum": -1}],
        "cashier": {"name": 7},
        "correction": {"type": "self"},
    }
    assert findings(body) == {
        "pos_id": "empty",
        "type": "unknown_value",
        "items.0.name": "empty",
        "items.0.price": "wrong_type",
        "items.0.qty": "not_positive",
        "items.0.vat": "unknown_value",
        "items.1.name": "required",
        "items.1.price": "not_a_number",
        "items.1.sum": "not_positive",
        "payments.0.method": "unknown_value",
        "payments.0.sum": "not_positive",
        "cashier.name": "wrong_type",
        "correction.date": "required",
    }


def test_a_fault_names_the_tag_it_would_break() -> None:
    tags = {v.field: v.tag for v in violations(with_item(qty=-1, price=-1, vat="x"))}
    assert tags == {"items.0.qty": 1023, "items.0.price": 1079, "items.0.vat": 1199}


def test_a_list_is_counted_before_it_is_read() -> None:
    assert findings(changed(items=[{}] * 1001)) == {"items": "too_many"}
    assert findings(changed(items=[])) == {"items": "empty"}
    assert findings(changed(payments=[{}] * 11)) == {"payments": "too_many"}
    assert len(parse(changed(items=SALE["items"] * 1000)).lines) == 1000


def test_the_order_of_keys_and_the_spelling_of_numbers_do_not_matter() -> None:
    one = b'{"type":"SALE","payments":[{"amount":"100.00","method":"cash"}],"pos_id":"POS-001",' + (
        b'"items":[{"price":1e2,"quantity":1.0,"name":"Test"}]}'
    )
    assert parse_receipt(one).request == parse(SALE)


@pytest.mark.parametrize("example", [examples.RECEIPT_BODY, examples.RECEIPT_BODY_FULL])
def test_the_examples_of_the_documentation_are_taken(example: dict[str, Any]) -> None:
    assert parse_receipt(json.dumps(example).encode()).ignored == ()


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(st.characters(exclude_categories=()), max_size=5)  # broken Unicode too
    | st.sampled_from(["sale", "cash", "20%", "1.5", "POS-001", "2026-03-01", "кг"])
)
names = st.sampled_from([*LINE.names, *PAYMENT.names, "pos_id", "items", "payments", "correction", "cashier"])
loose = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(names | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=12,
)


@given(st.dictionaries(names | st.text(max_size=5), loose, max_size=6), st.booleans())
def test_any_json_is_a_request_or_a_refusal_with_findings(mutation: dict[str, Any], on_item: bool) -> None:
    body = with_item(**mutation) if on_item else SALE | mutation
    try:
        assert parse(body).lines
    except (ReceiptInvalid, RequestInvalid) as refusal:
        assert all(violation.message.ru for violation in refusal.violations)


@pytest.mark.parametrize("name", ["mark_code", "unit", "measure", "subject", "payment_object", "method"])
def test_an_empty_text_is_not_said(name: str) -> None:
    assert parse(with_item(**{name: ""})) == parse(SALE)


def test_spaces_around_contacts_and_inns_say_nothing() -> None:
    spaced = parse(
        changed(customer={"email": " a@b.ru ", "inn": "\t7707083893\n"}, cashier={"inn": " 500100732259 "})
    )
    assert spaced == parse(
        changed(customer={"email": "a@b.ru", "inn": "7707083893"}, cashier={"inn": "500100732259"})
    )


def test_a_gift_and_a_payment_of_nothing_are_read() -> None:
    gift = {"name": "Gift", "price": 0, "total": 0}
    request = parse(
        changed(items=[*SALE["items"], gift], payments=[*SALE["payments"], {"type": "card", "sum": "0"}])
    )
    assert (request.lines[1].price_kop, request.lines[1].amount_kop) == (0, 0)
    assert request.payments[1].amount_kop == 0


@pytest.mark.parametrize(
    ("item", "field", "code"),
    [
        ({"qty": None}, "items.0.qty", "null_quantity"),
        ({"quantity": None}, "items.0.quantity", "null_quantity"),
        ({"vat_rate": "20%%"}, "items.0.vat_rate", "unknown_value"),
        ({"tax": "%20%"}, "items.0.tax", "unknown_value"),
    ],
)
def test_what_earlier_versions_took_is_refused_after_the_key_only(
    item: dict[str, Any], field: str, code: str
) -> None:
    body = {**SALE, "items": [{"name": "Test", "price": 100, **item}]}
    parsed = parse_receipt(json.dumps(body).encode())
    refusal = parsed.sent.refusal(parsed.sent.late)
    assert [(v.field, v.code) for v in refusal.violations] == [(field, code)]
    assert all(v.remedy for v in refusal.violations)
    assert parsed.request.lines[0].quantity == 1_000_000  # as it was read then: the hash is the same

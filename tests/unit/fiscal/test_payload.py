"""Receipts as stored text, and the canonical bytes that idempotency compares."""

import dataclasses
import json
from datetime import date, datetime
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.receipts import a_correction, a_line, a_line_request, a_payment, a_request, a_sale

from kkt_adapter.fiscal.model import (
    Cashier,
    Customer,
    MarkPermission,
    Operation,
    PaymentKind,
    Receipt,
    ReceiptKind,
    ReceiptRequest,
    ReceiptWarning,
    UserAttribute,
    VatRate,
)
from kkt_adapter.fiscal.requisites import (
    Agent,
    AgentType,
    CashlessPayment,
    Industry,
    LineExtras,
    MarkQuantity,
    OperationAttribute,
    ReceiptExtras,
    Supplier,
    VatSum,
)
from kkt_adapter.fiscal.store import receipt_json
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.money import Kopecks, Quantity

AGENT = Agent(
    type=AgentType.BANK_PAYING_AGENT,
    operation="o",
    phones=("+71", "+72"),
    operator_phones=("+73",),
    transfer_phones=("+74",),
    transfer_name="n",
    transfer_address="a",
    transfer_inn="7707083893",
)
SUPPLIER = Supplier(name="s", inn="000000000000", phones=("+75",))
INDUSTRY = Industry(federal_id="030", date=date(2023, 11, 21), number="1944", value="v")
PERMISSION = MarkPermission(uuid="u", time="2026-03-14T09:00:00", inst="i", ver="1")
FULL = a_sale(
    key="ABCDEFGHIJKLMNOP",
    kind=ReceiptKind.CORRECTION,
    operation=Operation.REFUND,
    lines=(
        a_line(
            vat=VatRate.P22_122,
            sku="42",
            discount_kop=Kopecks(1),
            mark_code="01",
            mark_permission=PERMISSION,
            extras=LineExtras(
                agent=AGENT,
                supplier=SUPPLIER,
                excise_kop=Kopecks(0),
                country="643",
                customs_declaration="10702020/060520/0013422",
                attribute="a",
                mark_quantity=MarkQuantity(numerator=1, denominator=3),
                planned_status=2,
                industry=(INDUSTRY,),
                wholesale=True,
            ),
        ),
        a_line(name="Молоко «Домик» 3,2 %"),
    ),
    payments=(a_payment(5_000), a_payment(5_000, PaymentKind.PREPAID)),
    cashier=Cashier(name="Иванова", inn="500100732259"),
    internet=True,
    place="site",
    address="Москва",
    customer=Customer(
        email="a@b.ru",
        phone="+7",
        name="Пётр",
        inn="7707083893",
        birth_date=date(1990, 5, 6),
        citizenship="643",
        document_code="21",
        document_data="4510 123456",
        address="Москва",
    ),
    sender_email="shop@b.ru",
    correction=a_correction(number="1", fiscal_sign="2864434397", date=date(2026, 1, 2)),
    additional_attribute="123",
    user_attribute=UserAttribute(name="a", value="b"),
    order_id="order/1",
    original_receipt_id="r",
    extras=ReceiptExtras(
        agent=AGENT,
        supplier=SUPPLIER,
        industry=(INDUSTRY,),
        operation_attribute=OperationAttribute(
            id=0, data="d", time=datetime.fromisoformat("2026-01-02T03:04")
        ),
        cashless=(CashlessPayment(amount_kop=Kopecks(5), method=0, id="x", info="y"),),
        device_number="7",
        timezone=2,
        no_print=True,
        vat_sums=(VatSum(rate="none", amount_kop=Kopecks(5), vat_kop=Kopecks(0)),),
    ),
)


@pytest.mark.parametrize("receipt", [a_sale(), FULL], ids=["the smallest", "the fullest"])
def test_what_was_stored_is_read_back(receipt: Receipt) -> None:
    assert receipt_json.load(receipt_json.dump(receipt)) == receipt


def test_the_fullest_receipt_leaves_no_field_out() -> None:
    """So that a field added to the model and forgotten here is noticed."""
    assert FULL.extras and FULL.lines[0].extras and FULL.customer
    parts = (FULL, FULL.extras, FULL.lines[0].extras, FULL.customer, AGENT, SUPPLIER)
    empty = {
        f.name
        for part in parts
        for f in dataclasses.fields(part)
        if (value := getattr(part, f.name)) is None or value == () or value is False
    }
    assert not empty


@given(
    name=st.text(min_size=1, max_size=128),
    price=st.integers(1, 10**12),
    quantity=st.integers(1, 10**12),
    paid=st.lists(st.tuples(st.sampled_from(PaymentKind), st.integers(1, 10**12)), min_size=1, max_size=10),
)
def test_any_text_and_any_sum_come_back(
    name: str, price: int, quantity: int, paid: list[tuple[PaymentKind, int]]
) -> None:
    line = a_line(name=name, price_kop=Kopecks(price), quantity=Quantity(quantity))
    receipt = a_sale(lines=(line,), payments=tuple(a_payment(amount, kind) for kind, amount in paid))
    assert receipt_json.load(receipt_json.dump(receipt)) == receipt


def test_absent_values_are_left_out_so_that_later_fields_change_no_old_row() -> None:
    assert "null" not in receipt_json.dump(a_sale())
    assert "correction" not in json.loads(receipt_json.dump(a_sale()))


def test_warnings_are_kept_in_both_languages() -> None:
    warnings = (
        ReceiptWarning(code="NAME_CHANGED", field="items.0.name", tag=1030, message=Text("cut", "обрезано")),
        ReceiptWarning(code="VAT_DIFFERS", field="items", message=Text("differs", "отличается")),
    )
    assert receipt_json.load_warnings(receipt_json.dump_warnings(warnings)) == warnings
    assert receipt_json.dump_warnings(()) is None
    assert receipt_json.load_warnings(None) == ()


CHANGES: list[dict[str, object]] = [
    {"kind": ReceiptKind.REFUND},
    {"lines": (a_line_request(name="Other"),)},
    {"lines": (a_line_request(vat=VatRate.NONE),)},
    {"lines": (a_line_request(), a_line_request())},
    {"lines": (a_line_request(amount_kop=Kopecks(9_999)),)},
    {"payments": (a_payment(10_000, PaymentKind.CARD),)},
    {"payments": (a_payment(5_000), a_payment(5_000))},
    {"total_kop": Kopecks(10_000)},
    {"customer": Customer(email="a@b.ru")},
    {"cashier": Cashier(name="Other")},
    {"order_id": "1"},
    {"internet": False},
    {"taxation": 1},
    {"original_receipt_id": "r"},
    {"refund_force_reason": "r"},
    {"additional_attribute": "1"},
    {"user_attribute": UserAttribute(name="a", value="b")},
    {"correction": a_correction()},
    {"place": "p"},
    {"address": "a"},
    {"extras": ReceiptExtras(no_print=True)},
]


@pytest.mark.parametrize("change", CHANGES, ids=[next(iter(change)) for change in CHANGES])
def test_every_field_a_till_can_set_makes_another_request(change: dict[str, object]) -> None:
    assert receipt_json.request_hash(a_request(**change)) != receipt_json.request_hash(a_request())


def test_the_changes_above_touch_every_field() -> None:
    touched = {name for change in CHANGES for name in change} | {"pos_id"}
    assert touched == {f.name for f in dataclasses.fields(ReceiptRequest)}


@given(name=st.text(st.characters(codec="utf-8"), min_size=1, max_size=40))
def test_the_hash_is_that_of_plain_sorted_json_behind_its_version(name: str) -> None:
    wish = a_request(lines=(a_line_request(name=name),))
    lines = [
        {
            field.name: value
            for field in dataclasses.fields(line)
            if (value := getattr(line, field.name)) is not None
        }
        for line in wish.lines
    ]
    plain = {
        "pos_id": wish.pos_id,
        "kind": wish.kind.value,
        "lines": lines,
        "payments": [[one.kind.value, one.amount_kop] for one in wish.payments],
        "total_kop": wish.total_kop,
        "internet": wish.internet,
    }
    given = {key: value for key, value in plain.items() if value is not None}
    text = json.dumps(given, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    assert receipt_json.request_hash(wish) == sha256(b"2\n" + text.encode()).digest()
    assert receipt_json.first_request_hash(wish) == sha256(text.encode()).digest()


def test_the_order_of_lines_and_payments_matters() -> None:
    one, two = a_line_request(name="a"), a_line_request(name="b")
    assert receipt_json.request_hash(a_request(lines=(one, two))) != receipt_json.request_hash(
        a_request(lines=(two, one))
    )


def test_keys_are_unique_within_their_scope() -> None:
    assert receipt_json.key_hash("k") == receipt_json.key_hash("k")
    assert len(receipt_json.key_hash("k")) == 16
    assert receipt_json.key_hash("k") != receipt_json.key_hash("k", scope="z_report")
    assert receipt_json.key_hash("k") != receipt_json.key_hash("K")


@given(st.text(min_size=1, max_size=128), st.text(min_size=1, max_size=128))
def test_different_keys_have_different_hashes(one: str, other: str) -> None:
    assert (receipt_json.key_hash(one) == receipt_json.key_hash(other)) == (one == other)

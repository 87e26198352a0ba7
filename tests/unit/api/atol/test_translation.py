"""What a registration of ATOL Online becomes: every field and word of v4 and v5."""

import base64
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from tests.support.api import Json
from tests.support.doors.registrations import INN, body, findings, request_of, translated, v4_correction
from tests.support.doors.shops import item, item_v4, receipt
from tests.support.receipts import a_profile

from kkt_adapter.api.doors.atol import words
from kkt_adapter.fiscal.model import Operation, PaymentKind, ReceiptKind, VatRate
from kkt_adapter.fiscal.requisites import AgentType

MARK = "0104607008138555215Qwerty;Asdfg\x1d93dGVz"


@pytest.mark.parametrize(
    ("operation", "kind", "corrects"),
    [
        ("sell", ReceiptKind.SALE, None),
        ("sell_refund", ReceiptKind.REFUND, None),
        ("buy", ReceiptKind.EXPENSE, None),
        ("buy_refund", ReceiptKind.EXPENSE_REFUND, None),
        ("sell_correction", ReceiptKind.CORRECTION, Operation.SALE),
        ("buy_correction", ReceiptKind.CORRECTION, Operation.EXPENSE),
        ("sell_refund_correction", ReceiptKind.CORRECTION, Operation.REFUND),
        ("buy_refund_correction", ReceiptKind.CORRECTION, Operation.EXPENSE_REFUND),
    ],
)
def test_every_operation(operation: str, kind: ReceiptKind, corrects: Operation | None) -> None:
    document = body()
    if corrects is not None:
        info = {"type": "instruction", "base_date": "01.11.2026", "base_number": "7"}
        document = {"correction": document["receipt"] | {"correction_info": info}}
    request = request_of(document, operation=operation)
    assert (request.kind, request.pos_id) == (kind, "main")
    if corrects is not None:
        assert request.correction is not None
        assert request.correction.operation is corrects
        assert request.correction.by_order
        assert (request.correction.date.isoformat(), request.correction.number) == ("2026-11-01", "7")


def test_a_correction_body_under_a_refund_corrects_the_refund() -> None:
    info = {"type": "self", "base_date": "29.11.2026 10:11:12", "base_number": "", "base_name": "x"}
    document = {"correction": receipt(INN) | {"correction_info": info}}
    request = request_of(document, operation="sell_refund")
    assert request.kind is ReceiptKind.CORRECTION
    assert request.correction is not None
    assert request.correction.operation is Operation.REFUND
    assert request.correction.date.isoformat() == "2026-11-29"
    assert request.correction.number is None


@pytest.mark.parametrize(("word", "rate"), list(words.VATS.items()))
def test_every_vat_word_and_a_wrong_sum_beside_it(word: str, rate: str) -> None:
    line = request_of(body(items=[item(vat={"type": word, "sum": 99999})])).lines[0]
    assert line.vat is VatRate(rate)


@pytest.mark.parametrize(("word", "code"), list(words.METHODS.items()))
def test_every_payment_method(word: str, code: int) -> None:
    assert request_of(body(items=[item(payment_method=word)])).lines[0].method == code


@pytest.mark.parametrize(("word", "code"), list(words.OBJECTS.items()))
def test_every_payment_object_of_v4(word: str, code: int) -> None:
    assert request_of(body(items=[item_v4(payment_object=word)]), version=4).lines[0].subject == code


@pytest.mark.parametrize("code", sorted(words.OBJECT_CODES))
def test_every_payment_object_of_v5(code: int) -> None:
    assert request_of(body(items=[item(payment_object=code)])).lines[0].subject == code


@pytest.mark.parametrize("code", sorted(words.MEASURES))
def test_every_measure(code: int) -> None:
    assert request_of(body(items=[item(measure=code)])).lines[0].unit == str(code)


@pytest.mark.parametrize("sno", list(words.TAXATION))
def test_every_tax_system(sno: str) -> None:
    document = body()
    document["receipt"]["company"]["sno"] = sno
    assert request_of(document).taxation == words.TAXATION[sno]


@pytest.mark.parametrize(("kind", "name"), list(words.PAYMENTS.items()))
def test_every_payment(kind: int, name: str) -> None:
    (payment,) = request_of(body(payments=[{"type": kind, "sum": 100}])).payments
    assert (payment.kind, payment.amount_kop) == (PaymentKind(name), 10_000)


def test_v4_defaults_are_full_prepayment_and_commodity() -> None:
    line = item_v4()
    del line["payment_method"], line["payment_object"]
    found = request_of(body(items=[line]), version=4).lines[0]
    assert (found.method, found.subject, found.unit) == (1, 1, "шт")


def test_a_payment_without_sum_is_the_whole_receipt() -> None:
    assert request_of(body(payments=[{"type": "1"}])).payments[0].amount_kop == 10_000


@pytest.mark.parametrize(
    ("price", "kop"), [("100", 10_000), (Decimal("39.99999999"), 4000), (Decimal("1E+3"), 100_000)]
)
def test_numbers_come_as_text_and_as_floats(price: Any, kop: int) -> None:
    line = request_of(body(items=[item(price=price, quantity="1", sum=price)], total=price)).lines[0]
    assert (line.price_kop, line.quantity, line.amount_kop) == (kop, 1_000_000, kop)


@pytest.mark.parametrize("price", ["1e3", "abc", Decimal("NaN"), -1, True, None, [], {}])
def test_what_is_no_price_is_named(price: Any) -> None:
    assert "receipt.items[0].price" in findings(body(items=[item(price=price, sum=100)]))


def test_buyer_company_and_cashier() -> None:
    document = body(
        client={
            "email": "b@example.com",
            "phone": "89161234567",
            "name": "Иванов",
            "inn": "7702203276",
            "birthdate": "01.02.1990",
            "citizenship": "643",
            "document_code": "21",
            "document_data": "4507 443564",
            "address": "Москва",
        },
        cashier="Петрова А. А.",
        cashier_inn="500100732259",
        internet=True,
        timezone=2,
        device_number="00001",
    )
    request = request_of(document)
    buyer = request.customer
    assert buyer is not None
    assert (buyer.email, buyer.phone, buyer.name, buyer.inn) == (
        "b@example.com",
        "+79161234567",
        "Иванов",
        "7702203276",
    )
    assert buyer.birth_date is not None
    assert (buyer.birth_date.isoformat(), buyer.citizenship, buyer.document_code) == (
        "1990-02-01",
        "643",
        "21",
    )
    assert request.cashier is not None
    assert (request.cashier.name, request.cashier.inn) == ("Петрова А. А.", "500100732259")
    assert (request.internet, request.place) == (True, "https://shop.example")
    assert request.extras is not None
    assert (request.extras.timezone, request.extras.device_number) == (2, "00001")


def test_a_place_is_left_out_where_the_register_takes_none() -> None:
    assert request_of(body()).place is None
    assert request_of(body(), other_place=True).place == "https://shop.example"


def test_attributes_of_receipt_and_line() -> None:
    document = body(
        items=[
            item(
                user_data="для кухни",
                excise="1.50",
                country_code="643",
                declaration_number="10702020/060520/0013422",
                sectoral_item_props=[
                    {"federal_id": "030", "date": "21.11.2023", "number": "1944", "value": "UUID=1&Time=2"}
                ],
            )
        ],
        additional_check_props="12345",
        additional_user_props={"name": "заказ", "value": "17"},
        cashless_payments=[{"sum": 100, "method": 1, "id": "rrn-1", "additional_info": "Visa"}],
        operating_check_props={"name": "0", "value": "данные", "timestamp": "29.11.2026 10:00:00"},
    )
    request = request_of(document)
    line = request.lines[0].extras
    assert line is not None
    assert (line.attribute, line.excise_kop, line.country) == ("для кухни", 150, "643")
    assert line.customs_declaration == "10702020/060520/0013422"
    assert (line.industry[0].federal_id, line.industry[0].date.isoformat()) == ("030", "2023-11-21")
    assert request.additional_attribute == "12345"
    assert request.user_attribute is not None
    assert (request.user_attribute.name, request.user_attribute.value) == ("заказ", "17")
    extras = request.extras
    assert extras is not None
    assert (extras.cashless[0].amount_kop, extras.cashless[0].id) == (10_000, "rrn-1")
    assert extras.operation_attribute is not None
    assert extras.operation_attribute.time.isoformat() == "2026-11-29T10:00:00"


@pytest.mark.parametrize("kind", sorted(words.AGENTS))
def test_every_agent(kind: str) -> None:
    info = {
        "type": kind,
        "paying_agent": {"operation": "Оплата", "phones": ["+79161234567"]},
        "receive_payments_operator": {"phones": ["+79161234568"]},
        "money_transfer_operator": {
            "phones": ["+79161234569"],
            "name": "Оператор",
            "address": "Москва",
            "inn": "8634330204",
        },
    }
    supplier = {"phones": ["+79161234560"], "name": "Поставщик", "inn": "287381373424"}
    line = request_of(body(items=[item(agent_info=info, supplier_info=supplier)])).lines[0].extras
    assert line is not None
    assert line.agent is not None
    assert line.agent.type is AgentType[kind.upper()]
    assert (line.agent.operation, line.agent.transfer_inn) == ("Оплата", "8634330204")
    assert line.supplier is not None
    assert line.supplier.inn == "287381373424"


def test_a_marking_code_of_v5_is_decoded_with_its_separators() -> None:
    coded = base64.b64encode(MARK.encode()).decode()
    line = request_of(body(items=[item(mark_code={"gs1m": coded}, payment_object=33)])).lines[0]
    assert line.mark_code == MARK
    assert line.extras is not None
    assert line.extras.planned_status == 1


@pytest.mark.parametrize(
    ("operation", "measure", "status"),
    [("sell", 0, 1), ("sell", 11, 2), ("sell_refund", 0, 3), ("sell_refund", 11, 4)],
)
def test_the_planned_status_is_derived(operation: str, measure: int, status: int) -> None:
    line = item(mark_code={"gs1m": base64.b64encode(MARK.encode()).decode()}, measure=measure)
    extras = request_of(body(items=[line]), operation=operation).lines[0].extras
    assert extras is not None
    assert extras.planned_status == status


def test_a_marking_code_of_v4_in_hex_pairs() -> None:
    code = "44 4D 04 30 9E E4 B9 3B 35 51 77 65 72 74 79"
    line = request_of(body(items=[item_v4(nomenclature_code=code)]), version=4).lines[0]
    assert line.mark_code == f"01{0x04309EE4B93B:014d}215Qwerty"


@pytest.mark.parametrize(
    ("vats", "total", "sums"),
    [
        ([{"type": "vat20", "sum": 20}], 120, {"20": 12_000}),
        ([{"type": "vat20", "sum": 7}], 120, {"20": 12_000}),  # a wrong tax is calculated anew
        ([{"type": "none", "sum": 0}], 120, {"none": 12_000}),
        ([{"type": "vat20", "sum": "20.00"}, {"type": "none"}], 150, {"20": 12_000, "none": 3_000}),
        (
            [{"type": "vat20", "sum": 20}, {"type": "vat10", "sum": Decimal("9.09")}],
            220,
            {"20": 12_001, "10": 9_999},
        ),
    ],
)
def test_a_v4_correction_says_its_settlements_by_rate(
    vats: list[Json], total: Any, sums: dict[str, int]
) -> None:
    request = request_of(v4_correction(vats, total), version=4, operation="sell_correction")
    assert request.extras is not None
    assert {one.rate: one.amount_kop for one in request.extras.vat_sums} == sums
    assert request.total_kop == sum(sums.values())
    assert request.lines == ()


def test_a_v4_correction_whose_taxes_do_not_fit_is_refused_by_name() -> None:
    vats = [{"type": "vat20", "sum": 50}, {"type": "vat10", "sum": 50}]
    assert "correction.vats" in findings(v4_correction(vats), version=4, operation="sell_correction")


def test_registrations_do_not_change_what_they_read() -> None:
    document = body()
    before = repr(document)
    translated(document)
    assert repr(document) == before
    assert replace(a_profile()) == a_profile()

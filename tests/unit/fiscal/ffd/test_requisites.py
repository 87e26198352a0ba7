"""Every requisite of the API in every FFD version: request body, checks, composition, bytes, decoded JSON."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.requisites import (
    BANK_AGENT,
    BANK_AGENT_DATA,
    LINE_CASES,
    MARK,
    PAYING_AGENT,
    PHONE,
    RECEIPT_CASES,
    SUPPLIER,
    Json,
    accepted,
    body,
    registration,
    within,
)

from kkt_adapter.fiscal.ffd.compose import document_size, receipt_body
from kkt_adapter.fiscal.ffd.requisites_page import page
from kkt_adapter.fiscal.ffd.tlv import decode
from kkt_adapter.fiscal.model import FFD_OF_TEXT
from kkt_adapter.fiscal.ofd.describe import document_json
from kkt_adapter.fiscal.store import receipt_json
from kkt_adapter.kernel.errors import ReceiptInvalid


def document(wanted: Json, version: str) -> Json:
    """What an operator reads in the document; the receipt goes through its stored form on the way."""
    receipt = accepted(wanted, version).receipt
    stored = receipt_json.load(receipt_json.dump(receipt))
    assert stored == receipt
    return document_json(decode(receipt_body(stored, registration(version))))


def refused(wanted: Json, version: str) -> list[tuple[str, str, int | None]]:
    try:
        accepted(wanted, version)
    except ReceiptInvalid as error:
        for one in error.violations:
            assert one.remedy is not None
            assert one.message.en != one.message.ru
        return [(one.field, one.code, one.tag) for one in error.violations]
    return []


@pytest.mark.parametrize("version", FFD_OF_TEXT)
@pytest.mark.parametrize(
    ("line", "expected", "new"), [c[1:] for c in LINE_CASES], ids=[c[0] for c in LINE_CASES]
)
def test_a_line_requisite_stands_in_the_document_or_is_refused(line, expected, new, version):
    if new and version != "1.2":
        assert any(code in ("requisite_ffd", "mark_ffd") for _, code, _ in refused(body(line), version))
        return
    (read,) = document(body(line), version)["items"]
    assert within(read, expected) == expected


@pytest.mark.parametrize("version", FFD_OF_TEXT)
@pytest.mark.parametrize(
    ("fields", "expected", "new"), [c[1:] for c in RECEIPT_CASES], ids=[c[0] for c in RECEIPT_CASES]
)
def test_a_receipt_requisite_stands_in_the_document_or_is_refused(fields, expected, new, version):
    if new and version != "1.2":
        assert "requisite_ffd" in [code for _, code, _ in refused(body(**fields), version)]
        return
    read = document(body(**fields), version)
    assert within(read, expected) == expected


@pytest.mark.parametrize("version", ["1.05", "1.1"])
def test_a_receipt_level_agent_stands_at_the_top_of_old_documents(version):
    read = document(body(agent=BANK_AGENT, supplier=SUPPLIER), version)
    expected = {"paymentAgentType": 1, **BANK_AGENT_DATA, "providerPhone": [PHONE]}
    assert within(read, expected) == expected
    (item,) = read["items"]
    assert item["providerInn"] == "7707083893"
    assert item["providerData"] == {"providerName": "Театр"}
    assert "paymentAgentByProductType" not in item


def test_a_receipt_level_agent_goes_to_the_lines_of_new_documents():
    lines = [{"name": "a", "price": 50}, {"name": "b", "price": 50, "agent": {"type": "another"}}]
    read = document(body(agent=BANK_AGENT, supplier=SUPPLIER, items=lines), "1.2")
    assert "paymentAgentType" not in read
    assert [item["paymentAgentByProductType"] for item in read["items"]] == [1, 64]
    assert [item["providerInn"] for item in read["items"]] == ["7707083893", "7707083893"]
    assert read["items"][0]["paymentAgentData"] == BANK_AGENT_DATA


@pytest.mark.parametrize(
    ("wanted", "version", "expected"),
    [
        (body({"agent": {"type": "attorney"}}), "1.2", ("items.0.supplier.inn", "supplier_missing", 1226)),
        (body({"supplier": SUPPLIER}), "1.2", ("items.0.supplier", "supplier_without_agent", 1224)),
        (
            body({"agent": {"type": "attorney", "operation": "x"}, "supplier": SUPPLIER}),
            "1.2",
            ("items.0.agent.operation", "agent_data", 1044),
        ),
        (
            body({"agent": BANK_AGENT, "supplier": SUPPLIER}, agent=BANK_AGENT, supplier=SUPPLIER),
            "1.1",
            ("items.0.agent", "agent_levels", 1222),
        ),
        (body(agent=BANK_AGENT), "1.05", ("supplier", "supplier_missing", 1171)),
        (body(supplier=SUPPLIER), "1.05", ("supplier", "supplier_without_agent", 1171)),
        (
            body({"agent": PAYING_AGENT, "supplier": {"inn": "123"}}),
            "1.2",
            ("items.0.supplier.inn", "inn", 1226),
        ),
        (
            body({"agent": {**PAYING_AGENT, "phones": ["1"]}, "supplier": SUPPLIER}),
            "1.2",
            ("items.0.agent.phones.0", "phone_shape", 1073),
        ),
        (
            body({"mark_code": MARK, "mark_quantity": {"numerator": 3, "denominator": 3}}),
            "1.2",
            ("items.0.mark_quantity", "part_range", 1291),
        ),
        (
            body({"mark_quantity": {"numerator": 1, "denominator": 3}}),
            "1.2",
            ("items.0.mark_quantity", "without_mark_code", 1291),
        ),
        (
            body({"mark_code": MARK, "quantity": 0.5, "price": 200}),
            "1.2",
            ("items.0.quantity", "mark_part", 1291),
        ),
        (body({"planned_status": 1}), "1.2", ("items.0.planned_status", "without_mark_code", 2003)),
        (body({"wholesale": True}), "1.2", ("items.0.wholesale", "without_mark_code", 1163)),
        (
            body(cashless=[{"amount": 99, "method": 1, "id": "a"}]),
            "1.2",
            ("cashless", "cashless_sum", 1234),
        ),
        (
            body(
                items=[{"name": "a", "price": 100, "country": "643"}],
                type="correction",
                correction={"type": "self", "date": "2026-03-01", "number": "1"},
            ),
            "1.05",
            ("items.0", "correction_lines", 1059),
        ),
    ],
)
def test_what_must_not_stand_there_is_refused(wanted, version, expected):
    assert expected in refused(wanted, version)


def test_three_thirds_of_a_pack_make_a_whole_and_a_fourth_does_not_fit():
    third = {
        "name": "Таблетки",
        "price": 25,
        "mark_code": MARK,
        "mark_quantity": {"numerator": 1, "denominator": 3},
    }
    read = document(body(items=[third] * 3, payments=[{"type": "cash", "amount": 75}]), "1.2")
    assert [item["quantity"] for item in read["items"]] == [1, 1, 1]
    four = body(items=[third] * 4)
    assert [code for _, code, _ in refused(four, "1.2")] == ["mark_code_twice"]


def test_many_pieces_of_one_code_are_sold_wholesale():
    line = {"mark_code": MARK, "quantity": 20, "price": 5, "wholesale": True}
    (read,) = document(body(line), "1.2")["items"]
    assert read["quantity"] == 20


def correction(*sums: Json, **more: Any) -> Json:
    return {
        "pos_id": "POS-001",
        "type": "correction",
        "correction": {"type": "self", "date": "2025-12-01", "number": "1", "sums": list(sums)},
        "payments": [{"type": "cash", "amount": 222}],
        **more,
    }


SUMS = (
    {"vat_rate": "20", "amount": 120},
    {"vat_rate": "none", "amount": 2},
    {"vat_rate": "5", "amount": 100, "vat": "4.76"},
)


def test_a_correction_by_sums_has_no_lines_and_its_sums_by_rate():
    read = document(correction(*SUMS), "1.05")
    expected = {
        "totalSum": 22200,
        "cashTotalSum": 22200,
        "nds18": 2000,
        "ndsNo": 200,
        "amountsReceiptNds": {"amountsNds": [{"nds": 7, "ndsSum": 476}]},
    }
    assert within(read, expected) == expected
    assert "items" not in read


@pytest.mark.parametrize(
    ("wanted", "version", "expected"),
    [
        (correction(*SUMS), "1.2", ("correction.sums", "correction_sums", 1059)),
        (
            correction(*SUMS, items=[{"name": "a", "price": 222}]),
            "1.05",
            ("correction.sums", "correction_sums", 1059),
        ),
        (correction(*SUMS, SUMS[0]), "1.05", ("correction.sums.3.vat_rate", "rate_twice", 1199)),
        (
            correction({"vat_rate": "20", "amount": 222, "vat": 50}),
            "1.05",
            ("correction.sums.0.vat", "vat_sum", 1199),
        ),
    ],
)
def test_sums_stand_only_in_corrections_of_the_oldest_format(wanted, version, expected):
    assert expected in refused(wanted, version)


def test_what_a_payment_agent_leaves_out_is_told():
    line = {"agent": {"type": "paying_agent"}, "supplier": SUPPLIER}
    (warning,) = accepted(body(line), "1.2").warnings
    assert (warning.code, warning.field) == ("AGENT_DATA", "items.0.agent")
    assert "operator_phones (1074)" in warning.message.en


def test_a_receipt_that_takes_both_places_of_the_key_hears_it():
    both: Json = {"additional_attribute": "z", "user_attribute": {"name": "n", "value": "v"}}
    assert [w.code for w in accepted(body(**both), "1.2").warnings] == ["RECEIPT_KEY_LEFT_OUT"]


def test_rare_requisites_are_counted_in_the_size_of_the_document():
    line = {"line_attribute": "a" * 64, "name": "b" * 128, "price": 1}
    wanted = body(items=[line] * 50, payments=[{"type": "cash", "amount": 50}])
    receipt = accepted(wanted, "1.2").receipt
    plain = body(items=[{**line, "line_attribute": None}] * 50, payments=[{"type": "cash", "amount": 50}])
    less = accepted(plain, "1.2").receipt
    grown = document_size(receipt, registration("1.2")) - document_size(less, registration("1.2"))
    assert grown == 50 * 68


def test_the_page_of_requisites_is_what_the_code_says():
    written = Path(__file__).parents[4] / "docs" / "reference" / "requisites.md"
    assert written.read_text(encoding="utf-8") == page(), (
        "run: python -m kkt_adapter.fiscal.ffd.requisites_page > docs/reference/requisites.md"
    )

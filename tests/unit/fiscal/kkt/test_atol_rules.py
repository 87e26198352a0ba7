"""What ATOL's answers prove, how its JSON is read, and what a receipt becomes in its words."""

import base64
import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.support.receipts import KEY, a_correction, a_line, a_payment, a_sale

from kkt_adapter.emulators.atol.checks import check_task
from kkt_adapter.emulators.atol.reading import read_receipt
from kkt_adapter.fiscal.ffd.tlv import cp866, element
from kkt_adapter.fiscal.kkt.atol import codes, words
from kkt_adapter.fiscal.kkt.atol.answers import JobStatus, error_in, read_results, told_document
from kkt_adapter.fiscal.kkt.atol.codes import AtolReaction, code_of, proves_absence
from kkt_adapter.fiscal.kkt.atol.documents import read_document
from kkt_adapter.fiscal.kkt.atol.jobs import job_uuid
from kkt_adapter.fiscal.kkt.atol.marking import must_not_be_sold
from kkt_adapter.fiscal.kkt.atol.task import receipt_task
from kkt_adapter.fiscal.kkt.atol.values import BadAtolAnswer, moment, money, optional_moment, read_json
from kkt_adapter.fiscal.kkt.virtual import made_up_registration
from kkt_adapter.fiscal.model import (
    Cashier,
    Customer,
    DocumentCode,
    FfdVersion,
    Operation,
    PaymentKind,
    ReceiptKind,
    Unread,
    UserAttribute,
    VatRate,
)
from kkt_adapter.fiscal.ofd.http import json_bytes
from kkt_adapter.fiscal.requisites import (
    Agent,
    AgentType,
    CashlessPayment,
    Industry,
    LineExtras,
    OperationAttribute,
    ReceiptExtras,
    Supplier,
)
from kkt_adapter.kernel.errors import KktRefused
from kkt_adapter.kernel.ids import RegisterId
from kkt_adapter.kernel.money import Kopecks, Quantity


@pytest.mark.parametrize("code", [8, 16, 66, 68, 144, 225, 401, 426, 501, 502, 504])
def test_codes_that_prove_that_nothing_was_made(code: int) -> None:
    assert proves_absence(code)


@pytest.mark.parametrize(
    "code",
    [0, 1, 2, 5, 6, 11, 15, 34, 44, 55, 115, 122, 140, 141, 159, 177, 178, 203, 241, 249, 503, 505, 600, 999],
)
def test_codes_that_prove_nothing(code: int) -> None:
    assert not proves_absence(code)


def test_the_table_never_calls_a_doubtful_code_harmless() -> None:
    harmless = {
        AtolReaction.REFUSE,
        AtolReaction.MARK,
        AtolReaction.BLOCKED,
        AtolReaction.OPERATOR,
        AtolReaction.SHIFT,
        AtolReaction.RETRY,
    }
    doubtful = {
        code for code, known in codes.CODES.items() if known.reaction in harmless and not proves_absence(code)
    }
    assert doubtful == {codes.NO_DATA, 32 + 107}, "questions only: no such document; unsent documents"
    assert code_of(777).reaction is AtolReaction.UNKNOWN
    assert code_of(423).reaction is AtolReaction.MARK


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"error": {"code": 66, "description": "x"}}, (66, "x")),
        ({"errorCode": 66, "errorDescription": "x"}, (66, "x")),
        ({"error": None, "errorCode": 5}, (5, "")),
        ({}, (0, "")),
        ([], (0, "")),
    ],
)
def test_errors_are_read_in_both_shapes(content: Any, found: tuple[int, str]) -> None:
    assert error_in(content) == found


@pytest.mark.parametrize(
    ("result", "found"),
    [
        ({"fiscalParams": {"fiscalDocumentNumber": 12, "fnNumber": "99"}, "warnings": None}, (12, "99")),
        ({"fiscalParams": {"fiscalDocumentNumber": 12}, "warnings": {"recovered": True}}, (12, "")),
        ({"fiscalDocumentNumber": 12, "fnNumber": "99", "shiftNumber": 3}, (12, "99")),
        ({"fiscalParams": {"fiscalDocumentNumber": 0}}, None),
        ({"receiptSize": 100}, None),
        (None, None),
    ],
)
def test_a_result_names_its_document_in_three_shapes_or_none(result: Any, found: Any) -> None:
    told = told_document(result)
    assert (None if told is None else (told.fd_number, told.fn_number)) == found


def test_a_ready_result_may_be_nothing_at_all() -> None:
    (one,) = read_results({"results": [{"status": "ready", "result": None}]})
    assert (one.status, one.result, one.is_final) == (JobStatus.READY, None, True)


@pytest.mark.parametrize(
    "content", [{}, {"results": []}, {"results": [{"status": "fine"}]}, {"results": 5}, None]
)
def test_what_is_no_answer_is_not_taken_for_one(content: Any) -> None:
    with pytest.raises(BadAtolAnswer):
        read_results(content)


def test_a_web_page_is_no_json() -> None:
    with pytest.raises(BadAtolAnswer):
        read_json(b"<html>502</html>")
    assert read_json(b'{"a": 0.1}')["a"] == Decimal("0.1")


@pytest.mark.parametrize("suffix", ["+03:00", "+00:00", "-08:00", "Z", ""])
def test_times_are_the_registers_digits_whatever_the_zone_of_the_pc(suffix: str) -> None:
    assert moment({"t": f"2026-01-15T12:34:00{suffix}"}, "t") == datetime(2026, 1, 15, 12, 34)  # noqa: DTZ001
    assert optional_moment({"t": f"1970-01-01T03:00:00{suffix}"}, "t") is None


def test_the_uuid_of_a_job_follows_from_what_it_makes_and_from_the_attempt() -> None:
    assert job_uuid("99", "receipt:1", 1) == job_uuid("99", "receipt:1", 1)
    assert len({job_uuid(fn, what, n) for fn in "12" for what in ("a", "b") for n in (1, 2)}) == 8


def a_document(**changes: Any) -> dict[str, Any]:
    told = {
        "1012": "2026-01-15T12:34:00+10:00",
        "1040": 12,
        "1041": "9999078900012345",
        "1038": 6,
        "1042": 1,
        "1054": 1,
        "1020": Decimal("120.50"),
        "1077": "210412345678",
        "short": False,
        "fiscalDocumentType": "receipt",
    }
    raw = element(1054, b"\1") + element(1192, cp866(KEY))
    return {"documentTLV": told | changes, "rawData": base64.b64encode(raw).decode()}


def test_a_document_is_read_with_its_key() -> None:
    found = read_document(a_document(), fd_number=12, fn_number="", first_unsent=13)
    assert found is not None
    document = found.document
    assert (document.code, document.operation, document.total_kop) == (
        DocumentCode.RECEIPT,
        Operation.SALE,
        12_050,
    )
    assert (document.key, document.fiscal_sign, document.confirmed) == (KEY, 0x12345678, True)
    assert document.fiscalized_at == datetime(2026, 1, 15, 12, 34)  # noqa: DTZ001


@pytest.mark.parametrize("kind", ["receipt", "bso", "receiptCorrection", "bsoCorrection"])
def test_all_kinds_of_receipts_have_sums(kind: str) -> None:
    found = read_document(a_document(fiscalDocumentType=kind), fd_number=12, fn_number="", first_unsent=None)
    assert found is not None
    assert found.document.total_kop == 12_050


def test_a_short_document_tells_no_key_and_half_a_sum() -> None:
    """1020 lost its kopecks; 1077 has four bytes, and may have lost a leading zero."""
    short = {"1012": "2026-01-15T12:34:00", "1040": 12, "1077": "2345678", "1054": 1, "1020": 120}
    told = {"documentTLV": short | {"short": True, "fiscalDocumentType": "receipt"}}
    found = read_document(told, fd_number=12, fn_number="9999", first_unsent=None)
    assert found is not None
    assert found.short
    assert (found.document.total_kop, found.document.key, found.tags) == (12_000, None, None)
    assert found.document.unread is Unread.KOPECKS
    assert found.document.fiscal_sign == 0x2345678


@pytest.mark.parametrize("raw", [None, "", "no base64", base64.b64encode(b"\x9f\x04\x10").decode()])
def test_a_document_without_bytes_that_can_be_read_is_not_one_without_a_key(raw: str | None) -> None:
    told = a_document() | {"rawData": raw}
    found = read_document(told, fd_number=12, fn_number="", first_unsent=None)
    assert found is not None
    assert (found.document.key, found.document.unread) == (None, Unread.TAGS)
    assert found.garbled is bool(raw)


def test_another_document_than_the_one_asked_for_is_no_answer() -> None:
    with pytest.raises(BadAtolAnswer):
        read_document(a_document(), fd_number=13, fn_number="", first_unsent=None)


REGISTRATION = made_up_registration(RegisterId("kkt-1"), marked_goods=True)


def test_a_sale_in_the_words_of_the_driver() -> None:
    receipt = a_sale(
        lines=(
            a_line(
                name="Молоко",
                price_kop=6_000,
                quantity=Quantity(2_000_000),
                amount_kop=12_000,
                vat=VatRate.P10,
            ),
        ),
        payments=(a_payment(2_000), a_payment(10_000, PaymentKind.CARD)),
        total_kop=12_000,
        cashier=Cashier(name="Петрова А.", inn="500100732259"),
        customer=Customer(email="buyer@example.com"),
    )
    task = json.loads(json_bytes(receipt_task(receipt)), parse_float=Decimal)

    assert task["type"] == "sell"
    assert task["taxationType"] == "osn"
    assert task["operator"] == {"name": "Петрова А.", "vatin": "500100732259"}
    position, attribute = task["items"]
    assert position["tax"] == {"type": "vat10"}
    assert (position["price"], position["quantity"], position["amount"]) == (60, 2, 120)
    assert position["measurementUnit"] == "piece"
    assert attribute == {"type": "additionalAttribute", "value": KEY, "print": False}
    assert [one["type"] for one in task["payments"]] == ["electronically", "cash"], "cash last"
    assert "additionalAttribute" not in task, "at the root it would be lost without an error"


def test_every_receipt_comes_through_the_drivers_check_and_back() -> None:
    extras = ReceiptExtras(
        industry=(Industry(federal_id="030", date=date(2023, 11, 21), number="1944", value="x=1"),),
        operation_attribute=OperationAttribute(id=7, data="d", time=datetime(2026, 1, 2, 3, 4, 5)),  # noqa: DTZ001
        cashless=(CashlessPayment(amount_kop=Kopecks(10_000), method=1, id="rrn-1", info="x"),),
        device_number="12",
    )
    line_extras = LineExtras(
        agent=Agent(type=AgentType.PAYING_AGENT, operation="op", phones=("+79990000000",)),
        supplier=Supplier(name="ООО Поставщик", inn="7707083893", phones=("+74950000000",)),
        excise_kop=Kopecks(150),
        country="643",
        customs_declaration="10702030/210218/0003473",
        attribute="a",
        industry=(Industry(federal_id="030", date=date(2023, 11, 21), number="1944", value="UUID=1"),),
    )
    receipt = a_sale(
        lines=(a_line(extras=line_extras, quantity=Quantity(1_000_000)),),
        payments=(a_payment(10_000, PaymentKind.CARD),),
        extras=extras,
        customer=Customer(phone="+79161234567", name="Иванов", inn="7707083893", birth_date=date(1990, 5, 6)),
        user_attribute=UserAttribute(name="order", value="12"),
        sender_email="shop@example.com",
        internet=True,
        place="shop.example",
        address="г. Примерск",
    )
    task = json.loads(json_bytes(receipt_task(receipt)), parse_float=Decimal)
    check_task(task, driver_version="10.10.8.0")
    found = read_receipt(task, REGISTRATION, {})

    assert found.lines == receipt.lines
    assert (found.payments, found.total_kop, found.taxation) == (receipt.payments, receipt.total_kop, 1)
    assert (found.extras, found.customer) == (extras, receipt.customer)
    assert (found.place, found.address, found.internet) == ("shop.example", "г. Примерск", True)
    assert (found.additional_attribute, found.user_attribute) == (KEY, receipt.user_attribute)
    assert found.sender_email == "shop@example.com"


def test_a_correction_of_ffd_1_05_carries_sums_and_its_key_and_no_lines() -> None:
    receipt = a_sale(
        kind=ReceiptKind.CORRECTION, correction=a_correction(number="12"), ffd_version=FfdVersion.V1_05
    )
    task = receipt_task(receipt)
    assert task["type"] == "sellCorrection"
    assert task["correctionBaseDate"] == "2026.03.01"
    assert [one["type"] for one in task["items"]] == ["additionalAttribute"]
    assert task["taxes"] == [{"type": "none", "sum": Decimal("100.00")}]


@pytest.mark.parametrize(
    "changes", [{"taxation": 8}, {"lines": (a_line(subject=28),)}, {"lines": (a_line(measure=99),)}]
)
def test_what_the_driver_has_no_word_for_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(KktRefused, match="no word"):
        receipt_task(a_sale(**changes))


def test_every_rate_has_a_word_of_its_own() -> None:
    assert len(set(words.TAX.values())) == len(VatRate)


@pytest.mark.parametrize(
    ("flags", "reason", "refused"),
    [
        ("1111", 0, False),
        ("1100", 0, False),
        ("1011", 0, True),
        ("1010", 0, True),
        ("1110", 0, True),
        ("1000", 2, False),
    ],
)
def test_a_code_that_a_check_found_bad_is_not_sold(flags: str, reason: int, refused: bool) -> None:
    names = ("imcCheckFlag", "imcCheckResult", "imcStatusInfo", "imcEstimatedStatusCorrect")
    check = {name: flag == "1" for name, flag in zip(names, flags, strict=True)}
    assert must_not_be_sold(check, {"offlineValidation": {"fmCheckErrorReason": reason}}) is refused
    assert money({"sum": Decimal("0.10")}, "sum") == 10

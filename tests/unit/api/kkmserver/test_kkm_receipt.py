"""RegisterCheck as the clients send it, to the body of a receipt that the core reads."""

from decimal import Decimal
from typing import Any

import pytest

from kkt_adapter.api.doors.kkmserver import fields, receipt
from kkt_adapter.api.doors.kkmserver.command import read_command
from kkt_adapter.api.doors.kkmserver.content import content_hash
from kkt_adapter.api.doors.kkmserver.fields import Fields
from kkt_adapter.api.doors.kkmserver.lines import AGENTS
from kkt_adapter.api.doors.kkmserver.receipt import is_fiscal, translate
from kkt_adapter.api.doors.kkmserver.refusal import CommandRefused

GOODS = [{"Register": {"Name": "Кофе", "Quantity": 2, "Price": 100, "Amount": "150.00", "Tax": -1}}]
SALE: dict[str, Any] = {
    "Command": "RegisterCheck",
    "IsFiscalCheck": True,
    "TypeCheck": 0,
    "Cash": 100,
    "ElectronicPayment": "50.00000",
    "CheckStrings": GOODS,
}


def _body(**changes: Any) -> dict[str, Any]:
    return translate(Fields({**SALE, **changes}), own_place=False).body


def test_a_plain_sale() -> None:
    body = _body(CashierName="Иванова", CashierVatin="500100732259", ClientAddress="a@b.ru")
    assert body["type"] == "sale"
    assert body["payments"] == [
        {"type": "cash", "amount": Decimal("100.00")},
        {"type": "card", "amount": Decimal("50.00")},
    ]
    assert body["cashier"] == {"name": "Иванова", "inn": "500100732259"}
    assert body["customer"] == {"email": "a@b.ru"}


@pytest.mark.parametrize(
    "name",
    [
        "CashierName", "cashiervatin", "ClientAddress", "ClientInfo", "ClientINN", "TaxVariant", "NotPrint",
        "AdditionalAttribute", "AgentSign", "AddressSettle", "PlaceMarket", "SenderEmail", "CashLessType1",
    ],
)  # fmt: skip
def test_a_field_that_is_the_only_seldom_one_is_read(name: str) -> None:
    value = "a@b.ru" if name == "ClientAddress" else 0 if name in ("NotPrint", "CashLessType1") else "1"
    fields = Fields({**SALE, name: value})
    translate(fields, own_place=False)
    assert name not in set(fields.unknown())


@pytest.mark.parametrize(
    "name",
    [
        "EAN13", "SignMethodCalculation", "SignCalculationObject", "CustomsDeclaration",
        "AdditionalAttribute", "MeasureOfQuantity", "MeasurementUnit", "CountryOfOrigin", "ExciseAmount",
        "Department", "agentsign",
    ],
)  # fmt: skip
def test_a_field_that_is_the_only_seldom_one_of_a_line_is_read(name: str) -> None:
    fields = Fields({**SALE, "CheckStrings": [{"Register": {"Name": "A", "Amount": 150, name: "1"}}]})
    translate(fields, own_place=False)
    (element,) = fields.objects("CheckStrings")
    register = element.object("Register")
    assert register is not None
    assert name not in set(register.unknown())


@pytest.mark.parametrize(
    ("code", "kind", "operation"),
    [
        (None, "sale", None), (0, "sale", None), ("1", "refund", None), (10, "expense", None),
        (11, "expense_refund", None), (2, "correction", "sale"), (3, "correction", "refund"),
        (12, "correction", "expense"), (13, "correction", "expense_refund"),
    ],
)  # fmt: skip
def test_every_kind_of_receipt(code: object, kind: str, operation: str | None) -> None:
    body = _body(TypeCheck=code, CorrectionBaseDate="2026-03-01T00:00:00", CorrectionBaseNumber=0)
    assert body["type"] == kind
    if operation is None:
        assert "correction" not in body
    else:
        assert body["correction"] == {"type": "self", "date": "2026-03-01", "operation": operation}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"TypeCheck": 8}, "egais"),
        ({"TypeCheck": 5}, "type_check"),
        ({"PayByProcessing": True}, "card_terminal"),
        ({"PayByProcessing": "true"}, "card_terminal"),
        ({"NotPrint": True}, "not_print"),
        ({"NotPrint": True, "ClientAddress": ""}, "not_print"),
        ({"Cash": 0, "ElectronicPayment": 0}, "no_payment"),
        ({"Cash": None, "ElectronicPayment": None, "Payments": [{"Sum": 150}]}, "no_payment"),
        ({"Cash": 99.99}, "sums_differ"),
        ({"Cash": 0, "ElectronicPayment": 151}, "sums_differ"),
        ({"CheckStrings": []}, "no_goods"),
        ({"CheckStrings": None}, "no_goods"),
        ({"TypeCheck": 2}, "correction_date"),
        ({"TaxVariant": 9}, "tax_variant"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], code: str) -> None:
    if isinstance(changes.get("Cash"), float):
        changes = {**changes, "Cash": Decimal(str(changes["Cash"]))}
    with pytest.raises(CommandRefused) as refused:
        _body(**changes)
    assert refused.value.code == code


@pytest.mark.parametrize("value", [None, False, "false", 0])
def test_a_card_terminal_that_is_not_used_does_not_matter(value: object) -> None:
    assert _body(PayByProcessing=value)["type"] == "sale"


def test_sums_that_differ_are_both_told() -> None:
    with pytest.raises(CommandRefused) as refused:
        _body(Cash=10)
    assert "60.00" in refused.value.text.ru
    assert "150.00" in refused.value.text.ru


def test_cash_above_the_total_is_change() -> None:
    found = translate(Fields({**SALE, "Cash": "500"}), own_place=False)
    assert found.body["payments"][0] == {"type": "cash", "amount": Decimal("100.00")}
    assert found.message is not None
    assert "400.00" in found.message.ru


def test_old_names_of_card_sums_add_up() -> None:
    body = _body(ElectronicPayment=0, CashLessType1=30, CashLessType2="20.00", CashLessType3=0)
    assert body["payments"][1] == {"type": "card", "amount": Decimal("50.00")}


def test_all_five_sums() -> None:
    body = _body(Cash=10, ElectronicPayment=20, AdvancePayment=30, Credit=40, CashProvision=50)
    assert [one["type"] for one in body["payments"]] == ["cash", "card", "prepaid", "credit", "other"]


@pytest.mark.parametrize(
    ("written", "customer"),
    [
        ("", None), (None, None), ("89161234567", {"phone": "+79161234567"}),
        ("+7 (916) 123-45-67", {"phone": "+79161234567"}), ("x@y.ru ", {"email": "x@y.ru"}),
    ],
)  # fmt: skip
def test_the_buyer_s_address(written: object, customer: object) -> None:
    assert _body(ClientAddress=written).get("customer") == customer


@pytest.mark.parametrize(
    ("variant", "bit"), [("", None), (None, None), (0, 1), ("1", 2), (2, 4), (4, 16), ("5", 32)]
)
def test_tax_systems(variant: object, bit: int | None) -> None:
    assert _body(TaxVariant=variant).get("taxation") == bit


def test_the_place_of_the_sample_is_not_taken_and_others_only_where_the_register_allows() -> None:
    sent = {**SALE, "PlaceMarket": "kkmserver.ru", "AddressSettle": "Москва"}
    assert "place" not in translate(Fields(sent), own_place=True).body
    assert translate(Fields(sent), own_place=True).body["address"] == "Москва"
    refused = translate(Fields({**sent, "PlaceMarket": "Ларёк"}), own_place=False)
    assert "place" not in refused.body
    assert refused.warnings


def test_a_correction_by_sums() -> None:
    by_settlement = _body(
        TypeCheck=2, CheckStrings=None, Amount=150, SumTax20=100, SumTaxNone="50",
        CorrectionBaseDate="2026-03-01", CorrectionType=1, CorrectionBaseNumber="12",
    )  # fmt: skip
    assert by_settlement["items"] == []
    assert by_settlement["correction"]["type"] == "order"
    assert by_settlement["correction"]["number"] == "12"
    assert by_settlement["correction"]["sums"] == [
        {"vat_rate": "none", "amount": Decimal("50.00")},
        {"vat_rate": "20", "amount": Decimal("100.00")},
    ]
    by_tax = _body(TypeCheck=2, CheckStrings=None, Amount=150, SumTax20=25, CorrectionBaseDate="2026-03-01")
    assert by_tax["correction"]["sums"] == [
        {"vat_rate": "20", "amount": Decimal("150.00"), "vat": Decimal("25.00")}
    ]
    with pytest.raises(CommandRefused):
        _body(
            TypeCheck=2,
            CheckStrings=None,
            Amount=150,
            SumTax20=20,
            SumTax10=5,
            CorrectionBaseDate="2026-03-01",
        )


def test_text_pictures_and_bar_codes_never_fail_a_receipt() -> None:
    extras = [{"PrintText": {"Text": ">#2#<"}}, {"PrintImage": {"Image": ""}}, {"BarCode": None}, None]
    assert _body(CheckStrings=[*extras, *GOODS])["items"] == _body()["items"]


@pytest.mark.parametrize(
    ("flag", "strings", "fiscal"),
    [(True, GOODS, True), (False, GOODS, False), (None, GOODS, True), (None, [{"PrintText": {}}], False)],
)
def test_only_text_is_no_receipt(flag: object, strings: object, fiscal: bool) -> None:
    assert is_fiscal(Fields({"IsFiscalCheck": flag, "CheckStrings": strings})) is fiscal


@pytest.mark.parametrize("inn", ["7708806062", "123456789012"])
def test_an_organisation_or_a_sample_is_no_cashier(inn: str) -> None:
    """The gem of esaulkov/kkmserver always sends its user's INN, a till prototype the sample's."""
    document = {**SALE, "CashierName": "Иванова", "CashierVATIN": inn}
    found = translate(Fields(document), own_place=False)
    assert found.body["cashier"] == {"name": "Иванова"}
    assert "CashierVATIN" in found.warnings[0].ru
    assert _body(CashierVATIN="430601071197")["cashier"] == {"inn": "430601071197"}


def test_the_cashier_of_old_free_tags() -> None:
    props = [{"Print": True, "PrintInHeader": True, "Teg": 1021, "Prop": "Петрова"}]
    assert _body(CheckProps=props)["cashier"] == {"name": "Петрова"}


def _hash(**changes: Any) -> bytes:
    return content_hash(read_command({**SALE, **changes}))


@pytest.mark.parametrize(
    "changes",
    [
        {"IdCommand": "other"}, {"Timeout": 1}, {"NumDevice": 2}, {"KeySubLicensing": "x"},
        {"Cash": "100.000"}, {"CashierName": "Петрова"}, {"CheckProps": [{"Teg": 1085, "Prop": "unique"}]},
        {"CheckStrings": [{"PrintText": {"Text": "new"}}, *GOODS]}, {"Credit": None}, {"TypeCheck": "0"},
    ],
)  # fmt: skip
def test_the_same_sale_pressed_again(changes: dict[str, Any]) -> None:
    assert _hash(**changes) == _hash()


@pytest.mark.parametrize(
    "changes",
    [
        {"Cash": 101}, {"Cash": 50, "ElectronicPayment": 100}, {"TypeCheck": 1},
        {"Command": "DepositingCash"}, {"CheckStrings": [*GOODS, *GOODS]}, {"ClientAddress": "c@d.ru"},
        {"CheckStrings": [{"Register": {**GOODS[0]["Register"], "GoodCodeData": {"BarCode": "1"}}}]},
    ],
)  # fmt: skip
def test_another_sale(changes: dict[str, Any]) -> None:
    assert _hash(**changes) != _hash()


def test_the_fields_whose_absence_saves_reading_a_receipts_head_are_all_that_it_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that is read and is missing from the list would be ignored where it stands alone."""
    read: set[str] = set()

    def our(name: str) -> str:
        read.add(fields.folded(name))
        return fields.folded(name)

    monkeypatch.setattr(fields, "_our", our)
    command = Fields({"TaxVariant": 0})  # each other field is asked for, and is not there
    receipt._whole_receipt(command, receipt._Notes(), own_place=True)
    assert read | AGENTS == receipt._SELDOM

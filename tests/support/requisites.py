"""Receipts with the requisites that most receipts do not have, as a till sends them."""

import json
from typing import Any

from tests.support.receipts import IDEMPOTENCY_KEY, RECEIPT, SETTLEMENT_DAY, a_profile, a_registration

from kkt_adapter.api.schemas.receipt import parse_receipt
from kkt_adapter.fiscal.ffd.validation.receipt import Checked, complete
from kkt_adapter.fiscal.model import FFD_OF_TEXT, Registration

Json = dict[str, Any]
MARK = "0104606203103348215'EfOD\x1d93dGVz"
PHONE = "+74951234567"


def body(line: Json | None = None, **receipt: Any) -> Json:
    item = {"name": "Билет", "price": 100, "quantity": 1, **(line or {})}
    return {
        "pos_id": "POS-001",
        "type": "sale",
        "items": [item],
        "payments": [{"type": "card", "amount": 100}],
        **receipt,
    }


def registration(version: str, **changes: Any) -> Registration:
    facts = {"ffd_version": FFD_OF_TEXT[version], "marked_goods": version == "1.2", "auto_mode": True}
    return a_registration(**{**facts, "machine_number": "12", **changes})


def accepted(wanted: Json, version: str) -> Checked:
    request = parse_receipt(json.dumps(wanted).encode()).request
    profile = a_profile(registration=registration(version))
    return complete(
        request,
        receipt_id=RECEIPT,
        idempotency_key=IDEMPOTENCY_KEY,
        profile=profile,
        today=SETTLEMENT_DAY,
    )


BANK_AGENT = {
    "type": "bank_paying_agent",
    "operation": "Перевод",
    "phones": [PHONE, "+74957654321"],
    "transfer_phones": ["8 (800) 555-35-35"],
    "transfer_name": "Банк",
    "transfer_address": "Москва",
    "transfer_inn": "7707083893",
}
BANK_AGENT_DATA = {
    "paymentAgentOperation": "Перевод",
    "paymentAgentPhone": [PHONE, "+74957654321"],
    "transferOperatorPhone": ["+78005553535"],
    "transferOperatorName": "Банк",
    "transferOperatorAddress": "Москва",
    "transferOperatorInn": "7707083893",
}
PAYING_AGENT = {"type": "paying_agent", "phones": [PHONE], "operator_phones": PHONE}
SUPPLIER = {"name": "Театр", "inn": "7707083893", "phones": [PHONE]}
INDUSTRY = {"federal_id": "030", "date": "2023-11-21", "number": "1944", "value": "UUID=1&Time=2"}
INDUSTRY_READ = {
    "idFoiv": "030",
    "foundationDocDateTime": "21.11.2023",
    "foundationDocNumber": "1944",
    "industryPropValue": "UUID=1&Time=2",
}

BUYER = {"name": "ООО Ромашка", "inn": "7707083893", "email": "a@b.ru"}

LINE_CASES: list[tuple[str, Json, Json, bool]] = [
    # name, the line's fields, what stands in its 1059, only in FFD 1.2
    (
        "agent",
        {"agent": BANK_AGENT, "supplier": SUPPLIER},
        {
            "paymentAgentByProductType": 1,
            "paymentAgentData": BANK_AGENT_DATA,
            "providerData": {"providerPhone": [PHONE], "providerName": "Театр"},
            "providerInn": "7707083893",
        },
        False,
    ),
    (
        "paying agent",
        {"agent": PAYING_AGENT, "supplier": {"inn": "000000000000"}},
        {
            "paymentAgentByProductType": 4,
            "paymentAgentData": {"paymentAgentPhone": [PHONE], "paymentOperatorPhone": [PHONE]},
            "providerInn": "000000000000",
        },
        False,
    ),
    (
        "commission agent",
        {"agent": {"type": "commission_agent"}, "supplier": {"inn": "7707083893"}},
        {"paymentAgentByProductType": 32, "providerInn": "7707083893"},
        False,
    ),
    ("excise", {"excise_tax": "12.34", "subject": 2}, {"exciseDuty": 1234}, False),
    ("country", {"country": 36}, {"originCountryCode": "036"}, False),
    (
        "declaration",
        {"customs_declaration": "10702020/060520/0013422"},
        {"customEntryNum": "10702020/060520/0013422"},
        False,
    ),
    ("attribute", {"line_attribute": "место 5"}, {"propertiesItem": "место 5"}, False),
    ("industry", {"industry": [INDUSTRY]}, {"itemsIndustryDetails": [INDUSTRY_READ]}, True),
    (
        "part of a pack",
        {"mark_code": MARK, "mark_quantity": {"numerator": 1, "denominator": 3}},
        {
            "labeledProdFractionalQuantity": {"fractionalPart": "1/3", "numerator": 1, "denominator": 3},
            "quantity": 1,
        },
        True,
    ),
    ("planned status", {"mark_code": MARK, "planned_status": 2}, {"labelCodeProcesMode": 0}, True),
    (
        "wholesale",
        {"mark_code": MARK, "wholesale": True},
        {
            "itemsIndustryDetails": [
                {
                    "idFoiv": "030",
                    "foundationDocDateTime": "08.11.2016",
                    "foundationDocNumber": "787",
                    "industryPropValue": "crpt=mrk",
                }
            ]
        },
        True,
    ),
]

BUYER_READ = {"buyer": "ООО Ромашка", "buyerInn": "7707083893"}
RECEIPT_CASES: list[tuple[str, Json, Json, bool]] = [
    # name, the receipt's fields, what stands in the document, only in FFD 1.2
    ("industry", {"industry": [INDUSTRY]}, {"industryReceiptDetails": [INDUSTRY_READ]}, True),
    (
        "operation",
        {"operation_attribute": {"id": 0, "data": "x", "time": "2026-03-14T10:00"}},
        {"operationalDetails": {"operationId": 0, "operationData": "x", "dateTime": "2026-03-14T10:00:00"}},
        True,
    ),
    (
        "cashless",
        {
            "cashless": [
                {"amount": 40, "method": 1, "id": "a-1", "info": "СБП"},
                {"amount": 60, "method": 0, "id": 7},
            ]
        },
        {
            "allECashProp": {
                "ecashProp": [
                    {"ecashSum": 4000, "ecashSign": 1, "ecashIdent": "a-1", "ecashAddInfo": "СБП"},
                    {"ecashSum": 6000, "ecashSign": 0, "ecashIdent": "7"},
                ]
            }
        },
        False,
    ),
    ("device", {"device_number": "A-17"}, {"machineNumber": "A-17"}, False),
    ("time zone", {"timezone": 9}, {"timeZone": 9}, False),
    ("no print", {"no_print": True, "customer": {"email": "a@b.ru"}}, {"ecashTotalSum": 10000}, False),
    (
        "user attribute",
        {"user_attribute": {"name": "n", "value": "v"}},
        {"properties": {"propertyName": "n", "propertyValue": "v"}},
        False,
    ),
    ("additional attribute", {"additional_attribute": "z"}, {"propertiesData": "z"}, False),
    (
        "buyer's papers",
        {
            "customer": {
                **BUYER,
                "birth_date": "1990-05-06",
                "citizenship": "643",
                "document_code": "21",
                "document_data": "4510 123456",
                "address": "Москва",
            }
        },
        {
            "buyerInformation": {
                **BUYER_READ,
                "buyerBirthday": "06.05.1990",
                "buyerCitizenship": "643",
                "buyerDocumentCode": "21",
                "buyerDocumentData": "4510 123456",
                "buyerAddress": "Москва",
            }
        },
        True,
    ),
]


def within(read: Json, expected: Json) -> Json:
    return {name: read.get(name) for name in expected}

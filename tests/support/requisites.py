"""Receipts with the requisites that most receipts do not have, as a till sends them."""

import json
from typing import Any

from tests.support.receipts import IDEMPOTENCY_KEY, RECEIPT, SETTLEMENT_DAY, a_profile, a_registration

from kkt_adapter.api.schemas.receipt import parse_receipt
from kkt_adapter.fiscal.ffd.validation.receipt import Checked, complete
from kkt_adapter.fiscal.model import FfdVersion, Registration

Json = dict[str, Any]
VERSIONS = {"1.05": FfdVersion.V1_05, "1.1": FfdVersion.V1_1, "1.2": FfdVersion.V1_2}
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
    facts = {"ffd_version": VERSIONS[version], "marked_goods": version == "1.2", "auto_mode": True}
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

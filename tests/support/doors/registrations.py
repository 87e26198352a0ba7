"""Registrations of ATOL Online, and what the door makes of them."""

from typing import Any

from tests.support.api import Json
from tests.support.doors.shops import receipt
from tests.support.receipts import a_profile, a_registration, some_defaults

from kkt_adapter.api.doors.atol.receipt import TranslatedReceipt, translate
from kkt_adapter.fiscal.model import FfdVersion, ReceiptRequest

INN = "7702203276"


def body(**changes: Any) -> Json:
    return {"receipt": receipt(INN, **changes)}


def translated(
    document: Json, *, version: int = 5, operation: str = "sell", **defaults: Any
) -> TranslatedReceipt:
    ffd = FfdVersion.V1_2 if version == 5 else FfdVersion.V1_05
    profile = a_profile(registration=a_registration(ffd_version=ffd), defaults=some_defaults(**defaults))
    return translate(document, version=version, operation=operation, group="main", profile=profile)


def request_of(
    document: Json, *, version: int = 5, operation: str = "sell", **defaults: Any
) -> ReceiptRequest:
    found = translated(document, version=version, operation=operation, **defaults)
    assert found.found == []
    assert found.parsed.sent.broken == ()
    return found.parsed.request


def findings(document: Json, *, version: int = 5, operation: str = "sell") -> dict[str, str]:
    """Text by path, of the protocol's and of the core's form."""
    found = translated(document, version=version, operation=operation)
    told = {one.path: one.text for one in found.found}
    sent = found.parsed.sent
    return {sent.own_name(one.field): one.message.ru for one in sent.broken} | told


def v4_correction(vats: list[Json], total: Any = 120) -> Json:
    company = receipt(INN)["company"]
    info = {"type": "self", "base_date": "01.11.2026", "base_number": "1"}
    payments = [{"type": 1, "sum": total}]
    return {"correction": {"company": company, "correction_info": info, "payments": payments, "vats": vats}}

"""Every field of a foreign protocol's document made strange: the doors refuse or take it, and nothing fails.

``FUZZ_REQUESTS`` makes more of them (``make fuzz``), ``FUZZ_SEED`` others.
"""

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.support.answers.extremes import strange_texts
from tests.support.doors import kkm
from tests.support.doors.shops import STAMP, client_of, item, item_v4, receipt, shop_settings
from tests.support.product import Product, product

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "600")) // 3
SEED = int(os.environ.get("FUZZ_SEED", "13"))
Json = dict[str, Any]
CORRECTION: Json = {"type": "self", "base_date": "28.11.2026", "base_number": "1"}


def documents(base: list[Json]) -> Iterator[bytes]:
    """Without end; what differs only in its key stays a document of its own."""
    dice = random.Random(SEED)
    while True:
        for one in base:
            yield from strange_texts(dice, one, times=10)


def atol_documents(inn: str, *, version: str) -> list[Json]:
    line = (
        item_v4(vat={"type": "vat20", "sum": 1}) if version == "v4" else item(vat={"type": "vat22", "sum": 1})
    )
    rest = {"cashier": "Иванова", "additional_check_props": "x", "vats": [{"type": "none", "sum": 100}]}
    sale = {"external_id": "fuzz", "timestamp": STAMP, "receipt": receipt(inn, items=[line, line], **rest)}
    shown = receipt(inn, items=[line])
    fixed = {"external_id": "fuzz", "timestamp": STAMP, "correction": shown | {"correction_info": CORRECTION}}
    return [sale, fixed]


def kkm_documents() -> list[Json]:
    register = {
        "Name": "Кофе", "Quantity": 2, "Price": 50.0, "Amount": 100.0, "Tax": 20, "Department": 1,
        "SignMethodCalculation": 4, "SignCalculationObject": 1, "MeasureOfQuantity": 0,
        "GoodCodeData": {"BarCode": "4607001771562"},
    }  # fmt: skip
    sale = kkm.sale("fuzz", CheckStrings=[{"Register": register}, {"PrintText": {"Text": "x", "Font": 1}}])
    sale |= {"ElectronicPayment": 0, "AdvancePayment": 0, "Timeout": 1, "ClientAddress": "a@b.example"}
    cash = {"Command": "DepositingCash", "NumDevice": 0, "Amount": 10, "IdCommand": "cash"}
    listed = {"Command": "List", "NumDevice": 0, "InnKassa": "", "Active": True, "OnOff": True}
    return [sale, cash, listed, {"Command": "GetDataKKT", "NumDevice": 0, "IdCommand": "data"}]


async def posts(running: Product, which: str) -> None:
    if which == "kkmserver":
        for _, body in zip(range(REQUESTS), documents(kkm_documents()), strict=False):
            answer = await kkm.post(running.client, body)
            assert answer.status_code == 200, answer.text
            assert isinstance(answer.json()["Error"], str)
        return
    shop = await client_of(running)
    given = documents(atol_documents(await shop.inn(), version=which))
    for number, body in zip(range(REQUESTS), given, strict=False):
        operation = "sell_correction" if b'"correction"' in body else ("sell", "sell_refund")[number % 2]
        answer = await running.client.post(
            f"/possystem/{which}/POS-001/{operation}",
            content=body,
            headers={"Token": shop.token, "Content-Type": "application/json"},
        )
        assert set(answer.json()) >= {"status", "error", "timestamp"}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("which", ["v4", "v5", "kkmserver"])
async def test_no_value_of_any_field_makes_a_door_fail(tmp_path: Path, which: str) -> None:
    shops = (shop_settings(convert=True), kkm.shop()) if which == "v4" else (shop_settings(), kkm.shop())
    with capture_logs() as lines:
        async with product(tmp_path, shop=shops, rate_limit=0, response_budget_s=0.2) as running:
            await posts(running, which)
    failed = [line["exc_info"] for line in lines if line["event"] in ("request_failed", "answer_broken_off")]

    assert failed == []


def test_the_documents_are_strange_one_field_at_a_time() -> None:
    base = kkm_documents()[0]
    made = [text for _, text in zip(range(200), documents([base]), strict=False)]
    assert len(set(made)) > 100
    assert any(b"1e1000000000" in text for text in made)

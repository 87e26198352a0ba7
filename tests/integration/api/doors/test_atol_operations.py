"""Every operation of v4 on a register of FFD 1.05 and of v5 on one of FFD 1.2, down to the document."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.api import Json
from tests.support.doors.shops import STAMP, client_of, item, item_v4, receipt, shop_settings
from tests.support.product import product, virtual_registers

REASON = {"type": "self", "base_date": "01.11.2024", "base_number": "7"}
V4 = ("sell", "sell_refund", "buy", "buy_refund", "sell_correction", "buy_correction")
V5 = (*V4, "sell_refund_correction", "buy_refund_correction")
TYPES = {  # of the kept receipt, and operation of its document
    "sell": ("sale", "sale"),
    "sell_refund": ("refund", "refund"),
    "buy": ("expense", "expense"),
    "buy_refund": ("expense_refund", "expense_refund"),
    "sell_correction": ("correction", "sale"),
    "buy_correction": ("correction", "expense"),
    "sell_refund_correction": ("correction", "refund"),
    "buy_refund_correction": ("correction", "expense_refund"),
}


def document(inn: str, version: str, operation: str) -> Json:
    line: Any = item_v4() if version == "v4" else item()
    whole = receipt(inn, items=[line])
    if not operation.endswith("correction"):
        return {"receipt": whole}
    whole["correction_info"] = REASON
    if version == "v4":
        whole = {name: whole[name] for name in ("company", "correction_info", "payments")}
        whole["vats"] = [{"type": "none", "sum": 0}]
    return {"correction": whole}


@pytest.mark.parametrize(("version", "ffd", "operations"), [("v4", "1.05", V4), ("v5", "1.2", V5)])
async def test_every_operation_becomes_its_document(
    tmp_path: Path, version: str, ffd: str, operations: tuple[str, ...]
) -> None:
    registers = virtual_registers("POS-001", ffd_version=ffd)
    async with product(tmp_path, registers=registers, shop=(shop_settings(),)) as running:
        shop = await client_of(running, version=version)
        inn = await shop.inn()
        for operation in operations:
            body = {"external_id": operation, "timestamp": STAMP, **document(inn, version, operation)}
            answer = await shop.post(body, operation=operation)
            assert answer.status_code == 200, f"{operation}: {answer.text}"
            told = await shop.done(answer.json()["uuid"])
            assert (told["status"], told["payload"]["total"]) == ("done", 100), operation
            kept = await running.receipt(answer.json()["uuid"])
            assert (kept["type"], kept["operation"]) == TYPES[operation]

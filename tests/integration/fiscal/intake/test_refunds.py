"""A refund waits until its sale is delivered, unless the shop switched that off."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.product import Product, product, sale


async def test_a_refund_waits_until_its_sale_is_delivered(running: Product) -> None:
    await running.break_operator("down")
    (sold,) = await running.sell(1)
    names = (
        sold["receipt_id"],
        sold["fiscal_doc_id"],
        str(sold["fiscal_doc"]["fiscal_doc_number"]),
    )
    for name in names:
        check = await running.call("POST", "/v1/pos/refund", {"original_fiscal_doc_id": name})
        assert check.status_code == 409
        shown = check.json()
        assert (shown["allowed"], shown["sync_status"] in ("pending", "syncing")) == (False, True)
        assert "not synced" in shown["reason"]
        assert shown["buffer_count"] == 1
    for name in names[:2]:
        refused = await running.post(sale(type="refund", original_receipt_id=name))
        assert (refused.status_code, refused.json()["code"]) == (409, "REFUND_BLOCKED")

    await running.repair_operator()
    await running.delivered()
    check = await running.call("POST", "/v1/pos/refund", {"original_fiscal_doc_id": names[1]})
    assert (check.status_code, check.json()["allowed"], check.json()["sync_status"]) == (200, True, "synced")
    refund = await running.post(sale(type="refund", original_fiscal_doc_id=names[1]))
    assert refund.json()["status"] == "printed"
    await running.delivered()
    await running.check_books()


async def test_a_sale_that_is_not_known_here_may_be_refunded(running: Product) -> None:
    for name in ("elsewhere", "9999078902013267-17", "17", "9" * 60):
        check = await running.call("POST", "/v1/pos/refund", {"original_fiscal_doc_id": name})
        assert (check.status_code, check.json()["sync_status"]) == (200, "not_found"), name
    refund = await running.post(sale(type="refund", original_receipt_id="elsewhere"))
    assert refund.json()["status"] == "printed"


@pytest.mark.parametrize("body", [{}, {"original_fiscal_doc_id": ""}, {"original_fiscal_doc_id": None}])
async def test_a_refund_check_without_a_sale_is_a_bad_request(running: Product, body: dict[str, Any]) -> None:
    answer = await running.call("POST", "/v1/pos/refund", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")


async def test_the_rule_of_refunds_can_be_switched_off(tmp_path: Path) -> None:
    async with product(tmp_path, refund_requires_synced=False) as running:
        await running.break_operator("down")
        (sold,) = await running.sell(1)
        refund = await running.post(sale(type="refund", original_receipt_id=sold["receipt_id"]))
        assert refund.json()["status"] == "printed"

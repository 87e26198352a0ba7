"""A receipt from the till to the operator, with the real parts: answers, FN archive and operator agree."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.api import with_item
from tests.support.product import PATIENCE_S, Product, product, sale, virtual_registers

from kkt_adapter.emulators.ofd.control import kept_json
from kkt_adapter.fiscal.model import DocumentCode
from kkt_adapter.fiscal.store import counters


async def test_ten_receipts_of_the_example_reach_the_operator_once(running: Product) -> None:
    answers = [(await running.post()).json() for _ in range(10)]
    await running.delivered()

    status = await running.status()
    assert (status["synced"], status["pending"], status["dlq_size"]) == (10, 0, 0)
    assert [a["status"] for a in answers] == ["printed"] * 10
    operator = running.ofd.state()
    assert operator["by_code"] == {"1": 1, "2": 1, "3": 10}  # registration, shift opening, receipts
    assert (operator["unique"], operator["repeated"], operator["order_faults"]) == (12, 0, 0)
    await running.check_books()


async def test_the_operator_sees_the_sums_and_signs_that_the_till_got(running: Product) -> None:
    answer = (await running.post(with_item(price="19.99", quantity=3, qty=...) | _paid("59.97"))).json()
    await running.delivered()
    doc = answer["fiscal_doc"]
    kept = running.ofd.book.document(doc["fn_number"], doc["fiscal_doc_number"])
    assert kept is not None
    shown = kept_json(kept)["document"]["receipt"]
    assert shown["totalSum"] == 5997
    assert shown["cashTotalSum"] == 5997
    assert shown["fiscalDocumentNumber"] == doc["fiscal_doc_number"]
    assert str(shown["fiscalSign"]) == doc["fiscal_sign"]
    assert [item["sum"] for item in shown["items"]] == [5997]
    assert doc["total"] == 59.97


def _paid(amount: str) -> dict[str, Any]:
    return {"payments": [{"type": "cash", "amount": amount}]}


async def test_document_numbers_rise_without_gaps_over_restarts(running: Product) -> None:
    first = await running.sell(3)
    await running.restart()
    second = await running.sell(3)
    numbers = [a["fiscal_doc"]["fiscal_doc_number"] for a in first + second]
    assert numbers == list(range(numbers[0], numbers[0] + 6))
    await running.delivered()
    await running.check_books()


async def test_the_stamps_of_receipts_rise_in_the_order_of_their_documents(running: Product) -> None:
    await running.sell_at_once(20)
    page = await running.get("/v1/kkt/receipts", limit=50)
    rows = sorted(page["items"], key=lambda row: row["fiscal_doc"]["fiscal_doc_number"])
    stamps = [(row["hlc"]["local_time"], row["hlc"]["logical_counter"]) for row in rows]
    assert stamps == sorted(stamps)
    assert len(set(stamps)) == 20


async def test_clients_at_once_on_several_tills_get_a_document_each(tmp_path: Path) -> None:
    tills = ("A", "B", "C")
    async with product(
        tmp_path, registers=virtual_registers(*tills), response_budget_s=PATIENCE_S
    ) as running:
        answers = await running.sell_at_once(60, tills=tills)
        assert {a["status"] for a in answers} == {"printed"}
        assert len({a["fiscal_doc_id"] for a in answers}) == 60
        await running.delivered()
        await running.check_books()


async def test_a_register_serves_several_tills(tmp_path: Path) -> None:
    registers = virtual_registers("R1", pos_ids=("POS-1", "POS-2"))
    async with product(tmp_path, registers=registers) as running:
        answers = await running.sell_at_once(10, tills=("POS-1", "POS-2"))
        assert len({a["fiscal_doc"]["fn_number"] for a in answers}) == 1
        await running.delivered()
        await running.check_books()


async def test_a_refund_of_a_delivered_sale_is_taken_out_of_the_shift(running: Product) -> None:
    (sold,) = await running.sell(1, kop=25_000)
    await running.delivered()
    back = sale(kop=25_000, type="refund", original_receipt_id=sold["receipt_id"])
    answer = await running.post(back)
    assert answer.json()["status"] == "printed"
    report = await running.get_x()
    assert (report["totalSales"], report["totalRefunds"], report["cashTotal"]) == (250.0, 250.0, 0.0)
    assert report["receiptCount"] == 2


async def test_what_the_reads_show_is_what_was_answered(running: Product) -> None:
    (answer,) = await running.sell(1)
    await running.delivered()
    row = await running.receipt(answer["receipt_id"])
    assert row["fiscal_doc"] == answer["fiscal_doc"]
    assert (row["print_state"], row["status"], row["retry_count"]) == ("printed", "synced", 0)
    assert [a["what"] for a in row["attempts"]] == ["print", "send"]
    assert [a["outcome"] for a in row["attempts"]] == ["done", "done"]
    assert [e["event"] for e in row["events"]] == ["receipt_added", "receipt_printed", "receipt_synced"]
    assert row["synced_at"] is not None
    assert row["ofd_id"] is not None


async def test_totals_add_up_over_kinds_and_payments(running: Product) -> None:
    await running.post(sale(kop=10_000))
    mixed = sale(kop=10_001, payments=[{"type": "cash", "amount": "40.01"}, {"type": "card", "amount": 60}])
    await running.post(mixed)
    report = await running.get_x()
    assert Decimal(str(report["cashTotal"])) == Decimal("140.01")
    assert Decimal(str(report["cardTotal"])) == Decimal("60")
    assert report["cashTotal"] + report["cardTotal"] + report["otherTotal"] == pytest.approx(
        report["totalSales"] - report["totalRefunds"]
    )


async def test_health_answers_while_the_operator_hangs_and_clients_post(tmp_path: Path) -> None:
    tills = tuple(f"T{i}" for i in range(6))
    async with product(
        tmp_path, registers=virtual_registers(*tills), response_budget_s=PATIENCE_S, ofd_timeout_s=1.0
    ) as running:
        await running.break_operator("hang")
        posting = asyncio.create_task(running.sell_at_once(60, tills=tills))
        for _ in range(20):
            report = await running.get("/v1/health")
            assert report["components"]["database"]["status"] == "ok"
            await running.status()
        assert {a["status"] for a in await posting} == {"printed"}
        totals = await running.read(counters.read)
        assert totals.undelivered == 60
        await running.repair_operator()
        await running.delivered()
        await running.check_books()


async def test_a_shift_opening_and_its_receipts_are_in_the_archive_in_order(running: Product) -> None:
    await running.sell(2)
    codes = [document.code for document in running.archive()]
    assert codes == [
        DocumentCode.REGISTRATION,
        DocumentCode.OPEN_SHIFT,
        DocumentCode.RECEIPT,
        DocumentCode.RECEIPT,
    ]

"""Receipts that look like a mistake or a fraud: taken with a warning, or refused where a setting says so."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.support.api import Json
from tests.support.product import TILL, Product, product, sale, virtual_registers

MARKED = virtual_registers(TILL, "OTHER", marked_goods=True)
MARK = "0104690257528523215G+mgsHwDiLN\x1d91EE05\x1d92" + "a" * 44


def refund(sale_id: str, *, kop: int = 10_000, **more: Any) -> Json:
    return sale(kop=kop, type="refund", original_receipt_id=sale_id, **more)


def marked(**more: Any) -> Json:
    body = sale(kop=10_000, **more)
    return body | {"items": [body["items"][0] | {"mark_code": MARK, "subject": 33}]}


async def codes(shop: Product, body: Json) -> list[str]:
    answer = await shop.post(body)
    assert answer.status_code == 200, answer.text
    wanted = ("REFUND_", "SALE_", "ORDER_", "MARK_SOLD")
    return [w["code"] for w in answer.json()["warnings"] if w["code"].startswith(wanted)]


async def sold(shop: Product, body: Json | None = None) -> str:
    answer = (await shop.post(body or sale())).json()
    assert "receipt_id" in answer, answer
    await shop.state_of(answer["receipt_id"], status="synced")
    return str(answer["receipt_id"])


async def test_refunds_of_a_sale_are_counted_together(tmp_path: Path) -> None:
    async with product(tmp_path) as shop:
        sale_id = await sold(shop)
        assert await codes(shop, refund(sale_id, kop=6_000)) == []
        assert await codes(shop, refund(sale_id, kop=4_000)) == ["SALE_REFUNDED_BEFORE"]
        assert await codes(shop, refund(sale_id, kop=1)) == ["SALE_REFUNDED_BEFORE", "REFUND_EXCEEDS_SALE"]
        alone = await sold(shop)
        assert await codes(shop, refund(alone, kop=10_001)) == ["REFUND_EXCEEDS_SALE"]
        scraped = (await shop.client.get("/metrics")).text
        assert 'kkt_receipt_suspicions_total{code="REFUND_EXCEEDS_SALE"} 2.0' in scraped
        assert 'kkt_receipt_suspicions_total{code="MARK_SOLD_TWICE"} 0.0' in scraped


async def test_the_same_lines_of_an_order_under_another_key(tmp_path: Path) -> None:
    async with product(tmp_path) as shop:
        body = sale(order_id="order-7")
        first = await shop.post(body, key="one")
        again = await shop.post(body, key="one")
        assert (first.content, again.headers["idempotency-replayed"]) == (again.content, "true")
        assert await codes(shop, sale(order_id="order-7", kop=5_000)) == []  # another part of the order
        assert await codes(shop, sale(order_id="order-8")) == []
        assert await codes(shop, body) == ["ORDER_REPEATED"]


async def test_a_marking_code_is_sold_once_until_it_comes_back(tmp_path: Path) -> None:
    async with product(tmp_path, registers=MARKED) as shop:
        sale_id = await sold(shop, marked())
        assert await codes(shop, marked()) == ["MARK_SOLD_TWICE"]
        await codes(shop, marked(type="refund", original_receipt_id=sale_id))
        assert await codes(shop, marked()) == []


@pytest.mark.parametrize(
    ("setting", "field"),
    [
        ("refund_exceeds_sale", "original_receipt_id"),
        ("sale_refunded_before", "original_receipt_id"),
        ("order_repeated", "order_id"),
    ],
)
async def test_a_setting_turns_each_into_a_refusal(tmp_path: Path, setting: str, field: str) -> None:
    refuse: Any = {setting: "refuse"}
    async with product(tmp_path, **refuse) as shop:
        sale_id = await sold(shop, sale(order_id="order-7"))
        bodies = {
            "refund_exceeds_sale": refund(sale_id, kop=10_001),
            "sale_refunded_before": refund(sale_id, kop=1),
            "order_repeated": sale(order_id="order-7"),
        }
        assert await codes(shop, refund(sale_id, kop=1)) == []

        refused = await shop.post(bodies[setting])

        assert refused.status_code == 422
        assert [(e["field"], e["code"]) for e in refused.json()["errors"]] == [(field, setting)]


async def test_a_mark_that_was_sold_can_be_refused(tmp_path: Path) -> None:
    async with product(tmp_path, registers=MARKED, mark_sold_twice="refuse") as shop:
        sale_id = await sold(shop, marked())

        refused = await shop.post(marked())

        assert refused.status_code == 422
        assert [(e["field"], e["code"]) for e in refused.json()["errors"]] == [
            ("items.0.mark_code", "mark_sold_twice")
        ]
        await codes(shop, marked(type="refund", original_receipt_id=sale_id))
        assert (await shop.post(marked())).status_code == 200


@pytest.mark.parametrize("setting", ["warn", "refuse"])
async def test_of_receipts_that_come_in_one_instant_only_one_is_the_first(
    tmp_path: Path, setting: str
) -> None:
    again: Any = {"order_repeated": setting}
    async with product(tmp_path, **again) as shop:
        answers = await asyncio.gather(*(shop.post(sale(order_id="order-7")) for _ in range(8)))

        told = [
            answer.status_code == 422 or "ORDER_REPEATED" in {w["code"] for w in answer.json()["warnings"]}
            for answer in answers
        ]
        assert sorted(told) == [False] + [True] * 7
        assert {answer.status_code for answer in answers} == ({200} if setting == "warn" else {200, 422})


async def test_a_refund_of_another_tills_sale_is_an_event(tmp_path: Path) -> None:
    async with product(tmp_path, registers=MARKED) as shop:
        sale_id = await sold(shop)
        own = (await shop.post(refund(sale_id, kop=1))).json()
        others = (await shop.post(refund(sale_id, kop=1, till="OTHER"))).json()

        kinds = [event["event"] for event in (await shop.receipt(own["receipt_id"]))["events"]]
        assert "refund_of_other_till" not in kinds
        (event,) = [
            event
            for event in (await shop.receipt(others["receipt_id"]))["events"]
            if event["event"] == "refund_of_other_till"
        ]
        assert event["metadata"] == {"sale_id": sale_id, "pos_id": "OTHER", "sale_pos_id": TILL}

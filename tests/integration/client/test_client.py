"""``kkt_adapter.client`` against the real product, over transports that lose what a network loses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.support.api import BASE_URL, served
from tests.support.product import TILL, Product, product

from kkt_adapter.client import ApiError, AsyncClient, Client, NoAnswer, NotTheService, Retry
from kkt_adapter.client.models.receipt_bodies import ReceiptBody

QUICK = Retry(first_wait_s=0.01)
SALE: ReceiptBody = {
    "pos_id": TILL,
    "type": "sale",
    "items": [{"name": "Чай", "price": Decimal("19.99"), "quantity": 2}],
    "payments": [{"type": "cash", "amount": Decimal("39.98")}],
}


class Losing(httpx2.AsyncBaseTransport):
    """Hands requests on and loses the first ``answers`` of them on the way back."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, *, answers: int) -> None:
        self._inner = inner
        self._to_lose = answers
        self.keys: list[str | None] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.keys.append(request.headers.get("Idempotency-Key"))
        answer = await self._inner.handle_async_request(request)
        await answer.aread()
        if self._to_lose:
            self._to_lose -= 1
            raise httpx2.ReadError("connection reset", request=request)
        return answer


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Product]:
    async with product(tmp_path) as one:
        yield one


@asynccontextmanager
async def losing(running: Product, answers: int) -> AsyncIterator[tuple[AsyncClient, Losing]]:
    transport = Losing(httpx2.ASGITransport(app=running.services.app), answers=answers)
    async with AsyncClient(BASE_URL, retry=QUICK, transport=transport) as client:
        yield client, transport


async def test_a_receipt_whose_answer_is_lost_twice_is_printed_once(running: Product) -> None:
    async with losing(running, 2) as (client, transport):
        accepted = await client.receipts.accept_receipt(SALE)
        assert accepted["status"] == "printed"
        assert accepted["fiscal_doc"] is not None
        assert accepted["fiscal_doc"]["total"] == Decimal("39.98")
        assert len(transport.keys) == 3
        assert len(set(transport.keys)) == 1
        page = await client.receipts.list_receipts(pos_id=TILL)
    assert [receipt["receipt_id"] for receipt in page["items"]] == [accepted["receipt_id"]]
    assert len([d for d in running.archive() if d.total_kop == 3998]) == 1


async def test_a_call_that_could_be_done_twice_is_not_repeated(running: Product) -> None:
    async with losing(running, 1) as (client, transport):
        with pytest.raises(NoAnswer) as lost:
            await client.buffer.reset_breaker()
    assert lost.value.sent
    assert transport.keys == [None]


async def test_an_error_brings_the_key_to_repeat_with(running: Product) -> None:
    async with losing(running, 9) as (client, transport):
        with pytest.raises(NoAnswer) as lost:
            await client.register.z_report({"pos_id": TILL}, key="evening")
        assert lost.value.idempotency_key == "evening"
        with pytest.raises(NoAnswer) as lost:
            await client.receipts.accept_receipt(SALE)
    assert lost.value.idempotency_key == transport.keys[-1]


async def test_a_refusal_is_an_error_with_its_code(running: Product) -> None:
    async with losing(running, 0) as (client, _):
        with pytest.raises(ApiError) as refused:
            await client.receipts.accept_receipt(SALE | {"payments": [{"type": "cash", "amount": 1}]})
        assert refused.value.code == "VALIDATION_ERROR"
        with pytest.raises(ApiError) as refused:
            await client.receipts.receipt_by_key(idempotency_key="never-used")
        assert (refused.value.status, refused.value.code) == (404, "NOT_FOUND")


async def test_texts_and_answers_with_other_statuses_are_answers(running: Product) -> None:
    async with losing(running, 0) as (client, _):
        accepted = await client.receipts.accept_receipt(SALE)
        assert "ЧЕК" in await client.receipts.slip(accepted["receipt_id"])
        assert (await client.receipts.qr(accepted["receipt_id"])).startswith("<")
        assert (await client.health.health())["components"]["kkt"]["registers"] == {TILL: "ok"}
        assert "kkt_" in await client.watching.metrics()


async def test_the_plain_face_works_over_a_real_connection(running: Product) -> None:
    def sell(port: int) -> Any:
        with Client(f"http://127.0.0.1:{port}", retry=QUICK) as client:
            accepted = client.receipts.accept_receipt(SALE, key="plain-1")
            again = client.receipts.accept_receipt(SALE, key="plain-1")
            assert again == accepted
            return client.receipts.receipt_by_id(accepted["receipt_id"])

    async with served(running.services.app) as port:
        receipt = await asyncio.to_thread(sell, port)
    assert receipt["total"] == Decimal("39.98")


def test_nobody_there_and_somebody_else_are_told_apart() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/health":
            raise httpx2.ConnectError("refused", request=request)
        return httpx2.Response(200, text="<html>")

    with Client(BASE_URL, retry=QUICK, transport=httpx2.MockTransport(answer)) as client:
        with pytest.raises(NoAnswer) as nobody:
            client.health.alive()
        assert not nobody.value.sent
        with pytest.raises(NotTheService):
            client.health.ready()

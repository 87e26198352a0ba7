"""The HTTP edge over the whole product: real database, real lanes, a virtual register, no operator."""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tests.support.answers import conform
from tests.support.api import (
    KEY,
    SALE,
    changed,
    client_of,
    post_receipt,
    served,
    with_item,
)

from kkt_adapter.bootstrap import Services, build_services
from kkt_adapter.settings import Settings

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


@asynccontextmanager
async def real_service(data_dir: Path, **settings: Any) -> AsyncIterator[Services]:
    """The whole product on a virtual register; its operator is a loopback port where nobody listens."""
    given = Settings(
        data_dir=data_dir,
        ofd_host="127.0.0.1",
        ofd_port=9,
        virtual_fsync=False,
        **settings,
    )
    services = await build_services(given, demo=True)
    try:
        await services.start()
        yield services
    finally:
        await services.stop()


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    async with (
        real_service(tmp_path) as services,
        client_of(services.app, event_hooks=conform.hooks()) as opened,
    ):
        yield opened


async def test_a_receipt_is_printed_replayed_and_read_back(client: httpx2.AsyncClient) -> None:
    first = await post_receipt(client)
    again = await post_receipt(client, with_item(qty=..., quantity="1.0", price=100.0))
    other = await post_receipt(client, with_item(price=99))
    assert first.status_code == 200
    body = first.json()
    assert body["status"] == "printed"
    assert UUID.match(body["receipt_id"])
    assert body["fiscal_doc"]["fiscalDocumentNumber"] == body["fiscal_doc"]["fiscal_doc_number"]
    assert re.fullmatch(
        r"t=\d{8}T\d{4}&s=100\.00&fn=\d{16}&i=\d+&fp=\d+&n=1", body["fiscal_doc"]["qr_code_data"]
    )
    assert body["warnings"] == []
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    assert (other.status_code, other.json()["receipt_id"]) == (409, body["receipt_id"])

    by_id = await client.get(f"/v1/kkt/receipt/{body['receipt_id']}")
    by_key = await client.get("/v1/kkt/receipt", params={"idempotency_key": KEY})
    page = await client.get("/v1/kkt/receipts")
    assert by_id.json() == by_key.json()
    assert by_id.json()["fiscal_doc"] == body["fiscal_doc"]
    assert [row["id"] for row in page.json()["items"]] == [body["receipt_id"]]
    slip = await client.get(f"/v1/kkt/receipt/{body['receipt_id']}/slip")
    page_of_slip = await client.get(
        f"/v1/kkt/receipt/{body['receipt_id']}/slip", headers={"Accept": "text/html"}
    )
    assert "=100.00" in slip.text
    assert "100.00" in page_of_slip.text
    assert (await client.get(f"/v1/kkt/receipt/{body['receipt_id']}/qr")).text.startswith("<svg")


async def test_all_accepted_forms_of_one_receipt_have_one_canonical_body(client: httpx2.AsyncClient) -> None:
    forms = [
        changed(items=[{"name": "Test", "price": 100, "qty": 1, "vat": "20%", "payment_method": 4}]),
        changed(items=[{"name": "Test", "price": "100", "vat_rate": 20.0, "method": "full_payment"}]),
        changed(
            type="SELL",
            payments=[{"method": "Cash", "sum": "100.00"}],
            items=[{"tax": "vat20", "name": "Test", "quantity": 1.0, "price": 100.0, "payment_method": "4"}],
        ),
    ]
    answers = [await post_receipt(client, form) for form in forms]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len({answer.content for answer in answers}) == 1


async def test_the_fiscal_rules_speak_in_the_same_form(client: httpx2.AsyncClient) -> None:
    answer = await post_receipt(client, changed(total=99), **{"Accept-Language": "ru"})
    assert answer.status_code == 422
    [finding] = answer.json()["errors"]
    assert (finding["field"], finding["tag"]) == ("total", 1020)
    assert finding["remedy"]
    assert (await client.get("/v1/kkt/receipt", params={"idempotency_key": KEY})).status_code == 404
    assert (await post_receipt(client)).status_code == 200, "a refused request does not use up its key"


async def test_a_sale_that_is_not_delivered_is_not_refunded(client: httpx2.AsyncClient) -> None:
    sale = (await post_receipt(client)).json()
    for name in (sale["receipt_id"], sale["fiscal_doc_id"], sale["fiscal_doc"]["fiscal_doc_number"]):
        check = await client.post("/v1/pos/refund", json={"original_fiscal_doc_id": name})
        assert check.status_code == 409
        assert (check.json()["allowed"], check.json()["sync_status"]) == (False, "pending")
        assert "not synced" in check.json()["reason"]
    refund = changed(type="refund", original_receipt_id=sale["receipt_id"])
    answer = await post_receipt(client, refund, key="refund-1")
    assert (answer.status_code, answer.json()["code"]) == (409, "REFUND_BLOCKED")
    unknown = await client.post("/v1/pos/refund", json={"original_fiscal_doc_id": "unknown"})
    assert (unknown.status_code, unknown.json()["sync_status"]) == (200, "not_found")


async def test_reports_close_the_shift_once_for_a_key(client: httpx2.AsyncClient) -> None:
    await post_receipt(client)
    x = (await client.post("/v1/kkt/x_report")).json()
    assert (x["reportType"], x["totalSales"], x["receiptCount"]) == (1, 100, 1)
    key = {"Idempotency-Key": "z-1"}
    z = await client.post("/v1/kkt/report/z", json={"pos_id": "POS-001"}, headers=key)
    again = await client.post("/v1/kkt/z_report", json={"pos_id": "POS-001"}, headers=key)
    assert (z.status_code, z.json()["reportType"]) == (200, 2)
    assert again.json() == z.json()
    closed = await client.post("/v1/kkt/z_report", json={"pos_id": "POS-001"})
    assert (closed.status_code, closed.json()["code"]) == (409, "CONFLICT")
    nobody = await client.post("/v1/kkt/x_report", json={"pos_id": "POS-404"})
    assert nobody.status_code in (404, 422)


async def test_maintenance_stops_new_receipts_only(client: httpx2.AsyncClient) -> None:
    sale = await post_receipt(client)
    begun = await client.post(
        "/v1/pos/maintenance", json={"reason": "new FN", "estimated_duration_minutes": 5}
    )
    assert begun.status_code == 200
    refused = await post_receipt(client, key="later")
    assert (refused.status_code, refused.json()["code"]) == (503, "MAINTENANCE")
    assert (await post_receipt(client)).content == sale.content, "a known key is answered"
    assert (await client.get("/v1/kkt/buffer/status")).status_code == 200
    assert (await client.delete("/v1/pos/maintenance")).status_code == 200
    assert (await post_receipt(client, key="later")).status_code == 200


async def test_a_full_buffer_says_so_and_takes_receipts_again_when_it_grows(
    client: httpx2.AsyncClient,
) -> None:
    assert (await client.patch("/v1/admin/buffer", json={"capacity": 50})).status_code == 200
    for number in range(50):
        assert (await post_receipt(client, key=f"k{number}")).status_code == 200
    full = await post_receipt(client, key="one-more")
    assert (full.status_code, full.headers["retry-after"]) == (503, "60")
    assert (full.json()["code"], full.json()["reason"]) == ("BUFFER_FULL", "CAPACITY")
    assert "Buffer full: 50/50" in full.json()["detail"]
    assert (await client.get("/v1/health")).status_code == 200
    assert (await client.patch("/v1/admin/buffer", json={"capacity": 0})).status_code == 200
    assert (await post_receipt(client, key="one-more")).status_code == 200


async def test_the_service_tells_how_it_is(client: httpx2.AsyncClient) -> None:
    await post_receipt(client)
    status = (await client.get("/v1/kkt/buffer/status")).json()
    assert (status["total_receipts"], status["current_queued"], status["buffer_count"]) == (1, 1, 1)
    async with asyncio.timeout(20):
        while (await client.get("/ready")).status_code != 200:
            pass  # the worker may still be on its way
    health = (await client.get("/v1/health")).json()
    assert health["components"]["database"]["mode"] == "WAL"
    events = (await client.get("/v1/kkt/buffer/logs", params={"type": "receipt_added"})).json()
    assert [event["event"] for event in events["items"]] == ["receipt_added"]
    assert (await client.get("/v1/kkt/status")).json()["registers"][0]["device"]["state"] == "ready"
    assert (await client.get("/v1/kkt/worker/status")).json()["running"] is True
    sync = await client.post("/v1/kkt/buffer/sync", params={"force": "true"})
    assert sync.status_code == 200 or sync.json()["code"] == "SYNC_IN_PROGRESS"


async def test_a_client_that_leaves_finds_its_receipt_by_the_key(tmp_path: Path) -> None:
    body = json.dumps(SALE).encode()
    head = (
        f"POST /v1/kkt/receipt HTTP/1.1\r\nHost: 127.0.0.1\r\nIdempotency-Key: {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    async with real_service(tmp_path, virtual_latency_s=0.2) as services, served(services.app) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head + body)
        await writer.drain()
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client, asyncio.timeout(20):
            while not (await client.get("/v1/kkt/receipts")).json()["items"]:
                pass  # stored, and the register takes its time
            writer.transport.abort()
            answer = await post_receipt(client)
            page = (await client.get("/v1/kkt/receipts")).json()
    assert answer.status_code == 200
    assert answer.headers["idempotency-replayed"] == "true"
    assert len(page["items"]) == 1


@pytest.mark.parametrize(
    "name",
    [
        "9999078902013267-99999999999999999999999999",
        "9999078902013267-\u00b2",
        "\u00b2\u00b2\u00b2",
        "9999078902013267-",
        "9999999999",
        "-",
    ],
)
async def test_a_sale_by_a_strange_name_is_an_unknown_one(client: httpx2.AsyncClient, name: str) -> None:
    check = await client.post("/v1/pos/refund", json={"original_fiscal_doc_id": name})
    assert (check.status_code, check.json().get("sync_status")) == (200, "not_found")
    refund = await post_receipt(client, changed(type="refund", original_receipt_id=name))
    assert refund.status_code == 200


@pytest.mark.parametrize(
    "cursor",
    [
        "abc",
        "czk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5",
        "czE",
        "====",
        "s" * 200,
    ],
)
async def test_a_cursor_of_no_page_is_refused_or_leads_nowhere(
    client: httpx2.AsyncClient, cursor: str
) -> None:
    for path in ("/v1/kkt/receipts", "/v1/kkt/dlq"):
        assert (await client.get(path, params={"cursor": cursor})).status_code in (200, 422)


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=5,
)
optional_fields = st.fixed_dictionaries(
    {},
    optional={
        name: anything | st.text(max_size=12)
        for name in ("total", "customer", "cashier", "order_id", "taxation", "internet", "place", "address")
    },
)
item_fields = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(min_size=1, max_size=300),
        "price": st.decimals("0.001", "99999999999", places=3).map(str),
        "qty": st.decimals("0.000001", "99999999", places=6).map(str),
        "vat": st.sampled_from([22, 20, "10%", "vat7", 5, 0, None, "22/122", 18]),
        "subject": st.integers(0, 40),
        "method": st.integers(0, 8),
        "unit": st.sampled_from([0, 11, "кг", "шт", "рулон", 255]),
        "sku": st.text(max_size=20),
        "mark_code": st.text(max_size=20),
    },
)


@examples(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    fields=optional_fields, item=item_fields, kind=st.sampled_from(["sale", "refund", "buy", "correction"])
)
async def test_any_receipt_is_printed_or_refused_with_findings(
    client: httpx2.AsyncClient, fields: dict[str, Any], item: dict[str, Any], kind: str
) -> None:
    body = changed(type=kind, **fields, items=[{"name": "Test", "price": 100} | item])
    key = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    answer = await post_receipt(client, body, key=key)
    assert answer.status_code in (200, 422, 503), answer.text
    if answer.status_code == 422:
        assert answer.json()["errors"]

"""Everything beside receipts: refund check, reports, buffer, dead letters, maintenance, health, docs."""

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from structlog.testing import capture_logs
from tests.support.api import Edge, a_key, client_of, post_receipt, put_letter

from kkt_adapter import __version__
from kkt_adapter.fiscal.store.counters import fill

DOCS = Path(__file__).parents[3] / "docs" / "reference"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(edge: Edge) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(edge.app()) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def letter(edge: Edge) -> int:
    """The number of an open dead letter."""
    return await put_letter(edge.running.services.database)


async def capacity(edge: Edge) -> int:
    """Of the buffer, as it is in force."""
    filled = await edge.running.read(lambda conn: fill(conn, default_capacity=10_000))
    return int(filled.capacity)


async def test_a_sale_that_is_unknown_here_may_be_refunded(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/v1/pos/refund", json={"original_fiscal_doc_id": "fn-12"})
    assert answer.status_code == 200
    assert set(answer.json()) == {"allowed", "sync_status", "reason", "buffer_count", "buffer_percent"}
    assert (answer.json()["allowed"], answer.json()["sync_status"]) == (True, "not_found")


async def test_a_sale_is_named_in_any_of_its_ways(client: httpx2.AsyncClient, edge: Edge) -> None:
    (sold,) = await edge.running.sell(1)
    await edge.running.state_of(sold["receipt_id"], status="synced")
    names = [
        {"original_fiscal_doc_id": sold["fiscal_doc_id"]},
        {"original_fiscal_doc_id": sold["fiscal_doc"]["fiscal_doc_number"]},
        {"original_receipt_id": sold["receipt_id"]},
    ]
    for name in names:
        answer = await client.post("/v1/pos/refund", json=name)
        assert (answer.status_code, answer.json()["sync_status"]) == (200, "synced"), name


@pytest.mark.parametrize(
    "body",
    [{}, {"original_fiscal_doc_id": ""}, {"original_fiscal_doc_id": " "}, {"original_fiscal_doc_id": None}],
)
async def test_a_check_without_a_sale_is_a_bad_request(
    client: httpx2.AsyncClient, body: dict[str, Any]
) -> None:
    answer = await client.post("/v1/pos/refund", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")


async def test_a_check_without_a_body_is_a_bad_request(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/v1/pos/refund")).status_code == 400


async def test_a_sale_of_another_type_is_refused(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/v1/pos/refund", json={"original_fiscal_doc_id": {}})).status_code == 422


@pytest.mark.parametrize("path", ["/v1/kkt/x_report", "/v1/kkt/report/x"])
@pytest.mark.parametrize("body", [None, {}, {"pos_id": ""}, {"pos_id": None, "session_id": None}])
async def test_an_x_report_needs_no_till_with_one_register(
    client: httpx2.AsyncClient, path: str, body: Any
) -> None:
    await post_receipt(client, key=a_key())
    answer = await (client.post(path) if body is None else client.post(path, json=body))
    assert answer.status_code == 200
    assert answer.json()["reportType"] == 1
    assert answer.json()["totalSales"] >= 100


@pytest.mark.parametrize("body", [{"pos_id": 7}, {"pos_id": "x" * 65}, {"session_id": {}}])
async def test_a_report_for_no_till_is_refused(client: httpx2.AsyncClient, body: dict[str, Any]) -> None:
    answer = await client.post("/v1/kkt/z_report", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == next(iter(body))


async def test_the_status_of_a_register_is_asked_by_till(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/kkt/status", params={"pos_id": "POS-002"})
    assert [one["register_id"] for one in answer.json()["registers"]] == ["POS-001"]
    assert (await client.get("/v1/kkt/status", params={"pos_id": "POS-404"})).status_code == 404


async def test_the_breaker_is_closed_by_hand_under_a_name(edge: Edge) -> None:
    async with client_of(edge.app(auth_open=False)) as client:
        headers = {"Authorization": edge.bearer("admin")}
        with capture_logs() as lines:
            answer = await client.post("/v1/kkt/circuit_breaker/reset", headers=headers)
    assert answer.json() == {"status": "reset", "circuit_breaker_state": "CLOSED"}
    assert [line["by"] for line in lines if line["event"] == "breaker_reset"] == ["anna"]


async def test_events_are_filtered(client: httpx2.AsyncClient) -> None:
    await post_receipt(client, key=a_key())
    wanted = await client.get("/v1/kkt/buffer/logs?page=1&limit=50&level=info&type=receipt_added")
    assert {event["event"] for event in wanted.json()["items"]} == {"receipt_added"}
    answer = await client.get("/v1/kkt/buffer/logs?page=2&limit=50&level=warning&type=receipt_added")
    assert answer.json() == {"total": 0, "page": 2, "limit": 50, "items": []}


@pytest.mark.parametrize("wanted", [50, 300, 0])
async def test_the_capacity_is_changed_at_once(client: httpx2.AsyncClient, edge: Edge, wanted: int) -> None:
    try:
        answer = await client.patch("/v1/admin/buffer", json={"capacity": wanted})
        assert answer.status_code == 200
        assert await capacity(edge) == wanted
    finally:
        await client.patch("/v1/admin/buffer", json={"capacity": 0})


@pytest.mark.parametrize("wanted", [-1, 1, 49, 300.5, "300", True, None, 10**12])
async def test_a_capacity_that_would_stop_sales_is_refused(
    client: httpx2.AsyncClient, edge: Edge, wanted: Any
) -> None:
    before = await capacity(edge)
    answer = await client.patch("/v1/admin/buffer", json={"capacity": wanted})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "capacity"
    assert await capacity(edge) == before


async def test_a_dead_letter_is_read_and_retried_once(client: httpx2.AsyncClient, letter: int) -> None:
    assert letter in [one["id"] for one in (await client.get("/v1/kkt/dlq")).json()["items"]]
    assert (await client.get(f"/v1/kkt/dlq/{letter}")).json()["resolved_at"] is None
    assert (await client.post(f"/v1/kkt/dlq/{letter}/retry")).json()["resolution"] == "retried"
    again = await client.post(f"/v1/kkt/dlq/{letter}/retry")
    assert (again.status_code, again.json()["code"]) == (409, "CONFLICT")


async def test_who_settled_a_dead_letter_is_taken_from_the_body_only_while_nobody_signs_in(
    client: httpx2.AsyncClient, edge: Edge, letter: int
) -> None:
    body = {"note": "sent by hand", "resolved_by": "Петров"}
    opened = await client.post(f"/v1/kkt/dlq/{letter}/resolve", json=body)
    second = await put_letter(edge.running.services.database)
    async with client_of(edge.app(auth_open=False)) as closed:
        signed = await closed.post(
            f"/v1/kkt/dlq/{second}/resolve", json=body, headers={"Authorization": edge.bearer("admin")}
        )
    assert (opened.json()["resolved_by"], signed.json()["resolved_by"]) == ("Петров", "anna")


@pytest.mark.parametrize("body", [{}, {"note": ""}, {"note": 7}, {"note": "x" * 501}])
async def test_a_dead_letter_is_not_settled_without_a_reason(
    client: httpx2.AsyncClient, body: dict[str, Any]
) -> None:
    answer = await client.post("/v1/kkt/dlq/1/resolve", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "note"


async def test_maintenance_begins_and_ends(client: httpx2.AsyncClient, edge: Edge) -> None:
    body = {"reason": "new FN", "estimated_duration_minutes": 30}
    try:
        begun = await client.post("/v1/pos/maintenance", json=body)
        assert begun.json() == {"maintenance": True, "reason": "new FN", "estimated_duration_minutes": 30}
        shown = (await client.get("/v1/pos/maintenance")).json()
        assert shown["by"] == "open"
        kept = await edge.services.administration.maintenance()
        assert kept is not None
        assert kept.mode.until is not None
        assert abs(kept.mode.until - kept.mode.since - timedelta(minutes=30)) < timedelta(seconds=1)
    finally:
        ended = await client.delete("/v1/pos/maintenance")
    assert ended.json()["maintenance"] is False
    assert (await client.delete("/v1/pos/maintenance")).status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": " "}, "reason"),
        ({"reason": "x", "estimated_duration_minutes": 0}, "estimated_duration_minutes"),
        ({"reason": "x", "estimated_duration_minutes": "30"}, "estimated_duration_minutes"),
        ({"reason": "x", "estimated_duration_minutes": 10**9}, "estimated_duration_minutes"),
    ],
)
async def test_maintenance_without_a_reason_or_with_a_strange_length_is_refused(
    client: httpx2.AsyncClient, edge: Edge, body: dict[str, Any], field: str
) -> None:
    answer = await client.post("/v1/pos/maintenance", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert await edge.services.administration.maintenance() is None


async def test_the_root_leads_everywhere(client: httpx2.AsyncClient) -> None:
    body = (await client.get("/")).json()
    assert set(body) == {"message", "version", "docs", "health", "status"}
    assert body["version"] == __version__
    for link in ("docs", "health", "status"):
        assert (await client.get(body[link])).status_code == 200


CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


async def test_a_browser_is_led_from_the_root_to_the_pages(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/", headers={"Accept": CHROMIUM})
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/")
    assert (await client.get("/ui")).headers["location"] == "/ui/"


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, text/html"])
async def test_a_program_gets_the_root_as_json(client: httpx2.AsyncClient, accept: str) -> None:
    answer = await client.get("/", headers={"Accept": accept})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["vary"] == "Accept"


@pytest.mark.parametrize("path", ["/health", "/ready"])
async def test_a_load_balancer_may_ask_without_a_body(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.head(path)
    assert answer.status_code == 200


async def test_the_description_names_every_route_and_resolves_its_references(
    client: httpx2.AsyncClient,
) -> None:
    document = (await client.get("/openapi.json")).json()
    text = json.dumps(document)
    schemas = document["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/(\w+)"', text)) <= set(schemas)
    assert "#/$defs" not in text
    accept = document["paths"]["/v1/kkt/receipt"]["post"]
    assert accept["parameters"][0]["name"] == "Idempotency-Key"
    assert set(schemas["ReceiptBody"]["required"]) == {"pos_id", "type", "items", "payments"}
    operations = [
        operation
        for path, methods in document["paths"].items()
        if path.startswith(("/v1/", "/health", "/ready"))
        for operation in methods.values()
    ]
    assert all(operation["summary"] for operation in operations)
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        refusal = operation["responses"]["500"]["$ref"]
        assert refusal.rpartition("/")[2] in document["components"]["responses"]


async def test_the_examples_of_the_description_are_accepted(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    content = document["paths"]["/v1/kkt/receipt"]["post"]["requestBody"]["content"]["application/json"]
    for number, example in enumerate(content["examples"].values()):
        assert (await post_receipt(client, example["value"], key=f"example-{number}")).status_code == 200


async def test_the_documentation_is_one_page_that_loads_nothing(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "/v1/kkt/receipt" in answer.text
    assert "<script" not in answer.text
    assert not re.search(r'(?:src|href)="(?:https?:)?//', answer.text)
    assert "<script>" not in (await client.get("/docs?x=<script>")).text


async def test_every_path_is_in_the_reference(client: httpx2.AsyncClient) -> None:
    """The tables of accounts.md and catalogue-api.md name several methods, or no prefix, in one row."""
    document = (await client.get("/openapi.json")).json()
    text = "\n".join(page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))
    documented = {
        (method, re.sub(r"{\w+}", "{}", path))
        for method, path in re.findall(r"`(GET|POST|PATCH|PUT|DELETE) (/[^\s`?]*)", text)
    }
    described = {
        (method.upper(), re.sub(r"{\w+}", "{}", path))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if operation["tags"][0] not in ("accounts", "scheduler", "products")
    }
    assert described <= documented

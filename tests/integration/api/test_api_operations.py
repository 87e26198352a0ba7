"""Everything beside receipts: refund check, reports, buffer, dead letters, maintenance, health, docs."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Connection, insert
from tests.support.api import SALE, Memory, client_of, post_receipt, put_letter, stored
from tests.support.rows import a_row

from kkt_adapter import __version__
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.tables import receipts, shifts

DOCS = Path(__file__).parents[3] / "docs" / "reference"


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    async with stored(tmp_path) as parts:
        yield parts


@pytest.fixture
async def client(memory: Memory) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(memory.app()) as opened:
        yield opened


# --- refund check ---------------------------------------------------------------------------------------


async def keep(memory: Memory, **changes: Any) -> None:
    """One receipt in the database."""
    assert memory.database is not None
    delivered = changes.get("status") == "synced"

    def write(conn: Connection) -> None:
        conn.execute(insert(receipts), [a_row(1, **changes)])
        counters.bump(conn, total=1, **({"synced": 1} if delivered else {"pending": 1}))

    await memory.database.write(write)


async def test_a_sale_that_is_not_delivered_may_not_be_refunded(
    client: httpx2.AsyncClient, memory: Memory
) -> None:
    await keep(memory, id="r-12")
    answer = await client.post("/v1/pos/refund", json={"original_fiscal_doc_id": "r-12"})
    assert answer.status_code == 409
    body = answer.json()
    assert body["code"] == "REFUND_BLOCKED"
    assert (body["allowed"], body["sync_status"], body["buffer_count"]) == (False, "pending", 1)
    assert "not synced" in body["reason"]


async def test_a_sale_that_is_unknown_here_may_be_refunded(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/v1/pos/refund", json={"original_fiscal_doc_id": "fn-12"})
    assert answer.status_code == 200
    assert set(answer.json()) == {"allowed", "sync_status", "reason", "buffer_count", "buffer_percent"}
    assert (answer.json()["allowed"], answer.json()["sync_status"]) == (True, "not_found")


@pytest.mark.parametrize(
    "body",
    [
        {"original_fiscal_doc_id": "9999078902013267-12"},
        {"original_fiscal_doc_id": 12},
        {"original_receipt_id": "r-1"},
    ],
)
async def test_a_sale_is_named_in_any_of_its_ways(
    client: httpx2.AsyncClient, memory: Memory, body: dict[str, Any]
) -> None:
    fn = "9999078902013267"
    await keep(memory, id="r-1", fn_number=fn, fiscal_doc_number=12, status="synced", print_state="printed")
    assert memory.database is not None
    await memory.database.write(
        lambda conn: conn.execute(insert(shifts).values(register_id="R", fn_number=fn, shift_number=1))
    )
    answer = await client.post("/v1/pos/refund", json=body)
    assert (answer.status_code, answer.json()["sync_status"]) == (200, "synced")


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


# --- reports --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/kkt/x_report", "/v1/kkt/report/x"])
@pytest.mark.parametrize("body", [None, {}, {"pos_id": ""}, {"pos_id": None, "session_id": None}])
async def test_an_x_report_needs_no_till_with_one_register(
    client: httpx2.AsyncClient, memory: Memory, path: str, body: Any
) -> None:
    await post_receipt(client)
    answer = await (client.post(path) if body is None else client.post(path, json=body))
    assert answer.status_code == 200
    report = answer.json()
    assert (report["reportType"], report["totalSales"]) == (1, 100.0)
    assert memory.registers.asked == [{"pos_id": None, "session_id": None}]


@pytest.mark.parametrize("path", ["/v1/kkt/z_report", "/v1/kkt/report/z"])
async def test_a_z_report_is_made_once_for_a_key(
    client: httpx2.AsyncClient, memory: Memory, path: str
) -> None:
    body = {"pos_id": "POS-001", "session_id": "S-1"}
    first = await client.post(path, json=body, headers={"Idempotency-Key": "z-1"})
    again = await client.post(path, json=body, headers={"Idempotency-Key": "z-1"})
    other = await client.post(path, json=body, headers={"Idempotency-Key": "z-2"})
    assert first.json() == again.json()
    assert (first.json()["reportType"], first.json()["shiftNumber"]) == (2, 1)
    assert memory.registers.asked == [body, body, body]
    assert other.json()["shiftNumber"] == 2


@pytest.mark.parametrize("body", [{"pos_id": 7}, {"pos_id": "x" * 65}, {"session_id": {}}])
async def test_a_report_for_no_till_is_refused(client: httpx2.AsyncClient, body: dict[str, Any]) -> None:
    answer = await client.post("/v1/kkt/z_report", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == next(iter(body))


async def test_the_status_of_a_register_is_asked_by_till(client: httpx2.AsyncClient, memory: Memory) -> None:
    answer = await client.get("/v1/kkt/status", params={"pos_id": "POS-001"})
    assert answer.json() == {"registers": []}
    assert memory.registers.asked == [{"pos_id": "POS-001"}]


# --- buffer and delivery --------------------------------------------------------------------------------


@pytest.mark.parametrize(("query", "force"), [("", False), ("?force=true", True), ("?force=0", False)])
async def test_a_sync_by_hand_may_be_forced(
    client: httpx2.AsyncClient, memory: Memory, query: str, force: bool
) -> None:
    answer = await client.post(f"/v1/kkt/buffer/sync{query}")
    assert answer.json()["status"] == "completed"
    assert memory.delivery.forced == [force]


async def test_a_second_sync_is_a_conflict(client: httpx2.AsyncClient, memory: Memory) -> None:
    memory.delivery.running = True
    answer = await client.post("/v1/kkt/buffer/sync")
    assert (answer.status_code, answer.json()["code"]) == (409, "SYNC_IN_PROGRESS")


async def test_the_breaker_is_closed_by_hand_under_a_name(memory: Memory) -> None:
    async with client_of(memory.app(auth_open=False)) as client:
        answer = await client.post("/v1/kkt/circuit_breaker/reset", headers={"Authorization": "Bearer admin"})
    assert answer.json() == {"status": "reset", "circuit_breaker_state": "CLOSED"}
    assert memory.delivery.reset_by == "anna"


async def test_events_are_filtered(client: httpx2.AsyncClient, memory: Memory) -> None:
    answer = await client.get("/v1/kkt/buffer/logs?page=2&limit=50&level=warning&type=circuit_opened")
    assert answer.json() == {"total": 0, "page": 2, "limit": 50, "items": []}
    assert memory.summary.asked == [{"level": "warning", "event_type": "circuit_opened", "since": None}]


@pytest.mark.parametrize("capacity", [0, 50, 300])
async def test_the_capacity_is_changed_at_once(
    client: httpx2.AsyncClient, memory: Memory, capacity: int
) -> None:
    answer = await client.patch("/v1/admin/buffer", json={"capacity": capacity})
    assert answer.status_code == 200
    assert await memory.capacity() == capacity


@pytest.mark.parametrize("capacity", [-1, 1, 49, 300.5, "300", True, None, 10**12])
async def test_a_capacity_that_would_stop_sales_is_refused(
    client: httpx2.AsyncClient, memory: Memory, capacity: Any
) -> None:
    answer = await client.patch("/v1/admin/buffer", json={"capacity": capacity})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "capacity"
    assert await memory.capacity() == 10_000


# --- dead letters and maintenance -----------------------------------------------------------------------


async def test_a_dead_letter_is_read_and_retried_once(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/v1/kkt/dlq")).json()["items"][0]["id"] == 1
    assert (await client.get("/v1/kkt/dlq/1")).json()["resolved_at"] is None
    assert (await client.post("/v1/kkt/dlq/1/retry")).json()["resolution"] == "retried"
    again = await client.post("/v1/kkt/dlq/1/retry")
    assert (again.status_code, again.json()["code"]) == (409, "CONFLICT")


async def test_who_settled_a_dead_letter_is_taken_from_the_body_only_while_nobody_signs_in(
    memory: Memory,
) -> None:
    body = {"note": "sent by hand", "resolved_by": "Петров"}
    async with client_of(memory.app()) as client:
        opened = await client.post("/v1/kkt/dlq/1/resolve", json=body)
    assert memory.database is not None
    second = await put_letter(memory.database)
    async with client_of(memory.app(auth_open=False)) as client:
        signed = await client.post(
            f"/v1/kkt/dlq/{second}/resolve", json=body, headers={"Authorization": "Bearer admin"}
        )
    assert (opened.json()["resolved_by"], signed.json()["resolved_by"]) == ("Петров", "anna")


@pytest.mark.parametrize("body", [{}, {"note": ""}, {"note": 7}, {"note": "x" * 501}])
async def test_a_dead_letter_is_not_settled_without_a_reason(
    client: httpx2.AsyncClient, body: dict[str, Any]
) -> None:
    answer = await client.post("/v1/kkt/dlq/1/resolve", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "note"


async def test_maintenance_begins_and_ends(client: httpx2.AsyncClient, memory: Memory) -> None:
    body = {"reason": "new FN", "estimated_duration_minutes": 30}
    begun = await client.post("/v1/pos/maintenance", json=body)
    assert begun.json() == {"maintenance": True, "reason": "new FN", "estimated_duration_minutes": 30}
    shown = (await client.get("/v1/pos/maintenance")).json()
    assert (shown["by"], shown["estimated_end_at"]) == ("open", "2026-03-14T09:30:00.000Z")
    assert (await client.delete("/v1/pos/maintenance")).json()["maintenance"] is False
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
    client: httpx2.AsyncClient, memory: Memory, body: dict[str, Any], field: str
) -> None:
    answer = await client.post("/v1/pos/maintenance", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert await memory.services().administration.maintenance() is None


# --- health and documentation ---------------------------------------------------------------------------


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


async def test_a_broken_database_is_unhealthy_not_ready_and_still_alive(
    client: httpx2.AsyncClient, memory: Memory
) -> None:
    memory.summary.usable = False
    health, ready, alive = [await client.get(path) for path in ("/v1/health", "/ready", "/health")]
    assert (health.status_code, health.json()["status"]) == (503, "unhealthy")
    assert (ready.status_code, ready.json()["code"]) == (503, "NOT_READY")
    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})


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


def test_the_example_of_the_contract_stands_in_the_reference() -> None:
    text = (DOCS / "http-api.md").read_text(encoding="utf-8")
    bodies = [json.loads(block) for block in re.findall(r"```json\n(\{.*?\})\n```", text, re.S)]
    assert SALE in bodies

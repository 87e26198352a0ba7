"""Receipts over HTTP: accepted, replayed, read back, printed again, settled."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from tests.support.api import SALE, Edge, a_key, changed, client_of, post_receipt, with_item

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(edge: Edge) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(edge.app()) as opened:
        yield opened


@pytest.fixture
def key() -> str:
    return a_key()


async def test_the_request_of_the_contract_is_accepted_as_it_is(client: httpx2.AsyncClient, key: str) -> None:
    answer = await post_receipt(
        client,
        b'{"pos_id":"POS-001","type":"sale","items":[{"name":"Test","price":100,"qty":1}],\n'
        b' "payments":[{"type":"cash","amount":100}]}',
        key=key,
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert "idempotency-replayed" not in answer.headers
    kept = await client.get("/v1/kkt/receipt", params={"idempotency_key": key})
    assert answer.json()["receipt_id"] == kept.json()["id"]


async def test_the_same_key_and_body_get_the_first_answer_byte_for_byte(
    client: httpx2.AsyncClient, key: str
) -> None:
    first = await post_receipt(client, key=key)
    again = await post_receipt(client, with_item(price="100.00", qty=..., quantity=1.0), key=key)
    assert again.status_code == 200
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"


async def test_the_same_key_with_another_body_is_a_conflict_that_names_the_first(
    client: httpx2.AsyncClient, key: str
) -> None:
    first = await post_receipt(client, key=key)
    answer = await post_receipt(client, with_item(price=99), key=key)
    assert answer.status_code == 409
    assert answer.json()["code"] == "IDEMPOTENCY_CONFLICT"
    assert answer.json()["receipt_id"] == first.json()["receipt_id"]


@pytest.mark.parametrize(
    "key", ["x", "A" * 128, '"quoted"', "order:1001/2026~!", "0b6f1c1e-4c0e-4a52-9a2b-0f3f5e0a7c11"]
)
async def test_a_key_is_any_visible_ascii_text(client: httpx2.AsyncClient, key: str) -> None:
    assert (await post_receipt(client, key=key)).status_code == 200
    kept = await client.get("/v1/kkt/receipt", params={"idempotency_key": key})
    assert kept.json()["idempotency_key"] == key


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "IDEMPOTENCY_KEY_REQUIRED"),
        ("", "IDEMPOTENCY_KEY_REQUIRED"),
        ("   ", "IDEMPOTENCY_KEY_REQUIRED"),
        ("A" * 129, "VALIDATION_ERROR"),
        ("two words", "VALIDATION_ERROR"),
        ("tab\there", "VALIDATION_ERROR"),
    ],
)
async def test_a_key_that_is_none_is_refused(
    client: httpx2.AsyncClient, edge: Edge, key: str | None, code: str
) -> None:
    before = await edge.stored()
    answer = await post_receipt(client, key=key)
    assert answer.status_code == 422
    assert answer.json()["code"] == code
    assert await edge.stored() == before


async def test_two_different_keys_in_one_request_are_refused(client: httpx2.AsyncClient, edge: Edge) -> None:
    before = await edge.stored()
    answer = await client.post(
        "/v1/kkt/receipt",
        content=json.dumps(SALE),
        headers=[("Content-Type", "application/json"), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")],
    )
    assert answer.status_code == 400
    assert await edge.stored() == before


async def test_a_key_in_letters_of_another_alphabet_is_refused(client: httpx2.AsyncClient) -> None:
    headers = [(b"Idempotency-Key", "ключ".encode()), (b"Content-Type", b"application/json")]
    answer = await client.post("/v1/kkt/receipt", content=json.dumps(SALE), headers=headers)
    assert answer.status_code == 422


async def test_a_large_body_is_accepted_off_the_loop(client: httpx2.AsyncClient, key: str) -> None:
    answer = await post_receipt(client, changed(note="x" * 100_000), key=key)
    assert answer.status_code == 200
    assert answer.json()["status"] == "printed"


async def test_health_is_answered_while_receipts_wait(
    client: httpx2.AsyncClient, edge: Edge, key: str
) -> None:
    before = await edge.stored()
    with edge.printing_held():
        posting = asyncio.create_task(post_receipt(client, key=key))
        await edge.until_stored(before + 1)
        assert (await client.get("/v1/health")).status_code == 200
        assert not posting.done()
    assert (await posting).status_code == 200


async def test_a_receipt_is_read_by_id_and_by_key(client: httpx2.AsyncClient, key: str) -> None:
    receipt_id = (await post_receipt(client, key=key)).json()["receipt_id"]
    by_id = await client.get(f"/v1/kkt/receipt/{receipt_id}")
    by_key = await client.get("/v1/kkt/receipt", params={"idempotency_key": key})
    assert by_id.status_code == by_key.status_code == 200
    assert by_id.json()["id"] == by_key.json()["id"] == receipt_id
    assert by_id.json()["idempotency_key"] == key


@pytest.mark.parametrize("receipt_id", ["unknown", "x" * 65, "%00", "a%2Fb", "%D1%8F", "a%20b", "..", "%ff"])
async def test_what_is_no_receipt_is_not_found(client: httpx2.AsyncClient, receipt_id: str) -> None:
    for path in ("", "/slip", "/qr"):
        answer = await client.get(f"/v1/kkt/receipt/{receipt_id}{path}")
        assert answer.status_code == 404
        assert answer.json()["code"] == "NOT_FOUND"


async def test_a_key_that_was_never_accepted_is_not_found(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/v1/kkt/receipt", params={"idempotency_key": "never"})).status_code == 404


@pytest.mark.parametrize(
    "query", ["", "?idempotency_key=", "?idempotency_key=a%20b", "?idempotency_key=" + "x" * 129]
)
async def test_reading_by_no_key_is_refused(client: httpx2.AsyncClient, query: str) -> None:
    answer = await client.get(f"/v1/kkt/receipt{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "idempotency_key"


async def test_pages_lead_through_all_receipts_newest_first(client: httpx2.AsyncClient) -> None:
    for number in range(3):
        await post_receipt(client, changed(pos_id="POS-003"), key=f"key-{number}")
    query: dict[str, Any] = {"limit": 2, "pos_id": "POS-003"}
    first = (await client.get("/v1/kkt/receipts", params=query)).json()
    second = (await client.get("/v1/kkt/receipts", params=query | {"cursor": first["next_cursor"]})).json()
    keys = [row["idempotency_key"] for row in first["items"] + second["items"]]
    assert keys == ["key-2", "key-1", "key-0"]
    assert second["next_cursor"] is None


async def test_each_filter_of_a_list_is_applied(client: httpx2.AsyncClient, edge: Edge, key: str) -> None:
    now = edge.running.clock.now()
    await post_receipt(client, changed(pos_id="POS-002"), key=key)
    fits = {"print_state": "printed", "pos_id": "POS-002", "since": (now - timedelta(hours=1)).isoformat()}
    misses = [
        {"status": "failed"},
        {"print_state": "print_unknown"},
        {"pos_id": "POS-404"},
        {"since": (now + timedelta(hours=1)).isoformat()},
    ]
    found = await client.get("/v1/kkt/receipts", params=fits)
    assert [row["idempotency_key"] for row in found.json()["items"]] == [key]
    for miss in misses:
        assert (await client.get("/v1/kkt/receipts", params=fits | miss)).json()["items"] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "lost"),
        ("print_state", "PRINTED"),
        ("pos_id", "a\nb"),
        ("pos_id", "x" * 65),
        ("since", "yesterday"),
        ("since", "0001-01-01T00:00:00+14:00"),
        ("since", "9" * 40),
        ("limit", "0"),
        ("limit", "501"),
        ("limit", "ten"),
        ("limit", "9" * 5000),
        ("cursor", "a b"),
        ("cursor", "\x00"),
        ("cursor", "x" * 201),
    ],
)
async def test_a_filter_that_does_not_fit_is_refused_by_name(
    client: httpx2.AsyncClient, name: str, value: str
) -> None:
    answer = await client.get("/v1/kkt/receipts", params={name: value})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [name]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "text/plain; charset=utf-8"),
        ("", "text/plain; charset=utf-8"),
        ("text/plain", "text/plain; charset=utf-8"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
        ("text/plain, text/html", "text/plain; charset=utf-8"),
    ],
)
async def test_a_slip_is_text_or_html_by_accept(
    client: httpx2.AsyncClient, key: str, accept: str, media_type: str
) -> None:
    receipt_id = (await post_receipt(client, key=key)).json()["receipt_id"]
    answer = await client.get(f"/v1/kkt/receipt/{receipt_id}/slip", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    assert "100.00" in answer.text
    if "html" in media_type:
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_a_qr_code_is_svg(client: httpx2.AsyncClient, key: str) -> None:
    receipt_id = (await post_receipt(client, key=key)).json()["receipt_id"]
    answer = await client.get(f"/v1/kkt/receipt/{receipt_id}/qr")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.text.startswith("<svg")


async def test_a_printed_receipt_is_not_printed_again(client: httpx2.AsyncClient, key: str) -> None:
    receipt_id = (await post_receipt(client, key=key)).json()["receipt_id"]
    answer = await client.post(f"/v1/kkt/receipt/{receipt_id}/reprint")
    assert answer.status_code == 409
    assert answer.json()["code"] == "CONFLICT"


async def test_a_printed_receipt_leaves_nothing_to_decide(client: httpx2.AsyncClient, key: str) -> None:
    receipt_id = (await post_receipt(client, key=key)).json()["receipt_id"]
    wanted = {"action": "adopt", "fiscal_doc_number": 12, "reason": "seen on the tape"}
    answer = await client.post(f"/v1/kkt/receipt/{receipt_id}/resolve", json=wanted)
    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"action", "reason"}),
        ({"action": "forget", "reason": "x"}, {"action"}),
        ({"action": "adopt", "reason": " "}, {"reason"}),
        ({"action": "adopt", "reason": "x", "fiscal_doc_number": 0}, {"fiscal_doc_number"}),
        ({"action": "adopt", "reason": "x", "fiscal_doc_number": "12"}, {"fiscal_doc_number"}),
        ({"action": "adopt", "reason": "x", "fiscal_doc_number": True}, {"fiscal_doc_number"}),
        ({"action": "adopt", "reason": "x", "fiscal_doc_number": 2**32}, {"fiscal_doc_number"}),
        ({"action": "adopt", "reason": "x" * 501}, {"reason"}),
    ],
)
async def test_a_decision_without_its_parts_is_refused(
    client: httpx2.AsyncClient, body: dict[str, Any], fields: set[str]
) -> None:
    answer = await client.post("/v1/kkt/receipt/receipt-1/resolve", json=body)
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == fields

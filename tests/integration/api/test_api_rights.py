"""Who may call what: one table of route by credential."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from tests.support.api import KEY, SALE, Edge, changed, client_of, post_receipt, put_letter

pytestmark = pytest.mark.asyncio(loop_scope="module")

Call = tuple[str, str, Any]

POST_RECEIPT: Call = ("POST", "/v1/kkt/receipt", SALE)
DECISION = {"action": "print_again", "reason": "x"}
DECISION_ON_A_REPORT = {"action": "do_again", "reason": "x"}

# v viewer, m manager, a admin; tokens: t of till POS-001, o of two other tills, r of scope read
TABLE: list[tuple[Call, str]] = [
    (POST_RECEIPT, "at"),
    (("GET", "/v1/kkt/receipt/receipt-1", None), "vmat"),
    (("GET", f"/v1/kkt/receipt?idempotency_key={KEY}", None), "vmat"),
    (("GET", "/v1/kkt/receipts", None), "vmat"),  # o has several tills and must name one
    (("GET", "/v1/kkt/receipts?pos_id=POS-001", None), "vmat"),
    (("GET", "/v1/kkt/receipts?pos_id=POS-002", None), "vmao"),
    (("GET", "/v1/kkt/receipt/receipt-1/slip", None), "vmat"),
    (("GET", "/v1/kkt/receipt/receipt-1/qr", None), "vmat"),
    (("POST", "/v1/kkt/receipt/receipt-1/reprint", None), "at"),
    (("POST", "/v1/kkt/receipt/receipt-1/callback", None), "ma"),
    (("POST", "/v1/kkt/receipt/receipt-1/resolve", DECISION), "a"),
    (("POST", "/v1/pos/refund", {"original_fiscal_doc_id": "1"}), "vmato"),
    (("POST", "/v1/kkt/x_report", {"pos_id": "POS-001"}), "mat"),
    (("POST", "/v1/kkt/report/x", {"pos_id": "POS-001"}), "mat"),
    (("POST", "/v1/kkt/x_report", {}), "mat"),
    (("POST", "/v1/kkt/z_report", {"pos_id": "POS-003"}), "mao"),
    (("POST", "/v1/kkt/report/z", {"pos_id": "POS-003"}), "mao"),
    (("POST", "/v1/kkt/shift/open", {"pos_id": "POS-001"}), "mat"),
    (("POST", "/v1/kkt/shift/resolve", DECISION_ON_A_REPORT), "a"),
    (("POST", "/v1/kkt/registers/K1/hold", {"reason": "x"}), "ma"),
    (("POST", "/v1/kkt/registers/K1/drain", {"reason": "x"}), "ma"),
    (("POST", "/v1/kkt/registers/K1/release", {"reason": "x"}), "ma"),
    (("GET", "/v1/kkt/status?pos_id=POS-001", None), "vmatr"),
    (("GET", "/v1/kkt/buffer/status", None), "vmator"),
    (("GET", "/v1/kkt/worker/status", None), "vmator"),
    (("GET", "/v1/kkt/buffer/logs", None), "vmar"),
    (("POST", "/v1/kkt/buffer/sync", None), "ma"),
    (("POST", "/v1/kkt/circuit_breaker/reset", None), "a"),
    (("GET", "/v1/kkt/dlq", None), "vma"),
    (("GET", "/v1/kkt/dlq/1", None), "vma"),
    (("POST", "/v1/kkt/dlq/1/retry", None), "ma"),
    (("POST", "/v1/kkt/dlq/1/resolve", {"note": "x"}), "a"),
    (("POST", "/v1/kkt/dlq/retry", {"filter": {}, "expected_count": 1}), "ma"),
    (("POST", "/v1/kkt/dlq/resolve", {"filter": {}, "expected_count": 1, "note": "x"}), "a"),
    (("PATCH", "/v1/admin/buffer", {"capacity": 300}), "a"),
    (("POST", "/v1/pos/maintenance", {"reason": "x"}), "a"),
    (("GET", "/v1/pos/maintenance", None), "vmator"),
    (("DELETE", "/v1/pos/maintenance", None), "a"),
]
MAINTENANCE = "/v1/pos/maintenance"
LET_THROUGH = (
    "CONFLICT",
    "NOT_FOUND",
    "VALIDATION_ERROR",
    "SYNC_IN_PROGRESS",
)  # said by what is behind the gate
TOKENS = {"v": "viewer", "m": "manager", "a": "admin", "t": "till-1", "o": "till-2", "r": "read"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def receipt(edge: Edge) -> str:
    """A receipt of POS-001 under ``KEY``, and dead letter 1."""
    await put_letter(edge.running.services.database)
    async with client_of(edge.app()) as client:
        return str((await post_receipt(client)).json()["receipt_id"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def closed(edge: Edge, receipt: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Everybody has to sign in."""
    async with client_of(edge.app(auth_open=False, rate_limit_per_s=0)) as client:
        yield client


@pytest.mark.parametrize(
    ("call", "allowed"), TABLE, ids=[f"{c[0]} {c[1]} {n}" for n, (c, _) in enumerate(TABLE)]
)
async def test_a_call_is_for_those_of_the_table(
    call: Call, allowed: str, edge: Edge, closed: httpx2.AsyncClient, receipt: str
) -> None:
    method, path, body = call
    path = path.replace("receipt-1", receipt)
    answers = {}
    for who, token in TOKENS.items():
        headers = {"Authorization": edge.bearer(token), "Idempotency-Key": KEY}
        answers[who] = await closed.request(method, path, json=body, headers=headers)
    if path == MAINTENANCE:
        await closed.delete(path, headers={"Authorization": edge.bearer("admin")})
    refused = {who for who, answer in answers.items() if answer.status_code == 403}
    assert refused == set(TOKENS) - set(allowed)
    for who in refused:
        assert answers[who].json()["code"] == "FORBIDDEN"
    for who in allowed:
        answer = answers[who]
        assert answer.status_code == 200 or answer.json()["code"] in LET_THROUGH, answer.text


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic dmVyYTp4", ""])
async def test_without_a_good_token_nothing_is_done(
    edge: Edge, closed: httpx2.AsyncClient, authorization: str | None
) -> None:
    before = await edge.stored()
    headers = {"Idempotency-Key": "another"} | (
        {} if authorization is None else {"Authorization": authorization}
    )
    for (method, path, body), _ in TABLE:
        answer = await closed.request(method, path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED"), path
        assert answer.headers["www-authenticate"] == "Bearer"
    assert await edge.stored() == before


async def test_the_token_is_asked_for_before_the_body_is_judged(closed: httpx2.AsyncClient) -> None:
    assert (await post_receipt(closed, b"{", key=None)).status_code == 401


@pytest.mark.parametrize("path", ["/", "/health", "/ready", "/v1/health", "/docs", "/openapi.json"])
async def test_health_and_documentation_need_no_token(closed: httpx2.AsyncClient, path: str) -> None:
    assert (await closed.get(path)).status_code == 200


async def test_everything_of_v1_is_open_while_nobody_has_to_sign_in(edge: Edge, receipt: str) -> None:
    async with client_of(edge.app()) as client:
        for (method, path, body), _ in TABLE[1:]:
            answer = await client.request(method, path.replace("receipt-1", receipt), json=body)
            assert answer.status_code == 200 or answer.json()["code"] in LET_THROUGH, path
        await client.delete(MAINTENANCE)


async def test_a_till_without_a_choice_gets_its_own_receipts_only(
    edge: Edge, closed: httpx2.AsyncClient
) -> None:
    async with client_of(edge.app()) as client:
        assert (await post_receipt(client, changed(pos_id="POS-002"), key="of-POS-002")).is_success

    async def tills(who: str) -> set[str]:
        page = await closed.get("/v1/kkt/receipts", headers={"Authorization": edge.bearer(who)})
        return {row["pos_id"] for row in page.json()["items"]}

    assert await tills("till-1") == {"POS-001"}
    assert await tills("viewer") == {"POS-001", "POS-002"}

"""Who may call what: one table of route by credential."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.api import KEY, SALE, Memory, client_of, post_receipt, stored
from tests.support.receipts import a_request

from kkt_adapter.api.access import NEEDS, Action

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
TOKENS = {"v": "viewer", "m": "manager", "a": "admin", "t": "till-1", "o": "till-2", "r": "read"}


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    async with stored(tmp_path) as parts:
        yield parts


@pytest.mark.parametrize(
    ("call", "allowed"), TABLE, ids=[f"{c[0]} {c[1]} {n}" for n, (c, _) in enumerate(TABLE)]
)
async def test_a_call_is_for_those_of_the_table(call: Call, allowed: str, memory: Memory) -> None:
    method, path, body = call
    await memory.intake.accept(a_request(), key=KEY)  # receipt-1, of POS-001
    answers = {}
    async with client_of(memory.app(auth_open=False)) as client:
        for who, token in TOKENS.items():
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": KEY}
            answers[who] = await client.request(method, path, json=body, headers=headers)
    refused = {who for who, answer in answers.items() if answer.status_code == 403}
    assert refused == set(TOKENS) - set(allowed)
    for who in refused:
        assert answers[who].json()["code"] == "FORBIDDEN"
    for who in allowed:
        assert answers[who].status_code == 200 or answers[who].json()["code"] == "CONFLICT"


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic dmVyYTp4", ""])
async def test_without_a_good_token_nothing_is_done(authorization: str | None) -> None:
    memory = Memory()
    headers = {"Idempotency-Key": KEY} | ({} if authorization is None else {"Authorization": authorization})
    async with client_of(memory.app(auth_open=False, rate_limit_per_s=0)) as client:
        for (method, path, body), _ in TABLE:
            answer = await client.request(method, path, json=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED"), path
            assert answer.headers["www-authenticate"] == "Bearer"
    assert memory.intake.calls == 0


async def test_the_token_is_asked_for_before_the_body_is_judged() -> None:
    async with client_of(Memory().app(auth_open=False)) as client:
        assert (await post_receipt(client, b"{", key=None)).status_code == 401


@pytest.mark.parametrize("path", ["/", "/health", "/ready", "/v1/health", "/docs", "/openapi.json"])
async def test_health_and_documentation_need_no_token(path: str) -> None:
    async with client_of(Memory().app(auth_open=False)) as client:
        assert (await client.get(path)).status_code == 200


async def test_everything_of_v1_is_open_while_nobody_has_to_sign_in(memory: Memory) -> None:
    async with client_of(memory.app()) as client:
        await post_receipt(client)
        for (method, path, body), _ in TABLE[1:]:
            answer = await client.request(method, path, json=body)
            assert answer.status_code in (200, 409), path


async def test_a_till_without_a_choice_gets_its_own_receipts_only() -> None:
    memory = Memory()
    async with client_of(memory.app(auth_open=False)) as client:
        await client.get("/v1/kkt/receipts", headers={"Authorization": "Bearer till-1"})
        await client.get("/v1/kkt/receipts", headers={"Authorization": "Bearer viewer"})
    assert [asked["pos_id"] for asked in memory.receipts.asked] == ["POS-001", None]


def test_every_action_has_its_need() -> None:
    assert set(NEEDS) == set(Action)

"""Every operation of the real product answers as docs/reference/openapi.json says.

The client of ``tests/support/product.py`` checks every answer of every test by that file; here each operation
is called once, so that none is left out. Answers of success are checked closed: a member that the file does
not name is an error too.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.answers import conform
from tests.support.answers.openapi import COMMITTED, METHODS
from tests.support.api import Json
from tests.support.catalog_api import settings_for
from tests.support.product import PATIENCE_S, TILL, Product, product

from kkt_adapter.emulators.g2a import G2AEmulator
from kkt_adapter.emulators.ofd import OfdFaultMode
from kkt_adapter.runtime.auth.roles import Role
from kkt_adapter.runtime.auth.settings import AuthSettings
from kkt_adapter.settings import Transport

KEY = "Idempotency-Key"
PASSWORD = "correct horse battery"

# A state that only a fault leads to; the client of these tests checks their answers by the same file.
ELSEWHERE = {
    "POST /v1/kkt/receipt/{receipt_id}/reprint": "test_receipts_register.py",
    "POST /v1/kkt/receipt/{receipt_id}/resolve": "test_decisions.py",
    "POST /v1/kkt/shift/resolve": "test_shift_by_request.py",
    "POST /v1/pos/cash/{movement}/resolve": "test_shtrih_product.py",
    "POST /v1/kkt/receipt/{receipt_id}/callback": "test_shop_callbacks.py",
}


class Walk:
    """Calls operations by their template and keeps which ones answered with success."""

    def __init__(self, running: Product, check: conform.Conformance) -> None:
        self.running = running
        self.check = check
        self.admin: dict[str, str] = {}

    async def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **query: Any
    ) -> Any:
        headers = self.admin | ({} if key is None else {KEY: key})
        answer = await self.running.client.request(
            method, path, json=body, params=query, headers=headers, follow_redirects=False
        )
        content_type = answer.headers.get("content-type", "")
        self.check.check(method, path, answer.status_code, content_type, answer.content)
        assert answer.status_code < 300, f"{method} {path}: {answer.text}"
        return answer.json() if "json" in content_type and "ndjson" not in content_type else answer.text


@asynccontextmanager
async def whole_product(folder: Path) -> AsyncIterator[Walk]:
    source = G2AEmulator(45)
    await source.start()
    try:
        async with product(
            folder,
            max_attempts=1,
            ofd_transport=Transport.HTTP,
            wake_on_receipt=False,
            sync_interval_s=30,
            catalog=settings_for(source, folder, configured=True),
            sign_in=AuthSettings.model_validate({"secret": "4f1c0f0e9a7b4d6e8c2a5b3d7e9f1a2c"}),
        ) as running:
            await running.services.auth.accounts.add("anna", Role.ADMIN, password=PASSWORD)
            yield Walk(running, conform.Conformance(json.loads(COMMITTED.read_text(encoding="utf-8"))))
    finally:
        await source.stop()


async def test_every_operation_answers_as_the_description_says(tmp_path: Path) -> None:
    async with whole_product(tmp_path) as walk:
        await sign_in(walk)
        receipt = await sell(walk)
        await look(walk, receipt["receipt_id"])
        await registers(walk)
        await dead_letters(walk)
        await catalogue(walk)
        await accounts(walk)
    described = {
        f"{method.upper()} {path}"
        for path, methods in json.loads(COMMITTED.read_text(encoding="utf-8"))["paths"].items()
        for method in METHODS
        if method in methods
    }
    missing = described - walk.check.seen - set(ELSEWHERE)
    assert missing == set(), "call the new operation in this test, so that its answer is checked"


async def sign_in(walk: Walk) -> None:
    signed_in = await walk.call("POST", "/api/v1/auth/login", {"username": "anna", "password": PASSWORD})
    walk.admin = {"Authorization": f"Bearer {signed_in['access_token']}"}
    await walk.call("GET", "/api/v1/auth/me")


async def sell(walk: Walk) -> Json:
    await walk.call("POST", "/v1/pos/session/open", {"pos_id": TILL, "opening_cash": 500}, key="s-1")
    body = {
        "pos_id": TILL,
        "type": "sale",
        "items": [{"name": "Сыр", "price": "899.90", "quantity": "0.254", "vat_rate": "10", "unit": "кг"}],
        "payments": [{"type": "cash", "amount": "228.57"}],
    }
    accepted: Json = await walk.call("POST", "/v1/kkt/receipt", body, key="r-1")
    assert accepted == await walk.call("POST", "/v1/kkt/receipt", body, key="r-1")
    await walk.running.state_of(accepted["receipt_id"], print_state="printed")
    await sync(walk)
    await walk.call("POST", "/v1/pos/cash", {"pos_id": TILL, "type": "cash_in", "amount": 10, "reason": "x"})
    await walk.call("GET", "/v1/pos/cash")
    await walk.call("GET", f"/v1/pos/session/{TILL}")
    return accepted


async def sync(walk: Walk) -> None:
    """A pass by hand, after the one that may be running."""
    async with asyncio.timeout(PATIENCE_S):
        while walk.running.services.worker._passing.locked():  # noqa: ASYNC110 - it has no event for that
            await asyncio.sleep(0.01)
        await walk.call("POST", "/v1/kkt/buffer/sync", force=True)


async def look(walk: Walk, receipt_id: str) -> None:
    await walk.call("GET", "/v1/kkt/receipt", idempotency_key="r-1")
    await walk.call("POST", "/v1/pos/refund", {"original_receipt_id": receipt_id})
    for part in ("", "/slip", "/qr"):
        await walk.call("GET", f"/v1/kkt/receipt/{receipt_id}{part}")
    detail = await walk.call("GET", f"/v1/kkt/receipt/{receipt_id}")
    fn_number, _, number = detail["fiscal_doc_id"].partition("-")
    await walk.call("GET", f"/v1/kkt/documents/{fn_number}/{number}", compare="true")
    for path in (
        "/", "/health", "/ready", "/v1/health", "/metrics", "/v1/kkt/receipts", "/v1/kkt/buffer/status",
        "/v1/kkt/buffer/logs", "/v1/kkt/worker/status", "/v1/kkt/clocks", "/v1/kkt/heartbeat/status",
        "/v1/export/events", "/api/v1/status", "/api/v1/alerts", "/api/v1/alerts/history",
        "/api/v1/sales/today", "/v1/kkt/status", "/v1/kkt/ready",
    ):  # fmt: skip
        await walk.call("GET", path)
    await walk.call("POST", "/v1/kkt/circuit_breaker/reset")
    await walk.call("PATCH", "/v1/admin/buffer", {"capacity": 300})
    await walk.call("POST", "/v1/pos/maintenance", {"reason": "Замена ФН"})
    await walk.call("GET", "/v1/pos/maintenance")
    assert (await walk.call("GET", "/v1/health"))["maintenance"] == "Замена ФН"
    await walk.call("DELETE", "/v1/pos/maintenance")
    for action in ("hold", "drain", "release"):
        await walk.call("POST", f"/v1/kkt/registers/{TILL}/{action}", {"reason": "Лента"})
    await walk.call("GET", "/v1/admin/clock")
    await walk.call("POST", "/v1/admin/clock/confirm", {"reason": "Сверено"})


async def registers(walk: Walk) -> None:
    await walk.call("POST", "/v1/kkt/x_report", {"pos_id": TILL})
    await walk.call("POST", "/v1/pos/session/close", {"pos_id": TILL})
    await walk.call("POST", "/v1/kkt/z_report", {"pos_id": TILL}, key="z-1")
    await walk.call("POST", "/v1/kkt/shift/open", {"pos_id": TILL}, key="o-1")
    await walk.call("GET", "/v1/kkt/status")


async def dead_letters(walk: Walk) -> None:
    """The operator refuses three receipts to the end, which is one attempt here."""
    await walk.running.break_operator(OfdFaultMode.CODE, code=422)
    for _ in range(3):
        (answer,) = await walk.running.sell(1)
        await walk.running.state_of(answer["receipt_id"], print_state="printed")
    while len((await walk.call("GET", "/v1/kkt/dlq"))["items"]) < 3:
        await sync(walk)
    await walk.call("GET", "/api/v1/alerts")
    await walk.running.repair_operator()
    await walk.call("GET", "/v1/kkt/dlq/1")
    await walk.call("POST", "/v1/kkt/dlq/1/retry")
    await walk.call("POST", "/v1/kkt/dlq/2/resolve", {"note": "told by telephone"})
    open_ones = {"filter": {"register_id": TILL}, "expected_count": 1}
    await walk.call("POST", "/v1/kkt/dlq/resolve", open_ones | {"note": "told", "outcome": "written_off"})
    await walk.call("POST", "/v1/kkt/dlq/retry", open_ones | {"expected_count": 0})


async def catalogue(walk: Walk) -> None:
    await walk.call("POST", "/api/v1/products/sync", page=1)
    started = await walk.call("POST", "/api/v1/products/sync", key="sync-1")
    run = f"/api/v1/scheduler/runs/{started['run_id']}"
    events = await walk.call("GET", f"{run}/events")  # ends with the run
    assert "event: end" in events
    await walk.call("GET", run)
    await walk.call("GET", f"{run}/errors")
    found = await walk.call("GET", "/api/v1/products", include_total=True, limit=2)
    product_id = found["items"][0]["id"]
    for path in (
        "", "/facets", f"/changes?since={found['catalogue_revision'] - 5}", "/export",
        f"/{product_id}", f"/{product_id}/history",
    ):  # fmt: skip
        plain, _, query = path.partition("?")
        await walk.call(
            "GET", f"/api/v1/products{plain}", **dict(p.split("=") for p in query.split("&") if p)
        )
    for path in ("status", "jobs", "jobs/daily_product_sync", "runs"):
        await walk.call("GET", f"/api/v1/scheduler/{path}")
    await walk.call("PUT", "/api/v1/scheduler/schedule/daily", hour=3, minute=30)
    await walk.call("DELETE", "/api/v1/scheduler/schedule/daily")
    again = await walk.call("POST", "/api/v1/scheduler/sync/manual", full=True)
    await walk.call("POST", f"/api/v1/scheduler/runs/{again['run_id']}/cancel")


async def accounts(walk: Walk) -> None:
    await walk.call("POST", "/api/v1/accounts", {"username": "olga", "password": PASSWORD, "role": "manager"})
    await walk.call("GET", "/api/v1/accounts")
    await walk.call("GET", "/api/v1/accounts/olga")
    await walk.call("PATCH", "/api/v1/accounts/olga", {"disabled": True})
    await walk.call("PUT", "/api/v1/accounts/olga/password", {"password": "another long one"})
    made = await walk.call("POST", "/api/v1/till-tokens", {"scope": "pos", "pos_ids": [TILL]})
    await walk.call("GET", "/api/v1/till-tokens")
    await walk.call("DELETE", f"/api/v1/till-tokens/{made['id']}")
    await walk.call(
        "POST", "/api/v1/auth/password", {"current_password": PASSWORD, "new_password": "another long one"}
    )


@pytest.mark.parametrize("broken", [{"status": "ok", "more": 1}, {}])
def test_the_check_finds_members_that_are_missing_or_not_described(broken: Json) -> None:
    check = conform.Conformance(json.loads(COMMITTED.read_text(encoding="utf-8")))
    with pytest.raises(AssertionError, match=r"not as openapi\.json says"):
        check.check("GET", "/health", 200, "application/json", json.dumps(broken).encode())

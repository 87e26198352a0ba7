"""schemathesis makes requests of the description and checks that each answer is one that it has.

A real product behind a real server; few requests for each operation, the same in every run. What the answers
mean is tested elsewhere: no status, media type, code or shape may come that the description does not name.
"""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from schemathesis.checks import CHECKS
from tests.support.answers.openapi import COMMITTED
from tests.support.api import bare_services, served
from tests.support.product import product

from kkt_adapter.api.app import create_api
from kkt_adapter.api.settings import ApiSettings
from kkt_adapter.runtime.auth.roles import Role
from kkt_adapter.runtime.auth.settings import AuthSettings

EACH = 4  # requests for one operation
NAMES = ("status_code_conformance", "content_type_conformance", "response_schema_conformance")
# A stream that lasts as long as its run, and the change of the very password this test is signed in with.
LEFT_OUT = {"GET /api/v1/scheduler/runs/{run_id}/events", "POST /api/v1/auth/password"}
LAST = {"POST /v1/pos/maintenance"}  # refuses receipts from then on


async def test_no_request_gets_an_answer_that_the_description_does_not_have(tmp_path: Path) -> None:
    sign_in = AuthSettings.model_validate({"secret": "4f1c0f0e9a7b4d6e8c2a5b3d7e9f1a2c"})
    async with product(tmp_path, sign_in=sign_in, response_budget_s=0.2) as running:
        auth = running.services.auth
        admin = await auth.accounts.add("anna", Role.ADMIN, password="correct horse battery")
        headers = {"Authorization": f"Bearer {auth.tokens.issue(admin).text}"}
        await running.sell(1)
        async with served(running.services.app) as port:
            called = await asyncio.to_thread(fuzz, f"http://127.0.0.1:{port}", headers, committed())
    assert called > 200


async def test_an_answer_that_the_description_does_not_have_is_found() -> None:
    wrong = committed()
    wrong["paths"] = {"/health": wrong["paths"]["/health"]}
    wrong["components"]["schemas"]["Alive"]["properties"]["status"]["const"] = "dead"
    async with served(create_api(bare_services(), ApiSettings())) as port:
        with pytest.raises(schemathesis.errors.FailureGroup, match="Response violates schema"):
            await asyncio.to_thread(fuzz, f"http://127.0.0.1:{port}", {}, wrong)


def committed() -> Any:
    return json.loads(COMMITTED.read_text(encoding="utf-8"))


def fuzz(base_url: str, headers: dict[str, str], document: Any) -> int:
    """Call every operation; returns the number of requests. Raises on the first answer that does not fit."""
    schema = schemathesis.openapi.from_dict(document)
    checks = [CHECKS.get_one(name) for name in NAMES]
    called = 0
    for operation in in_order(schema):

        @examples(
            max_examples=EACH,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def call(case: Any) -> None:
            nonlocal called
            called += 1
            response = case.call(base_url=base_url, headers=headers, timeout=30)
            case.validate_response(response, checks=checks)

        call()
    return called


def in_order(schema: Any) -> Iterator[Any]:
    found = {operation.label: operation for operation in (one.ok() for one in schema.get_all_operations())}
    for label in sorted(found, key=lambda label: (label in LAST, label)):
        if label not in LEFT_OUT:
            yield found[label]

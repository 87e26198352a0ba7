"""Who may ask what of the scheduler over HTTP, and what is refused: real routes, real service, SQLite."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.support.catalog_api import CatalogApi, open_catalog_api

from kkt_adapter.runtime.auth.roles import Role


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def untouched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CatalogApi]:
    """One node for all tests that change nothing."""
    async with open_catalog_api(tmp_path_factory.mktemp("untouched"), running=False) as opened:
        yield opened


OPEN, VIEWER, MANAGER, ADMIN = None, Role.VIEWER, Role.MANAGER, Role.ADMIN
ROUTES: list[tuple[str, str, Role | None]] = [
    ("GET", "/scheduler/status", OPEN),
    ("GET", "/scheduler/runs", VIEWER),
    ("GET", "/scheduler/runs/none", VIEWER),
    ("GET", "/scheduler/runs/none/errors", VIEWER),
    ("GET", "/scheduler/runs/none/events", VIEWER),
    ("GET", "/scheduler/jobs", MANAGER),
    ("GET", "/scheduler/jobs/daily_product_sync", MANAGER),
    ("POST", "/products/sync", MANAGER),
    ("POST", "/products/sync?page=1", MANAGER),
    ("POST", "/scheduler/sync/manual", MANAGER),
    ("POST", "/scheduler/runs/none/cancel", MANAGER),
    ("POST", "/products/sync?force_sweep=true", ADMIN),
    ("POST", "/scheduler/sync/manual?force_sweep=true", ADMIN),
    ("PUT", "/scheduler/schedule/daily?hour=3", ADMIN),
    ("DELETE", "/scheduler/schedule/daily", ADMIN),
]


@pytest.mark.parametrize(("method", "path", "needed"), ROUTES)
async def test_every_route_asks_for_its_role(
    resting: CatalogApi, method: str, path: str, needed: Role | None
) -> None:
    for caller, header in resting.callers.items():
        answer = await resting.client.request(method, f"/api/v1{path}", headers=header)
        if needed is None:
            assert answer.status_code == 200, caller
        elif caller in ("nobody", "garbage", "expired", "alg none"):
            assert answer.status_code == 401, caller
            assert answer.headers["www-authenticate"] == "Bearer"
        elif caller in ("till", "reader") or not Role(caller).covers(needed):
            assert answer.status_code == 403, caller
            assert answer.json()["code"] == "FORBIDDEN"
        else:
            assert answer.status_code in (200, 202, 404, 409), caller


UNFIT: list[tuple[str, str, str]] = [
    ("POST", "/products/sync?page=0", "page"),
    ("POST", "/products/sync?page=-3", "page"),
    ("POST", "/products/sync?page=1e9", "page"),
    ("POST", "/products/sync?page=100001", "page"),
    ("POST", "/products/sync?page=", "page"),
    ("POST", "/products/sync?page=two", "page"),
    ("POST", "/products/sync?page=1.5", "page"),
    ("POST", "/products/sync?page=1&full=true", "page"),
    ("POST", "/products/sync?full=perhaps", "full"),
    ("POST", "/scheduler/sync/manual?force_sweep=2", "force_sweep"),
    ("POST", "/products/sync?ful=true", "ful"),
    ("POST", "/scheduler/sync/manual?page=1", "page"),
    ("POST", "/scheduler/runs/none/cancel?force=1", "force"),
    ("DELETE", "/scheduler/schedule/daily?hour=3", "hour"),
    ("PUT", "/scheduler/schedule/daily?hour=3&timezone=UTC", "timezone"),
    ("PUT", "/scheduler/schedule/daily", "hour"),
    ("PUT", "/scheduler/schedule/daily?minute=5", "hour"),
    ("PUT", "/scheduler/schedule/daily?hour=", "hour"),
    ("PUT", "/scheduler/schedule/daily?hour=24", "hour"),
    ("PUT", "/scheduler/schedule/daily?hour=-1", "hour"),
    ("PUT", "/scheduler/schedule/daily?hour=abc", "hour"),
    ("PUT", "/scheduler/schedule/daily?hour=2.5", "hour"),
    ("PUT", "/scheduler/schedule/daily?hour=2&minute=60", "minute"),
    ("PUT", "/scheduler/schedule/daily?hour=2&minute=", "minute"),
    ("GET", "/scheduler/runs?limit=0", "limit"),
    ("GET", "/scheduler/runs?limit=201", "limit"),
    ("GET", "/scheduler/runs?status=sleeping", "status"),
    ("GET", "/scheduler/runs?trigger=moon", "trigger"),
    ("GET", "/scheduler/runs?cursor=forged", "cursor"),
]


@pytest.mark.parametrize(("method", "path", "field"), UNFIT)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_does_not_fit_is_refused_by_name_and_changes_nothing(
    untouched: CatalogApi, method: str, path: str, field: str
) -> None:
    before = await untouched.json("/scheduler/status")
    answer = await untouched.client.request(method, f"/api/v1{path}", headers=untouched.callers["admin"])
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "VALIDATION_ERROR"
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert await untouched.json("/scheduler/status") == before
    assert (await untouched.json("/scheduler/runs"))["items"] == []


UNFIT_BODIES: list[tuple[str, str, object, str]] = [
    ("POST", "/products/sync", {"page": 1}, "body"),
    ("POST", "/scheduler/sync/manual", [1], "body"),
    ("DELETE", "/scheduler/schedule/daily", {"hour": 3}, "body"),
    ("PUT", "/scheduler/schedule/daily", {"hour": 24}, "hour"),
    ("PUT", "/scheduler/schedule/daily", {"hour": 2.5}, "hour"),
    ("PUT", "/scheduler/schedule/daily", {"hour": True}, "hour"),
    ("PUT", "/scheduler/schedule/daily", {"minute": 5}, "hour"),
    ("PUT", "/scheduler/schedule/daily", {"hour": 3, "second": 5}, "second"),
    ("PUT", "/scheduler/schedule/daily?hour=3", {"hour": 3}, "body"),
    ("PUT", "/scheduler/schedule/daily", ["hour"], "body"),
]


@pytest.mark.parametrize(("method", "path", "body", "field"), UNFIT_BODIES)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_body_that_nobody_reads_is_refused_and_changes_nothing(
    untouched: CatalogApi, method: str, path: str, body: object, field: str
) -> None:
    before = await untouched.json("/scheduler/status")
    admin = untouched.callers["admin"]
    answer = await untouched.client.request(method, f"/api/v1{path}", headers=admin, json=body)
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert await untouched.json("/scheduler/status") == before
    assert (await untouched.json("/scheduler/runs"))["items"] == []


@pytest.mark.asyncio(loop_scope="module")
async def test_a_refusal_says_the_allowed_range_in_the_language_of_the_reader(untouched: CatalogApi) -> None:
    admin = untouched.callers["admin"]
    for language, said in [("en", "from 0 to 23"), ("ru", "от 0 до 23")]:
        answer = await untouched.client.put(
            "/api/v1/scheduler/schedule/daily?hour=24", headers=admin | {"Accept-Language": language}
        )
        assert said in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/scheduler/runs/none"),
        ("GET", "/scheduler/runs/none/errors"),
        ("GET", "/scheduler/runs/none/events"),
        ("POST", "/scheduler/runs/none/cancel"),
        ("GET", "/scheduler/jobs/none"),
        ("GET", "/scheduler/jobs/manual_product_sync_none"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_unknown_ids_are_not_found(untouched: CatalogApi, method: str, path: str) -> None:
    answer = await untouched.client.request(method, f"/api/v1{path}", headers=untouched.callers["admin"])
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "NOT_FOUND"


@pytest.mark.asyncio(loop_scope="module")
async def test_the_documentation_knows_every_route_and_points_nowhere_else(untouched: CatalogApi) -> None:
    document = (await untouched.client.get("/openapi.json")).json()
    for method, path, _ in ROUTES:
        plain = path.partition("?")[0].replace("runs/none", "runs/{run_id}")
        plain = plain.replace("jobs/daily_product_sync", "jobs/{job_id}")
        assert method.lower() in document["paths"][f"/api/v1{plain}"]
    hours = document["paths"]["/api/v1/scheduler/schedule/daily"]["put"]["parameters"][0]["schema"]["anyOf"][
        0
    ]
    assert (hours["type"], hours["minimum"], hours["maximum"]) == ("integer", 0, 23)
    for reference in references(document):
        found = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for member in value.values() for found in references(member)]
    if isinstance(value, list):
        return [found for member in value for found in references(member)]
    return []

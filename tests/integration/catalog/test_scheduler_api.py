"""The scheduler and the runs over HTTP: real routes, real service, SQLite, a stand-in for the source."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.support.catalog import SkippingClock
from tests.support.catalog_api import CatalogApi, open_catalog_api

from kkt_adapter.catalog.runs import RunStatus
from kkt_adapter.emulators.g2a import Faults
from kkt_adapter.runtime.auth.roles import Role

RUN_MEMBERS = {
    *("run_id", "job_id", "trigger", "triggered_by", "node", "slot", "generation", "status", "reason"),
    *("started_at", "finished_at", "duration_seconds", "resumed_from", "pages_total", "pages_processed"),
    *("products_total", "products_synced", "new", "updated", "unchanged", "vanished", "reappeared"),
    *("skipped_items", "errors", "retries", "throttled", "bytes", "requests"),
}
SLOW = Faults(latency_s=0.15)


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[CatalogApi]:
    async with open_catalog_api(tmp_path) as opened:
        yield opened


@pytest.fixture
async def resting(tmp_path: Path) -> AsyncIterator[CatalogApi]:
    """A node whose service does not run: what is queued stays queued."""
    async with open_catalog_api(tmp_path, running=False) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def untouched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CatalogApi]:
    """One node for all tests that change nothing."""
    async with open_catalog_api(tmp_path_factory.mktemp("untouched"), running=False) as opened:
        yield opened


# who may what

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


# what does not fit

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


# runs


async def test_a_start_answers_at_once_and_the_run_does_its_work(api: CatalogApi) -> None:
    started = await api.post("/products/sync")
    assert started.status_code == 202
    body = started.json()
    assert set(body) == {"job_id", "run_id", "status", "message", "triggered_by"}
    assert (body["status"], body["triggered_by"]) == ("scheduled", "a.manager")
    assert body["job_id"].startswith("manual_product_sync_")
    assert started.headers["location"] == f"/api/v1/scheduler/runs/{body['run_id']}"

    assert (await api.ended(body["run_id"])).status is RunStatus.SUCCEEDED
    run = await api.json(f"/scheduler/runs/{body['run_id']}")
    assert set(run) >= RUN_MEMBERS
    assert "percent" not in run
    assert (run["status"], run["trigger"], run["triggered_by"]) == ("succeeded", "manual", "a.manager")
    assert (run["products_synced"], run["new"], run["pages_processed"]) == (60, 60, 3)
    assert datetime.fromisoformat(run["finished_at"]) >= datetime.fromisoformat(run["started_at"])


async def test_both_ways_to_start_are_the_same(resting: CatalogApi) -> None:
    started = await resting.post("/scheduler/sync/manual")
    assert started.status_code == 202
    refused = await resting.post("/products/sync")
    assert refused.status_code == 409
    assert refused.json()["code"] == "SYNC_ALREADY_RUNNING"
    assert refused.json()["run_id"] == started.json()["run_id"]


async def test_of_fifty_starts_at_once_one_succeeds(resting: CatalogApi) -> None:
    answers = await asyncio.gather(*(resting.post("/products/sync") for _ in range(50)))
    codes = [answer.status_code for answer in answers]
    assert (codes.count(202), codes.count(409)) == (1, 49)
    assert len((await resting.json("/scheduler/runs"))["items"]) == 1


async def test_the_same_key_gives_the_first_answer_again_also_after_the_end(api: CatalogApi) -> None:
    first = await api.post("/products/sync", **{"Idempotency-Key": "evening"})
    await api.ended(first.json()["run_id"])
    again = await api.post("/products/sync", **{"Idempotency-Key": "evening"})
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["location"] == first.headers["location"]
    other = await api.post("/products/sync", **{"Idempotency-Key": "morning"})
    assert other.json()["run_id"] != first.json()["run_id"]
    await api.ended(other.json()["run_id"])


async def test_a_manual_job_stays_readable_after_its_run(api: CatalogApi) -> None:
    record = await api.synced()
    job = (await api.json(f"/scheduler/jobs/{record.job_id}", by="manager"))["job"]
    assert (job["id"], job["run_id"], job["status"]) == (record.job_id, record.run_id, "succeeded")
    assert job["last_run"]["run_id"] == record.run_id
    assert job["progress"] is None


async def test_runs_are_listed_newest_first_page_by_page(api: CatalogApi) -> None:
    made = [(await api.synced()).run_id for _ in range(3)]
    page = await api.post("/products/sync?page=1")
    made.append(page.json()["run_id"])
    seen: list[str] = []
    path = "/scheduler/runs?limit=2"
    while True:
        listing = await api.json(path)
        seen += [run["run_id"] for run in listing["items"]]
        if listing["next_cursor"] is None:
            break
        path = f"/scheduler/runs?limit=2&cursor={listing['next_cursor']}"
    assert seen == made[::-1]
    by_page = await api.json("/scheduler/runs?trigger=page")
    assert [run["run_id"] for run in by_page["items"]] == made[3:]
    assert (await api.json("/scheduler/runs?status=failed"))["items"] == []


async def test_broken_entries_are_named(tmp_path: Path) -> None:
    async with open_catalog_api(tmp_path) as api:
        item = api.source.catalogue.items[7]
        api.source.catalogue.change(7, type(item)(item.number, item.cents, item.qty, broken="price"))
        record = await api.synced()
        listing = await api.json(f"/scheduler/runs/{record.run_id}/errors")
        assert listing["total"] == 1
        assert (listing["items"][0]["kind"], listing["items"][0]["product_id"]) == ("item", item.id)
        assert (await api.json(f"/scheduler/runs/{record.run_id}"))["skipped_items"] == 1


async def test_a_run_is_cancelled_once(tmp_path: Path) -> None:
    async with open_catalog_api(tmp_path, products_at_source=2000, faults=SLOW) as api:
        run_id = (await api.post("/products/sync")).json()["run_id"]
        cancelled = await api.post(f"/scheduler/runs/{run_id}/cancel")
        assert cancelled.status_code == 202
        assert cancelled.json()["run_id"] == run_id
        assert (await api.ended(run_id)).status is RunStatus.CANCELLED
        again = await api.post(f"/scheduler/runs/{run_id}/cancel")
        assert (again.status_code, again.json()["code"]) == (409, "NOT_RUNNING")


async def test_progress_is_streamed_to_the_end(tmp_path: Path) -> None:
    async with open_catalog_api(tmp_path, products_at_source=400, faults=SLOW) as api:
        run_id = (await api.post("/products/sync")).json()["run_id"]
        stream = await api.get(f"/scheduler/runs/{run_id}/events", Accept="text/event-stream")
        assert stream.headers["content-type"].startswith("text/event-stream")
        events = parsed(stream.text)
        assert [name for name, _ in events][-1] == "end"
        assert {name for name, _ in events[:-1]} == {"progress"}
        assert events[-1][1]["status"] == "succeeded"
        percents = [run["percent"] for name, run in events if name == "progress"]
        assert percents == sorted(percents)
        assert all({"phase", "pages_per_second", "eta_seconds"} <= set(run) for _, run in events[:-1])


async def test_the_stream_of_an_ended_run_is_its_end(api: CatalogApi) -> None:
    record = await api.synced()
    events = parsed((await api.get(f"/scheduler/runs/{record.run_id}/events")).text)
    assert [(name, run["status"]) for name, run in events] == [("end", "succeeded")]


async def test_the_stream_of_a_run_that_nobody_works_on_comes_to_an_end(tmp_path: Path) -> None:
    """Its node was killed, or is configured no longer: whoever follows is told instead of kept waiting."""
    async with open_catalog_api(tmp_path, running=False, clock=SkippingClock()) as api:
        run_id = (await api.post("/products/sync")).json()["run_id"]
        events = parsed((await api.get(f"/scheduler/runs/{run_id}/events")).text)
        assert [(name, run["status"]) for name, run in events] == [
            ("progress", "queued"),
            ("rest", "queued"),
        ]


def parsed(text: str) -> list[tuple[str, Any]]:
    """Events of a stream as (name, JSON value)."""
    events = []
    for block in text.replace("\r\n", "\n").strip().split("\n\n"):
        members = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        if members:
            events.append((members["event"], json.loads(members["data"])))
    return events


# one page


async def test_one_page_is_read_and_stored_before_the_answer(resting: CatalogApi) -> None:
    answer = await resting.post("/products/sync?page=2")
    assert answer.status_code == 200
    body = answer.json()
    assert body.pop("duration_seconds") >= 0
    run_id = body.pop("run_id")
    assert body == {
        "status": "completed",
        "page": 2,
        "last_page": 3,
        "products_fetched": 20,
        "products_saved": 20,
        "new": 20,
        "updated": 0,
        "unchanged": 0,
        "errors": 0,
    }
    assert (await resting.json(f"/scheduler/runs/{run_id}"))["trigger"] == "page"
    assert (await resting.json("/products?include_total=true"))["total"] == 20


async def test_a_page_past_the_end_is_empty_and_says_where_the_end_is(resting: CatalogApi) -> None:
    body = (await resting.post("/products/sync?page=99")).json()
    assert (body["last_page"], body["products_fetched"], body["products_saved"]) == (3, 0, 0)


@pytest.mark.parametrize(
    ("faults", "status", "code"),
    [
        (Faults(auth_code="AUTH01"), 502, "SOURCE_AUTH_FAILED"),
        (Faults(every_429=1, retry_after_s=400.0), 503, "SOURCE_THROTTLED"),
    ],
)
async def test_trouble_at_the_source_is_told(tmp_path: Path, faults: Faults, status: int, code: str) -> None:
    async with open_catalog_api(tmp_path, faults=faults, running=False) as api:
        answer = await api.post("/products/sync?page=1")
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        if status == 503:
            assert int(answer.headers["retry-after"]) > 300


@pytest.mark.parametrize("path", ["/products/sync", "/products/sync?page=1", "/scheduler/sync/manual"])
async def test_without_credentials_a_sync_is_refused_and_everything_else_answers(
    tmp_path: Path, path: str
) -> None:
    async with open_catalog_api(tmp_path, configured=False) as api:
        refused = await api.post(path)
        assert (refused.status_code, refused.json()["code"]) == (503, "SOURCE_NOT_CONFIGURED")
        assert (await api.json("/scheduler/status"))["status"] == "healthy"
        assert (await api.json("/products"))["items"] == []


# the schedule


async def test_the_status_is_for_everybody_and_names_nobody(api: CatalogApi) -> None:
    await api.synced()
    answer = await api.get("/scheduler/status", by="nobody")
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {
        *("scheduler_running", "status", "total_jobs", "daily_sync_scheduled", "daily_sync_next_run"),
        *("schedule", "sync_running", "last_run", "log_file_ok"),
    }
    assert (body["scheduler_running"], body["status"], body["sync_running"]) == (True, "healthy", False)
    assert body["schedule"] == {"hour": 2, "minute": 0, "timezone": "UTC", "source": "env"}
    assert body["daily_sync_next_run"].endswith("T02:00:00Z")
    assert set(body["last_run"]) == {"run_id", "trigger", "status", "finished_at"}
    assert body["log_file_ok"] is True
    for private in ("a.admin", "node-1", "127.0.0.1"):
        assert private not in answer.text


async def test_a_service_that_does_not_run_is_stopped_and_still_answers(resting: CatalogApi) -> None:
    body = await resting.json("/scheduler/status")
    assert (body["scheduler_running"], body["status"]) == (False, "stopped")


async def test_the_daily_job_is_moved_and_reset(api: CatalogApi) -> None:
    admin = api.callers["admin"]
    moved = await api.client.put("/api/v1/scheduler/schedule/daily?hour=3&minute=30", headers=admin)
    assert moved.status_code == 200
    body = moved.json()
    assert body["message"] == "Daily sync rescheduled to 03:30 UTC"
    assert (body["new_schedule"], body["rescheduled_by"]) == ("03:30 UTC", "a.admin")
    assert body["next_run_time"].endswith("T03:30:00Z")
    status = await api.json("/scheduler/status")
    assert status["schedule"] == {"hour": 3, "minute": 30, "timezone": "UTC", "source": "api"}
    assert status["daily_sync_next_run"] == body["next_run_time"]
    again = await api.client.put("/api/v1/scheduler/schedule/daily?hour=3&minute=30", headers=admin)
    assert again.status_code == 200

    reset = await api.client.delete("/api/v1/scheduler/schedule/daily", headers=admin)
    assert reset.status_code == 200
    assert reset.json()["new_schedule"] == "02:00 UTC"
    assert (await api.json("/scheduler/status"))["schedule"]["source"] == "env"


@pytest.mark.parametrize(
    ("body", "time"),
    [({"hour": 3, "minute": 30}, "03:30 UTC"), ({"hour": 4.0}, "04:00 UTC"), ({"hour": "5"}, "05:00 UTC")],
)
async def test_the_time_may_stand_in_a_body(resting: CatalogApi, body: object, time: str) -> None:
    moved = await resting.client.put(
        "/api/v1/scheduler/schedule/daily", headers=resting.callers["admin"], json=body
    )
    assert moved.json()["new_schedule"] == time


async def test_minutes_default_to_the_full_hour(api: CatalogApi) -> None:
    moved = await api.client.put("/api/v1/scheduler/schedule/daily?hour=0", headers=api.callers["admin"])
    assert moved.json()["new_schedule"] == "00:00 UTC"


async def test_jobs_name_the_daily_one_first(api: CatalogApi) -> None:
    listing = await api.json("/scheduler/jobs", by="manager")
    assert listing["total_jobs"] == len(listing["jobs"]) == 1
    job = listing["jobs"][0]
    assert set(job) == {"id", "name", "trigger", "next_run_time", "status", "run_id"}
    assert (job["id"], job["name"]) == ("daily_product_sync", "Daily Product Sync")
    assert job["trigger"] == "cron[hour='2', minute='0']"
    whole = (await api.json("/scheduler/jobs/daily_product_sync", by="manager"))["job"]
    assert whole["last_run"] is None


async def test_a_manual_run_in_progress_is_a_job(resting: CatalogApi) -> None:
    started = (await resting.post("/products/sync")).json()
    listing = await resting.json("/scheduler/jobs", by="manager")
    assert [job["id"] for job in listing["jobs"]] == ["daily_product_sync", started["job_id"]]
    job = (await resting.json(f"/scheduler/jobs/{started['job_id']}", by="manager"))["job"]
    assert job["progress"]["run_id"] == started["run_id"]
    assert job["progress"]["percent"] == 0


# the documentation


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

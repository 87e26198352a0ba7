"""Runs over HTTP: started, followed, cancelled and listed, and one page at once."""

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.support.catalog import SkippingClock
from tests.support.catalog_api import CatalogApi, open_catalog_api

from kkt_adapter.catalog.runs import RunStatus
from kkt_adapter.emulators.g2a import Faults

RUN_MEMBERS = {
    *("run_id", "job_id", "trigger", "triggered_by", "node", "slot", "generation", "status", "reason"),
    *("started_at", "finished_at", "duration_seconds", "resumed_from", "pages_total", "pages_processed"),
    *("products_total", "products_synced", "new", "updated", "unchanged", "vanished", "reappeared"),
    *("skipped_items", "errors", "retries", "throttled", "bytes", "requests"),
}
SLOW = Faults(latency_s=0.15)


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

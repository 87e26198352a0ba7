"""The schedule over HTTP: its status, its jobs, and the time of the daily one."""

import pytest
from tests.support.catalog_api import CatalogApi


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

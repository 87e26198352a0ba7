"""Answers about runs, jobs and the schedule: from the catalogue's records to the published names."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request

from kkt_adapter.api.body import model_of, read_model
from kkt_adapter.api.problems import WHOLE_BODY, RequestInvalid
from kkt_adapter.api.schemas.queries import Whole
from kkt_adapter.api.strict import EMPTY_BODIES
from kkt_adapter.catalog.runs import PageResult, RunError, RunListing, RunRecord
from kkt_adapter.catalog.schedule.daily import DailyTime, Rescheduled, ScheduledJob, SchedulerStatus
from kkt_adapter.kernel.errors import Text, Violation

Json = dict[str, Any]

Hour = Annotated[int, Whole(0, 23)]
Minute = Annotated[int, Whole(0, 59)]


class DailyTimeBody(BaseModel):
    """When the daily sync starts, UTC."""

    model_config = ConfigDict(extra="forbid")

    hour: Hour
    minute: Minute = 0


async def daily_time(request: Request, hour: int | None, minute: int | None) -> DailyTimeBody:
    """The time of the query or of the body. Raises RequestInvalid: none, both, or not in range."""
    in_query = {name: given for name, given in (("hour", hour), ("minute", minute)) if given is not None}
    if (await request.body()).strip() not in EMPTY_BODIES:
        if not in_query:
            return await read_model(request, DailyTimeBody)
        message = Text("says the time a second time", "время указано дважды")
        remedy = Text("Send it in the query or in the body.", "Передайте его в адресе или в теле запроса.")
        raise RequestInvalid(
            (Violation(field=WHOLE_BODY, code="given_twice", message=message, remedy=remedy),)
        )
    return model_of(in_query, DailyTimeBody)


def moment(at: datetime | None) -> str | None:
    """RFC 3339 in UTC with ``Z``; milliseconds only where there are any."""
    return None if at is None else moment_of(at)


def moment_of(at: datetime) -> str:
    """The same of a moment that is there."""
    precision = "milliseconds" if at.microsecond >= 1000 else "seconds"
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def run_answer(run: RunRecord) -> Json:
    """The run record; while the run is in progress also where it is."""
    answer: Json = {
        "run_id": run.run_id,
        "job_id": run.job_id,
        "trigger": run.trigger.value,
        "triggered_by": run.triggered_by,
        "node": run.node,
        "slot": moment(run.slot),
        "generation": run.generation,
        "status": run.status.value,
        "reason": run.reason,
        "error": run.error,
        "created_at": moment(run.created_at),
        "started_at": moment(run.started_at),
        "finished_at": moment(run.finished_at),
        "duration_seconds": round(run.duration_seconds, 3),
        "resumed_from": run.resumed_from,
        "blocked_by": run.blocked_by,
        "pages_total": run.pages_total,
        "pages_processed": run.pages_processed,
        "products_total": run.products_total,
        "products_synced": run.products_synced,
        "new": run.new,
        "updated": run.updated,
        "unchanged": run.unchanged,
        "vanished": run.vanished,
        "reappeared": run.reappeared,
        "held": run.held,
        "skipped_items": run.skipped_items,
        "errors": run.errors,
        "retries": run.retries,
        "throttled": run.throttled,
        "bytes": run.bytes,
        "requests": run.requests,
    }
    if run.in_progress:
        answer |= {
            "percent": round(run.percent, 2),
            "pages_per_second": _rounded(run.pages_per_second),
            "eta_seconds": _rounded(run.eta_seconds),
            "phase": None if run.phase is None else run.phase.value,
            "cancel_requested": run.cancel_requested,
        }
    return answer


def runs_answer(listing: RunListing) -> Json:
    return {"items": [run_answer(run) for run in listing.runs], "next_cursor": listing.next_cursor}


def errors_answer(run_id: str, errors: tuple[RunError, ...]) -> Json:
    items = [
        {
            "kind": error.kind.value,
            "page": error.page,
            "product_id": error.product_id,
            "reason": error.reason,
            "at": moment(error.at),
        }
        for error in errors
    ]
    return {"run_id": run_id, "items": items, "total": len(items)}


def started_answer(run: RunRecord) -> Json:
    """The same for the first call and for its repetition, whatever became of the run meanwhile."""
    return {
        "job_id": run.job_id,
        "run_id": run.run_id,
        "status": "scheduled",
        "message": "Product sync scheduled",
        "triggered_by": run.triggered_by,
    }


def page_answer(result: PageResult) -> Json:
    return {
        "status": "completed",
        "run_id": result.run_id,
        "page": result.page,
        "last_page": result.last_page,
        "products_fetched": result.products_fetched,
        "products_saved": result.products_saved,
        "new": result.new,
        "updated": result.updated,
        "unchanged": result.unchanged,
        "errors": result.errors,
        "duration_seconds": round(result.duration_seconds, 3),
    }


def status_answer(status: SchedulerStatus) -> Json:
    """For everybody: no user name, error text, address or host."""
    last = status.last_run
    return {
        "scheduler_running": status.scheduler_running,
        "status": status.status.value,
        "total_jobs": status.total_jobs,
        "daily_sync_scheduled": status.daily_sync_scheduled,
        "daily_sync_next_run": moment(status.daily_sync_next_run),
        "schedule": {
            "hour": status.schedule.hour,
            "minute": status.schedule.minute,
            "timezone": "UTC",
            "source": status.schedule.source.value,
        },
        "sync_running": status.sync_running,
        "last_run": None
        if last is None
        else {
            "run_id": last.run_id,
            "trigger": last.trigger.value,
            "status": last.status.value,
            "finished_at": moment(last.finished_at),
        },
        "log_file_ok": status.log_file_ok,
    }


def job_answer(job: ScheduledJob) -> Json:
    return {
        "id": job.id,
        "name": job.name,
        "trigger": job.trigger,
        "next_run_time": moment(job.next_run_time),
        "status": job.status,
        "run_id": job.run_id,
    }


def whole_job_answer(job: ScheduledJob) -> Json:
    """One job with its last run and, while one is in progress, that run."""
    return job_answer(job) | {
        "last_run": None if job.last_run is None else run_answer(job.last_run),
        "progress": None if job.progress is None else run_answer(job.progress),
    }


def rescheduled_answer(change: Rescheduled, *, verb: str) -> Json:
    time = clock_time(change.schedule)
    return {
        "message": f"Daily sync {verb} to {time}",
        "new_schedule": time,
        "next_run_time": moment(change.next_run_time),
        "rescheduled_by": change.by,
        "source": change.schedule.source.value,
    }


def clock_time(time: DailyTime) -> str:
    return f"{time.hour:02}:{time.minute:02} UTC"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)

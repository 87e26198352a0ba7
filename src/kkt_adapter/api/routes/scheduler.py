"""The catalogue's runs and their schedule: ``/api/v1/scheduler``, and ``POST /api/v1/products/sync``."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.responses import Response

from kkt_adapter.api.answer import JsonAnswer
from kkt_adapter.api.catalogue import Admin, Catalog, Manager, Viewer
from kkt_adapter.api.schemas import scheduler as shapes
from kkt_adapter.api.schemas.answers import catalogue as known
from kkt_adapter.api.schemas.documents import answers, body_of, keyed_by, text_answer
from kkt_adapter.api.schemas.examples import catalogue as examples
from kkt_adapter.api.schemas.queries import Whole
from kkt_adapter.api.schemas.requests import optional_idempotency_key
from kkt_adapter.api.services import CatalogServices
from kkt_adapter.catalog.runs import RunRecord, RunStatus, Trigger
from kkt_adapter.kernel import jsontext
from kkt_adapter.kernel.errors import InvalidInput, NotAllowed
from kkt_adapter.runtime.auth.roles import Principal, Role

MAX_PAGE = 100_000
MAX_RUNS = 200  # in one answer

router = APIRouter(prefix="/api/v1", tags=["scheduler"])

Page = Annotated[int, Whole(1, MAX_PAGE)]
Hour = Annotated[shapes.Hour, Query(description="UTC.")]
Minute = shapes.Minute
Limit = Annotated[int, Whole(1, MAX_RUNS), Query(description="At most so many runs.")]
Cursor = Annotated[str | None, Query(max_length=500, description="next_cursor of the page before.")]
Full = Annotated[bool, Query(description="Start afresh instead of resuming an interrupted run.")]
ForceSweep = Annotated[bool, Query(description="Lift the limit of the sweep for this run; admins only.")]
RunId = Annotated[str, Path(max_length=64)]

_STARTS = "IDEMPOTENCY_CONFLICT SYNC_ALREADY_RUNNING LEASE_LOST"
_READS = "SOURCE_NOT_CONFIGURED SOURCE_UNAVAILABLE SOURCE_AUTH_FAILED SOURCE_THROTTLED"
SCHEDULED = answers(
    known.RunStarted, examples.STARTED, "Scheduled.", status=202, refuses=f"{_STARTS} {_READS}"
)


@router.post(
    "/products/sync",
    status_code=202,
    responses=SCHEDULED | answers(known.PageRead, examples.PAGE, "With page: it is stored."),
    openapi_extra=keyed_by(),
    summary="Start a full run, or read one page now",
)
async def sync_products(
    request: Request,
    catalog: Catalog,
    principal: Manager,
    page: Page | None = None,
    full: Full = False,
    force_sweep: ForceSweep = False,
) -> Response:
    """Without ``page`` it answers at once and the run goes on by itself; with it, when that page is stored.

    The same Idempotency-Key within 24 hours returns the first answer. While a run is in progress on any node:
    409 SYNC_ALREADY_RUNNING with its ``run_id``.
    """
    if page is None:
        return await _start(request, catalog, principal, full=full, force_sweep=force_sweep)
    if full or force_sweep:
        raise InvalidInput(
            "full and force_sweep are for a full run: leave page out.",
            "full и force_sweep относятся к полной загрузке: уберите page.",
            field="page",
        )
    return JsonAnswer(shapes.page_answer(await catalog.sync.sync_page(page, by=principal.name)))


@router.post(
    "/scheduler/sync/manual",
    status_code=202,
    responses=SCHEDULED,
    openapi_extra=keyed_by(),
    summary="Start a full run",
)
async def sync_manually(
    request: Request,
    catalog: Catalog,
    principal: Manager,
    full: Full = False,
    force_sweep: ForceSweep = False,
) -> Response:
    """The same as ``POST /api/v1/products/sync``."""
    return await _start(request, catalog, principal, full=full, force_sweep=force_sweep)


@router.get(
    "/scheduler/status",
    responses=answers(known.SchedulerShown, examples.STATUS),
    summary="How the scheduler is; no token needed",
)
async def scheduler_status(catalog: Catalog) -> Response:
    """``degraded``: the last run did not succeed, none did for 26 hours, or the log cannot be written."""
    return JsonAnswer(shapes.status_answer(await catalog.schedule.status()))


@router.get(
    "/scheduler/jobs",
    responses=answers(known.JobList, examples.JOBS),
    summary="The daily job and manual ones",
)
async def scheduler_jobs(catalog: Catalog, principal: Manager) -> Response:
    jobs = [shapes.job_answer(job) for job in await catalog.schedule.jobs()]
    return JsonAnswer({"jobs": jobs, "total_jobs": len(jobs)})


@router.get(
    "/scheduler/jobs/{job_id}",
    responses=answers(known.OneJob, examples.JOB, refuses="NOT_FOUND"),
    summary="One job",
)
async def scheduler_job(
    catalog: Catalog, principal: Manager, job_id: Annotated[str, Path(max_length=128)]
) -> Response:
    """A manual job can be read for as long as its run is kept."""
    return JsonAnswer({"job": shapes.whole_job_answer(await catalog.schedule.job(job_id))})


@router.put(
    "/scheduler/schedule/daily",
    responses=answers(known.DailyMoved, examples.RESCHEDULED),
    openapi_extra=body_of(shapes.DailyTimeBody, {"hour": 3, "minute": 30}, required=False),
    summary="Move the daily job",
)
async def move_daily_job(
    request: Request,
    catalog: Catalog,
    principal: Admin,
    hour: Hour | None = None,
    minute: Minute | None = None,
) -> Response:
    """The time stands in the query or, as JSON, in the body; ``minute`` is 0 when left out. From now on it
    wins over the environment, on all nodes and after restarts."""
    time = await shapes.daily_time(request, hour, minute)
    change = await catalog.schedule.put(time.hour, time.minute, by=principal.name)
    return JsonAnswer(shapes.rescheduled_answer(change, verb="rescheduled"))


@router.delete(
    "/scheduler/schedule/daily",
    responses=answers(known.DailyMoved, examples.RESCHEDULED),
    summary="Back to the time of the environment",
)
async def reset_daily_job(catalog: Catalog, principal: Admin) -> Response:
    change = await catalog.schedule.delete(by=principal.name)
    return JsonAnswer(shapes.rescheduled_answer(change, verb="reset"))


@router.get(
    "/scheduler/runs", responses=answers(known.RunPage, examples.RUNS), summary="List runs, newest first"
)
async def list_runs(
    catalog: Catalog,
    principal: Viewer,
    status: RunStatus | None = None,
    trigger: Trigger | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    found = await catalog.sync.runs(status=status, trigger=trigger, limit=limit, cursor=cursor)
    return JsonAnswer(shapes.runs_answer(found))


@router.get(
    "/scheduler/runs/{run_id}",
    responses=answers(known.RunShown, examples.RUN, refuses="NOT_FOUND"),
    summary="One run",
)
async def one_run(catalog: Catalog, principal: Viewer, run_id: RunId) -> Response:
    """While it is in progress also ``percent``, ``pages_per_second``, ``eta_seconds`` and ``phase``."""
    return JsonAnswer(shapes.run_answer(await catalog.sync.run(run_id)))


@router.get(
    "/scheduler/runs/{run_id}/errors",
    responses=answers(known.RunErrors, examples.RUN_ERRORS, refuses="NOT_FOUND"),
    summary="Pages given up and entries skipped",
)
async def run_errors(catalog: Catalog, principal: Viewer, run_id: RunId) -> Response:
    return JsonAnswer(shapes.errors_answer(run_id, await catalog.sync.errors(run_id)))


@router.post(
    "/scheduler/runs/{run_id}/cancel",
    status_code=202,
    responses=answers(
        known.RunCancelled,
        examples.CANCELLED,
        "It will stop within five seconds.",
        status=202,
        refuses="NOT_FOUND NOT_RUNNING",
    ),
    summary="Stop a run",
)
async def cancel_run(catalog: Catalog, principal: Manager, run_id: RunId) -> Response:
    """What is stored stays. 409 NOT_RUNNING when it has ended or is being cancelled already."""
    run = await catalog.sync.cancel(run_id, by=principal.name)
    answer = {"run_id": run.run_id, "status": run.status.value, "message": "Cancellation requested"}
    return JsonAnswer(answer, status_code=202)


async def _known_run(catalog: Catalog, principal: Viewer, run_id: RunId) -> RunRecord:
    """Raises RunNotFound, while a 404 can still be said."""
    return await catalog.sync.run(run_id)


@router.get(
    "/scheduler/runs/{run_id}/events",
    response_class=EventSourceResponse,
    responses=text_answer(
        "text/event-stream", examples.RUN_EVENTS, "Server-sent events.", refuses="NOT_FOUND"
    ),
    summary="Follow a run by server-sent events",
)
async def run_events(
    catalog: Catalog, run: Annotated[RunRecord, Depends(_known_run)]
) -> AsyncIterator[ServerSentEvent]:
    """``progress`` at most twice a second, one ``end`` with the final record, then the stream ends.

    ``rest`` in place of ``end``: the run is not over, but no node has worked on it for a minute.
    """
    shown = None
    async for record in catalog.sync.progress(run.run_id):
        event = "rest" if record == shown else "progress" if record.in_progress else "end"
        yield ServerSentEvent(event=event, raw_data=jsontext.encode(shapes.run_answer(record)))
        shown = record


async def _start(
    request: Request, catalog: CatalogServices, principal: Principal, *, full: bool, force_sweep: bool
) -> Response:
    if force_sweep and not principal.covers(Role.ADMIN):
        raise NotAllowed("force_sweep needs an account with role admin.", "Для force_sweep нужна роль admin.")
    run = await catalog.sync.start(
        by=principal.name, full=full, force_sweep=force_sweep, key=optional_idempotency_key(request)
    )
    place = {"Location": f"/api/v1/scheduler/runs/{run.run_id}"}
    return JsonAnswer(shapes.started_answer(run), status_code=202, headers=place)

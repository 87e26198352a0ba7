"""The buffer and its delivery: status, sync by hand, events, breaker, capacity (delivery.md, health.md)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from kkt_adapter.api.access import Action
from kkt_adapter.api.answer import JsonAnswer
from kkt_adapter.api.body import read_model
from kkt_adapter.api.deps import Services, may
from kkt_adapter.api.schemas import buffer as fill
from kkt_adapter.api.schemas.answers import buffer as shapes
from kkt_adapter.api.schemas.documents import answers, body_of
from kkt_adapter.api.schemas.examples import buffer as examples
from kkt_adapter.api.schemas.requests import CapacityBody, EventName, LevelName, Limit, PageNumber, Since
from kkt_adapter.api.schemas.shown.administration import capacity_answer
from kkt_adapter.api.schemas.shown.receipts import event_log_answer
from kkt_adapter.runtime.auth.roles import Principal

router = APIRouter(tags=["buffer"])

StatusReader = Annotated[Principal, Depends(may(Action.STATUS))]


@router.get(
    "/v1/kkt/buffer/status",
    responses=answers(shapes.BufferStatus, examples.BUFFER_STATUS),
    summary="How full the buffer is",
)
async def buffer_status(services: Services, principal: StatusReader) -> Response:
    """Counts, the oldest undelivered receipt, the last sync and the alerts, all from one snapshot."""
    return JsonAnswer(fill.buffer_answer(await services.summary.buffer_status()))


@router.post(
    "/v1/kkt/buffer/sync",
    responses=answers(shapes.SyncResult, examples.SYNC, refuses="SYNC_IN_PROGRESS"),
    summary="Deliver now",
)
async def sync(
    services: Services,
    principal: Annotated[Principal, Depends(may(Action.SYNC))],
    force: Annotated[
        bool, Query(description="Ignore due times and back-off, and try once through an open breaker.")
    ] = False,
) -> Response:
    """Goes on batch by batch for at most 25 s. 409 SYNC_IN_PROGRESS while another pass runs."""
    return JsonAnswer(fill.sync_answer(await services.delivery.sync(force=force)))


@router.get(
    "/v1/kkt/buffer/logs", responses=answers(shapes.EventLogPage, examples.LOGS), summary="What happened"
)
async def logs(
    services: Services,
    principal: Annotated[Principal, Depends(may(Action.EVENTS))],
    page: PageNumber = 1,
    limit: Limit = 100,
    level: LevelName = None,
    event_type: EventName = None,
    since: Since = None,
) -> Response:
    """Events, newest first."""
    found = await services.summary.logs(
        page=page, limit=limit, level=level, event_type=event_type, since=since
    )
    return JsonAnswer(event_log_answer(found))


@router.get(
    "/v1/kkt/worker/status",
    responses=answers(shapes.WorkerStatus, examples.WORKER),
    summary="The sync worker",
)
async def worker_status(services: Services, principal: StatusReader) -> Response:
    return JsonAnswer(fill.worker_answer(await services.delivery.status()))


@router.post(
    "/v1/kkt/circuit_breaker/reset",
    responses=answers(shapes.BreakerReset, examples.BREAKER),
    summary="Close the breaker by hand",
)
async def reset_breaker(
    services: Services, principal: Annotated[Principal, Depends(may(Action.BREAKER_RESET))]
) -> Response:
    """Sending starts again at once; five failures in a row open it again."""
    return JsonAnswer(fill.reset_answer(await services.delivery.reset_breaker(by=principal.name)))


@router.patch(
    "/v1/admin/buffer",
    responses=answers(shapes.CapacityChange, examples.CAPACITY),
    openapi_extra=body_of(CapacityBody, examples.CAPACITY_BODY),
    summary="Change the capacity",
)
async def set_capacity(
    request: Request, services: Services, principal: Annotated[Principal, Depends(may(Action.CAPACITY))]
) -> Response:
    """Works at once, without a restart. 0: no limit."""
    wanted = await read_model(request, CapacityBody)
    changed = await services.administration.set_capacity(wanted.capacity, by=principal.name)
    return JsonAnswer(capacity_answer(changed))

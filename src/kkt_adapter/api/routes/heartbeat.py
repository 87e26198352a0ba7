"""What back offices are told: the state of the heartbeat, and the same events for those that fetch them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from kkt_adapter.api.access import Action
from kkt_adapter.api.answer import JsonAnswer
from kkt_adapter.api.deps import may, services_of
from kkt_adapter.api.schemas import heartbeat as shapes
from kkt_adapter.api.schemas.answers.offices import ExportedEvents, HeartbeatStatus
from kkt_adapter.api.schemas.buffer import heartbeat_answer
from kkt_adapter.api.schemas.documents import answers
from kkt_adapter.api.schemas.requests import MAX_ROW_ID
from kkt_adapter.api.schemas.shown.offices import exported_answer
from kkt_adapter.fiscal.heartbeat.export import EventExport
from kkt_adapter.fiscal.heartbeat.service import Heartbeat
from kkt_adapter.runtime.auth.roles import Principal

MAX_EVENTS = 1000  # of one answer

router = APIRouter(tags=["back offices"])


@router.get(
    "/v1/kkt/heartbeat/status",
    responses=answers(HeartbeatStatus, shapes.STATUS),
    summary="Do back offices answer",
)
async def heartbeat_status(
    request: Request, principal: Annotated[Principal, Depends(may(Action.STATUS))]
) -> Response:
    """The one that is worst off, and each of them. Shown only: no sale, print or delivery depends on it."""
    heartbeat: Heartbeat = (await services_of(request)).heartbeat
    return JsonAnswer(heartbeat_answer(await heartbeat.status()))


@router.get(
    "/v1/export/events", responses=answers(ExportedEvents, shapes.EVENTS), summary="What became of receipts"
)
async def export_events(
    request: Request,
    principal: Annotated[Principal, Depends(may(Action.EVENTS))],
    after: Annotated[
        int, Query(ge=0, le=MAX_ROW_ID, description="next_after of the call before; 0: from the beginning.")
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_EVENTS, description="At most so many events.")] = 200,
) -> Response:
    """Oldest first. Store the events, then ``next_after``: an event comes again rather than never."""
    export: EventExport = (await services_of(request)).event_export
    return JsonAnswer(exported_answer(await export.page(after=after, limit=limit)))

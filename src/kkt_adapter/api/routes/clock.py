"""May the host's clock be believed, and a person's word that it may."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from kkt_adapter.api.access import Action
from kkt_adapter.api.answer import JsonAnswer
from kkt_adapter.api.body import read_model
from kkt_adapter.api.deps import may, services_of
from kkt_adapter.api.schemas import clock as shapes
from kkt_adapter.api.schemas.clock import ClockBody, ClockReport
from kkt_adapter.api.schemas.documents import answers, body_of
from kkt_adapter.api.schemas.shown.administration import clock_answer
from kkt_adapter.fiscal.control.clock_watch import ClockWatch
from kkt_adapter.runtime.auth.roles import Principal

router = APIRouter(tags=["clock"])


@router.get("/v1/admin/clock", responses=answers(ClockReport, shapes.REPORT), summary="Is the clock believed")
async def show(request: Request, principal: Annotated[Principal, Depends(may(Action.STATUS))]) -> Response:
    """What the host's clock shows, why it is doubted if it is, and what other clocks say."""
    watch: ClockWatch = (await services_of(request)).clock_watch
    return JsonAnswer(clock_answer(watch.report()))


@router.post(
    "/v1/admin/clock/confirm",
    responses=answers(ClockReport, shapes.REPORT),
    openapi_extra=body_of(ClockBody, shapes.BODY),
    summary="Confirm the clock",
)
async def confirm(request: Request, principal: Annotated[Principal, Depends(may(Action.CLOCK))]) -> Response:
    """The host's clock is right: what was postponed because of it goes on. Who and why is an event."""
    wanted = await read_model(request, ClockBody)
    watch: ClockWatch = (await services_of(request)).clock_watch
    return JsonAnswer(clock_answer(await watch.confirm(by=principal.name, reason=wanted.reason)))

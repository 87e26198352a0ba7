"""Maintenance mode: no new receipts, delivery goes on (health.md)."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from kkt_adapter.api.access import Action
from kkt_adapter.api.answer import JsonAnswer
from kkt_adapter.api.body import read_model
from kkt_adapter.api.deps import Services, may
from kkt_adapter.api.schemas.answers.buffer import MaintenanceBegun, MaintenanceEnded, MaintenanceState
from kkt_adapter.api.schemas.documents import answers, body_of
from kkt_adapter.api.schemas.examples import health as examples
from kkt_adapter.api.schemas.requests import MaintenanceBody
from kkt_adapter.api.schemas.shown import administration as shown
from kkt_adapter.runtime.auth.roles import Principal

router = APIRouter(tags=["maintenance"])

Administrator = Annotated[Principal, Depends(may(Action.MAINTENANCE))]


@router.post(
    "/v1/pos/maintenance",
    responses=answers(MaintenanceBegun, examples.MAINTENANCE),
    openapi_extra=body_of(MaintenanceBody, examples.MAINTENANCE_BODY),
    summary="Begin maintenance",
)
async def begin(request: Request, services: Services, principal: Administrator) -> Response:
    """Receipts are refused with 503 MAINTENANCE until it is ended."""
    wanted = await read_model(request, MaintenanceBody)
    minutes = wanted.estimated_duration_minutes
    await services.administration.begin_maintenance(reason=wanted.reason, minutes=minutes, by=principal.name)
    return JsonAnswer(shown.begun_answer(wanted.reason, minutes))


@router.get(
    "/v1/pos/maintenance",
    responses=answers(MaintenanceState, examples.MAINTENANCE_STATE),
    summary="Is maintenance on",
)
async def state(services: Services, principal: Annotated[Principal, Depends(may(Action.STATUS))]) -> Response:
    """Since when, by whom, and when it is estimated to be over."""
    return JsonAnswer(shown.maintenance_answer(await services.administration.maintenance()))


@router.delete(
    "/v1/pos/maintenance",
    responses=answers(MaintenanceEnded, examples.MAINTENANCE_ENDED, refuses="CONFLICT"),
    summary="End maintenance",
)
async def end(services: Services, principal: Administrator) -> Response:
    await services.administration.end_maintenance(by=principal.name)
    return JsonAnswer(shown.ended_answer())

"""The register itself: X and Z reports, status (contract 4.7)."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from kkt_adapter.api.access import Action, till_of
from kkt_adapter.api.answer import JsonAnswer, answer_once
from kkt_adapter.api.body import read_model
from kkt_adapter.api.deps import Services, may
from kkt_adapter.api.schemas import examples
from kkt_adapter.api.schemas.documents import answers, body_of
from kkt_adapter.api.schemas.requests import ReportBody, Till, optional_idempotency_key
from kkt_adapter.runtime.auth.roles import Principal

router = APIRouter(tags=["register"])

_REPORT_BODY = body_of(ReportBody, examples.REPORT_BODY, required=False)


@router.post(
    "/v1/kkt/x_report", responses=answers(examples.X_REPORT), openapi_extra=_REPORT_BODY, summary="X report"
)
@router.post("/v1/kkt/report/x", include_in_schema=False)
async def x_report(
    request: Request, services: Services, principal: Annotated[Principal, Depends(may(Action.X_REPORT))]
) -> Response:
    """The shift so far; changes nothing. ``pos_id`` may be left out with one register."""
    key = optional_idempotency_key(request)
    wanted = await read_model(request, ReportBody, may_be_empty=True)
    return answer_once(await services.registers.x_report(till_of(principal, wanted.pos_id), key=key))


@router.post(
    "/v1/kkt/z_report", responses=answers(examples.Z_REPORT), openapi_extra=_REPORT_BODY, summary="Z report"
)
@router.post("/v1/kkt/report/z", include_in_schema=False)
async def z_report(
    request: Request, services: Services, principal: Annotated[Principal, Depends(may(Action.Z_REPORT))]
) -> Response:
    """Closes the shift and the session. With an Idempotency-Key a repeated call gets the first answer."""
    key = optional_idempotency_key(request)
    wanted = await read_model(request, ReportBody, may_be_empty=True)
    return answer_once(await services.registers.z_report(till_of(principal, wanted.pos_id), key=key))


@router.get("/v1/kkt/status", responses=answers(examples.KKT_STATUS), summary="Device, FN and shift")
async def status(
    services: Services,
    principal: Annotated[Principal, Depends(may(Action.STATUS))],
    pos_id: Till = None,
) -> Response:
    """Days and documents the FN has left, unsent documents and the date of the oldest, the shift."""
    return JsonAnswer(await services.registers.status(till_of(principal, pos_id)))

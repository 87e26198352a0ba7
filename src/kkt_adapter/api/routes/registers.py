"""The register itself: shift, X and Z reports, status (http-api.md#register)."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from kkt_adapter.api.access import Action, till_of
from kkt_adapter.api.answer import JsonAnswer, answer_once
from kkt_adapter.api.body import read_model
from kkt_adapter.api.deps import Services, may
from kkt_adapter.api.schemas.answers import registers as shapes
from kkt_adapter.api.schemas.documents import answers, body_of
from kkt_adapter.api.schemas.examples import registers as examples
from kkt_adapter.api.schemas.refusals import OF_DEVICE
from kkt_adapter.api.schemas.requests import (
    ReportBody,
    ResolveReportBody,
    Till,
    optional_idempotency_key,
)
from kkt_adapter.api.schemas.shown import registers as shown
from kkt_adapter.api.schemas.shown.sessions import opening_answer, report_answer
from kkt_adapter.runtime.auth.roles import Principal

router = APIRouter(tags=["register"])

_REPORT_BODY = body_of(ReportBody, examples.REPORT_BODY, required=False, keyed=True)
_REFUSES = f"NOT_FOUND CONFLICT IDEMPOTENCY_CONFLICT {OF_DEVICE}"


@router.post(
    "/v1/kkt/x_report",
    responses=answers(shapes.ShiftReport, examples.X_REPORT, refuses=_REFUSES),
    openapi_extra=_REPORT_BODY,
    summary="X report",
)
@router.post("/v1/kkt/report/x", include_in_schema=False, openapi_extra=_REPORT_BODY)
async def x_report(
    request: Request, services: Services, principal: Annotated[Principal, Depends(may(Action.X_REPORT))]
) -> Response:
    """The shift so far; changes nothing. ``pos_id`` may be left out with one register. With ``session_id``:
    409 when the register has open sessions and this is none of them."""
    key = optional_idempotency_key(request)
    wanted = await read_model(request, ReportBody, may_be_empty=True)
    till = till_of(principal, wanted.pos_id)
    outcome = await services.registers.x_report(till, key=key, session_id=wanted.session_id)
    return answer_once(outcome, report_answer)


@router.post(
    "/v1/kkt/z_report",
    responses=answers(shapes.ShiftReport, examples.Z_REPORT, refuses=_REFUSES),
    openapi_extra=_REPORT_BODY,
    summary="Z report",
)
@router.post("/v1/kkt/report/z", include_in_schema=False, openapi_extra=_REPORT_BODY)
async def z_report(
    request: Request, services: Services, principal: Annotated[Principal, Depends(may(Action.Z_REPORT))]
) -> Response:
    """Closes the shift and the session. With ``session_id``: 409 when the register has open sessions and this
    is none of them. With an Idempotency-Key a repeated call gets the first answer."""
    key = optional_idempotency_key(request)
    wanted = await read_model(request, ReportBody, may_be_empty=True)
    till = till_of(principal, wanted.pos_id)
    outcome = await services.registers.z_report(till, key=key, session_id=wanted.session_id)
    return answer_once(outcome, report_answer)


@router.post(
    "/v1/kkt/shift/open",
    responses=answers(shapes.ShiftOpening, examples.SHIFT_OPENED, refuses=f"{_REFUSES} SHIFT_EXPIRED"),
    openapi_extra=_REPORT_BODY,
    summary="Open the shift",
)
async def open_shift(
    request: Request, services: Services, principal: Annotated[Principal, Depends(may(Action.SHIFT_OPEN))]
) -> Response:
    """For registers with ``automatic_shift`` off; others open it with their first receipt. 409 while one is
    open. With an Idempotency-Key a repeated call gets the first answer."""
    key = optional_idempotency_key(request)
    wanted = await read_model(request, ReportBody, may_be_empty=True)
    till = till_of(principal, wanted.pos_id)
    outcome = await services.registers.open_shift(till, key=key, session_id=wanted.session_id)
    return answer_once(outcome, opening_answer)


@router.post(
    "/v1/kkt/shift/resolve",
    responses=answers(
        shapes.ReportDecision, examples.REPORT_RESOLVED, refuses=f"NOT_FOUND CONFLICT {OF_DEVICE}"
    ),
    openapi_extra=body_of(ResolveReportBody, examples.RESOLVE_REPORT),
    summary="Settle an unknown outcome of a shift opening or a Z report by hand",
)
async def resolve_report(
    request: Request,
    services: Services,
    principal: Annotated[Principal, Depends(may(Action.SHIFT_RESOLVE))],
) -> Response:
    """Only while ``question`` of /v1/kkt/status names a report: adopt the document the register made, or let
    it be made again."""
    wanted = await read_model(request, ResolveReportBody)
    settled = await services.registers.resolve_report(
        wanted.pos_id,
        action=wanted.action,
        fiscal_doc_number=wanted.fiscal_doc_number,
        reason=wanted.reason,
        by=principal.name,
        question_version=wanted.question_version,
    )
    return JsonAnswer(shown.decision_answer(settled))


@router.get(
    "/v1/kkt/status",
    responses=answers(shapes.RegistersShown, examples.KKT_STATUS, refuses="NOT_FOUND"),
    summary="Device, FN and shift",
)
async def status(
    services: Services,
    principal: Annotated[Principal, Depends(may(Action.STATUS))],
    pos_id: Till = None,
) -> Response:
    """Days and documents the FN has left, unsent documents and the date of the oldest, the shift."""
    return JsonAnswer(shown.status_answer(await services.registers.status(till_of(principal, pos_id))))

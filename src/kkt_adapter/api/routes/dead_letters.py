"""Receipts the operator would not take: look, try again, settle (health.md)."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from kkt_adapter.api.access import OPEN, Action
from kkt_adapter.api.answer import JsonAnswer
from kkt_adapter.api.body import read_model
from kkt_adapter.api.deps import Services, may
from kkt_adapter.api.schemas import examples
from kkt_adapter.api.schemas.answers import buffer as shapes
from kkt_adapter.api.schemas.documents import answers, body_of
from kkt_adapter.api.schemas.requests import Cursor, DeadLetterId, Limit, ResolveDeadLetterBody
from kkt_adapter.runtime.auth.roles import Principal

router = APIRouter(prefix="/v1/kkt/dlq", tags=["dead letters"])

Reader = Annotated[Principal, Depends(may(Action.DEAD_LETTER_READ))]


@router.get(
    "",
    responses=answers(shapes.DeadLetterPage, examples.DEAD_LETTERS),
    summary="List dead letters, newest first",
)
async def list_dead_letters(
    services: Services, principal: Reader, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    return JsonAnswer(await services.dead_letters.page(limit=limit, cursor=cursor))


@router.get(
    "/{dead_letter_id}",
    responses=answers(shapes.DeadLetterDetail, examples.DEAD_LETTER_DETAIL, refuses="NOT_FOUND"),
    summary="Read a dead letter",
)
async def dead_letter(services: Services, principal: Reader, dead_letter_id: DeadLetterId) -> Response:
    return JsonAnswer(await services.dead_letters.get(dead_letter_id))


@router.post(
    "/{dead_letter_id}/retry",
    responses=answers(shapes.DeadLetterRetried, examples.DEAD_LETTER_RETRIED, refuses="NOT_FOUND CONFLICT"),
    summary="Deliver it again",
)
async def retry(
    services: Services,
    principal: Annotated[Principal, Depends(may(Action.DEAD_LETTER_RETRY))],
    dead_letter_id: DeadLetterId,
) -> Response:
    """Closes the row as ``retried``; the receipt is pending again with a fresh count of attempts."""
    return JsonAnswer(await services.dead_letters.retry(dead_letter_id, by=principal.name))


@router.post(
    "/{dead_letter_id}/resolve",
    responses=answers(shapes.DeadLetter, examples.DEAD_LETTER, refuses="NOT_FOUND CONFLICT"),
    openapi_extra=body_of(ResolveDeadLetterBody, examples.RESOLVE_DEAD_LETTER),
    summary="Settle it without delivery",
)
async def resolve(
    request: Request,
    services: Services,
    principal: Annotated[Principal, Depends(may(Action.DEAD_LETTER_RESOLVE))],
    dead_letter_id: DeadLetterId,
) -> Response:
    """Says why nothing more has to be sent. ``resolved_by`` counts only while nobody has to sign in."""
    wanted = await read_model(request, ResolveDeadLetterBody)
    by = wanted.resolved_by if principal is OPEN and wanted.resolved_by else principal.name
    return JsonAnswer(await services.dead_letters.resolve(dead_letter_id, note=wanted.note, by=by))

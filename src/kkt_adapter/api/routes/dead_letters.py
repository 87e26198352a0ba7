"""Receipts that the operator refused: read them, send them again, or close them (health.md)."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from kkt_adapter.api.access import OPEN, Action
from kkt_adapter.api.answer import JsonAnswer
from kkt_adapter.api.body import read_model
from kkt_adapter.api.deps import Services, may
from kkt_adapter.api.schemas.answers import buffer as shapes
from kkt_adapter.api.schemas.documents import answers, body_of
from kkt_adapter.api.schemas.examples import dead_letters as examples
from kkt_adapter.api.schemas.requests import (
    Cursor,
    DeadLetterId,
    LetterFilterBody,
    Limit,
    ResolveDeadLetterBody,
    ResolveManyBody,
    RetryManyBody,
)
from kkt_adapter.api.schemas.shown import dead_letters as shown
from kkt_adapter.fiscal.delivery.dead_letters import LetterFilter
from kkt_adapter.fiscal.lifecycle import LetterOutcome
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
    return JsonAnswer(shown.page_answer(await services.dead_letters.page(limit=limit, cursor=cursor)))


@router.get(
    "/{dead_letter_id}",
    responses=answers(shapes.DeadLetterDetail, examples.DEAD_LETTER_DETAIL, refuses="NOT_FOUND"),
    summary="Read a dead letter",
)
async def dead_letter(services: Services, principal: Reader, dead_letter_id: DeadLetterId) -> Response:
    return JsonAnswer(shown.detail_answer(await services.dead_letters.get(dead_letter_id)))


@router.post(
    "/retry",
    responses=answers(shapes.ManyDeadLetters, examples.MANY_DEAD_LETTERS, refuses="CONFLICT"),
    openapi_extra=body_of(RetryManyBody, examples.RETRY_MANY),
    summary="Deliver many again",
)
async def retry_many(
    request: Request,
    services: Services,
    principal: Annotated[Principal, Depends(may(Action.DEAD_LETTER_RETRY))],
) -> Response:
    """Every open row that fits ``filter``, in steps of 500, each with its event. 409 with ``count`` when not
    ``expected_count`` rows fit; nothing was done then."""
    wanted = await read_model(request, RetryManyBody)
    done = await services.dead_letters.retry_many(
        _filter(wanted.filter),
        expected_count=wanted.expected_count,
        by=principal.name,
        note=wanted.note,
    )
    return JsonAnswer(shown.many_retried_answer(done))


@router.post(
    "/resolve",
    responses=answers(
        shapes.ManyDeadLettersResolved, examples.MANY_DEAD_LETTERS_RESOLVED, refuses="CONFLICT"
    ),
    openapi_extra=body_of(ResolveManyBody, examples.RESOLVE_MANY),
    summary="Settle many without delivery",
)
async def resolve_many(
    request: Request,
    services: Services,
    principal: Annotated[Principal, Depends(may(Action.DEAD_LETTER_RESOLVE))],
) -> Response:
    """As for one, for every open row that fits ``filter``; 409 with ``count`` as for retry."""
    wanted = await read_model(request, ResolveManyBody)
    done = await services.dead_letters.resolve_many(
        _filter(wanted.filter),
        expected_count=wanted.expected_count,
        note=wanted.note,
        by=principal.name,
        outcome=_outcome(wanted.outcome),
    )
    return JsonAnswer(shown.many_resolved_answer(done))


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
    done = await services.dead_letters.retry(dead_letter_id, by=principal.name)
    return JsonAnswer(shown.retried_answer(done))


@router.post(
    "/{dead_letter_id}/resolve",
    responses=answers(shapes.DeadLetterResolved, examples.DEAD_LETTER_RESOLVED, refuses="NOT_FOUND CONFLICT"),
    openapi_extra=body_of(ResolveDeadLetterBody, examples.RESOLVE_DEAD_LETTER),
    summary="Settle it without delivery",
)
async def resolve(
    request: Request,
    services: Services,
    principal: Annotated[Principal, Depends(may(Action.DEAD_LETTER_RESOLVE))],
    dead_letter_id: DeadLetterId,
) -> Response:
    """Says what became of the receipt, and why nothing more has to be sent. ``resolved_by`` counts only while
    nobody has to sign in."""
    wanted = await read_model(request, ResolveDeadLetterBody)
    by = wanted.resolved_by if principal is OPEN and wanted.resolved_by else principal.name
    done = await services.dead_letters.resolve(
        dead_letter_id, note=wanted.note, by=by, outcome=_outcome(wanted.outcome)
    )
    return JsonAnswer(shown.resolved_answer(done))


def _outcome(name: str | None) -> LetterOutcome | None:
    return None if name is None else LetterOutcome(name)


def _filter(body: LetterFilterBody) -> LetterFilter:
    return LetterFilter(
        register_id=body.register_id,
        pos_id=body.pos_id,
        error=body.error,
        failed_since=body.failed_since,
        failed_until=body.failed_until,
    )

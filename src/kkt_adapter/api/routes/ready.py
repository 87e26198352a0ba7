"""Pre-flight of a sale (preflight in http-api.md)."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from kkt_adapter.api.access import Action, till_of
from kkt_adapter.api.answer import JsonAnswer
from kkt_adapter.api.deps import Services, may
from kkt_adapter.api.negotiation import preferred
from kkt_adapter.api.schemas.answers import registers as shapes
from kkt_adapter.api.schemas.documents import answers
from kkt_adapter.api.schemas.examples import registers as examples
from kkt_adapter.api.schemas.requests import Till
from kkt_adapter.api.schemas.shown.registers import readiness_answer
from kkt_adapter.runtime.auth.roles import Principal

router = APIRouter(tags=["register"])


@router.get(
    "/v1/kkt/ready",
    responses=answers(shapes.ReadinessShown, examples.READINESS),
    summary="Would a receipt be printed now",
)
async def ready(
    request: Request,
    services: Services,
    principal: Annotated[Principal, Depends(may(Action.STATUS))],
    pos_id: Till = None,
    group: Till = None,
) -> Response:
    """Ask before the card is charged: always 200, in under 20 ms, from what is known. Name a till or a group;
    with one register neither is needed. ``detail`` is in the language of errors: English, or Russian where
    Accept-Language ranks it first."""
    found = await services.preflight.look(till_of(principal, pos_id or group))
    english = preferred(request.headers.get("accept-language")) == "en"
    return JsonAnswer(readiness_answer(found, english=english))

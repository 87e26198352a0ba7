"""Pre-flight of a sale (preflight in http-api.md)."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from kkt_adapter.api.entry import watched
from kkt_adapter.api.schemas.answers import registers as shapes
from kkt_adapter.api.schemas.documents import answers
from kkt_adapter.api.schemas.examples import registers as examples
from kkt_adapter.api.schemas.requests import Till

router = APIRouter(tags=["register"])


@router.get(
    "/v1/kkt/ready",
    responses=answers(shapes.ReadinessShown, examples.READINESS),
    summary="Would a receipt be printed now",
)
async def ready(request: Request, pos_id: Till = None, group: Till = None) -> Response:
    """Ask before the card is charged: always 200, in under 20 ms, from what is known. Name a till or a group;
    with one register neither is needed. ``detail`` is in the language of errors: English, or Russian where
    Accept-Language ranks it first."""
    return await watched.preflight(request)

"""Does it live, may it get traffic, how is it: without a token (health.md)."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from kkt_adapter import __version__
from kkt_adapter.api.answer import JsonAnswer
from kkt_adapter.api.describe.docs_page import docs_page
from kkt_adapter.api.entry import watched
from kkt_adapter.api.negotiation import preferred_form
from kkt_adapter.api.schemas.answers import health as shapes
from kkt_adapter.api.schemas.documents import answers
from kkt_adapter.api.schemas.examples import health as examples
from kkt_adapter.api.settings import ApiSettings

router = APIRouter(tags=["health"])
_HEALTH = shapes.HealthReport | shapes.HealthWords

_PAGE_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


@router.get("/", responses=answers(shapes.Root, examples.ROOT), summary="Where everything is")
async def root(request: Request) -> Response:
    """JSON; a browser, whose ``Accept`` prefers HTML, is led to the pages."""
    if preferred_form(request.headers.get("accept", ""), ("application/json", "text/html")) == "text/html":
        settings: ApiSettings = request.app.state.settings
        return RedirectResponse(f"{settings.path_prefix}/ui/", status_code=303, headers={"Vary": "Accept"})
    return JsonAnswer(
        {
            "message": "kkt-adapter",
            "version": __version__,
            "docs": "/docs",
            "health": "/v1/health",
            "status": "/v1/kkt/buffer/status",
        },
        headers={"Vary": "Accept"},
    )


@router.get("/health", responses=answers(shapes.Alive, examples.ALIVE), summary="Does it live")
@router.head("/health", include_in_schema=False)
async def alive(request: Request) -> Response:
    """200 while the process answers. Asks nothing of anybody, so a supervisor can trust it."""
    return await watched.alive(request)


@router.get(
    "/ready",
    responses=answers(shapes.Ready, examples.READY, refuses="NOT_READY"),
    summary="May it get traffic",
)
@router.head("/ready", include_in_schema=False)
async def ready(request: Request) -> Response:
    """200 when database and worker are up, else 503 NOT_READY."""
    return await watched.ready(request)


@router.get(
    "/v1/health",
    responses=answers(_HEALTH, examples.HEALTH)
    | answers(_HEALTH, examples.HEALTH_DOWN, "The database is unusable.", status=503),
    summary="How is it",
)
async def health(request: Request) -> Response:
    """503 only when the database is unusable: a full buffer must not make a supervisor restart the till.

    Without a valid token of a till or an account each part is told by its word alone.
    """
    return await watched.health(request)


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> Response:
    """The reference as one page, made of /openapi.json; it loads nothing from elsewhere."""
    page = docs_page(request.app.openapi())
    return HTMLResponse(page, headers=_PAGE_HEADERS)

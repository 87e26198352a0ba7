"""What others ask all day: a supervisor, a balancer and Prometheus whether it is alive, ready, and how it is;
a till whether a receipt would be printed now.

Plain functions, called past the framework; its routes (``routes/health.py``, ``routes/ready.py``,
``routes/watch.py``) call the same ones, so that /openapi.json and refusals of other methods know them.
"""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from kkt_adapter.api.access import Action, till_of
from kkt_adapter.api.answer import JsonAnswer
from kkt_adapter.api.entry.core import CoreServices
from kkt_adapter.api.entry.rights import admitted, is_known
from kkt_adapter.api.negotiation import preferred
from kkt_adapter.api.problems import RefusedByStatus, RequestInvalid
from kkt_adapter.api.schemas import health as fill
from kkt_adapter.api.schemas.findings import violation_of
from kkt_adapter.api.schemas.shown.readiness import readiness_answer
from kkt_adapter.api.schemas.values import Refused, visible


async def alive(request: Request) -> Response:
    return JsonAnswer({"status": "ok"})


async def ready(request: Request) -> Response:
    """Raises RefusedByStatus (NOT_READY)."""
    if not await _core(request).summary.ready():
        raise RefusedByStatus(
            "NOT_READY",
            "The database or the sync worker is not up. See /v1/health.",
            "База данных или передача в ОФД не готовы. См. /v1/health.",
        )
    return JsonAnswer({"status": "ready"})


async def health(request: Request) -> Response:
    report = await _core(request).summary.health()
    answer = fill.health_answer(report) if await is_known(request) else fill.health_words(report)
    return JsonAnswer(answer, status_code=200 if report.usable else 503)


async def preflight(request: Request) -> Response:
    """Raises NotAuthenticated, NotAllowed, RequestInvalid."""
    principal = await admitted(request, Action.STATUS)
    named = [_name_in(request, name) for name in ("pos_id", "group")]
    found = await _core(request).preflight.look(till_of(principal, named[0] or named[1]))
    english = preferred(request.headers.get("accept-language")) == "en"
    return JsonAnswer(readiness_answer(found, english=english))


def _name_in(request: Request, parameter: str) -> str | None:
    """A name of a till or group in the query. Raises RequestInvalid: no name could be that."""
    text = request.query_params.get(parameter)
    try:
        return text and _NAME(text)
    except Refused as refused:
        found = violation_of({"type": "value_error", "ctx": {"error": refused}}, field=parameter)
        raise RequestInvalid((found,)) from None


async def metrics(request: Request) -> Response:
    """Raises NotAuthenticated, NotAllowed, StorageError."""
    await admitted(request, Action.METRICS)
    body, content_type = await _core(request).metrics.scrape()
    return Response(body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})


_NAME: Final = visible(64)


def _core(request: Request) -> CoreServices:
    core: CoreServices = request.app.state.core
    return core


WATCHED: Final[Mapping[str, Callable[[Request], Awaitable[Response]]]] = MappingProxyType(
    {
        "/health": alive,
        "/ready": ready,
        "/v1/health": health,
        "/v1/kkt/ready": preflight,
        "/metrics": metrics,
    }
)
"""GET of these paths. HEAD comes as GET (``entry/only_head.py``)."""

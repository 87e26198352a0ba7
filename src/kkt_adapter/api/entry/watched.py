"""What a supervisor, a balancer and Prometheus ask all day: alive, ready, how is it, metrics.

Plain functions, called past the framework; its routes (``routes/health.py``, ``routes/watch.py``) call the
same ones, so that /openapi.json and refusals of other methods know them.
"""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from kkt_adapter.api.access import Action
from kkt_adapter.api.answer import JsonAnswer
from kkt_adapter.api.entry.core import CoreServices
from kkt_adapter.api.entry.rights import admitted, is_known
from kkt_adapter.api.problems import RefusedByStatus
from kkt_adapter.api.schemas import health as fill


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


async def metrics(request: Request) -> Response:
    """Raises NotAuthenticated, NotAllowed, StorageError."""
    await admitted(request, Action.METRICS)
    body, content_type = await _core(request).metrics.scrape()
    return Response(body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})


def _core(request: Request) -> CoreServices:
    core: CoreServices = request.app.state.core
    return core


WATCHED: Final[Mapping[str, Callable[[Request], Awaitable[Response]]]] = MappingProxyType(
    {"/health": alive, "/ready": ready, "/v1/health": health, "/metrics": metrics}
)
"""GET of these paths. HEAD comes as GET (``entry/only_head.py``)."""

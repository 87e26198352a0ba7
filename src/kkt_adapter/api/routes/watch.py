"""How it goes, at one look: status, alerts, sales of today, legal clocks, metrics (http-api.md#watching).

``/api/v1`` always needs an account; ``/v1`` and ``/metrics`` are
open while nobody has to sign in.
"""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from kkt_adapter.api.access import Action, till_of
from kkt_adapter.api.answer import JsonAnswer
from kkt_adapter.api.deps import may, person
from kkt_adapter.api.entry import watched
from kkt_adapter.api.negotiation import ranks_english_first
from kkt_adapter.api.schemas import health as fill
from kkt_adapter.api.schemas import watch as shapes
from kkt_adapter.api.schemas.answers import health as known
from kkt_adapter.api.schemas.documents import answers, text_answer
from kkt_adapter.api.schemas.requests import Till
from kkt_adapter.api.services import ApiServices, WatchServices
from kkt_adapter.kernel.errors import Text
from kkt_adapter.runtime.auth.roles import Principal, Role

router = APIRouter()

Viewer = Annotated[Principal, Depends(person(Role.VIEWER))]


async def _services(request: Request) -> WatchServices:
    services: ApiServices = request.app.state.services
    return services.watch


Watch = Annotated[WatchServices, Depends(_services)]


@router.get(
    "/api/v1/status",
    tags=["watching"],
    responses=answers(known.StatusSnapshot, shapes.STATUS),
    summary="Everything at a look",
)
async def status(watch: Watch, principal: Viewer) -> Response:
    """A few rows and what is in memory, however many receipts are stored."""
    return JsonAnswer(fill.look_answer(await watch.overview.status()))


@router.get(
    "/api/v1/alerts",
    tags=["watching"],
    responses=answers(list[known.AlertShown], shapes.ALERTS),
    summary="What is wrong",
)
async def alerts(request: Request, watch: Watch, principal: Viewer) -> Response:
    """The most severe first. INFO: not for long enough yet; ``becomes`` says what it would be, and when."""
    return JsonAnswer([fill.alert_answer(alert, _say(request)) for alert in await watch.overview.alerts()])


@router.get(
    "/api/v1/alerts/history",
    tags=["watching"],
    responses=answers(known.AlertHistory, shapes.HISTORY),
    summary="What was wrong",
)
async def alert_history(
    request: Request,
    watch: Watch,
    principal: Viewer,
    limit: Annotated[int, Query(ge=1, le=500, description="At most so many alerts.")] = 100,
) -> Response:
    """Alerts with start and end, newest first; kept for 90 days after their end."""
    return JsonAnswer(fill.history_answer(await watch.overview.history(limit=limit), _say(request)))


@router.get(
    "/api/v1/sales/today",
    tags=["watching"],
    responses=answers(known.SalesOfToday, shapes.SALES_TODAY),
    summary="Sales of today",
)
async def sales_today(watch: Watch, principal: Viewer) -> Response:
    """Revenue is sales less refunds, in rubles; day and hour are those printed on the receipts."""
    return JsonAnswer(fill.sales_answer(await watch.sales.read()))


@router.get(
    "/v1/kkt/clocks",
    tags=["watching"],
    responses=answers(known.ClocksShown, shapes.CLOCKS, refuses="NOT_FOUND"),
    summary="Legal clocks",
)
async def clocks(
    watch: Watch, principal: Annotated[Principal, Depends(may(Action.STATUS))], pos_id: Till = None
) -> Response:
    """What is left of shift, delivery, FN and clock accuracy, and when each limit is reached at this rate."""
    return JsonAnswer(fill.clocks_answer(await watch.overview.clocks(till_of(principal, pos_id))))


@router.get(
    "/metrics",
    tags=["watching"],
    response_class=Response,
    responses=text_answer("text/plain", 'kkt_buffer_receipts{status="pending"} 3\n', "Prometheus text."),
    summary="Metrics",
)
async def metrics(request: Request) -> Response:
    """For Prometheus: with a token of scope read, or open while nobody has to sign in."""
    return await watched.metrics(request)


def _say(request: Request) -> Callable[[Text], str]:
    """Russian unless the reader ranks English first: alerts are for the people of the shop."""
    english = ranks_english_first(request.headers.get("accept-language"))
    return (lambda text: text.en) if english else (lambda text: text.ru)

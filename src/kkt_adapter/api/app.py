"""The HTTP application: routes, error body, edge. Whoever composes the product calls ``create_api``."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from kkt_adapter import __version__
from kkt_adapter.api.buyer_pages import ROUTE as BUYER_ROUTE
from kkt_adapter.api.buyer_pages import BuyerPages
from kkt_adapter.api.describe.openapi import describe
from kkt_adapter.api.doors.kkmserver.own_port import OnlyExecute
from kkt_adapter.api.doors.kkmserver.route import ExecuteDoor
from kkt_adapter.api.edge import Edge
from kkt_adapter.api.errors import install_error_handlers
from kkt_adapter.api.routes import (
    accounts,
    auth,
    buffer,
    clock,
    dead_letters,
    documents,
    health,
    heartbeat,
    holds,
    maintenance,
    products,
    ready,
    receipts,
    refunds,
    registers,
    scheduler,
    sessions,
    watch,
)
from kkt_adapter.api.services import ApiServices
from kkt_adapter.api.settings import ApiSettings
from kkt_adapter.api.ui.site import MOUNT, Site
from kkt_adapter.kernel.clock import Clock, SystemClock

_DESCRIPTION = (
    "Fiscal receipts, offline first: a receipt that was answered with 200 is on disk, is printed once and "
    "is delivered to the operator once."
)


ROUTES = (
    receipts,
    refunds,
    registers,
    holds,
    ready,
    buffer,
    dead_letters,
    maintenance,
    clock,
    health,
    sessions,
    heartbeat,
    watch,
    documents,
    auth,
    accounts,
    scheduler,
    products,
)


class Api(FastAPI):
    """FastAPI with the receipt route and the doors: plain ASGI, which is reached without its layers."""

    edge: Edge | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.edge is not None and scope["type"] == "http" and self.edge.serves(scope):
            scope["app"] = self
            await self.edge(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = describe(self, accept_path=receipts.PATH)
        return self.openapi_schema


def create_api(
    services: ApiServices,
    settings: ApiSettings,
    *,
    clock: Clock | None = None,
) -> FastAPI:
    """The application with all of its routes; what they call is ``services``."""
    app = bare_api()
    app.state.services = services
    app.state.settings = settings
    install_error_handlers(app)
    accept = receipts.AcceptReceipt(services, settings)
    app.router.routes.insert(0, Route(receipts.PATH, accept, methods=["POST"]))
    pages = BuyerPages(services, clock=clock or SystemClock())
    app.router.routes.append(Route(BUYER_ROUTE, pages, methods=["GET"]))
    for module in ROUTES:
        app.include_router(module.router)
    site = Site(services, settings, clock or SystemClock())
    app.state.live = site.live
    # Before the others: a page asks often, and each route of the API is a pattern to be matched first.
    app.router.routes[1:1] = [Route(MOUNT, site.enter), Mount(MOUNT, site.app)]
    app.edge = Edge(
        accept, settings=settings, gate=services.gate, clock=clock or SystemClock(), doors=services.doors
    )
    app.add_middleware(app.edge.around)
    return app


def end_held(app: FastAPI) -> None:
    """The service stops: end the answers that would go on."""
    app.state.live.close()
    services: ApiServices = app.state.services
    for door in services.doors:
        door.stop()


def only_execute(app: FastAPI) -> ASGIApp:
    """The application of KkmServer's own port."""
    services: ApiServices = app.state.services
    return OnlyExecute(app, next(door for door in services.doors if isinstance(door, ExecuteDoor)))


def bare_api() -> Api:
    """The application before its routes."""
    return Api(
        title="kkt-adapter",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )


def _operation_id(route: APIRoute) -> str:
    return f"{route.tags[0]}_{route.name}".replace(" ", "_") if route.tags else route.name

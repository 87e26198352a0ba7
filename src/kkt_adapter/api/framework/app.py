"""The framework's application: all routes but those that ``api/app.py`` answers itself.

It stands inside the edge, which answers whatever nobody foresaw: so it has no layer of its own for that.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import APIRoute
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp

from kkt_adapter import __version__
from kkt_adapter.api.buyer_pages import ROUTE as BUYER_ROUTE
from kkt_adapter.api.buyer_pages import BuyerPages
from kkt_adapter.api.describe.openapi import describe
from kkt_adapter.api.entry.accept import PATH as ACCEPT_PATH
from kkt_adapter.api.framework.errors import install_error_handlers
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
from kkt_adapter.kernel.clock import Clock

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


class Framework(FastAPI):
    """FastAPI inside the edge."""

    def build_middleware_stack(self) -> ASGIApp:
        """Only what routes need: expected errors, and what they open."""
        handlers: dict[Any, Any] = dict(self.exception_handlers)
        return ExceptionMiddleware(AsyncExitStackMiddleware(self.router), handlers=handlers)

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = describe(self, accept_path=ACCEPT_PATH)
        return self.openapi_schema


def framework_of(services: ApiServices, settings: ApiSettings, *, accept: ASGIApp, clock: Clock) -> Framework:
    """All routes; what they call is ``services``. ``accept`` answers a POST of a receipt."""
    app = with_routes()
    app.state.services = services
    app.state.core = services.core
    app.state.settings = settings
    install_error_handlers(app)
    # Called by the edge; here it is one of the methods that its path has.
    app.router.routes.insert(0, Route(ACCEPT_PATH, accept, methods=["POST"]))
    app.router.routes.append(Route(BUYER_ROUTE, BuyerPages(services, clock=clock), methods=["GET"]))
    return app


def with_routes() -> Framework:
    """The application without anything behind its routes, as /openapi.json describes it."""
    app = Framework(
        title="kkt-adapter",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    for module in ROUTES:
        app.include_router(module.router)
    return app


def _operation_id(route: APIRoute) -> str:
    return f"{route.tags[0]}_{route.name}".replace(" ", "_") if route.tags else route.name

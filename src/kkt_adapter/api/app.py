"""The HTTP application.

The edge stands around everything. Inside it a request goes to the receipt route, to a door, to what is
``WATCHED``, to the pages, or to the framework's routes; the last two are loaded with their first request
(``late_parts.py``).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from kkt_adapter.api.doors.execute_path import NAME as KKMSERVER
from kkt_adapter.api.doors.kkmserver.own_port import OnlyExecute
from kkt_adapter.api.edge import Edge
from kkt_adapter.api.entry.accept import AcceptReceipt
from kkt_adapter.api.entry.core import CoreServices
from kkt_adapter.api.entry.watched import WATCHED
from kkt_adapter.api.late_parts import LateParts
from kkt_adapter.api.settings import ApiSettings
from kkt_adapter.kernel.clock import Clock, SystemClock

if TYPE_CHECKING:
    from kkt_adapter.api.services import ApiServices

PAGES = "/ui"


class ApiState:
    """What requests find as ``request.app.state``, before the framework has its own."""

    def __init__(self, core: CoreServices, settings: ApiSettings, late: LateParts) -> None:
        self.core = core
        self.settings = settings
        self._late = late

    @property
    def services(self) -> "ApiServices":
        return self._late.services.now()


class Api:
    """An ASGI application. ``services``: builds what only late parts call."""

    def __init__(
        self,
        core: CoreServices,
        services: "Callable[[], ApiServices]",
        settings: ApiSettings,
        *,
        clock: Clock,
    ) -> None:
        accept = AcceptReceipt(core, settings)
        self.late = LateParts(services, settings, accept=accept, clock=clock)
        self.state = ApiState(core, settings, self.late)
        self._doors = core.doors
        self._beside: dict[str, ASGIApp] = {}
        self.edge = Edge(
            accept, self._inside, settings=settings, gate=core.gate, clock=clock, doors=core.doors
        )
        self._outermost: ASGIApp = self.edge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        await self._outermost(scope, receive, send)

    async def _inside(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path, answer = scope["path"], WATCHED.get(scope["path"])
            if answer is not None and scope["method"] == "GET":
                await (await answer(Request(scope, receive)))(scope, receive, send)
                return
            if path == PAGES or path.startswith(f"{PAGES}/"):
                site = await self.late.site.get()
                await site.mounted(scope, receive, send)
                return
            for prefix, beside in self._beside.items():
                if path.startswith(f"{prefix}/"):
                    await beside({**scope, "root_path": scope.get("root_path", "") + prefix}, receive, send)
                    return
        framework = await self.late.framework.get()
        await framework(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """What /openapi.json answers."""
        return self.late.framework.now().openapi()

    def beside(self, prefix: str, app: ASGIApp) -> None:
        """Serve ``app`` below this path too, inside the edge: buttons of a demonstration."""
        self._beside[prefix] = app

    def add_middleware(self, layer: Any, **options: Any) -> None:
        """Put ``layer`` around everything, the edge included: probes of the fault lab."""
        self._outermost = layer(self._outermost, **options)

    def end_held(self) -> None:
        """The service stops: end the answers that would go on."""
        site = self.late.site.made
        if site is not None:
            site.live.close()
        for way in self._doors:
            way.stop()

    def only_execute(self) -> ASGIApp:
        """The application of KkmServer's own port."""
        return OnlyExecute(self, next(way for way in self._doors if way.name == KKMSERVER))


def create_api(services: "ApiServices", settings: ApiSettings, *, clock: Clock | None = None) -> Api:
    """The application; what its routes call is ``services``."""
    return Api(services.core, lambda: services, settings, clock=clock or SystemClock())

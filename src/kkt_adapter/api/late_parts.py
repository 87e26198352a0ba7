"""What is loaded late, and how: the only imports inside functions here."""

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from starlette.types import ASGIApp

from kkt_adapter.api.late import Late
from kkt_adapter.api.settings import ApiSettings
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime import lean

if TYPE_CHECKING:
    from kkt_adapter.api.framework.app import Framework
    from kkt_adapter.api.services import ApiServices
    from kkt_adapter.api.ui.site import Site


class LateParts:
    """``services``: everything that routes and pages call. ``framework``: every route that needs FastAPI.
    ``site``: the pages for people."""

    def __init__(
        self,
        services: "Callable[[], ApiServices]",
        settings: ApiSettings,
        *,
        accept: ASGIApp,
        clock: Clock,
    ) -> None:
        turn = Lock()

        def framework() -> "Framework":
            lean.ready_for_fastapi()
            from kkt_adapter.api.framework.app import framework_of

            return framework_of(self.services.now(), settings, accept=accept, clock=clock)

        def site() -> "Site":
            from kkt_adapter.api.ui.site import Site

            return Site(self.services.now(), settings, clock)

        self.services = Late(services)
        self.framework = Late(framework, turn=turn)
        self.site = Late(site, turn=turn)

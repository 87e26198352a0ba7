"""The HTTP edge: what it needs from the start, and how the rest is put together once somebody asks for it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kkt_adapter.api.app import Api
from kkt_adapter.api.entry.core import CoreServices
from kkt_adapter.api.settings import ApiSettings
from kkt_adapter.bootstrap.core import Core
from kkt_adapter.bootstrap.delivery import Delivery
from kkt_adapter.bootstrap.doors import Doors, PressParts, execute_way
from kkt_adapter.bootstrap.printing import Printing
from kkt_adapter.bootstrap.watching import Watching
from kkt_adapter.catalog.parts import CatalogParts
from kkt_adapter.fiscal.control.clock_watch import ClockWatch
from kkt_adapter.fiscal.slip.links import ReceiptLinks
from kkt_adapter.fiscal.status.readiness import Preflight
from kkt_adapter.runtime.auth.parts import AuthParts
from kkt_adapter.settings import Settings

if TYPE_CHECKING:
    from kkt_adapter.api.services import ApiServices


@dataclass(frozen=True, slots=True, kw_only=True)
class WebParts:
    """What stands beside printing and delivery, and what the web alone uses."""

    auth: AuthParts
    links: ReceiptLinks
    doors: Doors
    press: PressParts
    catalog: CatalogParts
    clock_watch: ClockWatch


def build_app(
    core: Core, edge: WebParts, *, printing: Printing, delivery: Delivery, watching: Watching
) -> Api:
    settings = core.settings

    def services() -> "ApiServices":
        from kkt_adapter.bootstrap.web_services import all_services

        return all_services(
            core,
            edge,
            doors=doors,
            printing=printing,
            delivery=delivery,
            watching=watching,
            preflight=preflight,
        )

    execute = execute_way(
        core,
        edge.press,
        printing=printing,
        auth=edge.auth,
        links=edge.links,
        services=lambda: app.late.services.now(),
    )
    doors = (execute, *edge.doors.doors)
    preflight = Preflight(
        registers=printing.registers,
        database=core.database,
        disk=core.disk,
        clock=core.clock,
        default_capacity=settings.capacity,
    )
    app = Api(
        CoreServices(
            intake=printing.intake,
            links=edge.links,
            gate=edge.auth.gate,
            summary=watching.summary,
            preflight=preflight,
            metrics=watching.parts.metrics,
            doors=doors,
        ),
        services,
        ApiSettings(
            auth_open=settings.auth_open,
            allowed_hosts=_hosts(settings),
            allowed_origins=settings.allowed_origins,
            rate_limit_per_s=settings.rate_limit,
            max_in_flight=settings.max_in_flight,
            access_log=settings.log_level == "DEBUG",
            refuse_unknown_fields=settings.unknown_fields == "refuse",
            path_prefix=settings.path_prefix,
        ),
        clock=core.clock,
    )
    return app


def _hosts(settings: Settings) -> tuple[str, ...]:
    """The configured names and, unless it stands for every address, the one we listen on."""
    everywhere = settings.host in ("0.0.0.0", "::")
    public = urlsplit(settings.public_url).hostname
    named = settings.allowed_hosts if public is None else (*settings.allowed_hosts, public)
    return named if everywhere else (*named, settings.host)

"""The HTTP edge: what its routes may call."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import FastAPI

from kkt_adapter.api.app import create_api
from kkt_adapter.api.services import ApiServices, BuyerServices, CatalogServices, WatchServices
from kkt_adapter.api.settings import ApiSettings
from kkt_adapter.bootstrap.core import Core
from kkt_adapter.bootstrap.delivery import Delivery
from kkt_adapter.bootstrap.doors import Doors
from kkt_adapter.bootstrap.kkmserver import PressParts, build_execute
from kkt_adapter.bootstrap.printing import Printing
from kkt_adapter.bootstrap.watching import Watching
from kkt_adapter.catalog.parts import CatalogParts
from kkt_adapter.fiscal.control.clock_watch import ClockWatch
from kkt_adapter.fiscal.control.maintenance import Administration
from kkt_adapter.fiscal.control.register_actions import RegisterActions
from kkt_adapter.fiscal.delivery.dead_letters import DeadLetters
from kkt_adapter.fiscal.heartbeat.export import EventExport
from kkt_adapter.fiscal.intake.refund_check import Refunds
from kkt_adapter.fiscal.queries.callback_book import CallbackBook
from kkt_adapter.fiscal.queries.documents import Documents
from kkt_adapter.fiscal.queries.receipt_list import ReceiptLists
from kkt_adapter.fiscal.queries.receipt_story import ReceiptStories
from kkt_adapter.fiscal.queries.receipts import Receipts
from kkt_adapter.fiscal.queries.shift_book import ShiftBook
from kkt_adapter.fiscal.slip.links import ReceiptLinks
from kkt_adapter.fiscal.status.readiness import Preflight
from kkt_adapter.runtime.auth.parts import AuthParts
from kkt_adapter.settings import Settings
from kkt_adapter.settings.effective import effective


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
) -> FastAPI:
    settings = core.settings
    return create_api(
        _services(core, edge, printing=printing, delivery=delivery, watching=watching),
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


def _services(
    core: Core, edge: WebParts, *, printing: Printing, delivery: Delivery, watching: Watching
) -> ApiServices:
    database, clock, capacity = core.database, core.clock, core.settings.capacity
    registers, worker = printing.registers, delivery.worker
    documents = Documents(database=database, registers=registers)
    receipts = Receipts(database=database, registers=registers, documents=documents)
    actions = _actions(core, printing=printing, delivery=delivery, watching=watching)
    execute = build_execute(
        core,
        edge.press,
        printing=printing,
        actions=actions,
        receipts=receipts,
        auth=edge.auth,
        links=edge.links,
    )
    return ApiServices(
        intake=printing.intake,
        receipts=receipts,
        refunds=Refunds(database=database, default_capacity=capacity),
        registers=actions,
        delivery=worker,
        dead_letters=DeadLetters(database=database, clock=clock, on_retry=worker.document_made),
        summary=watching.summary,
        administration=Administration(database=database, clock=clock, default_capacity=capacity),
        gate=edge.auth.gate,
        sessions=printing.sessions,
        pools=printing.pools,
        buyer=BuyerServices(links=edge.links, receipts=receipts),
        preflight=Preflight(
            registers=registers, database=database, disk=core.disk, clock=clock, default_capacity=capacity
        ),
        shift_book=ShiftBook(database),
        callback_book=CallbackBook(database),
        documents=documents,
        heartbeat=watching.heartbeat,
        event_export=EventExport(database),
        clock_watch=edge.clock_watch,
        watch=_watch(watching),
        lists=ReceiptLists(database),
        stories=ReceiptStories(database, receipts=receipts),
        people=edge.auth,
        configuration=lambda: effective(core.settings),
        catalog=_catalog(core.settings, edge.catalog),
        doors=(execute, *edge.doors.doors),
        sandbox=core.seams.sandbox,
    )


def _actions(core: Core, *, printing: Printing, delivery: Delivery, watching: Watching) -> RegisterActions:
    return RegisterActions(
        registers=printing.registers,
        database=core.database,
        clock=core.clock,
        online=lambda: watching.network.is_online,
        document_made=delivery.worker.document_made,
        device_times=printing.stats.device_times,
    )


def _watch(watching: Watching) -> WatchServices:
    return WatchServices(
        overview=watching.overview,
        sales=watching.parts.sales,
        metrics=watching.parts.metrics,
        cards=watching.cards,
    )


def _catalog(settings: Settings, catalog: CatalogParts) -> CatalogServices:
    return CatalogServices(
        sync=catalog.sync,
        schedule=catalog.schedule,
        reads=catalog.reads,
        public_read=settings.catalog.public_read,
    )


def _hosts(settings: Settings) -> tuple[str, ...]:
    """The configured names and, unless it stands for every address, the one we listen on."""
    everywhere = settings.host in ("0.0.0.0", "::")
    public = urlsplit(settings.public_url).hostname
    named = settings.allowed_hosts if public is None else (*settings.allowed_hosts, public)
    return named if everywhere else (*named, settings.host)

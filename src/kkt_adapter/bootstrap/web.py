"""The HTTP edge: what its routes may call."""

from urllib.parse import urlsplit

from fastapi import FastAPI

from kkt_adapter.api.app import create_api
from kkt_adapter.api.services import ApiServices, BuyerServices, CatalogServices, Sandbox, WatchServices
from kkt_adapter.api.settings import ApiSettings
from kkt_adapter.bootstrap.doors import Doors
from kkt_adapter.bootstrap.kkmserver import PressParts, build_execute
from kkt_adapter.bootstrap.watching import Watching
from kkt_adapter.catalog.parts import CatalogParts
from kkt_adapter.fiscal.control.clock_watch import ClockWatch
from kkt_adapter.fiscal.control.maintenance import Administration
from kkt_adapter.fiscal.control.pools import Pools
from kkt_adapter.fiscal.control.register_actions import RegisterActions
from kkt_adapter.fiscal.control.sessions import Sessions
from kkt_adapter.fiscal.delivery.dead_letters import DeadLetters
from kkt_adapter.fiscal.delivery.worker import DeliveryWorker
from kkt_adapter.fiscal.heartbeat.export import EventExport
from kkt_adapter.fiscal.intake.accept import ReceiptIntake
from kkt_adapter.fiscal.intake.refund_check import Refunds
from kkt_adapter.fiscal.printing.registers import Registers
from kkt_adapter.fiscal.printing.stats import PrintStats
from kkt_adapter.fiscal.queries.callback_book import CallbackBook
from kkt_adapter.fiscal.queries.documents import Documents
from kkt_adapter.fiscal.queries.receipt_list import ReceiptLists
from kkt_adapter.fiscal.queries.receipt_story import ReceiptStories
from kkt_adapter.fiscal.queries.receipts import Receipts
from kkt_adapter.fiscal.queries.shift_book import ShiftBook
from kkt_adapter.fiscal.slip.links import ReceiptLinks
from kkt_adapter.fiscal.status.readiness import Preflight
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.auth.parts import AuthParts
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.disk import DiskMark
from kkt_adapter.settings import Settings
from kkt_adapter.settings.effective import effective


def build_app(
    settings: Settings,
    *,
    database: Database,
    registers: Registers,
    intake: ReceiptIntake,
    worker: DeliveryWorker,
    sessions: Sessions,
    pools: Pools,
    watching: Watching,
    auth: AuthParts,
    doors: Doors,
    catalog: CatalogParts,
    press: PressParts,
    watch: ClockWatch,
    made: PrintStats,
    disk: DiskMark,
    links: ReceiptLinks,
    sandbox: Sandbox | None,
    clock: Clock,
) -> FastAPI:
    documents = Documents(database=database, registers=registers)
    receipts = Receipts(database=database, registers=registers, documents=documents)
    actions = RegisterActions(
        registers=registers,
        database=database,
        clock=clock,
        online=lambda: watching.network.is_online,
        document_made=worker.document_made,
        device_times=made.device_times,
    )
    execute = build_execute(
        press,
        intake=intake,
        registers=registers,
        actions=actions,
        sessions=sessions,
        receipts=receipts,
        auth=auth,
        links=links,
        clock=clock,
    )
    api = ApiServices(
        intake=intake,
        receipts=receipts,
        refunds=Refunds(database=database, default_capacity=settings.capacity),
        registers=actions,
        delivery=worker,
        dead_letters=DeadLetters(database=database, clock=clock, on_retry=worker.document_made),
        summary=watching.summary,
        administration=Administration(database=database, clock=clock, default_capacity=settings.capacity),
        gate=auth.gate,
        sessions=sessions,
        pools=pools,
        buyer=BuyerServices(links=links, receipts=receipts),
        preflight=Preflight(
            registers=registers,
            database=database,
            disk=disk,
            clock=clock,
            default_capacity=settings.capacity,
        ),
        shift_book=ShiftBook(database),
        callback_book=CallbackBook(database),
        documents=documents,
        heartbeat=watching.heartbeat,
        event_export=EventExport(database),
        clock_watch=watch,
        watch=WatchServices(
            overview=watching.overview,
            sales=watching.parts.sales,
            metrics=watching.parts.metrics,
            cards=watching.cards,
        ),
        lists=ReceiptLists(database),
        stories=ReceiptStories(database, receipts=receipts),
        people=auth,
        configuration=effective(settings),
        catalog=CatalogServices(
            sync=catalog.sync,
            schedule=catalog.schedule,
            reads=catalog.reads,
            public_read=settings.catalog.public_read,
        ),
        doors=(execute, *doors.doors),
        sandbox=sandbox,
    )
    return create_api(
        api,
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
        clock=clock,
    )


def _hosts(settings: Settings) -> tuple[str, ...]:
    """The configured names and, unless it stands for every address, the one we listen on."""
    everywhere = settings.host in ("0.0.0.0", "::")
    public = urlsplit(settings.public_url).hostname
    named = settings.allowed_hosts if public is None else (*settings.allowed_hosts, public)
    return named if everywhere else (*named, settings.host)

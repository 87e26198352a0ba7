"""What routes and pages may call; put together with the first request for one."""

from kkt_adapter.api.doors.door import Doorway
from kkt_adapter.api.services import ApiServices, BuyerServices, CatalogServices, WatchServices
from kkt_adapter.bootstrap.core import Core
from kkt_adapter.bootstrap.delivery import Delivery
from kkt_adapter.bootstrap.printing import Printing
from kkt_adapter.bootstrap.watching import Watching
from kkt_adapter.bootstrap.web import WebParts
from kkt_adapter.catalog.parts import CatalogParts
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
from kkt_adapter.fiscal.status.readiness import Preflight
from kkt_adapter.settings import Settings
from kkt_adapter.settings.effective import effective


def all_services(
    core: Core,
    edge: WebParts,
    *,
    doors: tuple[Doorway, ...],
    printing: Printing,
    delivery: Delivery,
    watching: Watching,
    preflight: Preflight,
) -> ApiServices:
    database, clock, capacity = core.database, core.clock, core.settings.capacity
    registers, worker = printing.registers, delivery.worker
    documents = Documents(database=database, registers=registers)
    receipts = Receipts(database=database, registers=registers, documents=documents)
    actions = _actions(core, printing=printing, delivery=delivery, watching=watching)
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
        preflight=preflight,
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
        doors=doors,
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

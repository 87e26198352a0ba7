"""What the routes, the doors and the pages call: the parts of the product, in one typed object.

They answer with frozen read models, which ``schemas/shown`` turns into JSON. All errors are those of
``kernel/errors.py``. None of the calls may be cancelled half-way into a loss: what was stored stays stored.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from kkt_adapter.api.doors.door import Doorway
from kkt_adapter.api.entry.core import CoreServices, Sandbox
from kkt_adapter.catalog.reads.catalogue import CatalogReads
from kkt_adapter.catalog.schedule.daily import DailySchedule
from kkt_adapter.catalog.sync.control import CatalogSync
from kkt_adapter.fiscal.control.clock_watch import ClockWatch
from kkt_adapter.fiscal.control.maintenance import Administration
from kkt_adapter.fiscal.control.pools import Pools
from kkt_adapter.fiscal.control.register_actions import RegisterActions
from kkt_adapter.fiscal.control.sessions import Sessions
from kkt_adapter.fiscal.delivery.dead_letters import DeadLetters
from kkt_adapter.fiscal.delivery.worker import DeliveryWorker
from kkt_adapter.fiscal.heartbeat.export import EventExport
from kkt_adapter.fiscal.heartbeat.service import Heartbeat
from kkt_adapter.fiscal.intake.accept import ReceiptIntake
from kkt_adapter.fiscal.intake.refund_check import Refunds
from kkt_adapter.fiscal.queries.callback_book import CallbackBook
from kkt_adapter.fiscal.queries.documents import Documents
from kkt_adapter.fiscal.queries.receipt_list import ReceiptLists
from kkt_adapter.fiscal.queries.receipt_story import ReceiptStories
from kkt_adapter.fiscal.queries.receipts import Receipts
from kkt_adapter.fiscal.queries.sales_today import SalesToday
from kkt_adapter.fiscal.queries.shift_book import ShiftBook
from kkt_adapter.fiscal.slip.links import ReceiptLinks
from kkt_adapter.fiscal.status.metrics import Metrics
from kkt_adapter.fiscal.status.overview import Overview
from kkt_adapter.fiscal.status.pages import Summary
from kkt_adapter.fiscal.status.readiness import Preflight
from kkt_adapter.fiscal.status.register_cards import RegisterCards
from kkt_adapter.runtime.auth.gate import Gate
from kkt_adapter.runtime.auth.parts import AuthParts
from kkt_adapter.settings.effective import SettingShown

ResolveAction = Literal["adopt", "print_again"]
ResolveReportAction = Literal["adopt", "do_again"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchServices:
    overview: Overview
    sales: SalesToday
    metrics: Metrics
    cards: RegisterCards


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogServices:
    """``public_read`` (CATALOG_PUBLIC_READ) lets everybody read products, with or without a token."""

    sync: CatalogSync
    schedule: DailySchedule
    reads: CatalogReads
    public_read: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyerServices:
    """The public pages of receipts."""

    links: ReceiptLinks
    receipts: Receipts


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServices:
    """Everything that any route calls; ``app.state.services`` is the only place where they are found."""

    intake: ReceiptIntake
    receipts: Receipts
    refunds: Refunds
    registers: RegisterActions
    delivery: DeliveryWorker
    dead_letters: DeadLetters
    summary: Summary
    administration: Administration
    gate: Gate  # of accounts and till tokens; /v1 goes past it while ApiSettings.auth_open
    sessions: Sessions
    pools: Pools
    preflight: Preflight
    shift_book: ShiftBook
    callback_book: CallbackBook
    buyer: BuyerServices
    documents: Documents
    heartbeat: Heartbeat
    event_export: EventExport
    clock_watch: ClockWatch
    watch: WatchServices
    lists: ReceiptLists
    stories: ReceiptStories
    people: AuthParts
    catalog: CatalogServices
    configuration: Callable[[], Sequence[SettingShown]] = tuple  # in force, secrets hidden
    doors: tuple[Doorway, ...] = ()  # foreign protocols, the first that serves a path answers it
    sandbox: Sandbox | None = None  # in a process started with --demo

    @property
    def core(self) -> CoreServices:
        return CoreServices(
            intake=self.intake,
            links=self.buyer.links,
            gate=self.gate,
            summary=self.summary,
            preflight=self.preflight,
            metrics=self.watch.metrics,
            doors=self.doors,
        )

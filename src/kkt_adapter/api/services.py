"""The collaborators of the routes, each as small as the routes need it.

All answers are JSON-ready (texts, numbers, lists, dicts, None); times in them are RFC 3339 UTC with ``Z``.
All errors are those of ``kernel/errors.py``. None of the calls may be cancelled half-way into a loss: what
was stored stays stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from kkt_adapter.api.doors.door import Door
from kkt_adapter.catalog.reads.catalogue import CatalogReads
from kkt_adapter.catalog.schedule.daily import DailySchedule
from kkt_adapter.catalog.sync.control import CatalogSync
from kkt_adapter.fiscal.control.clock_watch import ClockWatch
from kkt_adapter.fiscal.control.maintenance import CapacityChange, MaintenanceState
from kkt_adapter.fiscal.control.pools import Pools
from kkt_adapter.fiscal.control.register_status import RegisterStatus, ReportDecision
from kkt_adapter.fiscal.control.sessions import Sessions
from kkt_adapter.fiscal.delivery.dead_letters import LetterFilter
from kkt_adapter.fiscal.delivery.letter_models import (
    LetterDetail,
    LetterPage,
    LetterPreview,
    LetterResolved,
    LetterRetried,
    ManyLetters,
)
from kkt_adapter.fiscal.delivery.worker_status import ManualSync, WorkerStatus
from kkt_adapter.fiscal.heartbeat.export import EventExport
from kkt_adapter.fiscal.heartbeat.service import Heartbeat
from kkt_adapter.fiscal.intake.as_sent import PLAIN, AsSent
from kkt_adapter.fiscal.lifecycle import LetterOutcome
from kkt_adapter.fiscal.model import ReceiptRequest
from kkt_adapter.fiscal.queries.callback_book import CallbackBook
from kkt_adapter.fiscal.queries.documents import Documents
from kkt_adapter.fiscal.queries.event_log import EventPage
from kkt_adapter.fiscal.queries.receipt_list import ReceiptLists
from kkt_adapter.fiscal.queries.receipt_models import ReceiptDetail, ReceiptPage, ReceiptSummary
from kkt_adapter.fiscal.queries.receipt_story import ReceiptStories
from kkt_adapter.fiscal.queries.receipts import Receipts as StoredReceipts
from kkt_adapter.fiscal.queries.sales_today import SalesToday
from kkt_adapter.fiscal.queries.shift_book import ShiftBook
from kkt_adapter.fiscal.shifts.reports import ReportMade, ShiftOpened
from kkt_adapter.fiscal.slip.links import ReceiptLinks
from kkt_adapter.fiscal.status.metrics import Metrics
from kkt_adapter.fiscal.status.overview import Overview
from kkt_adapter.fiscal.status.readiness import Preflight
from kkt_adapter.fiscal.status.register_cards import RegisterCards
from kkt_adapter.fiscal.status.reports import BufferStatus, HealthReport
from kkt_adapter.fiscal.store.idempotency import Outcome
from kkt_adapter.kernel.breaker import BreakerState
from kkt_adapter.kernel.errors import ReceiptInvalid
from kkt_adapter.runtime.auth.parts import AuthParts
from kkt_adapter.runtime.auth.roles import Principal
from kkt_adapter.settings.effective import SettingShown

Json = dict[str, Any]
ResolveAction = Literal["adopt", "print_again"]
ResolveReportAction = Literal["adopt", "do_again"]


class Acceptance(Protocol):
    """What became of a POST of a receipt."""

    @property
    def body(self) -> bytes:
        """The answer, JSON, ready to be sent."""
        ...

    @property
    def replayed(self) -> bool:
        """True: the key was known, this is the first answer again."""
        ...


class ReceiptIntake(Protocol):
    async def accept(self, request: ReceiptRequest, *, key: str, sent: AsSent = PLAIN) -> Acceptance:
        """Store, print, answer. Cancelling the call does not undo what is stored.

        Raises:
            ReceiptInvalid, IdempotencyConflict, IdempotencyInProgress, BufferFull, RefundBlocked, KktBlocked,
            Maintenance, Overloaded, StorageError: nothing was stored, the key is not used up.
        """
        ...

    async def replay_first(self, *, key: str, sent: AsSent) -> Acceptance | None:
        """The answer to a request whose form is broken today, if version 0.1.0 took it under the key."""
        ...

    async def refusal(self, request: ReceiptRequest, *, key: str, sent: AsSent) -> ReceiptInvalid:
        """All that is wrong with a request whose form is broken: ``sent.broken`` and what the fiscal rules
        find in the rest. Stores nothing, replays nothing."""
        ...


class Receipts(Protocol):
    """Reads; ReceiptNotFound for what is not there."""

    async def by_id(self, receipt_id: str) -> ReceiptDetail: ...

    async def by_key(self, key: str) -> ReceiptDetail: ...

    async def page(
        self,
        *,
        status: str | None,
        print_state: str | None,
        pos_id: str | None,
        since: datetime | None,
        limit: int,
        cursor: str | None,
    ) -> ReceiptPage:
        """Newest first. InvalidInput: a foreign cursor."""
        ...

    async def slip_text(self, receipt_id: str) -> str: ...

    async def slip_html(self, receipt_id: str) -> str: ...

    async def slip_pdf(self, receipt_id: str) -> bytes: ...

    async def qr_svg(self, receipt_id: str) -> str: ...


class RefundDecision(Protocol):
    @property
    def allowed(self) -> bool: ...

    @property
    def sync_status(self) -> str: ...

    @property
    def reason(self) -> str: ...

    @property
    def buffer_count(self) -> int: ...

    @property
    def buffer_percent(self) -> float: ...


class Refunds(Protocol):
    async def check(self, original: str) -> RefundDecision:
        """``original`` is a fiscal_doc_id, a receipt id or a fiscal document number."""
        ...


class Registers(Protocol):
    async def reprint(
        self, receipt_id: str, *, reason: str | None = None, by: str = ""
    ) -> ReceiptSummary: ...

    async def tell_shop_again(self, receipt_id: str) -> ReceiptSummary: ...

    async def resolve(
        self,
        receipt_id: str,
        *,
        action: ResolveAction,
        fiscal_doc_number: int | None,
        reason: str,
        by: str,
        question_version: str | None,
    ) -> ReceiptSummary:
        """Raises Conflict: no open question, or another one than ``question_version``."""
        ...

    async def x_report(
        self, pos_id: str | None, *, key: str | None, session_id: str | None
    ) -> Outcome[ReportMade]:
        """``pos_id`` may be None with one register only. A known key gets the first answer again.

        Raises:
            Conflict: sessions are open on the register, and ``session_id`` is none of them.
        """
        ...

    async def z_report(
        self, pos_id: str | None, *, key: str | None, session_id: str | None
    ) -> Outcome[ReportMade]: ...

    async def open_shift(
        self, pos_id: str | None, *, key: str | None, session_id: str | None
    ) -> Outcome[ShiftOpened]: ...

    async def resolve_report(
        self,
        pos_id: str | None,
        *,
        action: ResolveReportAction,
        fiscal_doc_number: int | None,
        reason: str,
        by: str,
        question_version: str | None,
    ) -> ReportDecision:
        """Settle an unknown outcome of a shift opening or a Z report. Raises Conflict."""
        ...

    async def status(self, pos_id: str | None) -> tuple[RegisterStatus, ...]: ...


class Delivery(Protocol):
    async def status(self) -> WorkerStatus: ...

    async def sync(self, *, force: bool) -> ManualSync:
        """One manual pass, at most 25 s. Raises SyncInProgress."""
        ...

    async def reset_breaker(self, *, by: str) -> BreakerState: ...


class DeadLetters(Protocol):
    async def page(self, *, limit: int, cursor: str | None) -> LetterPage: ...

    async def preview(self, wanted: LetterFilter, *, limit: int) -> LetterPreview: ...

    async def get(self, id: int) -> LetterDetail: ...

    async def retry(self, id: int, *, by: str) -> LetterRetried: ...

    async def resolve(
        self, id: int, *, note: str, by: str, outcome: LetterOutcome | None
    ) -> LetterResolved: ...

    async def retry_many(
        self, wanted: LetterFilter, *, expected_count: int, by: str, note: str | None
    ) -> ManyLetters:
        """Raises Conflict, with ``count``: another number of open letters fits; nothing was done."""
        ...

    async def resolve_many(
        self,
        wanted: LetterFilter,
        *,
        expected_count: int,
        note: str,
        by: str,
        outcome: LetterOutcome | None,
    ) -> ManyLetters: ...


class Summary(Protocol):
    async def buffer_status(self) -> BufferStatus: ...

    async def health(self) -> HealthReport:
        """Raises nothing."""
        ...

    async def ready(self) -> bool: ...

    async def logs(
        self, *, page: int, limit: int, level: str | None, event_type: str | None, since: datetime | None
    ) -> EventPage: ...


class Administration(Protocol):
    async def set_capacity(self, n: int, *, by: str) -> CapacityChange: ...

    async def maintenance(self) -> MaintenanceState | None: ...

    async def begin_maintenance(self, *, reason: str, minutes: int | None, by: str) -> None: ...

    async def end_maintenance(self, *, by: str) -> None: ...


class Gate(Protocol):
    async def admit(self, authorization: str | None) -> Principal:
        """Who sends this Authorization header. Raises NotAuthenticated."""
        ...


class Sandbox(Protocol):
    """What a demonstration lets people break and mend."""

    @property
    def faults(self) -> frozenset[str]:
        """Names of the faults in force; all there are stand in ``known``."""
        ...

    @property
    def known(self) -> tuple[str, ...]: ...

    async def switch(self, fault: str, *, on: bool) -> None:
        """Raises InvalidInput: no such fault."""
        ...


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
    receipts: StoredReceipts


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServices:
    """Everything that any route calls; ``app.state.services`` is the only place where they are found."""

    intake: ReceiptIntake
    receipts: Receipts
    refunds: Refunds
    registers: Registers
    delivery: Delivery
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
    configuration: Sequence[SettingShown] = ()  # in force, secrets hidden
    doors: tuple[Door, ...] = ()  # foreign protocols, the first that serves a path answers it
    sandbox: Sandbox | None = None  # in a process started with --demo

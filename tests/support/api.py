"""The collaborators of the HTTP edge, in memory: small, honest, and counting how often they are asked."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import MISSING, dataclass, field, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import httpx2
from fastapi import FastAPI
from sqlalchemy import Connection, insert
from tests.support import status
from tests.support.clock import ManualClock
from tests.support.ready_database import put_ready
from tests.support.receipts import a_sale

from kkt_adapter.api.app import create_api
from kkt_adapter.api.services import ApiServices, BuyerServices, ResolveAction, ResolveReportAction
from kkt_adapter.api.settings import ApiSettings
from kkt_adapter.api.wire.limits import WireLimits
from kkt_adapter.api.wire.server import HttpServer, http_server
from kkt_adapter.fiscal.control.maintenance import Administration
from kkt_adapter.fiscal.control.pools import Pools, SetAside
from kkt_adapter.fiscal.control.register_actions import RegisterActions
from kkt_adapter.fiscal.control.register_status import RegisterStatus, ReportDecision
from kkt_adapter.fiscal.delivery.dead_letters import DeadLetters
from kkt_adapter.fiscal.delivery.worker import DeliveryWorker
from kkt_adapter.fiscal.delivery.worker_status import ManualSync, WorkerStatus
from kkt_adapter.fiscal.intake.accept import ReceiptIntake
from kkt_adapter.fiscal.intake.as_sent import PLAIN, AsSent
from kkt_adapter.fiscal.intake.refund_check import Refunds
from kkt_adapter.fiscal.intake.stored_answers import Acceptance
from kkt_adapter.fiscal.lifecycle import AttemptKind, PrintState, Status
from kkt_adapter.fiscal.model import PaymentKind, ReceiptRequest, ShiftTotals
from kkt_adapter.fiscal.queries.event_log import EventPage
from kkt_adapter.fiscal.queries.receipt_models import ReceiptDetail, ReceiptPage, ReceiptSummary
from kkt_adapter.fiscal.queries.receipts import Receipts
from kkt_adapter.fiscal.shifts.reports import HeldCash, ReportMade, ReportType, ShiftOpened
from kkt_adapter.fiscal.slip.links import ReceiptLinks
from kkt_adapter.fiscal.status.pages import Summary
from kkt_adapter.fiscal.status.reports import BufferStatus, HealthReport
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.counters import fill
from kkt_adapter.fiscal.store.holds import Hold, HoldMode
from kkt_adapter.fiscal.store.idempotency import Outcome
from kkt_adapter.fiscal.store.tables import dlq
from kkt_adapter.kernel.breaker import BreakerState
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import (
    Conflict,
    IdempotencyConflict,
    NotAuthenticated,
    ReceiptInvalid,
    ReceiptNotFound,
    SyncInProgress,
)
from kkt_adapter.kernel.hlc import HybridTimestamp
from kkt_adapter.kernel.ids import RegisterId
from kkt_adapter.kernel.money import Kopecks, kopecks, line_amount, rubles
from kkt_adapter.runtime.auth.gate import Gate
from kkt_adapter.runtime.auth.roles import Principal, PrincipalKind, Role, Scope
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.db.sqlite import SqliteDatabase

Json = dict[str, Any]

HOST = "localhost"
BASE_URL = f"http://{HOST}:8000"
KEY = "0b6f1c1e-4c0e-4a52-9a2b-0f3f5e0a7c11"
SALE: Json = {
    "pos_id": "POS-001",
    "type": "sale",
    "items": [{"name": "Test", "price": 100, "qty": 1}],
    "payments": [{"type": "cash", "amount": 100}],
}
CREATED_AT = datetime(2026, 3, 14, 9, tzinfo=UTC)
CAPACITY = 10_000  # of the buffer, as configured
WALL = CREATED_AT.replace(hour=12, tzinfo=None)  # of a register


@dataclass
class MemoryIntake:
    """Keeps receipts by key. ``fail_with`` is raised instead, ``hold`` is waited for after the storing."""

    receipts: dict[str, tuple[ReceiptRequest, Json]] = field(default_factory=dict)
    calls: int = 0
    arrivals: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    fail_with: Exception | None = None
    hold: asyncio.Event | None = None
    stored: asyncio.Event = field(default_factory=asyncio.Event)
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    async def replay_first(self, *, key: str, sent: AsSent) -> Acceptance | None:
        return None

    async def refusal(self, request: ReceiptRequest, *, key: str, sent: AsSent) -> ReceiptInvalid:
        return sent.refusal(sent.broken)

    async def accept(self, request: ReceiptRequest, *, key: str, sent: AsSent = PLAIN) -> Acceptance:
        self.calls += 1
        self.arrivals.put_nowait(key)
        if self.fail_with is not None:
            raise self.fail_with
        known = self.receipts.get(key)
        if known is not None:
            if known[0] != request:
                raise IdempotencyConflict("key taken", "ключ занят", receipt_id=known[1]["receipt_id"])
            return Acceptance(body=_bytes(known[1]), replayed=True)
        answer = self._answer(request)
        self.receipts[key] = (request, answer)
        self.stored.set()
        if self.hold is not None:
            await self.hold.wait()
        self.finished.set()
        return Acceptance(body=_bytes(answer), replayed=False)

    def _answer(self, request: ReceiptRequest) -> Json:
        number = len(self.receipts) + 1
        return {
            "status": "printed",
            "receipt_id": f"receipt-{number}",
            "fiscal_doc_id": f"9999078902013267-{number}",
            "total": rubles(total_kop(request)),
        }


def total_kop(request: ReceiptRequest) -> int:
    return sum(line.amount_kop or line_amount(line.price_kop, line.quantity) for line in request.lines)


@dataclass
class MemoryReceipts:
    intake: MemoryIntake
    asked: list[Json] = field(default_factory=list)

    async def by_id(self, receipt_id: str) -> ReceiptDetail:
        for key, (request, answer) in self.intake.receipts.items():
            if answer["receipt_id"] == receipt_id:
                return _detail(key, request, answer)
        raise ReceiptNotFound(f"no receipt {receipt_id}", f"нет чека {receipt_id}")

    async def by_key(self, key: str) -> ReceiptDetail:
        if key not in self.intake.receipts:
            raise ReceiptNotFound("never accepted", "не принимался")
        return _detail(key, *self.intake.receipts[key])

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
        self.asked.append(
            {
                "status": status,
                "print_state": print_state,
                "pos_id": pos_id,
                "since": since,
                "limit": limit,
                "cursor": cursor,
            }
        )
        rows = [_summary(key, *kept) for key, kept in reversed(self.intake.receipts.items())]
        rows = [row for row in rows if pos_id is None or row.pos_id == pos_id]
        start = int(cursor or 0)
        more = len(rows) > start + limit
        return ReceiptPage(
            items=rows[start : start + limit], next_cursor=str(start + limit) if more else None
        )

    async def slip_text(self, receipt_id: str) -> str:
        total = rubles((await self.by_id(receipt_id)).summary.total_kop)
        return f"КАССОВЫЙ ЧЕК\nИТОГ {total}\n"

    async def slip_pdf(self, receipt_id: str) -> bytes:
        return f"%PDF {receipt_id}".encode()

    async def slip_html(self, receipt_id: str) -> str:
        total = rubles((await self.by_id(receipt_id)).summary.total_kop)
        return f"<!doctype html><h1>Кассовый чек</h1><p>{total}"

    async def qr_svg(self, receipt_id: str) -> str:
        await self.by_id(receipt_id)
        return '<svg xmlns="http://www.w3.org/2000/svg"></svg>'


@dataclass
class MemoryRegisters:
    receipts: MemoryReceipts
    sales_kop: int = 0
    z_reports: dict[str | None, ReportMade] = field(default_factory=dict)
    asked: list[Json] = field(default_factory=list)

    async def tell_shop_again(self, receipt_id: str) -> ReceiptSummary:
        raise Conflict("no callback_url", "нет callback_url")

    async def reprint(self, receipt_id: str, *, reason: str | None = None, by: str = "") -> ReceiptSummary:
        found = (await self.receipts.by_id(receipt_id)).summary
        if found.print_state is PrintState.PRINTED:
            raise Conflict("already printed", "уже напечатан")
        return found

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
        self.asked.append(
            {
                "action": action,
                "fiscal_doc_number": fiscal_doc_number,
                "reason": reason,
                "by": by,
                "question_version": question_version,
            }
        )
        return (await self.receipts.by_id(receipt_id)).summary

    async def x_report(
        self, pos_id: str | None, *, key: str | None, session_id: str | None
    ) -> Outcome[ReportMade]:
        self.asked.append({"pos_id": pos_id, "session_id": session_id})
        return Outcome(answer=a_report(ReportType.X, sales_kop=self._cash_kop()))

    async def z_report(
        self, pos_id: str | None, *, key: str | None, session_id: str | None
    ) -> Outcome[ReportMade]:
        self.asked.append({"pos_id": pos_id, "session_id": session_id})
        known = key is not None and key in self.z_reports
        if not known:
            self.z_reports[key] = a_report(ReportType.Z, shift_number=len(self.z_reports) + 1)
        return Outcome(answer=self.z_reports[key], replayed=known)

    async def open_shift(
        self, pos_id: str | None, *, key: str | None, session_id: str | None
    ) -> Outcome[ShiftOpened]:
        opened = ShiftOpened(
            fd_number=1, fiscal_sign="1", at=WALL, shift_number=len(self.z_reports) + 1, is_offline=False
        )
        return Outcome(answer=opened)

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
        self.asked.append(
            {
                "pos_id": pos_id,
                "action": action,
                "fiscal_doc_number": fiscal_doc_number,
                "reason": reason,
                "by": by,
                "question_version": question_version,
            }
        )
        return ReportDecision(
            register_id="register-1",
            what=AttemptKind.CLOSE_SHIFT,
            adopted=fiscal_doc_number,
            reason=reason,
            by=by,
        )

    async def status(self, pos_id: str | None) -> tuple[RegisterStatus, ...]:
        self.asked.append({"pos_id": pos_id})
        return ()

    def _cash_kop(self) -> int:
        return sum(
            payment.amount_kop
            for request, _ in self.receipts.intake.receipts.values()
            for payment in request.payments
            if payment.kind is PaymentKind.CASH
        )


@dataclass
class MemoryDelivery:
    running: bool = False
    breaker: BreakerState = BreakerState.OPEN
    reset_by: str | None = None
    forced: list[bool] = field(default_factory=list)

    async def status(self) -> WorkerStatus:
        return status.worker_status()

    async def sync(self, *, force: bool) -> ManualSync:
        if self.running:
            raise SyncInProgress("a pass runs", "передача идёт")
        self.forced.append(force)
        return status.manual_sync()

    async def reset_breaker(self, *, by: str) -> BreakerState:
        self.breaker, self.reset_by = BreakerState.CLOSED, by
        return self.breaker


def a_report(kind: ReportType, *, sales_kop: int = 0, shift_number: int = 1) -> ReportMade:
    """Of a register without open sessions."""
    nothing = Kopecks(0)
    return ReportMade(
        type=kind,
        at=WALL,
        fd_number=None,
        fiscal_sign=None,
        totals=ShiftTotals(shift_number=shift_number, opened_at=None, sales_kop=Kopecks(sales_kop)),
        held=HeldCash(sessions=0, opening_kop=nothing, in_kop=nothing, out_kop=nothing, till_kop=nothing),
        is_offline=False,
    )


@dataclass
class MemorySummary:
    usable: bool = True
    asked: list[Json] = field(default_factory=list)
    fail_with: Exception | None = None

    async def buffer_status(self) -> BufferStatus:
        if self.fail_with is not None:
            raise self.fail_with
        return status.buffer_status()

    async def health(self) -> HealthReport:
        return status.health_report(usable=self.usable)

    async def ready(self) -> bool:
        return self.usable

    async def logs(
        self, *, page: int, limit: int, level: str | None, event_type: str | None, since: datetime | None
    ) -> EventPage:
        self.asked.append({"level": level, "event_type": event_type, "since": since})
        return EventPage(total=0, page=page, limit=limit, items=[])


@dataclass
class MemoryGate:
    """Knows its tokens by heart: one of each kind."""

    principals: dict[str, Principal] = field(
        default_factory=lambda: {
            "viewer": _account("vera", Role.VIEWER),
            "manager": _account("max", Role.MANAGER),
            "admin": _account("anna", Role.ADMIN),
            "till-1": _till("till:1", Scope.POS, "POS-001"),
            "till-2": _till("till:2", Scope.POS, "POS-002", "POS-003"),
            "read": _till("till:r", Scope.READ),
        }
    )

    async def admit(self, authorization: str | None) -> Principal:
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme != "Bearer" or token not in self.principals:
            raise NotAuthenticated("sign in", "войдите")
        return self.principals[token]


def _account(name: str, role: Role) -> Principal:
    return Principal(kind=PrincipalKind.ACCOUNT, name=name, role=role)


def _till(name: str, scope: Scope, *pos_ids: str) -> Principal:
    return Principal(
        kind=PrincipalKind.TILL, name=name, scopes=frozenset({scope}), pos_ids=frozenset(pos_ids)
    )


def _summary(key: str, request: ReceiptRequest, answer: Json) -> ReceiptSummary:
    return ReceiptSummary(
        id=answer["receipt_id"],
        pos_id=request.pos_id,
        register_id=RegisterId("register-1"),
        kind=request.kind,
        key=key,
        total_kop=kopecks(Decimal(answer["total"])),
        print_state=PrintState.PRINTED,
        status=Status.PENDING,
        fiscal_doc_id=answer["fiscal_doc_id"],
        fiscal_doc=None,
        retry_count=0,
        last_error=None,
        next_attempt_at=None,
        created_at=CREATED_AT,
        printed_at=CREATED_AT,
        synced_at=None,
        ofd_id=None,
        stamp=HybridTimestamp(1, 0),
        server_time=None,
        door=None,
        account=None,
        group=None,
        client_key=None,
    )


def _detail(key: str, request: ReceiptRequest, answer: Json) -> ReceiptDetail:
    return ReceiptDetail(
        summary=_summary(key, request, answer),
        receipt=a_sale(id=answer["receipt_id"], pos_id=request.pos_id),
        callback=None,
        operator_code=None,
        warnings=[],
        attempts=[],
        events=[],
    )


def _bytes(answer: Json) -> bytes:
    return json.dumps(answer).encode()


STORED = ("refunds", "dead_letters", "administration")
HERE = (*STORED, "intake", "receipts", "registers", "delivery", "summary", "gate", "pools", "buyer")


class Absent:
    """What no test of these routes calls; they are tested over the real product."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"this application is without the part whose {name} is asked for")


def absent() -> dict[str, Any]:
    wanted = [one.name for one in fields(ApiServices) if one.default is MISSING]
    return dict.fromkeys((name for name in wanted if name not in HERE), Absent())


class MemoryPools:
    """Registers that people set aside; nothing is remembered."""

    async def set_aside(self, register_id: str, *, mode: HoldMode, reason: str, by: str) -> SetAside:
        return SetAside(hold=Hold(mode=mode, reason=reason, since=datetime.now(UTC), by=by), moved=0)

    async def release(self, register_id: str, *, reason: str, by: str) -> None:
        return None


class Memory:
    """The interface with stand-ins for what prints, and the real parts over ``database``, if there is one.

    What needs a running register (intake, reports, delivery) is kept in memory, so that a test can let it
    hang or fail; the same calls over the whole product: ``test_api_real.py`` and its neighbours.
    """

    def __init__(self, database: Database | None = None) -> None:
        self.database = database
        self.intake = MemoryIntake()
        self.receipts = MemoryReceipts(self.intake)
        self.registers = MemoryRegisters(self.receipts)
        self.delivery = MemoryDelivery()
        self.summary = MemorySummary()
        self.gate = MemoryGate()

    def services(self) -> ApiServices:
        return ApiServices(
            intake=cast(ReceiptIntake, self.intake),
            receipts=cast(Receipts, self.receipts),
            registers=cast(RegisterActions, self.registers),
            delivery=cast(DeliveryWorker, self.delivery),
            summary=cast(Summary, self.summary),
            gate=cast(Gate, self.gate),
            pools=cast(Pools, MemoryPools()),
            buyer=BuyerServices(links=ReceiptLinks(secret=b"-"), receipts=cast(Any, Absent())),
            **self._stored(),
            **absent(),
        )

    def _stored(self) -> dict[str, Any]:
        if self.database is None:
            return dict.fromkeys(STORED, Absent())
        clock = ManualClock(CREATED_AT)
        return {
            "refunds": Refunds(database=self.database, default_capacity=CAPACITY),
            "administration": Administration(database=self.database, clock=clock, default_capacity=CAPACITY),
            "dead_letters": DeadLetters(database=self.database, clock=clock, on_retry=lambda: None),
        }

    async def capacity(self) -> int:
        """Of the buffer, as it is in force."""
        assert self.database is not None
        filled = await self.database.read(lambda conn: fill(conn, default_capacity=CAPACITY))
        return filled.capacity

    def app(self, *, clock: Clock | None = None, **settings: Any) -> FastAPI:
        return create_api(self.services(), replace(ApiSettings(), **settings), clock=clock)


@asynccontextmanager
async def stored(folder: Path) -> AsyncIterator[Memory]:
    """Over a database of today's schema with one open dead letter, number 1."""
    put_ready(folder / "kkt.db")
    database = SqliteDatabase(folder / "kkt.db")
    try:
        await database.write(counters.ensure)
        await put_letter(database)
        yield Memory(database)
    finally:
        await database.close()


async def put_letter(database: Database) -> int:
    """One more open dead letter; its number."""

    def write(conn: Connection) -> int:
        counters.bump(conn, dlq_open=1)
        made = conn.execute(
            insert(dlq).values(
                original_receipt_id="receipt-1",
                failed_at=CREATED_AT,
                reason="max_retries_exceeded",
                retry_attempts=20,
                last_error="no answer",
            )
        )
        assert made.inserted_primary_key is not None
        return int(made.inserted_primary_key[0])

    return await database.write(write)


@asynccontextmanager
async def client_of(app: FastAPI, **options: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """Calls the application in this loop, as a program on the same machine would."""
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url=BASE_URL, **options) as client:
        yield client


async def post_receipt(
    client: httpx2.AsyncClient, body: Any = SALE, *, key: str | None = KEY, **headers: str
) -> httpx2.Response:
    """POST a receipt; a dict is sent as JSON, bytes as they are."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"Content-Type": "application/json"} | ({} if key is None else {"Idempotency-Key": key})
    return await client.post("/v1/kkt/receipt", content=content, headers=named | headers)


def changed(**changes: Any) -> Json:
    """The sale with other members; ``...`` takes one away."""
    return {name: value for name, value in (SALE | changes).items() if value is not ...}


def with_item(**changes: Any) -> Json:
    item = {n: v for n, v in (SALE["items"][0] | changes).items() if v is not ...}
    return changed(items=[item])


def with_payment(**changes: Any) -> Json:
    payment = {n: v for n, v in (SALE["payments"][0] | changes).items() if v is not ...}
    return changed(payments=[payment])


@asynccontextmanager
async def served(
    app: FastAPI, *, limits: WireLimits | None = None, trusted_proxies: tuple[str, ...] = ()
) -> AsyncIterator[int]:
    """The application behind a real server on a free loopback port."""
    async with server_of(app, limits=limits, trusted_proxies=trusted_proxies) as server:
        yield server.servers[0].sockets[0].getsockname()[1]


@asynccontextmanager
async def server_of(
    app: FastAPI, *, limits: WireLimits | None = None, trusted_proxies: tuple[str, ...] = ()
) -> AsyncIterator[HttpServer]:
    """The product's own server, listening on a free loopback port."""
    up = asyncio.Event()
    server = http_server(
        app,
        limits=limits or WireLimits(),
        trusted_proxies=trusted_proxies,
        on_ready=up.set,
        on_stop=app.state.live.close,
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        async with asyncio.timeout(10):
            await up.wait()
        try:
            yield server
        finally:
            server.should_exit = True
            await serving

"""Requests to the HTTP interface, and the interface of a running product with settings of a test's own."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import MISSING, dataclass, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx2
from sqlalchemy import Connection, insert

from kkt_adapter.api.app import Api, create_api
from kkt_adapter.api.services import ApiServices, BuyerServices, WatchServices
from kkt_adapter.api.settings import ApiSettings
from kkt_adapter.api.wire.limits import WireLimits
from kkt_adapter.api.wire.server import HttpServer, http_server
from kkt_adapter.fiscal.slip.links import ReceiptLinks
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.tables import dlq
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.auth.roles import Role, Scope
from kkt_adapter.runtime.db.protocol import Database

if TYPE_CHECKING:
    from tests.support.product import Product

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


def a_key() -> str:
    """Another one at each call, also where every test begins with the same seed."""
    return str(uuid4())


class Absent:
    """What no test of these routes calls."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"this application is without the part whose {name} is asked for")


def bare_services(**parts: Any) -> ApiServices:
    """Of an interface with these parts only."""
    absent: Any = Absent()
    wanted = [one.name for one in fields(ApiServices) if one.default is MISSING]
    buyer = BuyerServices(links=ReceiptLinks(secret=b"-"), receipts=absent)
    watch = WatchServices(overview=absent, sales=absent, metrics=absent, cards=absent)
    return ApiServices(**dict.fromkeys(wanted, absent) | {"buyer": buyer, "watch": watch} | parts)


class Failing:
    """A part with an error that nobody has foreseen."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("secret of /var/lib")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The interface of a product that a module of tests shares: each test posts under keys of its own.

    ``tokens``: viewer, manager, admin, till-1 (of POS-001), till-2 (of POS-002 and POS-003), read.
    """

    running: "Product"
    tokens: dict[str, str]

    def app(self, *, clock: Clock | None = None, **settings: Any) -> Api:
        return create_api(self.services, replace(ApiSettings(), **settings), clock=clock)

    def failing_app(self, **settings: Any) -> Api:
        """The intake and the status pages fail."""
        broken: Any = Failing()
        services = replace(self.services, intake=broken, summary=broken)
        return create_api(services, replace(ApiSettings(), **settings))

    @property
    def services(self) -> ApiServices:
        services: ApiServices = self.running.services.app.state.services
        return services

    def bearer(self, who: str) -> str:
        return f"Bearer {self.tokens[who]}"

    async def stored(self) -> int:
        """How many receipts there are."""
        totals = await self.running.read(counters.read)
        return int(totals.total)

    async def until_stored(self, receipts: int) -> None:
        async def enough() -> bool:
            return await self.stored() >= receipts

        await self.running.until(enough)

    @contextmanager
    def printing_held(self) -> Iterator[None]:
        """Inside the block the register hangs: receipts are stored, and their answers wait."""
        self.running.break_register(hang=True)
        try:
            yield
        finally:
            self.running.faults().clear()


async def edge_of(running: "Product") -> Edge:
    auth = running.services.auth
    tokens = {}
    for name, role in (("vera", Role.VIEWER), ("max", Role.MANAGER), ("anna", Role.ADMIN)):
        account = await auth.accounts.add(name, role, password="correct horse battery")
        tokens[role.value] = auth.tokens.issue(account).text
    for name, scope, tills in (
        ("till-1", Scope.POS, ["POS-001"]),
        ("till-2", Scope.POS, ["POS-002", "POS-003"]),
        ("read", Scope.READ, []),
    ):
        tokens[name] = (await auth.till_tokens.add(scope, pos_ids=tills, by="anna")).text
    return Edge(running=running, tokens=tokens)


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
async def client_of(app: Api, **options: Any) -> AsyncIterator[httpx2.AsyncClient]:
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
    app: Api, *, limits: WireLimits | None = None, trusted_proxies: tuple[str, ...] = ()
) -> AsyncIterator[int]:
    """The application behind a real server on a free loopback port."""
    async with server_of(app, limits=limits, trusted_proxies=trusted_proxies) as server:
        yield server.servers[0].sockets[0].getsockname()[1]


@asynccontextmanager
async def server_of(
    app: Api, *, limits: WireLimits | None = None, trusted_proxies: tuple[str, ...] = ()
) -> AsyncIterator[HttpServer]:
    """The product's own server, listening on a free loopback port."""
    up = asyncio.Event()
    server = http_server(
        app,
        limits=limits or WireLimits(),
        trusted_proxies=trusted_proxies,
        on_ready=up.set,
        on_stop=app.end_held,
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        async with asyncio.timeout(60):
            await up.wait()
        try:
            yield server
        finally:
            server.should_exit = True
            await serving

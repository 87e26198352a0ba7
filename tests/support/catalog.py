"""A catalogue at work: the real parts over a real database, reading a stand-in source over real sockets."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select
from tests.support.databases.ready_database import migrated

from kkt_adapter.catalog.g2a.wire import product
from kkt_adapter.catalog.model import PriceWindow, Product, ProductPage
from kkt_adapter.catalog.parts import CatalogParts, build_catalog
from kkt_adapter.catalog.runs import RunRecord
from kkt_adapter.catalog.settings import CatalogSettings
from kkt_adapter.catalog.source import ProductSource
from kkt_adapter.catalog.store.tables import product_changes, product_history, products
from kkt_adapter.catalog.sync.rate_limit import Pacer
from kkt_adapter.emulators.g2a import Faults, G2AEmulator
from kkt_adapter.kernel.clock import Clock, SystemClock
from kkt_adapter.kernel.errors import PageBeyondCeiling
from kkt_adapter.runtime.db.open import open_database
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.database import DatabaseLeases
from kkt_adapter.runtime.leases.lease import Leases

PATIENCE_S = 60.0
PRODUCTS = 240  # twelve pages
PAGES = 12
_owners = itertools.count(1)


class TestClock(SystemClock):
    """Real monotonic time, and a wall clock that a test can set; waits of a run are cut short.

    ``speed`` divides every sleep, so that back-off of seconds passes in milliseconds.
    """

    __test__ = False

    def __init__(self, *, speed: float = 50.0, wall: datetime | None = None) -> None:
        self.speed = speed
        self.wall = wall

    def now(self) -> datetime:
        return self.wall or super().now()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)


class SkippingClock(TestClock):
    """Every wait is over at once, and its time has passed; for a node without a service."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__()
        self._skipped_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self._skipped_s

    async def sleep(self, seconds: float) -> None:
        self._skipped_s += seconds
        await asyncio.sleep(0)


def settings_for(emulator: G2AEmulator | None, directory: Path, **changes: Any) -> CatalogSettings:
    """Settings that reach the stand-in; without one, no source is configured."""
    values: dict[str, Any] = {
        "log_file": directory / "logs" / "product_sync_scheduler.log",
        "requests_per_minute": 0,
        "max_attempts": 3,
    }
    if emulator is not None:
        values |= {
            "base_url": emulator.base_url,
            "client_id": emulator.credentials.client_id,
            "client_secret": emulator.credentials.client_secret,
            "email": emulator.credentials.email,
        }
    return CatalogSettings.model_validate(values | changes)


@asynccontextmanager
async def stand_in(products: int = 100, **faults: Any) -> AsyncIterator[G2AEmulator]:
    emulator = G2AEmulator(products, faults=Faults(**faults))
    await emulator.start()
    try:
        yield emulator
    finally:
        await emulator.stop()


@asynccontextmanager
async def opened(url: str | Path) -> AsyncIterator[Database]:
    """A migrated database."""
    await asyncio.to_thread(migrated, url)
    database = open_database(url)
    try:
        yield database
    finally:
        await database.close()


def unhurried(clock: Clock) -> Pacer:
    """For a source that a test calls by itself."""
    return Pacer(clock, concurrency=1, per_minute=0)


class Shop:
    """One node: parts, its service as a task, and short ways to look at the rows."""

    def __init__(
        self,
        db: Database,
        settings: CatalogSettings,
        directory: Path,
        *,
        clock: Clock | None = None,
        node: str = "node-1",
        leases: Leases | None = None,
        source: ProductSource | None = None,
        believed: Callable[[], bool] = lambda: True,
    ) -> None:
        self.db = db
        self.settings = settings
        self.clock = clock or TestClock()
        self.node = node
        lease_clock = SystemClock()
        self.parts: CatalogParts = build_catalog(
            db,
            settings,
            clock=self.clock,
            data_dir=directory / "data",
            node=node,
            leases=leases
            or DatabaseLeases(
                db, owner=f"{node}-{next(_owners)}", clock=lease_clock, ttl_s=30.0, renew_s=10.0, poll_s=0.05
            ),
            source=source,
            believed=believed,
        )
        self.sync, self.schedule, self.reads = self.parts.sync, self.parts.schedule, self.parts.reads
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def log(self) -> str:
        path = self.settings.log_file
        return path.read_text() if path.exists() else ""

    async def __aenter__(self) -> "Shop":
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(self.parts.service.run(self._stop))
        async with asyncio.timeout(PATIENCE_S):
            while not self.schedule.running:
                if self._task.done():
                    await self._task
                await asyncio.sleep(0.005)

    async def close(self) -> None:
        """As the supervisor stops a service."""
        self._stop.set()
        if self._task is not None:
            task, self._task = self._task, None
            await task

    async def run(self, **options: Any) -> RunRecord:
        """Start a full run and wait for its end."""
        started = await self.sync.start(by="anna", **options)
        return await self.ended(started.run_id)

    async def ended(self, run_id: str) -> RunRecord:
        """The run's final record, once its last block is in the log."""
        return await self.until(run_id, lambda record: not record.in_progress)

    async def until(self, run_id: str, reached: Callable[[RunRecord], bool]) -> RunRecord:
        async with asyncio.timeout(PATIENCE_S):
            while not reached(record := await self.sync.run(run_id)):  # noqa: ASYNC110 - a row
                await asyncio.sleep(0.01)
        return record

    async def logged(self, text: str) -> str:
        """The log file once it contains ``text``."""
        async with asyncio.timeout(PATIENCE_S):
            while text not in self.log:  # noqa: ASYNC110 - a file
                await asyncio.sleep(0.01)
        return self.log

    async def rows(self) -> dict[str, Any]:
        """All product rows by id."""
        found = await self.db.read(lambda connection: connection.execute(select(products)).all())
        return {row.id: row for row in found}

    async def history(self) -> list[Any]:
        return list(
            await self.db.read(
                lambda connection: connection.execute(
                    select(product_history).order_by(product_history.c.revision)
                ).all()
            )
        )

    async def vanished(self) -> set[str]:
        return {key for key, row in (await self.rows()).items() if row.status == "vanished"}

    async def count_changes(self) -> int:
        def count(connection: Connection) -> int:
            return connection.execute(select(func.count()).select_from(product_changes)).scalar_one()

        return await self.db.read(count)

    async def agrees_with(self, emulator: G2AEmulator) -> None:
        """Active rows equal the source's truth exactly: id, price, stock."""
        stored = {
            (row.id, row.min_price, row.qty) for row in (await self.rows()).values() if row.status == "active"
        }
        assert stored == {(entry["id"], entry["min_price"], entry["qty"]) for entry in emulator.truth()}


class MemorySource:
    """A list in memory as a `ProductSource`; honest about totals, pages and a ceiling."""

    def __init__(self, items: list[Product], *, page_size: int = 5, ceiling: int = 0) -> None:
        self.items = items
        self.page_size = page_size
        self.ceiling = ceiling
        self.closed = False

    async def page(self, number: int, *, window: PriceWindow | None = None) -> ProductPage:
        await asyncio.sleep(0)
        if self.ceiling and number > self.ceiling:
            raise PageBeyondCeiling("no such page")
        chosen = [item for item in self.listed() if _within(item, window)]
        first = (number - 1) * self.page_size
        return _page(number, chosen[first : first + self.page_size], len(chosen), window)

    def listed(self) -> list[Product]:
        """What the pages are cut from."""
        return self.items

    async def product(self, product_id: str) -> ProductPage:
        await asyncio.sleep(0)
        found = [item for item in self.items if item.id == product_id]
        return _page(1, found, len(found), None)

    async def close(self) -> None:
        self.closed = True


def _within(item: Product, window: PriceWindow | None) -> bool:
    price = item.min_price or 0
    return window is None or (
        (window.low is None or price >= window.low) and (window.high is None or price <= window.high)
    )


def _page(number: int, items: list[Product], total: int, window: PriceWindow | None) -> ProductPage:
    return ProductPage(
        number=number,
        total=total,
        products=tuple(items),
        ids=tuple(item.id for item in items),
        window=window,
    )


def made(number: int, **changes: Any) -> Product:
    """A product made from a vendor entry, so that its digest is real."""
    entry = {
        "id": f"{10_000_000_000_000 + number}",
        "name": f"Product {number}",
        "minPrice": str(number + 1),
        "qty": number,
        "availableToBuy": True,
    }
    return product(entry | changes)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@asynccontextmanager
async def shop_with(
    directory: Path, products: int = PRODUCTS, *, settings: dict[str, Any] | None = None, **faults: Any
) -> AsyncIterator[tuple[Shop, G2AEmulator]]:
    async with (
        stand_in(products, **faults) as emulator,
        opened(directory / "kkt.db") as db,
        Shop(db, settings_for(emulator, directory, **(settings or {})), directory) as shop,
    ):
        yield shop, emulator


def set_faults(emulator: G2AEmulator, **faults: Any) -> None:
    emulator.faults = replace(emulator.faults, **faults)

"""What is measured: a plain client, and runs of the real catalogue against a stand-in in another process."""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from kkt_adapter.catalog.parts import CatalogParts, build_catalog
from kkt_adapter.catalog.records import RunRecord
from kkt_adapter.catalog.settings import CatalogSettings
from kkt_adapter.emulators.g2a import Credentials
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.runtime.lease_database import DatabaseLeases
from kkt_adapter.runtime.migrate import migrate
from kkt_adapter.runtime.open import open_database

PAGE_SIZE = 20


class Source:
    """The stand-in, seen from outside."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    async def post(self, path: str, body: Any) -> Any:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.base_url}/_emulator/{path}", json=body) as answer,
        ):
            return await answer.json()

    async def counters(self) -> Any:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.base_url}/_emulator/counters") as answer,
        ):
            return await answer.json()


@asynccontextmanager
async def source(products: int) -> AsyncIterator[Source]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.catalog.stand_in",
        str(products),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stdin is not None
    try:
        yield Source((await process.stdout.readline()).decode().strip())
    finally:
        process.stdin.close()
        await process.wait()


async def plain_client_s(base_url: str) -> float:
    """S: one connection fetches and parses all pages and stores nothing; seconds."""
    headers = {"Authorization": Credentials().pair_header}
    started = time.perf_counter()
    async with aiohttp.ClientSession(headers=headers) as session:
        page, pages = 1, 1
        while page <= pages:
            address = f"{base_url}/v1/products?page={page}&includeOutOfStock=true"
            async with session.get(address) as answer:
                value = json.loads(await answer.read())
            pages = -(-value["total"] // PAGE_SIZE)
            page += 1
    return time.perf_counter() - started


class Node:
    """The catalogue as the service runs it, on a fresh SQLite file."""

    def __init__(self, base_url: str, directory: Path, **settings: Any) -> None:
        credentials = Credentials()
        self.settings = CatalogSettings.model_validate(
            {
                "base_url": base_url,
                "client_id": credentials.client_id,
                "client_secret": credentials.client_secret,
                "email": credentials.email,
                "requests_per_minute": 0,
                "log_file": directory / "sync.log",
            }
            | settings
        )
        self.path = directory / "catalog.db"
        migrate(self.path)
        self.db = open_database(self.path)
        clock = SystemClock()
        self.parts: CatalogParts = build_catalog(
            self.db,
            self.settings,
            clock=clock,
            data_dir=directory,
            node="bench",
            leases=DatabaseLeases(self.db, owner="bench", clock=clock),
        )

    async def run(self) -> RunRecord:
        started = await self.parts.sync.start(by="bench", full=True)
        async for record in self.parts.sync.progress(started.run_id):
            started = record
        return started


@asynccontextmanager
async def node(base_url: str, **settings: Any) -> AsyncIterator[Node]:
    with tempfile.TemporaryDirectory() as directory:
        made = Node(base_url, Path(directory), **settings)
        stop = asyncio.Event()
        service = asyncio.create_task(made.parts.service.run(stop))
        try:
            yield made
        finally:
            stop.set()
            await service
            await made.db.close()


async def seconds(work: Callable[[], Awaitable[Any]]) -> float:
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


async def p95_ms(work: Callable[[], Awaitable[Any]], *, times: int) -> float:
    taken = sorted([await seconds(work) for _ in range(times)])
    return taken[int(len(taken) * 0.95)] * 1000


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

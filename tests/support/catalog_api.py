"""The catalogue behind the HTTP application: real database, real service, a stand-in for the source."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from tests.support.accounts import SignInParts, wire
from tests.support.answers import conform
from tests.support.api import bare_services, client_of
from tests.support.catalog import unhurried

from kkt_adapter.api.app import create_api
from kkt_adapter.api.services import CatalogServices
from kkt_adapter.api.settings import ApiSettings
from kkt_adapter.catalog.parts import CatalogParts, build_catalog
from kkt_adapter.catalog.run_log.redaction import Redactor
from kkt_adapter.catalog.runs import RunRecord
from kkt_adapter.catalog.settings import CatalogSettings
from kkt_adapter.catalog.working import g2a_source
from kkt_adapter.emulators.g2a import Faults, G2AEmulator
from kkt_adapter.kernel.clock import Clock, SystemClock
from kkt_adapter.runtime.auth.roles import Role
from kkt_adapter.runtime.db.migrate import migrate
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.db.sqlite import SqliteDatabase
from kkt_adapter.runtime.leases.database import DatabaseLeases

PATIENCE_S = 30.0
DATABASE = "kkt.db"
Headers = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogApi:
    """One node with its source. ``callers`` are request headers by who sends them."""

    db: Database
    source: G2AEmulator
    parts: CatalogParts
    people: SignInParts
    client: httpx2.AsyncClient
    callers: dict[str, Headers]

    async def get(self, path: str, *, by: str = "viewer", **headers: str) -> httpx2.Response:
        return await self.client.get(f"/api/v1{path}", headers=self.callers[by] | headers)

    async def post(self, path: str, *, by: str = "manager", **headers: str) -> httpx2.Response:
        return await self.client.post(f"/api/v1{path}", headers=self.callers[by] | headers)

    async def json(self, path: str, *, by: str = "viewer") -> Any:
        answer = await self.get(path, by=by)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def synced(self, options: str = "") -> RunRecord:
        """Start a full run and wait for its end."""
        started = await self.post(f"/products/sync{options}", by=Role.ADMIN)
        assert started.status_code == 202, started.text
        return await self.ended(started.json()["run_id"])

    async def ended(self, run_id: str) -> RunRecord:
        """The final record of a run; waits for it."""
        async with asyncio.timeout(PATIENCE_S):
            while (record := await self.parts.sync.run(run_id)).in_progress:  # noqa: ASYNC110 - rows
                await asyncio.sleep(0.02)
        return record


@asynccontextmanager
async def open_catalog_api(
    folder: Path,
    *,
    products_at_source: int = 60,
    faults: Faults | None = None,
    configured: bool = True,
    public_read: bool = False,
    running: bool = True,
    clock: Clock | None = None,
) -> AsyncIterator[CatalogApi]:
    """A node over the SQLite file in ``folder``, made if it is not there.

    ``running``: with its service, so that runs are worked on.
    """
    async with AsyncExitStack() as opened:
        source = G2AEmulator(products_at_source, faults=faults)
        await source.start()
        opened.push_async_callback(source.stop)
        await asyncio.to_thread(migrate, folder / DATABASE)
        db = SqliteDatabase(folder / DATABASE)
        opened.push_async_callback(db.close)
        people = wire(db)
        opened.callback(people.close)
        clock = clock or SystemClock()
        settings = settings_for(source, folder, configured=configured)
        reader = None
        if configured:
            reader = g2a_source(settings, clock=clock, redactor=Redactor(), pacer=unhurried(clock))
            opened.push_async_callback(reader.close)
        parts = build_catalog(
            db,
            settings,
            source=reader,
            clock=clock,
            data_dir=folder,
            node="node-1",
            leases=DatabaseLeases(db, owner="node-1", clock=clock),
        )
        catalog = CatalogServices(
            sync=parts.sync, schedule=parts.schedule, reads=parts.reads, public_read=public_read
        )
        services = bare_services(gate=people.gate, catalog=catalog)
        app = create_api(services, ApiSettings())
        client = await opened.enter_async_context(client_of(app, event_hooks=conform.hooks()))
        api = CatalogApi(
            db=db,
            source=source,
            parts=parts,
            people=people,
            client=client,
            callers=await people.callers(),
        )
        if not running:
            yield api
            return
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(parts.service.run(stop))
            try:
                async with asyncio.timeout(PATIENCE_S):
                    while not parts.schedule.running:  # noqa: ASYNC110 - it has no event for that
                        await asyncio.sleep(0.005)
                yield api
            finally:
                stop.set()


def settings_for(source: G2AEmulator, folder: Path, *, configured: bool) -> CatalogSettings:
    """Settings for the stand-in; not ``configured``: without its credentials."""
    known = source.credentials
    values: dict[str, Any] = {
        "base_url": source.base_url,
        "requests_per_minute": 0,
        "log_file": folder / "logs" / "sync.log",
    }
    if configured:
        values |= {"client_id": known.client_id, "client_secret": known.client_secret, "email": known.email}
    return CatalogSettings.model_validate(values)

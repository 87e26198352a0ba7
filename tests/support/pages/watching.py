"""For tests of what watches the product: signed-in callers, parsed scrapes, and somebody to be told."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Connection, insert
from tests.support.product import Product

from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.tables import dlq
from kkt_adapter.kernel.errors import NotFound
from kkt_adapter.runtime.auth.roles import Role, Scope
from kkt_adapter.runtime.db.columns import from_millis

Json = dict[str, Any]


async def signed_in(running: Product, role: Role = Role.VIEWER) -> dict[str, str]:
    """Headers of an account of that role, made if it is not there."""
    accounts, name = running.services.auth.accounts, f"a.{role.value}"
    try:
        account = await accounts.get(name)
    except NotFound:
        account = await accounts.add(name, role, password="correct horse battery")
    return {"Authorization": f"Bearer {running.services.auth.tokens.issue(account).text}"}


async def token(running: Product, scope: Scope) -> dict[str, str]:
    made = await running.services.auth.till_tokens.add(
        scope, pos_ids=["POS-001"] if scope is Scope.POS else (), by="test"
    )
    return {"Authorization": f"Bearer {made.text}"}


async def asked(running: Product, path: str, headers: Mapping[str, str] | None = None) -> Any:
    """GET as a viewer."""
    answer = await running.client.get(path, headers=await signed_in(running) | dict(headers or {}))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def scrape(running: Product, headers: Mapping[str, str] | None = None) -> "Scraped":
    answer = await running.client.get("/metrics", headers=dict(headers or {}))
    assert answer.status_code == 200, answer.text
    return Scraped(answer.text)


class Scraped:
    """One answer of ``/metrics``."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.series = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        return self.series[name, tuple(sorted(labels.items()))]

    def named(self, prefix: str) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
        return {key for key in self.series if key[0].startswith(prefix)}


async def bury(running: Product, n: int) -> None:
    """``n`` dead letters, as delivery would have left them; unresolve with ``dig_up``."""

    def write(conn: Connection) -> None:
        conn.execute(
            insert(dlq),
            [
                {
                    "original_receipt_id": f"r-{i}",
                    "failed_at": from_millis(0),
                    "reason": "max_retries_exceeded",
                    "retry_attempts": 20,
                }
                for i in range(n)
            ],
        )
        counters.bump(conn, dlq_open=n)

    await running.services.database.write(write)


async def dig_up(running: Product, n: int) -> None:
    await running.services.database.write(lambda c: counters.bump(c, dlq_open=-n))


@dataclass
class Told:
    """One request somebody got."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        content: Json = json.loads(self.body)
        return content


@dataclass
class Somebody:
    """An HTTP server that writes down what it is told; ``answer`` decides how it answers, 200 by default."""

    url: str = ""
    told: list[Told] = field(default_factory=list)
    answer: Callable[[Told], web.Response] = lambda told: web.json_response({"ok": True})
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def hear(self, request: web.Request) -> web.Response:
        told = Told(path=request.path, headers=dict(request.headers), body=await request.read())
        answer = self.answer(told)
        self.told.append(told)
        self.news.set()
        return answer

    async def until_told(self, n: int, within_s: float = 60.0) -> list[Told]:
        async with asyncio.timeout(within_s):
            while len(self.told) < n:
                self.news.clear()
                await self.news.wait()
        return self.told


@asynccontextmanager
async def somebody() -> AsyncIterator[Somebody]:
    one = Somebody()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", one.hear)
    runner = web.AppRunner(application, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield one
    finally:
        await runner.cleanup()

"""The product in this process: what a receipt costs in commits and statements, and how they are planned.

Requests go straight into the ASGI application; registers, lanes, writer and files are the real ones. Counts
need no clock, so a test may gate on them.
"""

import asyncio
import json
import re
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event

from bench.load import PATH, InvalidRun, body
from bench.processes import NOBODY, till_name
from kkt_adapter.bootstrap import Services, build_services
from kkt_adapter.runtime.auth.settings import AuthSettings
from kkt_adapter.runtime.db.postgres import PostgresDatabase
from kkt_adapter.runtime.db.sqlite import SqliteDatabase
from kkt_adapter.runtime.db.sqlite_file import raw_connection
from kkt_adapter.settings import RegisterSettings, Settings, ShopSettings

ASKED = ("/v1/health", "/ready", "/v1/kkt/buffer/status", "/v1/kkt/worker/status", "/metrics")
_LOG_HEADER, _FRAME_HEADER = 32, 24  # bytes (SQLite, "WAL-mode File Format", 4)
_PAGE = 4096  # bytes; SQLite's default
_ONE_ROW = frozenset({"catalog_schedule"})
_SCAN = re.compile(r"^SCAN (\w+)(?: AS \w+)?(?: USING (?:COVERING )?INDEX (\w+))?$")


@asynccontextmanager
async def running(
    folder: Path, tills: int, *, shop: tuple[ShopSettings, ...] = (), database_url: str = ""
) -> AsyncIterator[Services]:
    """The product with virtual registers and without an operator, started; over SQLite unless there is a
    ``database_url``."""
    registers = tuple(
        RegisterSettings(id=till_name(number), driver="virtual", pos_ids=(till_name(number),))
        for number in range(tills)
    )
    settings = Settings(
        data_dir=folder,
        database_url=database_url,
        sign_in=AuthSettings.model_validate({"AUTH_SECRET": secrets.token_hex(32)}),
        capacity=0,
        virtual_fsync=False,
        ofd_host="127.0.0.1",
        ofd_port=NOBODY,
        wake_on_receipt=False,
        sync_interval_s=3600,
        wal_autocheckpoint_pages=1_000_000,  # no flush but those of commits
        registers=registers,
        shop=shop,
    )
    services = await build_services(settings)
    try:
        await services.start()
        yield services
    finally:
        await services.stop()


async def post(services: Services, till: int, key: str) -> None:
    """One receipt, answered as printed.

    Raises:
        InvalidRun: any other answer.
    """
    content = body(till)
    headers = [(b"content-type", b"application/json"), (b"idempotency-key", key.encode())]
    status, answer = await ask(services, "POST", PATH, headers, content)
    if status != 200 or b'"status":"printed"' not in answer:
        raise InvalidRun(answer.decode(errors="replace"))


async def ask(
    services: Services,
    method: str,
    path: str,
    headers: list[tuple[bytes, bytes]] | None = None,
    content: bytes = b"",
) -> tuple[int, bytes]:
    """One request to the application; its status and body. ``path`` may carry a query."""
    path, _, query = path.partition("?")
    sent: list[dict[str, Any]] = []
    requests = [{"type": "http.request", "body": content, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if not requests:
            await asyncio.Event().wait()  # the client waits for its answer
        return requests.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (b"host", b"127.0.0.1"),
            (b"content-length", str(len(content)).encode()),
            *(headers or []),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    await services.app(scope, receive, send)
    status: int = sent[0]["status"]
    return status, b"".join(message.get("body", b"") for message in sent[1:])


async def post_many(services: Services, *, tills: int, each: int, name: str) -> None:
    """``each`` receipts one after the other at every till, the tills side by side."""

    async def till(number: int) -> None:
        for count in range(each):
            await post(services, number, f"{name}-{number}-{count}")

    async with asyncio.TaskGroup() as group:
        for number in range(tills):
            group.create_task(till(number))


@dataclass(slots=True)
class Trace:
    """Statements as they were executed, with one example of parameters each."""

    count: Counter[str] = field(default_factory=Counter)
    example: dict[str, Any] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return self.count.total()


@contextmanager
def traced(services: Services) -> Iterator[Trace]:
    """What both engines execute inside the block; BEGIN, COMMIT and savepoints are not seen."""
    trace = Trace()

    def seen(
        _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool
    ) -> None:
        trace.count[statement] += 1
        trace.example.setdefault(statement, parameters[0] if many else parameters)

    engines = _database(services).engines
    for engine in engines:
        event.listen(engine, "before_cursor_execute", seen)
    try:
        yield trace
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", seen)


async def full_scans(services: Services, trace: Trace) -> list[str]:
    """Statements whose plan walks over a whole table or a whole index, each with that line of its plan.

    A partial index holds the few rows that wait for something; walking over it is no full scan, nor is
    reading a table of one row.
    """

    def explain(conn: Connection) -> list[str]:
        raw = raw_connection(conn)
        tables = {row[0] for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        partial = {row[0] for row in raw.execute("SELECT name FROM sqlite_master WHERE sql LIKE '% WHERE %'")}
        found = []
        for statement, parameters in trace.example.items():
            if not re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)", statement, re.IGNORECASE):
                continue
            for _, _, _, detail in raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters):
                scan = _SCAN.match(detail)
                if scan and scan[1] in tables - _ONE_ROW and scan[2] not in partial:
                    found.append(f"{detail}: {statement}")
        return found

    return await services.database.read(explain)


async def ask_everything(services: Services) -> None:
    """Every page that a monitor asks for; one that does not exist is left out."""
    for path in ASKED:
        status, answer = await ask(services, "GET", path)
        if status not in (200, 404):
            raise InvalidRun(f"{path}: {answer.decode(errors='replace')}")


async def buffer_status(services: Services) -> dict[str, Any]:
    _, answer = await ask(services, "GET", "/v1/kkt/buffer/status")
    found: dict[str, Any] = json.loads(answer)
    return found


def server_round_trips(services: Services) -> tuple[int, int]:
    """On PostgreSQL: how often the writer has waited for the server, and its commits."""
    assert isinstance(services.database, PostgresDatabase)
    return services.database.round_trips, services.database.commits


def commits(services: Services) -> int:
    return _database(services).commits


def log_frames(services: Services) -> int:
    """Pages that were written to the write-ahead log so far; `running` never begins the log anew."""
    log = Path(f"{_database(services).path}-wal")
    return (log.stat().st_size - _LOG_HEADER) // (_FRAME_HEADER + _PAGE)


def _database(services: Services) -> SqliteDatabase:
    assert isinstance(services.database, SqliteDatabase)
    return services.database

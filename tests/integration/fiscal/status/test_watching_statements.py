"""What people and monitors read costs a few rows, however many receipts and events are stored."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bench import inside
from sqlalchemy import Connection
from tests.support.erp import fresh_database

from kkt_adapter.bootstrap import Services
from kkt_adapter.fiscal.queries import event_log
from kkt_adapter.fiscal.store import events
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.runtime.auth.roles import Role
from kkt_adapter.runtime.db.protocol import Database

READ = (
    "/api/v1/status",
    "/api/v1/alerts",
    "/api/v1/alerts/history",
    "/api/v1/sales/today",
    "/v1/health",
    "/metrics",
    "/v1/kkt/clocks",
    "/v1/kkt/status",
    "/v1/kkt/buffer/status",
    "/v1/kkt/worker/status",
    "/v1/kkt/heartbeat/status",
    "/v1/export/events?after=2",
    "/v1/pos/session/POS-000",
    "/v1/pos/session/POS-001",
    "/v1/kkt/buffer/logs",
    "/v1/kkt/buffer/logs?type=session_opened",
    "/v1/kkt/buffer/logs?type=shift_opened&level=info&since=2026-01-01",
    "/v1/kkt/buffer/logs?level=error&page=3",
)
NEWEST_FIRST = re.compile(r"ORDER BY \w+\.id DESC\s+LIMIT \?")  # ends after a page, whatever its plan says
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with inside.running(tmp_path, 2) as services:
        await inside.post_many(services, tills=2, each=2, name="shift")
        yield services


async def viewer(services: Services) -> list[tuple[bytes, bytes]]:
    account = await services.auth.accounts.add("a.viewer", Role.VIEWER, password="correct horse battery")
    return [(b"authorization", b"Bearer " + services.auth.tokens.issue(account).text.encode())]


async def test_no_read_walks_over_a_whole_table(services: Services) -> None:
    headers = await viewer(services)
    await services.sessions.open("POS-001", session_id=None, opening_cash_kop=0, key=None)
    with inside.traced(services) as trace:
        for path in READ:
            status, answer = await inside.ask(services, "GET", path, headers)
            assert status in (200, 404), (path, answer)
    assert trace.total > 50
    scans = await inside.full_scans(services, trace)
    assert [scan for scan in scans if not NEWEST_FIRST.search(scan)] == []


@pytest.fixture
async def stored(database_url: str) -> AsyncIterator[Database]:
    """Each dialect in turn, with events of two days; the clock was set back by an hour between them."""
    async with fresh_database(database_url) as database:
        await database.write(write_events)
        yield database


def write_events(conn: Connection) -> None:
    entries = []
    for n in range(60):
        kind = (EventType.RECEIPT_ADDED, EventType.RECEIPT_PRINTED, EventType.CIRCUIT_OPENED)[n % 3]
        level = EventLevel.WARNING if kind is EventType.CIRCUIT_OPENED else EventLevel.INFO
        moment = START + timedelta(hours=n) - (timedelta(hours=1) if n >= 30 else timedelta())
        entries.append(events.entry(kind, moment, level=level, n=n))
    events.write(conn, entries)


async def numbers(stored: Database, **given: Any) -> tuple[int, list[int]]:
    """The total, and the events' numbers."""
    wanted = {"page": 1, "limit": 100, "level": None, "event_type": None, "since": None} | given
    found = await stored.read(lambda c: event_log.page(c, **wanted))
    assert (found.page, found.limit) == (wanted["page"], wanted["limit"])
    return found.total, [item.facts["n"] for item in found.items]


async def test_events_come_newest_first_in_pages(stored: Database) -> None:
    assert await numbers(stored, limit=4) == (60, [59, 58, 57, 56])
    assert await numbers(stored, limit=50, page=2) == (60, list(range(9, -1, -1)))
    assert await numbers(stored, limit=50, page=3) == (60, [])
    assert await numbers(stored, limit=500, page=10_000_000) == (60, [])


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"event_type": "circuit_opened"}, lambda n: n % 3 == 2),
        ({"event_type": "receipt_added"}, lambda n: n % 3 == 0),
        ({"event_type": "session_opened"}, lambda n: False),
        ({"level": "WARNING"}, lambda n: n % 3 == 2),
        ({"level": "info"}, lambda n: n % 3 != 2),
        ({"level": "error"}, lambda n: False),
        ({"level": "info", "event_type": "circuit_opened"}, lambda n: False),
        ({"since": START + timedelta(hours=29)}, lambda n: n >= 29),  # 30 happened in the same hour again
        ({"since": START + timedelta(hours=29, minutes=1)}, lambda n: n >= 31),
        ({"since": START + timedelta(hours=40), "level": "warning"}, lambda n: n >= 41 and n % 3 == 2),
        ({"since": START - timedelta(days=30)}, lambda n: True),
        ({"since": START + timedelta(days=30)}, lambda n: False),
    ],
)
async def test_a_filter_finds_what_it_says(stored: Database, given: Any, wanted: Any) -> None:
    expected = [n for n in range(59, -1, -1) if wanted(n)]
    assert await numbers(stored, **given) == (len(expected), expected)


async def test_a_total_stops_where_counting_would_take_long(
    stored: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "COUNTED", 25)
    assert await numbers(stored, limit=20, page=2) == (25, [39, 38, 37, 36, 35])


async def test_a_log_without_events_is_empty(tmp_path: Path) -> None:
    async with fresh_database(tmp_path / "kkt.db") as database:
        assert await numbers(database, since=START) == (0, [])

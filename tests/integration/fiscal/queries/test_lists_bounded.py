"""Lists for people cost the same however much is stored: the steps of SQLite's machine are counted, not time.

The same reads go to a database with ``FEW`` receipts and to one with ``MANY``. Bounds of the product (how far
one page looks, how far a count goes) are set far below both, or both would be read whole.
"""

import itertools
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from bench.programs import fill
from sqlalchemy import Connection
from tests.support.erp import fresh_database

from kkt_adapter.fiscal.model import ReceiptKind
from kkt_adapter.fiscal.queries import event_log, receipt_list
from kkt_adapter.fiscal.queries.callback_book import CallbackBook
from kkt_adapter.fiscal.queries.event_log import LoggedEvent
from kkt_adapter.fiscal.queries.receipt_filter import ReceiptFilter, Stage
from kkt_adapter.fiscal.queries.receipt_list import ReceiptLists
from kkt_adapter.fiscal.queries.shift_book import ShiftBook
from kkt_adapter.fiscal.store.document_dates import last_documents
from kkt_adapter.runtime.db.sqlite import SqliteDatabase
from kkt_adapter.runtime.db.sqlite_file import SqliteSettings, raw_connection

FEW, MANY = 40, 160  # copies of 32 receipts
WALK, COUNTED, SLACK = 200, 100, 50
GRAIN = 20  # steps of the machine between two counts
MONTH_AGO, MONTH_ON = (datetime.now(UTC) + timedelta(days=days) for days in (-30, 30))

# A part of what is stored, and as large a part however much that is.
MIXED = """
UPDATE receipts SET status = 'pending', print_state = 'printed' WHERE seq % 3 = 0;
UPDATE receipts SET status = 'failed' WHERE seq % 7 = 0;
UPDATE receipts SET status = 'pending', print_state = 'print_failed' WHERE seq % 11 = 0;
UPDATE receipts SET status = 'pending', print_state = 'print_unknown' WHERE seq <= 3;
UPDATE receipts SET door = 'kkmserver', account = 'shop', client_key = 'order' || seq WHERE seq % 2 = 0;
UPDATE buffer_events SET level = 'error' WHERE id % 2 = 0;
UPDATE buffer_events SET event_type = 'circuit_opened' WHERE id % 3 = 0;
INSERT INTO callbacks (receipt_seq, account, url, state, due_at, attempts, done_at)
    SELECT seq, 'shop', 'http://shop', CASE seq % 5 WHEN 0 THEN 'given_up' ELSE 'done' END, 1, seq % 5 = 0, 1
    FROM receipts;
INSERT INTO shifts (register_id, fn_number, shift_number, opened_at, closed_at)
    SELECT 'POS-' || seq % 40, 'fn' || seq % 40, seq,
        '2026-01-01T00:00:00.' || printf('%06d', seq), '2026-02-01'
    FROM receipts;
INSERT INTO pos_sessions (session_id, pos_id, register_id, opened_at, closed_at, opening_cash_kop, cash_kop,
        card_kop, sales_kop, refunds_kop, cash_in_kop, cash_out_kop, receipt_count, status)
    SELECT 's' || seq, 'POS', 'POS', seq, seq + 1, 0, 0, 0, 0, 0, 0, 0, 0, 'closed' FROM receipts;
"""


@dataclass
class Stored:
    """A database with one reader, whose steps are counted."""

    database: SqliteDatabase
    ticks: int = 0

    async def steps(self, read: Awaitable[object]) -> int:
        """Of this read, in ``GRAIN``."""
        before = self.ticks
        await read
        return self.ticks - before

    def watch(self, conn: Connection) -> None:
        raw_connection(conn).set_progress_handler(self.tick, GRAIN)

    def tick(self) -> int:
        self.ticks += 1
        return 0


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Few receipts, and many."""
    folder = tmp_path_factory.mktemp("stored")
    fill._store_models(folder / "models.db")
    for times in (FEW, MANY):
        path = folder / f"{times}.db"
        shutil.copy(folder / "models.db", path)
        fill._multiply(path, times)
        connection = sqlite3.connect(path)
        connection.executescript(MIXED)
        connection.close()
    return folder / f"{FEW}.db", folder / f"{MANY}.db"


@asynccontextmanager
async def opened(*paths: Path) -> AsyncIterator[list[Stored]]:
    found = [Stored(SqliteDatabase(path, SqliteSettings(readers=1))) for path in paths]
    try:
        for one in found:
            await one.database.read(one.watch)
        yield found
    finally:
        for one in found:
            await one.database.close()


@pytest.fixture
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, bounds in (
        (receipt_list, {"WALK": WALK, "COUNTED": COUNTED, "CLOCK_SLACK": SLACK}),
        (event_log, {"WALK": WALK}),
    ):
        for name, value in bounds.items():
            monkeypatch.setattr(module, name, value)


def same(costs: list[int]) -> bool:
    """A few steps more are an index that is one level deeper, or a period found by one more halving."""
    return costs[1] <= 1.2 * costs[0] + 20


def filters() -> Iterator[dict[str, Any]]:
    """Each of what a person can ask for in each state, each two of them in one; and everything at once."""
    said: dict[str, Any] = {
        "since": MONTH_AGO,
        "until": MONTH_ON,
        "register_id": "POS-007",
        "kind": ReceiptKind.REFUND,
        "fd_number": 9,
        "total_kop": 1,
        "door": "kkmserver",
        "account": "nobody",
        "text": "nothing-like-it",
    }
    stages = (None, Stage.CONFIRMED, Stage.WAITING, Stage.DEAD, Stage.QUESTION)
    alone: list[dict[str, Any]] = [
        {},
        *({name: value} for name, value in said.items()),
        said,
        {"text": "model-7-9"},
    ]
    for subset, stage in itertools.product(alone, stages):
        yield subset | {"stage": stage}
    for pair, stage in zip(itertools.combinations(said.items(), 2), itertools.cycle(stages), strict=False):
        yield dict(pair) | {"stage": stage}


async def test_a_list_looks_at_as_many_receipts_however_many_are_stored(
    files: tuple[Path, Path], small_bounds: None
) -> None:
    async with opened(*files) as (few, many):
        lists = [ReceiptLists(one.database) for one in (few, many)]
        for one in lists:  # when the period begins is found once
            await one.look(ReceiptFilter(since=MONTH_AGO, until=MONTH_ON), limit=1)
        grown = {}
        for given in filters():
            wanted = ReceiptFilter(**given)
            costs = [
                await stored.steps(one.look(wanted, limit=20))
                for stored, one in zip((few, many), lists, strict=True)
            ]
            if not same(costs):
                grown[repr(given)] = costs
        assert grown == {}
        whole = ReceiptFilter(since=MONTH_AGO, stage=Stage.WAITING, total_kop=1)
        page = await lists[1].page(whole, limit=20)
        assert page.walked_to is not None and page.after is not None, "the rest is a page further"
        seen = [page.after]
        while (page := await lists[1].page(whole, limit=20, after=page.after)).after is not None:
            seen.append(page.after)
        assert len(seen) > 3 and seen == sorted(seen, reverse=True)


async def test_events_shifts_sessions_and_callbacks_too(files: tuple[Path, Path], small_bounds: None) -> None:
    async with opened(*files) as (few, many):
        events: dict[str, Any] = {
            "after": None,
            "limit": 20,
            "level": None,
            "event_type": None,
            "since": None,
        }
        reads: dict[str, Callable[[SqliteDatabase], Awaitable[object]]] = {
            "shifts": lambda db: ShiftBook(db).shifts(register_id=None, limit=20),
            "sessions": lambda db: ShiftBook(db).sessions(pos_id=None, limit=20),
            "sessions of one": lambda db: ShiftBook(db).sessions(pos_id="POS", limit=20),
            "callbacks": lambda db: CallbackBook(db).owed(limit=20),
        }
        for given in (
            {}, {"level": "error"}, {"level": "info"}, {"level": "warning"}, {"after": 700},
            {"event_type": "circuit_opened"}, {"event_type": "receipt_synced", "level": "error"},
            {"event_type": "circuit_opened", "level": "warning"}, {"event_type": "shift_opened"},
            {"since": MONTH_AGO, "level": "warning"},
        ):  # fmt: skip
            older = partial(event_log.older, **(events | given))
            reads[f"events {given}"] = partial(SqliteDatabase.read, fn=older)
        for name, read in reads.items():
            costs = [await one.steps(read(one.database)) for one in (few, many)]
            assert same(costs), (name, costs)


async def test_events_without_a_total_go_on_to_the_oldest(
    files: tuple[Path, Path], small_bounds: None
) -> None:
    async with opened(files[0]) as (few,):
        for given in (
            {"level": None, "event_type": None},
            {"level": "error", "event_type": "circuit_opened"},
            {"level": "warning", "event_type": None},
            {"level": "info", "event_type": "receipt_synced"},
        ):
            asked: dict[str, Any] = {"since": None, **given}
            every = await few.database.read(partial(event_log.page, page=1, limit=10_000, **asked))
            seen: list[LoggedEvent] = []
            after: int | None = None
            while True:
                found = await few.database.read(partial(event_log.older, after=after, limit=150, **asked))
                seen += found.items
                after = found.after
                if after is None:
                    break
            assert seen == list(every.items), given


async def test_both_databases_understand_every_read(database_url: str) -> None:
    async with fresh_database(database_url) as database:
        lists = ReceiptLists(database)
        for given in itertools.islice(filters(), 0, None, 4):
            found, counts = await lists.look(ReceiptFilter(**given), limit=20)
            assert (list(found.rows), found.after, counts.total) == ([], None, 0)
        for register_id in (None, "POS-001"):
            assert await ShiftBook(database).shifts(register_id=register_id, limit=20) == []
        assert await ShiftBook(database).sessions(pos_id=None, limit=20) == []
        assert await CallbackBook(database).owed(limit=20) == []
        assert await database.read(lambda c: c.execute(last_documents()).all()) == []
        kept: dict[str, Any] = {"level": "error", "event_type": "circuit_opened", "since": MONTH_AGO}
        nothing = await database.read(partial(event_log.older, after=5, limit=20, **kept))
        assert (list(nothing.items), nothing.after) == ([], None)

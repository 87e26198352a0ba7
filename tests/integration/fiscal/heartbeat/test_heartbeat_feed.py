"""The events that others get, read from both databases: every one, in order, and nothing too much."""

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update
from tests.support.clock import START
from tests.support.erp import FN, Json, event_ids, fresh_database, store_receipts

from kkt_adapter.emulators.erp.payload import Event
from kkt_adapter.fiscal.heartbeat.export import EventExport
from kkt_adapter.fiscal.heartbeat.feed import MEANINGS, page
from kkt_adapter.fiscal.heartbeat.payload import event_json
from kkt_adapter.fiscal.lifecycle import Status
from kkt_adapter.fiscal.printing import records
from kkt_adapter.fiscal.shifts import cash_movements
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store import events as journal
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.fiscal.store.session_tables import cash_transactions
from kkt_adapter.fiscal.store.tables import buffer_events, receipts
from kkt_adapter.runtime.db.bulk import PARTS
from kkt_adapter.runtime.db.postgres import PostgresDatabase
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.db.sqlite import SqliteDatabase
from kkt_adapter.runtime.db.statement_count import count_statements


@pytest.fixture
async def stored(database_url: str) -> AsyncIterator[Database]:
    """An empty database of the product, of each dialect in turn."""
    async with fresh_database(database_url) as database:
        yield database


async def read(database: Database, *, after: int = 0, limit: int = 1000) -> list[Json]:
    found = await database.read(lambda c: page(c, after=after, limit=limit))
    return [{**event_json(event)} for event in found.events]


async def note(database: Database, receipt_id: str, event: EventType, **facts: Any) -> None:
    entry = journal.entry(event, START + timedelta(seconds=5), receipt_id=receipt_id, **facts)
    await database.write(lambda c: journal.write(c, [entry]))


async def test_pages_give_every_event_once_and_in_order(stored: Database) -> None:
    await stored.write(lambda c: store_receipts(c, 20))
    wanted = await stored.read(event_ids)
    seen: list[int] = []
    more = True
    while more:
        found = await stored.read(partial(page, after=seen[-1] if seen else 0, limit=7))
        seen += [event.event_id for event in found.events]
        more = found.has_more
    assert seen == wanted
    assert len(seen) == 60


async def test_movements_are_marked_for_lists_of_any_length_by_few_texts(stored: Database) -> None:
    """A connection keeps what it has prepared: a text for each length would fill it."""
    lengths = (0, 1, 2, 5, 31, 32, 33, 77, 199)
    names = {length: [f"{length}-{number}" for number in range(length)] for length in lengths}
    moved = [_moved(name) for one in names.values() for name in one] + [_moved("other"), _moved(None)]
    await stored.write(lambda c: c.execute(insert(cash_transactions), moved))
    assert isinstance(stored, SqliteDatabase | PostgresDatabase)
    with count_statements(*stored.engines) as count:
        for one in names.values():
            await stored.write(partial(cash_movements.told, receipt_ids=one))
    left = select(cash_transactions.c.receipt_id).where(~cash_transactions.c.synced_to_odoo)
    assert set(await stored.read(lambda c: c.scalars(left).all())) == {"other", None}
    assert len([text for text in count.by_text if "cash_transactions" in text]) <= len(PARTS)


def _moved(receipt_id: str | None) -> Json:
    return {
        "session_id": "s",
        "pos_id": "POS-1",
        "receipt_id": receipt_id,
        "transaction_type": "sale",
        "amount_kop": 100,
        "payment_method": "cash",
        "timestamp": START,
        "synced_to_odoo": False,
    }


async def test_an_event_tells_its_moment_and_the_document_from_the_printing_on(stored: Database) -> None:
    (receipt_id,) = await stored.write(lambda c: store_receipts(c, 1))
    added, printed, synced = await read(stored)
    assert (added["state"], added["printed"], added["fiscal_doc"]) == ("pending", False, None)
    assert (printed["state"], printed["printed"]) == ("pending", True)
    assert (synced["state"], synced["printed"]) == ("synced", True)
    assert printed["fiscal_doc"] == synced["fiscal_doc"]
    assert printed["fiscal_doc"] == {
        "fn_number": FN,
        "fd_number": 2,
        "fiscal_sign": "2718281828",
        "registration_number": "0000000005008570",
        "shift_number": 1,
        "number_in_shift": 1,
        "fiscalized_at": "2026-03-02T12:00:00",
        "qr": f"t=20260302T1200&s=97.75&fn={FN}&i=2&fp=2718281828&n=1",
    }
    assert {name: printed[name] for name in ("receipt_id", "idempotency_key", "pos_id", "kind", "total")} == {
        "receipt_id": receipt_id,
        "idempotency_key": "key-1",
        "pos_id": "POS-001",
        "kind": "sale",
        "total": "97.75",
    }
    for event in (added, printed, synced):
        Event.model_validate(event)


async def test_every_kind_of_event_is_one_a_strict_receiver_knows(stored: Database) -> None:
    kinds = [event.value for event in MEANINGS]
    (receipt_id,) = await stored.write(lambda c: store_receipts(c, 1, life=tuple(kinds)))
    found = await read(stored)
    assert len(found) == len(kinds)
    assert {Event.model_validate(event).receipt_id for event in found} == {receipt_id}


async def test_on_postgresql_an_event_waits_for_the_commit_of_the_one_before(postgres_url: str) -> None:
    """Else a reader that saw the later id would never look for the earlier one."""
    written, release = threading.Event(), threading.Event()

    def slowly(conn: Connection, receipt_id: str) -> None:
        counters.lock(conn)
        journal.write(conn, [journal.entry(EventType.RECEIPT_SYNCED, START, receipt_id=receipt_id)])
        written.set()
        release.wait(60)

    async with fresh_database(postgres_url) as database:
        first, second = await database.write(lambda c: store_receipts(c, 2, life=("receipt_added",)))
        await database.write(lambda c: c.execute(update(receipts).values(print_state="printing")))
        slow = asyncio.create_task(database.write(partial(slowly, receipt_id=first)))
        await asyncio.to_thread(written.wait, 60)
        unknown = partial(records.print_unknown, seq=2, receipt_id=second, at=START, error="lost")
        later = asyncio.create_task(database.write(unknown))
        done, _ = await asyncio.wait([later], timeout=0.3)
        assert not done
        release.set()
        await asyncio.gather(slow, later)
        events = await read(database)
    assert [event["receipt_id"] for event in events] == [first, second, first, second]
    assert [event["state"] for event in events] == ["pending", "pending", "synced", "pending"]


async def test_what_is_about_no_receipt_or_no_state_is_not_told(stored: Database) -> None:
    (receipt_id,) = await stored.write(lambda c: store_receipts(c, 1))
    before = len(await read(stored))
    for event in set(EventType) - set(MEANINGS):
        await note(stored, receipt_id, event)
    entry = journal.entry(EventType.CIRCUIT_OPENED, START, level=EventLevel.WARNING)
    await stored.write(lambda c: journal.write(c, [entry]))
    assert len(await read(stored)) == before


async def test_an_error_is_our_sentence_without_what_others_said(stored: Database) -> None:
    (receipt_id,) = await stored.write(lambda c: store_receipts(c, 1, life=("receipt_added",)))
    said = "the operator refused the receipt with HTTP 422: bad line 'Молоко', buyer a@b.ru"
    await note(stored, receipt_id, EventType.RECEIPT_RETRY, error=said)
    await note(stored, receipt_id, EventType.RECEIPT_FAILED, error="x" * 5000)
    _, retry, failed = await read(stored)
    assert retry["error"] == "the operator refused the receipt with HTTP 422"
    assert failed["error"] == "x" * 200
    assert failed["state"] == Status.FAILED


async def test_nothing_of_lines_buyers_and_cashiers_is_read(stored: Database) -> None:
    def write(conn: Connection) -> None:
        store_receipts(conn, 3)
        secret = '{"lines":[{"name":"SECRET"}],"customer":{"email":"SECRET"},"cashier":{"inn":"SECRET"}}'
        conn.execute(update(receipts).values(payload=secret, warnings='["SECRET"]', last_error="SECRET"))
        conn.execute(
            insert(buffer_events).values(
                event_type="receipt_synced",
                receipt_id=conn.execute(receipts.select()).first().id,  # type: ignore[union-attr]
                timestamp=START,
                level="info",
                metadata='{"note":"SECRET","warnings":"SECRET"}',
            )
        )

    await stored.write(write)
    events = await read(stored)
    assert len(events) == 10
    assert "SECRET" not in str(events)


async def test_the_export_gives_the_cursor_for_the_next_call(stored: Database) -> None:
    await stored.write(lambda c: store_receipts(c, 2))
    export = EventExport(stored)
    first = await export.page(after=0, limit=4)
    rest = await export.page(after=first.next_after, limit=4)
    end = await export.page(after=rest.next_after, limit=4)
    assert (len(first.events), first.has_more) == (4, True)
    assert (len(rest.events), rest.has_more) == (2, False)
    assert (list(end.events), end.next_after, end.has_more) == ([], rest.next_after, False)

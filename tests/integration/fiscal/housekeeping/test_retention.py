"""What the service forgets, and what it never does; and the daily copy."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select, update
from structlog.testing import capture_logs
from tests.support.product import Product, ShiftedClock, product, virtual_registers

from kkt_adapter.fiscal.housekeeping import retention
from kkt_adapter.fiscal.housekeeping.backup import DailyCopy
from kkt_adapter.fiscal.housekeeping.daily import BACKUP, RETENTION, Daily, Forgetting, last_done
from kkt_adapter.fiscal.store import counters as counts
from kkt_adapter.fiscal.store.alert_tables import alerts
from kkt_adapter.fiscal.store.session_tables import cash_transactions, pos_sessions
from kkt_adapter.fiscal.store.tables import (
    attempts,
    buffer_events,
    counters,
    dlq,
    documents,
    idempotency,
    receipts,
    report_keys,
    shifts,
)
from kkt_adapter.kernel.errors import LeaseLost, StorageError
from kkt_adapter.runtime.db.backup import backups, check
from kkt_adapter.runtime.leases.database import DatabaseLeases
from kkt_adapter.runtime.leases.lease import Term

TWO_YEARS = timedelta(days=800)


def always(age: timedelta) -> bool:
    """These tests move the clock to let time pass."""
    return True


def count(conn: Connection, table, *where) -> int:
    return int(conn.execute(select(func.count()).select_from(table).where(*where)).scalar_one())


async def rows(shop: Product, table, *where) -> int:
    return int(await shop.read(lambda c: count(c, table, *where)))


async def forget(shop: Product, *, receipts_live: timedelta = timedelta(days=400)) -> dict[str, int]:
    """One daily forgetting; what went, by kind."""
    database = shop.services.database
    work = Forgetting(database=database, clock=shop.clock, receipts_live=receipts_live, may_forget=always)
    lease = DatabaseLeases(database, owner="test", clock=shop.clock).lease(RETENTION)
    async with lease.term() as term:
        await work.forget(term)
    last = await shop.read(
        lambda c: (
            c.execute(
                select(buffer_events.c.metadata)
                .where(buffer_events.c.event_type == "retention_done")
                .order_by(buffer_events.c.id.desc())
            ).scalars()
        ).first()
    )
    deleted: dict[str, int] = json.loads(last)["deleted"]
    return deleted


async def test_delivered_receipts_go_with_their_attempts_documents_and_keys(tmp_path: Path):
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock) as shop:
        sold = await shop.sell(7)
        await shop.delivered()
        clock.ahead = TWO_YEARS

        gone = await forget(shop)

        assert await rows(shop, receipts) == 0
        assert await rows(shop, attempts, attempts.c.receipt_seq.is_not(None)) == 0
        assert await rows(shop, idempotency) == 0
        kept = await shop.read(lambda c: c.execute(select(documents.c.fd_number)).scalars().all())
        newest = max(int(answer["fiscal_doc_id"].split("-")[1]) for answer in sold)
        assert newest in kept
        assert not {int(a["fiscal_doc_id"].split("-")[1]) for a in sold[:-1]} & set(kept)
        assert gone["keys"] == 7
        assert (await shop.read(counts.verify)) == {}


async def test_what_is_not_delivered_or_not_printed_stays_for_ever(tmp_path: Path):
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock, response_budget_s=0.2) as shop:
        await shop.break_operator("down")
        await shop.sell(2)
        shop.break_register(refuse=9)
        refused = (await shop.post()).json()
        await shop.state_of(refused["receipt_id"], print_state="print_failed")
        shop.break_register(paper_out=True)
        await shop.post()
        clock.ahead = TWO_YEARS

        await forget(shop)

        assert await rows(shop, receipts) == 4
        assert await rows(shop, idempotency) == 4
        assert (await shop.read(counts.verify)) == {}
        clock.ahead = timedelta()


async def test_a_key_lives_as_long_as_its_receipt_and_thirty_days(tmp_path: Path):
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock) as shop:
        first = (await shop.post(key="early")).json()
        await shop.delivered()
        clock.ahead = timedelta(days=20)
        await forget(shop, receipts_live=timedelta(days=7))
        assert await rows(shop, receipts) == 0

        again = await shop.post(key="early")
        assert again.json() == first
        assert again.headers["Idempotency-Replayed"] == "true"

        clock.ahead = timedelta(days=31)
        await forget(shop, receipts_live=timedelta(days=7))
        assert await rows(shop, idempotency) == 0


async def test_resolved_letters_events_alerts_and_report_keys_go_in_their_time(tmp_path: Path):
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock) as shop:
        now = clock.now()
        letter = {
            "original_receipt_id": "x",
            "failed_at": now,
            "reason": "r",
            "retry_attempts": 20,
        }
        alert = {
            "code": "C",
            "level": "P3",
            "message_en": "",
            "message_ru": "",
            "node": "n",
            "seen_at": now,
            "started_at": now,
        }

        def prepare(conn: Connection) -> None:
            conn.execute(insert(dlq).values(**letter, resolved_at=now))
            conn.execute(insert(dlq).values(**letter))
            conn.execute(insert(alerts).values(**alert, subject="over", ended_at=now))
            conn.execute(insert(alerts).values(**alert, subject="open"))
            conn.execute(insert(report_keys).values(key_hash=b"k", request_hash=b"r", created_at=now))
            conn.execute(
                update(counters).values(dlq_open=1)  # what stands for the open letter
            )

        await shop.services.database.write(prepare)
        await shop.sell()
        clock.ahead = timedelta(days=89)
        await forget(shop)
        assert await rows(shop, dlq) == 2
        assert await rows(shop, report_keys) == 0
        assert await rows(shop, buffer_events, buffer_events.c.event_type == "receipt_added") == 1

        clock.ahead = timedelta(days=91)
        await forget(shop)
        assert await rows(shop, dlq) == 1
        assert await rows(shop, alerts, alerts.c.subject.in_(["over", "open"])) == 1
        assert await rows(shop, buffer_events, buffer_events.c.event_type == "receipt_added") == 0


async def test_the_books_of_the_till_stay_for_five_years(tmp_path: Path):
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock) as shop:
        await shop.client.post(
            "/v1/pos/session/open", json={"pos_id": "POS-001", "session_id": "s1", "opening_cash": 0}
        )
        await shop.sell()
        await shop.client.post("/v1/kkt/z_report", json={"pos_id": "POS-001"})
        await shop.delivered()

        clock.ahead = timedelta(days=4 * 365)
        await forget(shop)
        kept = [await rows(shop, table) for table in (pos_sessions, cash_transactions, shifts)]
        assert kept == [1, 1, 1]

        clock.ahead = timedelta(days=6 * 365)
        await forget(shop)
        left = [await rows(shop, table) for table in (pos_sessions, cash_transactions, shifts)]
        assert left == [0, 0, 0]


async def test_no_step_deletes_more_than_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock, registers=virtual_registers("A", "B")) as shop:
        for _ in range(2):
            await shop.sell_at_once(150, tills=("A", "B"))
        await shop.delivered()
        clock.ahead = TWO_YEARS
        steps: list[int] = []
        for name, kind in retention.KINDS.items():

            def counted(conn, ids, forget_them=kind.forget):
                steps.append(forget_them(conn, ids))
                return steps[-1]

            changed = retention.RetentionKind(look=kind.look, forget=counted, begin=kind.begin)
            monkeypatch.setattr(retention, "KINDS", {**retention.KINDS, name: changed})
        monkeypatch.setattr("kkt_adapter.fiscal.housekeeping.daily.KINDS", retention.KINDS)

        await forget(shop)

        assert await rows(shop, receipts) == 0
        assert len(steps) > 5
        assert max(steps) <= retention.STEP_ROWS


async def test_a_node_that_lost_the_lease_forgets_nothing_more(tmp_path: Path):
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock) as shop:
        await shop.sell(2)
        await shop.delivered()
        clock.ahead = TWO_YEARS
        work = Forgetting(
            database=shop.services.database, clock=clock, receipts_live=timedelta(days=400), may_forget=always
        )
        stale = Term(name=RETENTION, owner="nobody", number=1, trusted_until=float("inf"))

        with pytest.raises(LeaseLost):
            await work.forget(stale)

        assert await rows(shop, receipts) == 2


async def test_daily_work_is_done_once_a_day_by_one_of_two_nodes(tmp_path: Path):
    clock = ShiftedClock()
    async with product(tmp_path, clock=clock) as shop:
        database, done = shop.services.database, []

        async def work(term: Term) -> None:
            done.append(term.owner)

        stop = asyncio.Event()
        nodes = [
            Daily(
                "chore",
                work,
                lease=DatabaseLeases(database, owner=owner, clock=clock).lease("chore"),
                database=database,
                clock=clock,
                first_look_s=0.05,
            )
            for owner in ("one", "two")
        ]
        running = [asyncio.create_task(node.run(stop)) for node in nodes]
        await shop.until(lambda: shop.read(lambda c: last_done(c, "chore")))
        await asyncio.sleep(0.2)
        assert len(done) == 1
        for node in nodes:
            await node._look()
        assert len(done) == 1

        clock.ahead = timedelta(days=1, minutes=1)
        for node in nodes:
            await node._look()
        assert len(done) == 2
        clock.ahead = timedelta()  # the clock was wrong: what it wrote counts as long ago
        await nodes[0]._look()
        assert len(done) == 3
        stop.set()
        await asyncio.gather(*running)


async def test_the_daily_copy_is_whole_and_the_newest_seven_are_kept(tmp_path: Path):
    async with product(tmp_path) as shop:
        await shop.sell(3)
        file, folder = shop.settings.data_dir / "buffer.db", shop.settings.copies_dir
        work = DailyCopy(file, folder, keep=7, low_mb=0, clock=shop.clock)
        term = Term(name=BACKUP, owner="test", number=1, trusted_until=float("inf"))

        with capture_logs() as lines:
            for _ in range(9):
                await work.copy(term)

        made = backups(file, folder)
        told = {line["file"]: line["size_bytes"] for line in lines if line["event"] == "backup_made"}
        assert len(told) == 9
        for copy in made:
            assert told[copy.name] == copy.stat().st_size
        assert len(made) == 7
        assert check(made[0]).ok
        assert (datetime.now(UTC) - datetime.fromtimestamp(made[0].stat().st_mtime, UTC)).seconds < 60


async def test_a_disk_without_room_gets_no_copy(tmp_path: Path):
    async with product(tmp_path) as shop:
        work = DailyCopy(
            shop.settings.data_dir / "buffer.db",
            shop.settings.copies_dir,
            keep=7,
            low_mb=10**9,
            clock=shop.clock,
        )
        with pytest.raises(StorageError):
            await work.copy(Term(name=BACKUP, owner="test", number=1, trusted_until=float("inf")))
        assert backups(shop.settings.data_dir / "buffer.db", shop.settings.copies_dir) == []

"""What a receipt costs the database: statements, commits, and that none of them reads a whole table.

Performance notes, rows 10 to 13. The statements are the real ones, collected while the product works; their
plans are asked for on a database with rows in it.
"""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from tests.support.product import Product, product, sale, virtual_registers

from kkt_adapter.fiscal.store import counters
from kkt_adapter.runtime.db.sqlite import SqliteDatabase
from kkt_adapter.runtime.db.statement_count import count_statements

BIG = ("receipts", "idempotency", "attempts", "documents", "buffer_events", "cash_transactions")
TILLS = ("A", "B", "C", "D")


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Product]:
    async with product(tmp_path, registers=virtual_registers(*TILLS)) as one:
        yield one


def database(running: Product) -> SqliteDatabase:
    opened = running.services.database
    assert isinstance(opened, SqliteDatabase)
    return opened


@contextmanager
def statements_of(opened: SqliteDatabase) -> Iterator[dict[str, Any]]:
    """Every statement with the parameters of one execution, by its text."""
    found: dict[str, Any] = {}

    def seen(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        found.setdefault(statement, parameters)

    for engine in opened.engines:
        event.listen(engine, "before_cursor_execute", seen)
    try:
        yield found
    finally:
        for engine in opened.engines:
            event.remove(engine, "before_cursor_execute", seen)


def plan(statement: str, parameters: Any, conn: Connection) -> Any:
    return conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()


async def full_scans(running: Product, statements: dict[str, Any]) -> list[str]:
    """Statements that read a whole big table, or a whole index that is not a partial one."""
    plain = "|".join(BIG)
    own_indexes = await running.read(
        lambda c: (
            c.execute(text("SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '%WHERE%'"))
            .scalars()
            .all()
        )
    )
    found = []
    for statement, parameters in statements.items():
        if not re.match(r"\s*(SELECT|UPDATE|DELETE|INSERT|WITH)", statement):
            continue
        for row in await running.read(partial(plan, statement, parameters)):
            scan = re.match(rf"SCAN ({plain})\b(?:.*INDEX (\w+))?", row.detail)
            if scan is not None and scan.group(2) not in own_indexes:
                found.append(f"{row.detail}: {statement}")
    return found


async def at_work(running: Product) -> None:
    """Everything of the hot path: accepting, replaying, refusing, printing, delivering, looking."""
    await running.sell_at_once(20, tills=TILLS)
    await running.post(sale(till="A"), key="twice")
    await running.post(sale(till="A"), key="twice")
    await running.post(sale(till="A", kop=1), key="twice")
    running.faults("A").set(type(running.faults("A").plan)(timeout_after=1))
    await running.sell_at_once(4, tills=TILLS)
    await running.ofd.set_faults()
    await running.delivered()
    (answer,) = await running.sell(1, till="B")
    await running.status()
    await running.get("/v1/health")
    await running.get("/v1/kkt/worker/status")
    await running.get("/v1/kkt/status")
    await running.call("GET", "/ready")
    await running.call("GET", "/metrics")
    await running.receipt(answer["receipt_id"])
    await running.get("/v1/kkt/receipts", status="failed")
    await running.get("/v1/kkt/receipts", print_state="print_unknown")
    await running.call("POST", "/v1/pos/refund", {"original_fiscal_doc_id": answer["fiscal_doc_id"]})
    await running.call("POST", "/v1/pos/refund", {"original_fiscal_doc_id": "17"})
    await running.delivered()


async def test_no_statement_of_the_hot_path_reads_a_whole_table(running: Product) -> None:
    await at_work(running)
    with statements_of(database(running)) as statements:
        await running.break_operator("close", count=2)
        await at_work(running)
    assert len(statements) > 20
    assert await full_scans(running, statements) == []


async def test_a_whole_table_would_be_noticed(running: Product) -> None:
    await running.sell(1, till="A")
    suspicious = {
        "SELECT count(*) FROM receipts": (),
        "SELECT id FROM receipts WHERE total_kop = ?": (5,),
        "SELECT seq FROM receipts WHERE status IN ('pending', 'syncing') ORDER BY seq": (),
    }
    found = await full_scans(running, suspicious)
    assert len(found) == 2
    assert all("count(*)" in one or "total_kop" in one for one in found)


async def test_a_receipt_alone_costs_two_commits(tmp_path: Path) -> None:
    """One before the device prints, one before the answer (row 11)."""
    async with product(tmp_path, wake_on_receipt=False, sync_interval_s=3600) as running:
        await running.sell(3)
        opened = database(running)
        before = opened.commits
        await running.sell(10)
        assert opened.commits - before == 20


async def test_receipts_at_once_share_their_commits(tmp_path: Path) -> None:
    tills = tuple(f"T{i}" for i in range(16))
    async with product(
        tmp_path, registers=virtual_registers(*tills), wake_on_receipt=False, sync_interval_s=3600
    ) as running:
        await running.sell_at_once(32, tills=tills)
        opened = database(running)
        before = opened.commits
        for _ in range(5):
            await running.sell_at_once(32, tills=tills)
        assert (opened.commits - before) / 160 < 0.8


async def test_a_receipt_alone_costs_a_known_number_of_statements(tmp_path: Path) -> None:
    """So that a change which adds one is seen. Reads beside the two transactions count too."""
    async with product(tmp_path, wake_on_receipt=False, sync_interval_s=3600) as running:
        await running.sell(3)
        with count_statements(*database(running).engines) as count:
            await running.sell(10)
        assert count.total / 10 <= 18, count.by_text


async def test_the_running_totals_equal_a_real_count_after_everything(running: Product) -> None:
    await running.break_operator("close", count=3)
    await at_work(running)
    assert await running.read(counters.verify) == {}
    await running.check_books()

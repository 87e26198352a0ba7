"""Sales of today, and finding documents by date without an index on dates; on both databases."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, event, insert
from tests.support.clock import ManualClock
from tests.support.pages.watching import asked
from tests.support.product import midday_zone, product, sale, virtual_registers

from kkt_adapter.fiscal.queries.sales_today import SalesToday
from kkt_adapter.fiscal.store.document_dates import first_since, last_numbers, per_day
from kkt_adapter.fiscal.store.tables import documents, metadata, receipts
from kkt_adapter.runtime.db.protocol import Database

MOSCOW = ZoneInfo("Europe/Moscow")
DAY = date(2026, 3, 2)  # of the manual clock, 12:00 in Moscow
FN_A, FN_B = "9999078900000001", "9999078900000002"


def wall(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001 - a register's wall clock


class Book:
    """Writes documents and their receipts, as printing leaves them."""

    def __init__(self) -> None:
        self.seq = 0
        self.fd: dict[str, int] = {}

    def add(
        self, conn: Connection, at: datetime, *, kind: str | None = "sale", kop: int = 10_000, fn: str = FN_A
    ) -> None:
        """``kind`` None: a shift report, which belongs to no receipt."""
        self.fd[fn] = self.fd.get(fn, 0) + 1
        if kind is not None:
            self.seq += 1
            conn.execute(insert(receipts).values(**_receipt(self.seq, kind, kop)))
        conn.execute(
            insert(documents).values(
                fn_number=fn,
                fd_number=self.fd[fn],
                code=2 if kind is None else 3,
                register_id="A",
                receipt_seq=None if kind is None else self.seq,
                fiscal_sign=1,
                fiscalized_at=at.isoformat(),
                shift_number=1,
                total_kop=kop,
            )
        )


def _receipt(seq: int, kind: str, kop: int) -> dict[str, Any]:
    return {
        "seq": seq,
        "id": f"r-{seq}",
        "idempotency_key": f"k-{seq}",
        "register_id": "A",
        "pos_id": "A",
        "type": kind,
        "total_kop": kop,
        "payload": "{}",
        "created_at": datetime(2026, 3, 2, tzinfo=UTC),
        "hlc_local_time": 0,
        "hlc_logical_counter": 0,
        "queue_position": 1,
        "print_state": "printed",
        "status": "synced",
    }


@pytest.fixture
async def tables(database: Database) -> Database:
    await database.write(metadata.create_all)
    return database


async def test_revenue_is_sales_less_refunds_by_the_hour_printed_on_them(
    tables: Database, clock: ManualClock
) -> None:
    book = Book()

    def day(conn: Connection) -> None:
        book.add(conn, wall(DAY - timedelta(days=1), 23, 59))
        book.add(conn, wall(DAY, 0, 0), kind=None)
        book.add(conn, wall(DAY, 0, 0), kop=100)
        book.add(conn, wall(DAY, 9, 5), kop=2_000)
        book.add(conn, wall(DAY, 9, 30), kop=3_000, fn=FN_B)
        book.add(conn, wall(DAY, 9, 59), kop=500, kind="refund")
        book.add(conn, wall(DAY, 10, 0), kop=9_999, kind="expense")
        book.add(conn, wall(DAY, 23, 59), kop=70_000)
        book.add(conn, wall(DAY + timedelta(days=1), 0, 0), kop=1_000_000)

    await tables.write(day)
    found = await SalesToday(tables, clock=clock, zone=MOSCOW).read()
    assert found.date == DAY
    assert found.revenue_kop == 74_600
    assert (found.sales, found.refunds) == (4, 1)
    hours = {entry.hour: (entry.revenue_kop, entry.sales) for entry in found.hours}
    assert len(hours) == 24
    assert {hour: value for hour, value in hours.items() if value[1]} == {
        0: (100, 1),
        9: (4_500, 2),
        23: (70_000, 1),
    }


async def test_today_is_that_of_the_register_and_not_of_the_host(
    tables: Database, clock: ManualClock
) -> None:
    book = Book()
    clock.set_wall(datetime(2026, 3, 2, 20, 0, tzinfo=UTC))  # the next day has begun in Vladivostok
    await tables.write(lambda c: book.add(c, wall(DAY, 20)))
    await tables.write(lambda c: book.add(c, wall(DAY + timedelta(days=1), 6)))
    far = ZoneInfo("Asia/Vladivostok")
    found = await SalesToday(tables, clock=clock, zone=ZoneInfo("UTC"), zone_of=lambda _: far).read()
    assert (found.date, found.sales) == (DAY + timedelta(days=1), 1)
    assert [hour.hour for hour in found.hours if hour.sales] == [6]


async def test_what_comes_later_is_added_and_a_new_day_begins_at_zero(
    tables: Database, clock: ManualClock
) -> None:
    book = Book()
    sales = SalesToday(tables, clock=clock, zone=MOSCOW)
    assert (await sales.read()).sales == 0
    await tables.write(lambda c: book.add(c, wall(DAY, 12)))
    assert (await sales.read()).sales == 1
    await tables.write(lambda c: book.add(c, wall(DAY, 13)))
    await tables.write(lambda c: book.add(c, wall(DAY, 13), fn=FN_B))
    assert (await sales.read()).sales == 3
    assert (await sales.read()).sales == 3
    clock.set_wall(clock.now() + timedelta(hours=12))  # midnight in Moscow
    found = await sales.read()
    assert (found.date, found.sales) == (DAY + timedelta(days=1), 0)
    await tables.write(lambda c: book.add(c, wall(DAY + timedelta(days=1), 0, 5)))
    assert (await sales.read()).sales == 1


async def test_a_day_that_is_read_in_parts_adds_up(
    tables: Database, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kkt_adapter.fiscal.queries.sales_today.STEP", 3)
    book = Book()

    def day(conn: Connection) -> None:
        for n in range(11):
            book.add(conn, wall(DAY, n), kind="sale" if n % 4 else None)

    await tables.write(day)
    assert (await SalesToday(tables, clock=clock, zone=MOSCOW).read()).sales == 8


async def test_the_product_tells_its_sales(tmp_path: Path) -> None:
    async with product(tmp_path, registers=virtual_registers("A", "B", timezone=midday_zone())) as running:
        await running.sell(2, till="A", kop=12_345)
        await running.sell(1, till="B", kop=1)
        refund = sale(till="A", kop=345, type="refund")
        assert (await running.post(refund)).json()["status"] == "printed"
        found = await asked(running, "/api/v1/sales/today")
        assert found["total_revenue"] == 243.46
        assert (found["total_count"], found["refund_count"]) == (3, 1)
        assert sum(entry["count"] for entry in found["hourly_data"]) == 3


@examples(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    gaps=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 500)), max_size=40),
    asked_min=st.integers(-10, 20_000),
)
def test_the_first_document_since_a_moment_is_found_whatever_gaps_there_are(
    gaps: list[tuple[int, int]], asked_min: int
) -> None:
    """Numbers may be missing (documents that nobody here made); several may have one time."""
    begin, number, minutes = wall(DAY, 0), 0, 0
    made: list[tuple[int, datetime]] = []
    for step, pause_min in gaps:
        number += step
        minutes += pause_min
        made.append((number, begin + timedelta(minutes=minutes)))
    moment = begin + timedelta(minutes=asked_min)
    engine = create_engine("sqlite://")
    with engine.begin() as conn:
        documents.create(conn)
        for fd_number, at in made:
            conn.execute(insert(documents).values(**_document(fd_number, at)))
        found = first_since(conn, FN_A, moment)
    engine.dispose()
    assert found == next((n for n, at in made if at >= moment), None)


def _document(fd_number: int, at: datetime, fn: str = FN_A) -> dict[str, Any]:
    return {
        "fn_number": fn,
        "fd_number": fd_number,
        "code": 3,
        "register_id": "A",
        "fiscal_sign": 1,
        "fiscalized_at": at.isoformat(),
        "shift_number": 1,
    }


async def test_every_fn_is_found_once(tables: Database) -> None:
    def write(conn: Connection) -> None:
        for fn in (FN_B, FN_A):
            for number in (1, 2, 3):
                conn.execute(insert(documents).values(**_document(number, wall(DAY, 1), fn)))

    assert await tables.read(last_numbers) == {}
    await tables.write(write)
    assert list(await tables.read(last_numbers)) == [FN_A, FN_B]


async def test_documents_a_day_are_known_once_they_go_back_far_enough(tables: Database) -> None:
    since, until = wall(DAY - timedelta(days=7), 12), wall(DAY, 12)

    def rate(conn: Connection) -> float | None:
        return per_day(conn, FN_A, since=since, until=until)

    def write(conn: Connection, numbers: range, at: datetime) -> None:
        for number in numbers:
            conn.execute(insert(documents).values(**_document(number, at)))

    await tables.write(lambda c: write(c, range(10, 80), wall(DAY - timedelta(days=1), 9)))
    assert await tables.read(rate) is None  # the first week is not over
    await tables.write(lambda c: write(c, range(5, 10), wall(DAY - timedelta(days=9), 9)))
    assert await tables.read(rate) == 10.0


async def test_looking_by_date_reads_few_rows_of_many(tables: Database) -> None:
    """Halving, not scanning: the number of statements grows with the logarithm."""

    def write(conn: Connection) -> None:
        conn.execute(
            insert(documents),
            [
                _document(n, wall(DAY - timedelta(days=100), 0) + timedelta(minutes=n))
                for n in range(1, 20_001)
            ],
        )

    await tables.write(write)
    statements: list[str] = []

    def count(conn: Connection) -> int | None:
        def seen(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
            statements.append(statement)

        event.listen(conn, "before_cursor_execute", seen)
        try:
            return first_since(conn, FN_A, wall(DAY - timedelta(days=95), 0))
        finally:
            event.remove(conn, "before_cursor_execute", seen)

    assert await tables.read(count) == 7200
    assert len(statements) <= 2 + 16
    assert all(re.search("LIMIT", statement) for statement in statements)

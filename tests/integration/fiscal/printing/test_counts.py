"""What a receipt costs, counted: the part of the performance targets that needs no clock."""

import re
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from bench import inside
from bench.books import differences

from kkt_adapter.bootstrap import Services
from kkt_adapter.fiscal.store import counters, tables

TILLS = 8
COMPARED_WITH_PARAMETER = re.compile(r"\b(print_state|status|event_type|level|device_state) (=|<>|!=) \?")
PAGES_ALONE = 32  # of the log, by the two commits of one receipt; each table and each index has one at least


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with inside.running(tmp_path, TILLS) as services:
        await inside.post_many(services, tills=TILLS, each=1, name="shift")  # opens the shifts
        yield services


async def test_one_receipt_takes_two_commits_one_before_the_device_and_one_before_the_answer(
    services: Services,
) -> None:
    before, pages = inside.commits(services), inside.log_frames(services)

    await inside.post_many(services, tills=1, each=5, name="alone")

    assert inside.commits(services) - before == 2 * 5
    assert (inside.log_frames(services) - pages) / 5 <= PAGES_ALONE


async def test_receipts_that_come_together_share_their_commits(services: Services) -> None:
    before, pages = inside.commits(services), inside.log_frames(services)

    await inside.post_many(services, tills=TILLS, each=5, name="together")

    assert inside.commits(services) - before < TILLS * 5  # alone they would take twice as many
    assert (inside.log_frames(services) - pages) / (TILLS * 5) <= PAGES_ALONE / 2


async def test_a_group_takes_few_statements_however_many_receipts_it_has(services: Services) -> None:
    with inside.traced(services) as alone:
        await inside.post_many(services, tills=1, each=1, name="alone")
    with inside.traced(services) as together:
        await inside.post_many(services, tills=TILLS, each=1, name="together")

    assert alone.total <= 18
    assert together.total < alone.total * TILLS / 2
    # SQLite would prepare it anew each time, as the value might decide about a partial index.
    assert [one for one in together.count if COMPARED_WITH_PARAMETER.search(one)] == []


def test_no_partial_index_makes_a_table_of_a_list_for_every_row() -> None:
    """SQLite compares one value or two directly; for three it fills a table, for every row."""
    wheres = [
        str(where)
        for table in tables.metadata.tables.values()
        for index in table.indexes
        if (where := index.dialect_options["sqlite"]["where"]) is not None
    ]

    assert len(wheres) > 10
    assert [where for where in wheres if re.search(r"IN \([^)]*,[^)]*,", where)] == []


async def test_a_group_waits_for_a_postgresql_server_four_times_however_many_receipts_it_has(
    tmp_path: Path, postgres_url: str
) -> None:
    """For its turn, for what accepting asks, for what printing asks, and for the COMMIT with all the rest."""
    async with inside.running(tmp_path, TILLS, database_url=postgres_url) as services:
        await inside.post_many(services, tills=TILLS, each=1, name="shift")
        trips, commits = inside.server_round_trips(services)

        await inside.post_many(services, tills=TILLS, each=5, name="together")

        trips_now, commits_now = inside.server_round_trips(services)
        assert 2 * 5 <= commits_now - commits < TILLS * 5
        assert trips_now - trips <= 4 * (commits_now - commits)
        assert await services.database.read(counters.verify) == {}


async def test_no_statement_of_receipts_and_status_pages_walks_over_a_whole_table(
    services: Services,
) -> None:
    with inside.traced(services) as trace:
        await inside.post_many(services, tills=TILLS, each=2, name="planned")
        await inside.ask_everything(services)

    assert trace.total > 20
    assert await inside.full_scans(services, trace) == []


async def test_a_full_scan_would_be_noticed(services: Services) -> None:
    with inside.traced(services) as trace:
        await services.database.read(
            lambda conn: conn.exec_driver_sql("SELECT id FROM receipts WHERE total_kop = 1").all()
        )

    assert len(await inside.full_scans(services, trace)) == 1


async def test_the_totals_of_the_status_page_equal_a_real_count(services: Services, tmp_path: Path) -> None:
    await inside.post_many(services, tills=TILLS, each=3, name="counted")

    assert await services.database.read(counters.verify) == {}
    assert differences(await inside.buffer_status(services), tmp_path) == []


async def test_a_total_that_lies_would_be_noticed(services: Services, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "buffer.db") as connection:
        connection.execute("UPDATE counters SET pending = pending + 1")
    connection.close()

    (found,) = differences(await inside.buffer_status(services), tmp_path)

    assert found.startswith("pending: ")

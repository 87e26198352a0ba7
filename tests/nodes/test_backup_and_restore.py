"""The daily copy of a running node, and life after it was put back: the FN is then ahead of the database.

Scaled by twenty: the day's work begins 3 s after a start, not a minute.
"""

import asyncio
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, select
from tests.support.books import archive
from tests.support.cli import run
from tests.support.processes.nodes import (
    Node,
    all_delivered,
    books_agree,
    nodes,
    operator,
    surroundings,
    until,
)

from kkt_adapter.cli.program import app
from kkt_adapter.fiscal.store.tables import buffer_events
from kkt_adapter.runtime.db.backup import backups, check

pytestmark = pytest.mark.timeout(300)


async def test_what_was_sold_after_the_copy_is_found_in_the_fn_and_not_printed_again(tmp_path: Path) -> None:
    async with operator() as ofd:
        node = Node(
            name="one",
            folder=tmp_path,
            environment=surroundings(tmp_path, ofd),
            tills=("A",),
            scale=20.0,
        )
        data = tmp_path / "data"
        database = data / "buffer.db"
        settings = {"KKT_DATA_DIR": str(data), "KKT_CONFIG": str(node.config)}
        async with nodes(node):
            answers = await node.sell(3, till="A")
            (copy,) = await until(partial(copies, database), "the daily copy is made")
            assert check(copy).ok
            assert await until(partial(node.read, forgotten), "the daily forgetting was done")
            answers += await node.sell(3, till="A", first=4)
            await all_delivered(node)
            answers = await node.sell(6, till="A")  # asked again: none is buffered any more
            refused = await asyncio.to_thread(run, app, "db", "restore", str(copy), "--yes", **settings)
            assert (refused.exit_code, "Stop the service" in refused.stderr) == (1, True)
            node.kill()
            made = archive(node.settings.fn_dir, "A")

            restored = await asyncio.to_thread(run, app, "db", "restore", str(copy), "--yes", **settings)
            assert restored.exit_code == 0, restored.stderr
            node.start()
            await node.ready()
            again = await node.sell(6, till="A")  # the till asks for all it knows of

            assert [a["fiscal_doc_id"] for a in again] == [a["fiscal_doc_id"] for a in answers]
            assert [d.fd_number for d in archive(node.settings.fn_dir, "A")] == [d.fd_number for d in made]
            again += await node.sell(1, till="A", first=7)
            assert again[-1]["status"] == "printed"
            await all_delivered(node)
            await books_agree(node, again, ofd)


async def copies(database: Path) -> list[Path]:
    return backups(database, database.parent / "backups")


def forgotten(conn: Connection) -> bool:
    events = select(buffer_events.c.id).where(buffer_events.c.event_type == "retention_done")
    return conn.execute(events).first() is not None

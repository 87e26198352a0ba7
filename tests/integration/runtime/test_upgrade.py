"""The upgrade page is true: an older schema is brought up by the start, and a newer one is refused.

An older database is made by the older part of the line of revisions, with the rows of one that was at work.
"""

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select
from tests.support.product import Product, product

from kkt_adapter.fiscal.store.tables import receipts
from kkt_adapter.kernel.errors import StorageError
from kkt_adapter.kernel.ids import random_id
from kkt_adapter.runtime.auth.settings import AuthSettings
from kkt_adapter.runtime.db.migrate import SCRIPTS, migrate, revision

REVISIONS = sorted(path.name[:4] for path in (SCRIPTS / "versions").rglob("0*.py"))
OLDER = REVISIONS[:-1]


def scripts_up_to(folder: Path, newest: str) -> Path:
    """The line of revisions as a program of that time had it."""
    copied = folder / f"line-{newest}"
    shutil.copytree(SCRIPTS, copied, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (copied / "versions").rglob("0*.py"):
        if path.name[:4] > newest:
            path.unlink()
    return copied


def become_older(path: Path, scripts: Path) -> None:
    """The database as the older program would have left it, with the rows for which it had a place."""
    newer = path.with_name("newer.db")
    for part in path.parent.glob(f"{path.name}*"):  # with its log, if one is left
        part.rename(newer.with_name(part.name.replace(path.name, newer.name)))
    migrate(path, scripts=scripts)
    connection = sqlite3.connect(path)
    try:
        connection.execute("ATTACH ? AS newer", (str(newer),))
        tables = connection.execute(
            "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        for (table,) in tables:
            if table != "alembic_version":
                columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info({table})"))
                connection.execute(f"DELETE FROM main.{table}")
                connection.execute(
                    f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newer.{table}"
                )
        connection.commit()
    finally:
        connection.close()


def rows(conn: Connection) -> list[Any]:
    query = select(receipts.c.id, receipts.c.status, receipts.c.fiscal_doc_number, receipts.c.total_kop)
    return [tuple(row) for row in conn.execute(query.order_by(receipts.c.seq))]


async def goes_on(running: Product) -> None:
    await running.sell(1)
    await running.delivered()
    await running.check_books()


@pytest.mark.parametrize("older", OLDER)
async def test_a_start_brings_an_older_database_up_with_its_receipts(tmp_path: Path, older: str) -> None:
    async with product(tmp_path) as running:
        sold = await running.sell(3)
        await running.delivered()
        before = await running.read(rows)
        async with running.stopped():
            path = running.settings.data_dir / "buffer.db"
            become_older(path, scripts_up_to(tmp_path, older))
            assert revision(path) == older
        assert revision(path) == REVISIONS[-1]
        assert await running.read(rows) == before
        again = await running.post(key=next(iter(running.answers)))
        assert again.headers["idempotency-replayed"] == "true"
        assert again.json()["receipt_id"] == sold[0]["receipt_id"]
        await goes_on(running)


@pytest.mark.parametrize("older", (OLDER[0], OLDER[-1]))
async def test_on_postgresql_too(tmp_path: Path, postgres_url: str, older: str) -> None:
    migrate(postgres_url, scripts=scripts_up_to(tmp_path, older))
    secret = AuthSettings.model_validate({"AUTH_SECRET": random_id() + random_id()})
    async with product(tmp_path, database_url=postgres_url, sign_in=secret) as running:
        assert revision(postgres_url) == REVISIONS[-1]
        await goes_on(running)


def test_the_old_program_refuses_the_newer_database_and_changes_nothing(
    database_url: str, tmp_path: Path
) -> None:
    migrate(database_url)
    with pytest.raises(StorageError, match=REVISIONS[-1]):
        migrate(database_url, scripts=scripts_up_to(tmp_path, OLDER[-1]))
    assert revision(database_url) == REVISIONS[-1]

"""A database that goes back under a running service: a server that fails over and loses its last commits, or
a dump that is read into it. Leases may look as if nothing had happened."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.support.api import Json
from tests.support.product import Product, product, sale, virtual_registers

from kkt_adapter.bootstrap.seams import Seams
from kkt_adapter.bootstrap.shutdown import Closers, close_all
from kkt_adapter.bootstrap.storage import open_storage
from kkt_adapter.fiscal.housekeeping.database_mark import DatabaseMark
from kkt_adapter.fiscal.kkt.virtual import FaultPlan
from kkt_adapter.fiscal.model import DocumentCode
from kkt_adapter.fiscal.store import group_rows
from kkt_adapter.fiscal.store.tables import met_fns
from kkt_adapter.runtime.db import identity
from kkt_adapter.runtime.db.backup import back_up, restore
from kkt_adapter.settings import GroupSettings

GROUP, POOL = "main", ("K1", "K2")
STAYS = {"leases", "alembic_version"}


def database(shop: Product) -> Path:
    return shop.settings.data_dir / "buffer.db"


def copy(shop: Product) -> Path:
    return back_up(database(shop), shop.folder / "copies", now=datetime.now(UTC))


def go_back(shop: Product, backup: Path) -> None:
    """Every row is as in the copy, but the lanes' terms go on."""
    with closing(sqlite3.connect(database(shop), timeout=30, isolation_level=None)) as raw:
        raw.execute("PRAGMA foreign_keys=OFF")
        raw.execute("ATTACH ? AS before", (str(backup),))
        names = [
            name for (name,) in raw.execute("SELECT name FROM before.sqlite_master WHERE type = 'table'")
        ]
        raw.execute("BEGIN IMMEDIATE")
        for name in names:
            if name not in STAYS and not name.startswith("sqlite_"):
                raw.execute(f'DELETE FROM "{name}"')
                raw.execute(f'INSERT INTO "{name}" SELECT * FROM before."{name}"')
        raw.execute("COMMIT")


async def sold_and_lost(shop: Product, mark: DatabaseMark) -> Json:
    """The database goes back to before a sale of 7 rubles under the key ``k``, which the FN keeps."""
    backup = copy(shop)
    told: Json = (await shop.post(sale(kop=700), key="k")).json()
    await shop.delivered()
    await mark.look()
    await asyncio.to_thread(go_back, shop, backup)
    return told


def mark_of(shop: Product) -> DatabaseMark:
    (found,) = [
        run.service for run in shop.services.supervisor._runs if isinstance(run.service, DatabaseMark)
    ]
    return found


def receipts_made(shop: Product, *registers: str) -> list[str | None]:
    return [d.key for one in registers for d in shop.archive(one) if d.code is DocumentCode.RECEIPT]


@pytest.mark.parametrize("seen_by", ["its changes", "its numbers"])
async def test_lanes_read_their_fns_back_when_the_database_goes_back_under_them(
    tmp_path: Path, seen_by: str
) -> None:
    async with product(tmp_path) as shop:
        await shop.sell()
        await shop.delivered()
        mark = mark_of(shop)
        await mark.look()
        told = await sold_and_lost(shop, mark)
        if seen_by == "its numbers":  # the last commits are lost, and the count of changes was not among them
            await shop.services.database.write(
                lambda c: c.execute(identity.identity.update().values(changes=mark.known.changes))
            )
        await mark.look()
        assert (await shop.post(sale(kop=700), key="k")).json()["fiscal_doc_id"] == told["fiscal_doc_id"]
        made = receipts_made(shop, "POS-001")
        assert len(made) == len(set(made)) == 2


@pytest.mark.parametrize("sold_before", [0, 1])
async def test_a_sale_before_it_is_noticed_hides_nothing(tmp_path: Path, sold_before: int) -> None:
    """The newest document that is written down is newer than those which were lost."""
    async with product(tmp_path) as shop:
        await shop.until(lambda: shop.read(lambda c: c.execute(select(met_fns)).all()))
        await shop.sell(sold_before)
        await shop.delivered()
        mark = mark_of(shop)
        await mark.look()
        told = await sold_and_lost(shop, mark)
        await shop.sell(1, kop=800)
        await mark.look()
        assert (await shop.post(sale(kop=700), key="k")).json()["fiscal_doc_id"] == told["fiscal_doc_id"]
        made = receipts_made(shop, "POS-001")
        assert len(made) == len(set(made)) == sold_before + 2


async def test_a_group_sells_again_when_its_fns_are_read_back(tmp_path: Path) -> None:
    groups = (GroupSettings(id=GROUP, registers=POOL),)
    async with product(tmp_path, registers=virtual_registers(*POOL), group=groups) as shop:
        await shop.sell(2, till=GROUP)
        await shop.delivered()
        mark = mark_of(shop)
        await mark.look()
        backup = copy(shop)
        told = (await shop.post(sale(till=GROUP, kop=700), key="k")).json()
        await shop.delivered()
        await mark.look()
        holder = (await shop.receipt(told["receipt_id"]))["register_id"]
        shop.faults(holder).set(FaultPlan(unreachable=True))
        await asyncio.to_thread(go_back, shop, backup)
        await mark.look()
        refused = await shop.post(sale(till=GROUP, kop=700), key="k")
        assert (refused.status_code, refused.json()["reason"]) == (503, "GROUP_UNREAD")
        shop.faults(holder).clear()
        shop.lane(holder).look_now()

        async def again() -> str | None:
            answer = await shop.post(sale(till=GROUP, kop=700), key="k")
            return answer.json()["fiscal_doc_id"] if answer.status_code == 200 else None

        assert await shop.until(again) == told["fiscal_doc_id"]


async def test_a_process_that_ends_right_after_the_start_saw_it_leaves_the_group_waiting(
    tmp_path: Path,
) -> None:
    """The data directory remembers the new state by then, so that no later start would see it."""
    groups = (GroupSettings(id=GROUP, registers=POOL),)
    async with product(tmp_path, registers=virtual_registers(*POOL), group=groups) as shop:
        await shop.sell(1, till=GROUP)
        backup = copy(shop)
        await shop.sell(1, till=GROUP)
        async with shop.stopped():
            restore(backup, database(shop), now=datetime.now(UTC))
            closers: Closers = []
            storage = await open_storage(shop.settings, seams=Seams(), clock=shop.clock, closers=closers)
            waits = await storage.database.read(group_rows.unread)
            await close_all(closers)
            assert waits == set(POOL)

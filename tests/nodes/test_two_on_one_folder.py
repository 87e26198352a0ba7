"""Two ``kkt-adapter serve`` on one data directory (SQLite), without Redis."""

import asyncio
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from tests.support.api import Json
from tests.support.processes.nodes import (
    Node,
    all_delivered,
    books_agree,
    nodes,
    operator,
    surroundings,
    until,
)
from tests.support.product import sale

from kkt_adapter.emulators.ofd import OfdEmulator

pytestmark = pytest.mark.timeout(300)

BUDGET_S = 50.0  # within which a receipt is answered `printed`; 7 s unless set


def two(folder: Path, ofd: OfdEmulator, *, scale: float | None = None, **changes: str) -> tuple[Node, Node]:
    one, other = (
        Node(
            name=name,
            folder=folder / name,
            environment=surroundings(folder, ofd, **changes),
            tills=("A",),
            scale=scale,
        )
        for name in ("one", "other")
    )
    return one, other


async def test_whichever_is_asked_the_holder_prints_and_a_survivor_goes_on_at_once(tmp_path: Path) -> None:
    async with operator() as ofd:
        both = two(tmp_path, ofd, KKT_RESPONSE_BUDGET=str(BUDGET_S))
        async with nodes(*both):
            await until(partial(anybody_drives, both), "somebody drives the register")
            holder, guest = both if await both[0].drives("A") else both[::-1]
            answers = await holder.sell(2, till="A")
            answers += await guest.sell(3, till="A", first=100)
            assert [answer["status"] for answer in answers] == ["printed"] * 5  # within the budget

            holder.kill()
            answers += await guest.sell(1, till="A", first=200)
            assert answers[-1]["status"] == "printed"  # its lock file is free: that proves its end
            holder.start()
            await holder.ready()
            newcomer = await holder.sell(2, till="A", first=300)
            assert [answer["status"] for answer in newcomer] == ["printed"] * 2  # the holder saw it come
            answers += newcomer
            await all_delivered(guest)
            await books_agree(guest, answers, ofd)
            unsure = [await node.failed_deliveries() for node in both]
            assert ofd.state()["repeated"] <= 1 + sum(unsure)  # what the killed holder had in flight


async def anybody_drives(both: tuple[Node, Node]) -> bool:
    return await both[0].drives("A") or await both[1].drives("A")


async def test_a_frozen_process_holds_up_its_register_and_inside_a_write_all_writes(tmp_path: Path) -> None:
    """Scaled by ten: the lease that runs out meanwhile lasts 3 s. A write waits for 5 s at any scale."""
    async with operator() as ofd:
        both = two(tmp_path, ofd, scale=10.0)
        async with nodes(*both):
            await until(partial(anybody_drives, both), "somebody drives the register")
            holder, guest = both if await both[0].drives("A") else both[::-1]
            answers = await holder.sell(1, till="A")

            frozen = partial(frozen_outside_a_write, holder, tmp_path / "data" / "buffer.db")
            await until(frozen, "the holder is frozen outside a write")
            answers += await guest.sell(1, till="A", first=100)
            assert answers[-1]["status"] == "buffered"
            assert (await guest.health())["components"]["database"]["status"] == "ok"
            await until(partial(guest.drives, "A"), "the lease is taken over")
            answers += await guest.sell(1, till="A", first=101)
            assert answers[-1]["status"] == "buffered"  # the FN's file is still locked
            holder.thaw()
            await all_delivered(guest)

            await holder.arm("buffer.accept:inside")
            asking = asyncio.create_task(holder.post(sale(till="A"), key="in-the-write", timeout_s=60))
            await holder.stands("buffer.accept:inside")
            refused = await guest.post(sale(till="A"), key="meanwhile")
            assert (refused.status_code, refused.json()["code"]) == (503, "STORAGE_ERROR")
            row = await guest.get("/v1/kkt/receipt", idempotency_key="A-1")  # reading goes on
            assert row["print_state"] == "printed"

            holder.thaw()
            answers.append((await asking).json())
            answers.append(await until(partial(accepted, guest, "meanwhile"), "the refused key is taken"))
            await all_delivered(guest)
            await books_agree(guest, answers, ofd)


async def test_a_start_waits_for_a_process_that_stands_still_in_a_write(tmp_path: Path) -> None:
    async with operator() as ofd:
        both = two(tmp_path, ofd, scale=10.0)
        async with nodes(*both):
            await until(partial(anybody_drives, both), "somebody drives the register")
            holder, guest = both if await both[0].drives("A") else both[::-1]
            assert guest.terminate() == 0
            await holder.arm("buffer.accept:inside")
            asking = asyncio.create_task(holder.post(sale(till="A"), key="in-the-write", timeout_s=60))
            await holder.stands("buffer.accept:inside")
            guest.start()

            async def waits() -> bool:
                return "start_waits" in guest.log()

            await until(waits, "the start says what it waits for")
            holder.thaw()
            await guest.ready()
            answers = [(await asking).json(), *await guest.sell(1, till="A", first=100)]
            await all_delivered(guest)
            await books_agree(guest, answers, ofd)


async def frozen_outside_a_write(node: Node, database: Path) -> bool:
    """Stop the process. Where that left the write lock held: let it go on, and say no."""
    node.freeze()
    with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as conn:
        try:
            conn.execute("BEGIN IMMEDIATE")
            conn.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            assert error.sqlite_errorcode == sqlite3.SQLITE_BUSY, error
            node.thaw()
            return False
    return True


async def accepted(node: Node, key: str) -> Json | None:
    answer = await node.post(sale(till="A"), key=key)
    return dict(answer.json()) if answer.status_code == 200 else None

"""Two nodes on one PostgreSQL, with virtual FNs in a folder that both reach: as on two machines.

Where a node is scaled by ten, a lane's lease lasts 3 s instead of 30, and 6 s stand for a minute.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx2
import pytest
from sqlalchemy import select
from tests.support.api import Json
from tests.support.nodes import Node, all_delivered, books_agree, nodes, operator, surroundings, until
from tests.support.product import sale
from tests.support.services import RedisServer

from kkt_adapter.emulators.ofd import Fault, FaultMode, OfdEmulator
from kkt_adapter.fiscal.tables import attempts, receipts

pytestmark = pytest.mark.timeout(240)

TILLS = ("A", "B")
TAKEOVER_S = 45.0  # the longest that a lane may be without a holder
SCALE = 10.0
A_MINUTE_S = 60.0 / SCALE
BY_HAND = {"KKT_SYNC_INTERVAL": "3600", "KKT_WAKE_ON_RECEIPT": "0"}  # passes are ours to begin
Pair = Callable[..., tuple[Node, Node]]


@pytest.fixture
def pair(tmp_path: Path, postgres_url: str) -> Pair:
    """Two nodes that share the database and the FNs, and nothing else."""
    shared = {
        "DATABASE_URL": postgres_url,
        "KKT_VIRTUAL_DIR": str(tmp_path / "fn"),
        "AUTH_SECRET": token_hex(32),
    }

    def make(ofd: OfdEmulator, *, changes: dict[str, str] | None = None, **named: Any) -> tuple[Node, Node]:
        one, other = (
            Node(
                name=name,
                folder=tmp_path / name,
                environment=surroundings(tmp_path / name, ofd, **shared, **(changes or {})),
                tills=TILLS,
                **named,
            )
            for name in ("one", "other")
        )
        return one, other

    return make


async def driver_of(till: str, pair: tuple[Node, Node]) -> tuple[Node, Node]:
    """The node that drives a till's register, and the other one."""
    one, other = pair

    async def found() -> tuple[Node, Node] | None:
        if await one.drives(till):
            return one, other
        return (other, one) if await other.drives(till) else None

    driving: tuple[Node, Node] = await until(found, f"somebody drives {till}")
    return driving


@pytest.mark.parametrize("with_redis", [True, False], ids=["redis", "no-redis"])
async def test_four_manual_passes_at_once_bring_every_document_once(
    pair: Pair, redis: RedisServer, with_redis: bool
) -> None:
    async with operator() as ofd:
        one, other = pair(
            ofd,
            changes=BY_HAND | ({"REDIS_URL": redis.url} if with_redis else {}),
            transports={"A": "relay", "B": "http"},
        )
        async with nodes(one, other):
            sold = await asyncio.gather(
                one.sell(8, till="A"), other.sell(8, till="B"), one.sell(8, till="B", first=100)
            )
            answers = [answer for some in sold for answer in some]
            await ofd.set_faults(Fault(mode=FaultMode.SLOW, delay_s=0.15))  # over HTTP a pass lasts 2 s

            passes = await asyncio.gather(*(node.sync() for node in (one, other, one, other)))

            told = Counter(answer.status_code for answer in passes)
            if with_redis:
                assert told == {200: 1, 409: 3}
            else:  # one pass a node at a time; one that finds the other at work on all FNs is over at once
                assert told[200] >= 2
                assert told[409] >= 1
                assert told[200] + told[409] == 4
            refused = [answer.json() for answer in passes if answer.status_code == 409]
            assert {answer["code"] for answer in refused} == {"SYNC_IN_PROGRESS"}
            await ofd.set_faults()
            for node in (one, other):
                assert (await node.sync()).status_code == 200
            await all_delivered(one)
            await books_agree(one, answers, ofd, http=True)
            assert ofd.state()["repeated"] == 0
            assert ofd.state()["by_code"]["3"] == len(answers) == 24


async def test_a_killed_nodes_lanes_are_taken_over_in_time_and_nothing_is_lost(pair: Pair) -> None:
    """With the lease as it is: 30 s, and no lock file that proves the end to another machine."""
    async with operator() as ofd:
        both = pair(ofd)
        async with nodes(*both):
            holder, survivor = await driver_of("A", both)
            answers = await holder.sell(5, till="A")
            unsure = asyncio.create_task(
                asyncio.wait({asyncio.create_task(holder.sell(50, till="A", first=6))})
            )
            await asyncio.sleep(0.1)

            holder.kill()
            died = time.monotonic()
            await unsure
            answers += await survivor.sell(1, till="A", first=1_000)  # buffered meanwhile
            assert answers[-1]["status"] == "buffered"
            await until(partial(survivor.drives, "A"), "the lane is taken over", within_s=TAKEOVER_S)
            printed = await until(
                partial(printed_answer, survivor, "A-1000"), "it prints", within_s=TAKEOVER_S
            )
            took_s = time.monotonic() - died

            print(f"takeover and first document after {took_s:.1f} s")
            assert 10 < took_s < TAKEOVER_S  # not before the dead node's lease can have ended
            assert printed["receipt_id"] == answers[-1]["receipt_id"]
            for number in range(6, 56):  # the till asks again for what it got no answer to
                answers += await survivor.sell(1, till="A", first=number)
            await all_delivered(survivor)
            await books_agree(survivor, answers, ofd)
            assert len({answer["receipt_id"] for answer in answers}) == 56


async def printed_answer(node: Node, key: str) -> Json | None:
    row = await node.get("/v1/kkt/receipt", idempotency_key=key)
    return row if row["print_state"] == "printed" else None


async def test_a_node_frozen_past_its_lease_makes_nothing_twice_and_writes_nothing(pair: Pair) -> None:
    """Stopped at its worst moments, then woken: each time the other node has its lanes."""
    async with operator() as ofd:
        both = pair(ofd, scale=SCALE)
        answers: list[Json] = []
        async with nodes(*both):
            for point, least_s, outcome in (
                ("register.fiscalize:before", A_MINUTE_S, "adopted"),  # it has looked, and sends when woken
                ("fn.append:after", 0.0, "adopted"),  # signed, and nobody knows
                ("operator.deliver:before", A_MINUTE_S, "done"),  # it has looked, and delivers when woken
                ("operator.deliver:after", 0.0, "done"),  # delivered, about to hand it to the FN
            ):
                holder, other = await driver_of("A", both)
                answers += await holder.sell(1, till="A", first=len(answers) + 1)
                before = await holder.lease("A")
                await holder.arm(point)
                key = len(answers) + 1
                asking = asyncio.create_task(quietly(holder, till="A", number=key))
                await holder.stands(point)
                stopped = time.monotonic()
                await until(partial(other.drives, "A"), f"takeover from one that stands at {point}")
                meanwhile = await other.sell(1, till="A", first=key + 1)  # the FN is locked by who stands
                assert meanwhile[0]["status"] == "buffered", point
                await asyncio.sleep(max(0.0, stopped + least_s - time.monotonic()))

                holder.thaw()

                again = await until(partial(told, other, "A", key), f"printed after {point}")
                answers += [again, *meanwhile]
                await asking
                await all_delivered(other)
                assert (await other.lease("A")).term > before.term
                assert await outcomes(other, again, term=before.term) == [outcome], point
            await books_agree(both[0], answers, ofd)
            assert ofd.state()["repeated"] <= 1  # delivered, and not written down: the same bytes again


async def told(node: Node, till: str, number: int) -> Json | None:
    (answer,) = await node.sell(1, till=till, first=number)
    return answer if answer["status"] == "printed" else None


async def quietly(node: Node, *, till: str, number: int) -> None:
    """A till that may get no answer, or a late one."""
    try:
        await node.post(sale(till=till), key=f"{till}-{number}", timeout_s=3 * A_MINUTE_S)
    except httpx2.TransportError:
        return


async def outcomes(node: Node, answer: Json, *, term: int) -> list[str]:
    """What became of the attempts of that term to print a receipt."""

    def look(conn: Any) -> list[str]:
        query = (
            select(attempts.c.outcome)
            .join(receipts, receipts.c.seq == attempts.c.receipt_seq)
            .where(receipts.c.id == answer["receipt_id"], attempts.c.term == term, attempts.c.what == "print")
        )
        return [str(outcome) for outcome in conn.execute(query).scalars()]

    found: list[str] = await node.read(look)
    return found


async def test_a_node_frozen_before_it_posts_can_only_repeat_itself(pair: Pair) -> None:
    """Over HTTP a claim lasts 300 s: 10 s here. Its end frees the receipt for the other node."""
    async with operator() as ofd:
        one, other = pair(ofd, scale=30.0, changes=BY_HAND | {"OFD_TRANSPORT": "http"})
        async with nodes(one, other):
            await one.sell(3, till="A")

            async def all_printed() -> bool:
                return all(a["status"] == "printed" for a in await one.sell(3, till="A"))

            await until(all_printed, "printed")
            answers = await one.sell(3, till="A")
            await one.arm("operator.post:before")
            passing: Awaitable[Any] = asyncio.create_task(one.sync())
            await one.stands("operator.post:before")

            async def other_delivers() -> bool:
                answer = await other.sync()
                return bool(answer.status_code == 200 and answer.json()["remaining"] == 0)

            await until(other_delivers, "the other node delivers what the frozen one had claimed")
            by_other = [r["synced_at"] for r in (await other.get("/v1/kkt/receipts"))["items"]]
            one.thaw()
            await passing

            async def came_again() -> bool:
                return bool(ofd.state()["repeated"])

            await until(came_again, "the woken node sent what it had in hand")
            assert [r["synced_at"] for r in (await other.get("/v1/kkt/receipts"))["items"]] == by_other
            await books_agree(other, answers, ofd, http=True)
            assert (ofd.state()["repeated"], ofd.state()["by_code"]["3"]) == (1, 3)

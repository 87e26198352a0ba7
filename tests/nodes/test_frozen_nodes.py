"""A node that stands still at the worst moments, and wakes when others have taken its work over.

Scaled by ten, a lane's lease lasts 3 s instead of 30, and 6 s stand for a minute.
"""

import asyncio
import time
from collections.abc import Awaitable
from functools import partial
from typing import Any

import httpx2
import pytest
from sqlalchemy import select
from tests.support.api import Json
from tests.support.processes.nodes import (
    BY_HAND,
    Node,
    Pair,
    all_delivered,
    books_agree,
    driver_of,
    nodes,
    operator,
    until,
)
from tests.support.product import sale

from kkt_adapter.fiscal.store.tables import attempts, receipts

pytestmark = pytest.mark.timeout(300)

SCALE = 10.0
A_MINUTE_S = 60.0 / SCALE


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
                await all_delivered(holder)  # the point is to be that of the next receipt
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

            await until(came_again, "the woken node sent what it had in flight")
            assert [r["synced_at"] for r in (await other.get("/v1/kkt/receipts"))["items"]] == by_other
            await books_agree(other, answers, ofd, http=True)
            assert 1 <= ofd.state()["repeated"] <= 3  # each of what it had in flight, once
            assert ofd.state()["by_code"]["3"] == 3

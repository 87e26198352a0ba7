"""Two nodes at work side by side: passes at the same time, and one that dies. With leases as they are."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial

import httpx2
import pytest
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
from tests.support.services import RedisServer

from kkt_adapter.emulators.ofd import OfdFault, OfdFaultMode

pytestmark = pytest.mark.timeout(300)

TAKEOVER_S = 45.0  # the longest that a lane may be without a holder


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
            await ofd.set_faults(OfdFault(mode=OfdFaultMode.SLOW, delay_s=3.0))

            asked = [asyncio.create_task(node.sync()) for node in (one, other, one, other)]
            await until(partial(refused_at_least, asked, 3 if with_redis else 1), "the others are refused")
            await ofd.set_faults()
            passes = await asyncio.gather(*asked)

            told = Counter(answer.status_code for answer in passes)
            if with_redis:
                assert told == {200: 1, 409: 3}
            else:  # one pass a node at a time; one that finds the other at work on all FNs is over at once
                assert told[200] >= 2
                assert told[409] >= 1
                assert told[200] + told[409] == 4
            refused = [answer.json() for answer in passes if answer.status_code == 409]
            assert {answer["code"] for answer in refused} == {"SYNC_IN_PROGRESS"}
            for node in (one, other):
                assert (await node.sync()).status_code == 200
            await all_delivered(one)
            await books_agree(one, answers, ofd, http=True)
            unsure = [await node.failed_deliveries() for node in (one, other)]
            assert ofd.state()["repeated"] <= sum(unsure)  # none, unless the machine was too slow
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
            assert took_s > 10  # not before the dead node's lease can have ended
            assert printed["receipt_id"] == answers[-1]["receipt_id"]
            for number in range(6, 56):  # the till asks again for what it got no answer to
                answers += await survivor.sell(1, till="A", first=number)
            await all_delivered(survivor)
            await books_agree(survivor, answers, ofd)
            assert len({answer["receipt_id"] for answer in answers}) == 56


async def refused_at_least(asked: Sequence["asyncio.Task[httpx2.Response]"], n: int) -> bool:
    return sum(one.done() and one.result().status_code == 409 for one in asked) >= n


async def printed_answer(node: Node, key: str) -> Json | None:
    row = await node.get("/v1/kkt/receipt", idempotency_key=key)
    return row if row["print_state"] == "printed" else None

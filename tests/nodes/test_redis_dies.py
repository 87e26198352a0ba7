"""Redis is killed in the middle of a pass, and comes back: delivery goes on all the time, and it is said.

Scaled by five: a planned pass comes every 2 s instead of 10, and Redis is asked again after 6 s, not 30.
"""

import asyncio
from pathlib import Path
from secrets import token_hex

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
from tests.support.services import redis_server

from kkt_adapter.emulators.ofd import OfdEmulator, OfdFault, OfdFaultMode

pytestmark = pytest.mark.timeout(300)

SCALE = 5.0
DELIVERED_MEANWHILE = 20  # documents that reach the operator while Redis is away


async def test_no_delivery_waits_for_redis_and_health_and_metric_say_that_it_is_lost(
    tmp_path: Path, postgres_url: str
) -> None:
    with redis_server(tmp_path) as redis:
        shared = {
            "DATABASE_URL": postgres_url,
            "KKT_VIRTUAL_DIR": str(tmp_path / "fn"),
            "AUTH_SECRET": token_hex(32),
            "REDIS_URL": redis.url,
            "KKT_SYNC_INTERVAL": "10",
        }
        async with operator() as ofd:
            one, other = (
                Node(
                    name=name,
                    folder=tmp_path / name,
                    environment=surroundings(tmp_path / name, ofd, **shared),
                    tills=("A", "B"),
                    transports={"A": "relay", "B": "http"},
                    scale=SCALE,
                )
                for name in ("one", "other")
            )
            async with nodes(one, other):
                assert await lock_state(one) == await lock_state(other) == ("ok", 1.0)
                stop, answers = asyncio.Event(), list[Json]()
                selling = [
                    asyncio.create_task(sell_on(node, till, stop, answers))
                    for node, till in ((one, "A"), (other, "B"))
                ]
                await ofd.set_faults(OfdFault(mode=OfdFaultMode.SLOW, delay_s=0.1))
                holding = await until(lambda: in_a_pass(one, other), "a pass holds the lock")

                redis.stop()
                killed = arrived(ofd)

                await until(lambda: lost(holding), "the holder says that Redis is lost")
                assert (await holding.health())["status"] == "degraded"
                await until(
                    lambda: came(ofd, killed + DELIVERED_MEANWHILE),
                    "deliveries go on without Redis",
                    within_s=60,
                )

                redis.start()
                await until(lambda: used_again(one, other), "Redis is used again", within_s=60)
                assert await lock_state(one) == await lock_state(other) == ("ok", 1.0)
                stop.set()
                await asyncio.gather(*selling)
                await ofd.set_faults()
                await all_delivered(one)
                await books_agree(one, answers, ofd, http=True)
                unsure = [await node.failed_deliveries() for node in (one, other)]
                assert ofd.state()["repeated"] <= sum(unsure)  # none, unless the machine was too slow


async def sell_on(node: Node, till: str, stop: asyncio.Event, answers: list[Json]) -> None:
    number = 0
    while not stop.is_set():
        number += 1
        answers += await node.sell(1, till=till, first=number)
        await asyncio.sleep(0.05)


async def in_a_pass(*both: Node) -> Node | None:
    for node in both:
        if (await node.get("/v1/kkt/worker/status"))["lock"] == {"backend": "redis", "held": True}:
            return node
    return None


async def lock_state(node: Node) -> tuple[str, float]:
    """What health and the metric say of Redis."""
    return (await node.health())["components"]["redis"]["status"], await node.metric("kkt_lock_available")


async def lost(node: Node) -> bool:
    return await lock_state(node) == ("lost", 0.0)


async def used_again(*both: Node) -> bool:
    states = [await lock_state(node) for node in both]
    return states == [("ok", 1.0)] * 2 and await in_a_pass(*both) is not None


def arrived(ofd: OfdEmulator) -> int:
    """How many documents have reached the operator."""
    return int(ofd.state()["unique"])


async def came(ofd: OfdEmulator, wanted: int) -> bool:
    return arrived(ofd) >= wanted

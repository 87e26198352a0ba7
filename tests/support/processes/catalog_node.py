"""One node of the catalogue in a process of its own: ``python -m tests.support.processes.catalog_node JSON``.

The JSON names ``url`` (database), ``base_url`` (source), ``directory``, ``node`` and ``settings``. The node
runs until it is killed; it prints ``ready`` when its service runs. Leases are short, so that takeovers are
quick.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from tests.support.catalog import Shop, TestClock, settings_for, utc

from kkt_adapter.emulators.g2a import G2AEmulator
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.runtime.db.open import open_database
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.database import DatabaseLease, DatabaseLeases

TTL_S = 5.0  # longer than a busy machine keeps a renewal waiting
MARGIN_S = 0.5


class ShortLeases:
    """Leases that end five seconds after their last renewal."""

    def __init__(self, db: Database, owner: str) -> None:
        self.owner = owner
        self._leases = DatabaseLeases(
            db, owner=owner, clock=SystemClock(), ttl_s=TTL_S, renew_s=0.5, poll_s=0.1
        )

    def lease(self, name: str, *, margin_s: float = 0.0) -> DatabaseLease:
        return self._leases.lease(name, margin_s=MARGIN_S)


async def serve(order: dict[str, Any]) -> None:
    db = open_database(order["url"])
    source = G2AEmulator(0)  # only its made-up credentials are used
    source.base_url = order["base_url"]
    settings = settings_for(source, Path(order["directory"]) / order["node"], **order.get("settings", {}))
    wall = order.get("wall")
    shop = Shop(
        db,
        settings,
        Path(order["directory"]),
        clock=TestClock(speed=10.0, wall=None if wall is None else utc(wall)),
        node=order["node"],
        leases=ShortLeases(db, order["node"]),
    )
    async with shop:
        print("ready", flush=True)
        if order.get("start"):
            await shop.sync.start(by="anna")
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.argv[1])))

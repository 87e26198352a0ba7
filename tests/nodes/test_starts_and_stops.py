"""How a node stops and starts: in order, after a kill with a full buffer, and with a clock that was wrong."""

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Connection
from tests.support.api import Json
from tests.support.books import archive
from tests.support.processes.nodes import (
    Node,
    all_delivered,
    books_agree,
    nodes,
    operator,
    surroundings,
    until,
)
from tests.support.product import product, sale

from kkt_adapter.api.schemas.receipt import parse_receipt
from kkt_adapter.emulators.ofd import OfdFault, OfdFaultMode
from kkt_adapter.fiscal.kkt.virtual import FaultPlan
from kkt_adapter.fiscal.store import counters
from kkt_adapter.settings import RegisterSettings

pytestmark = pytest.mark.timeout(300)

UNDELIVERED = 10_000
AT_ONCE = 1_000
PRINTED = 1_000


async def test_a_start_after_a_kill_with_ten_thousand_undelivered_receipts_is_healthy(
    tmp_path: Path,
) -> None:
    """The operator is away, and the registers had no paper: most are still to be printed, too. The kill hits
    the node while it prints them."""
    async with operator() as ofd:
        await ofd.set_faults(OfdFault(mode=OfdFaultMode.DOWN))
        node = Node(
            name="one",
            folder=tmp_path,
            environment=surroundings(tmp_path, ofd, KKT_BUFFER_CAPACITY="0"),
            tills=("A", "B"),
        )
        await fill(tmp_path, node)
        async with nodes(node):
            left = await node.read(unprinted)
            assert left > 0
            node.kill()
            node.start()
            await until(partial(healthy, node), "healthy")
            (sold,) = await node.sell(1, till="B")
            assert sold["receipt_id"]
            assert await node.read(counters.verify) == {}
            totals = await node.read(counters.read)
            assert totals.undelivered == UNDELIVERED + 1


async def fill(folder: Path, node: Node) -> None:
    """So many receipts with no operator to deliver them to: some printed, then the paper was out."""
    registers = [RegisterSettings(id=till, driver="virtual") for till in node.tills]
    quiet: dict[str, Any] = {"capacity": 0, "sync_interval_s": 3600.0, "response_budget_s": 0.05}
    async with product(folder, registers=registers, **quiet) as shop:
        await shop.break_operator("down")

        async def accept(first: int, after: int) -> None:
            bodies = [json.dumps(sale(till=node.tills[n % 2])).encode() for n in range(first, after)]
            intake = shop.services.intake
            await asyncio.gather(
                *(
                    intake.accept(parse_receipt(body).request, key=f"filled-{n}")
                    for n, body in enumerate(bodies, first)
                )
            )

        await accept(0, PRINTED)

        async def all_printed() -> bool:
            return int(await shop.read(unprinted)) == 0

        await shop.until(all_printed, within_s=90)
        for till in node.tills:
            shop.faults(till).set(FaultPlan(paper_out=True))
        for first in range(PRINTED, UNDELIVERED, AT_ONCE):
            await accept(first, first + AT_ONCE)


def unprinted(conn: Connection) -> int:
    return counters.read(conn).unprinted


async def healthy(node: Node) -> bool:
    try:
        return bool((await node.health())["components"]["database"]["status"] == "ok")
    except httpx2.TransportError:
        return False


async def test_a_stop_signal_lets_requests_in_flight_be_finished_and_answered(tmp_path: Path) -> None:
    """The register takes 2 s for a document."""
    async with operator() as ofd:
        environment = surroundings(tmp_path, ofd, KKT_VIRTUAL_LATENCY="2")
        node = Node(name="one", folder=tmp_path, environment=environment, tills=("A",))
        async with nodes(node):
            in_flight = asyncio.create_task(node.post(sale(till="A"), key="in-hand"))
            await until(partial(printing, node, "in-hand"), "it is at the register")

            code = await asyncio.to_thread(node.terminate)

            answer = await in_flight
            assert code == 0, node.log()
            assert (answer.status_code, answer.json()["status"]) == (200, "printed")
            assert len([d for d in archive(node.settings.fn_dir, "A") if d.total_kop is not None]) == 1
            still_open = await node.read(unprinted)
            assert still_open == 0
            node.start()
            await node.ready()
            again = await node.post(sale(till="A"), key="in-hand")
            assert again.json()["fiscal_doc_id"] == answer.json()["fiscal_doc_id"]
            await all_delivered(node)
            await books_agree(node, [answer.json()], ofd)


async def printing(node: Node, key: str) -> bool:
    row = await stored(node, key)
    return row is not None and row["print_state"] == "printing"


async def stored(node: Node, key: str) -> Json | None:
    answer = await node.call("GET", "/v1/kkt/receipt", query={"idempotency_key": key})
    return dict(answer.json()) if answer.status_code == 200 else None


async def test_a_wall_clock_that_jumps_stops_nothing_and_no_stamp_runs_backwards(tmp_path: Path) -> None:
    """A day ahead, then an hour behind."""
    async with operator() as ofd:
        environment = surroundings(tmp_path, ofd)
        node = Node(name="one", folder=tmp_path, environment=environment, tills=("A",), scale=1.0)
        answers: list[Json] = []
        for offset_s in (86_400.0, -3_600.0):
            node.offset_s = offset_s
            async with nodes(node):
                answers += await node.sell(2, till="A", first=len(answers) + 1)
                await all_delivered(node)
        assert [answer["status"] for answer in answers] == ["printed"] * 4
        stamps = [(a["hlc"]["local_time"], a["hlc"]["logical_counter"]) for a in answers]
        assert stamps == sorted(set(stamps))
        await books_agree(node, answers, ofd)

"""Random days of a shop: sales, refunds, faults of registers and operator, reports, restarts, in any order.

After each day everything is repaired, and what clients were told, the archives of the FNs and the operator's
book must tell one story. A day is made from its seed alone; ``KKT_DAYS`` makes more of them.
"""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection
from tests.support.product import Product, product, sale, virtual_registers

from kkt_adapter.emulators.ofd import OfdFault, OfdFaultMode
from kkt_adapter.fiscal.kkt.virtual import FaultPlan
from kkt_adapter.fiscal.lifecycle import DELIVERY_MOVES, PRINT_MOVES
from kkt_adapter.settings import Transport

TILLS = ("A", "B")
STEPS = 30
DAYS = int(os.environ.get("KKT_DAYS", "2"))

REGISTER_FAULTS = (
    FaultPlan(paper_out=True),
    FaultPlan(cover_open=True),
    FaultPlan(unreachable=True),
    FaultPlan(fn_full=True),
    FaultPlan(latency_s=0.15),
    FaultPlan(refuse=1),
    FaultPlan(timeout_before=1),
    FaultPlan(timeout_after=1),
    FaultPlan(timeout_before=2, timeout_after=2),
)
OPERATOR_FAULTS = (
    OfdFault(mode=OfdFaultMode.DOWN),
    OfdFault(mode=OfdFaultMode.HANG, count=2),
    OfdFault(mode=OfdFaultMode.CLOSE, count=2),
    OfdFault(mode=OfdFaultMode.HALF_ANSWER, count=1),
    OfdFault(mode=OfdFaultMode.BAD_CRC, count=1),
    OfdFault(mode=OfdFaultMode.SLOW, delay_s=0.1),
)


class Day:
    """One product and everything that happens to it."""

    def __init__(self, running: Product, rng: random.Random) -> None:
        self.running = running
        self.rng = rng
        self.keys = 0
        self.done: list[str] = []
        self.steps: list[Callable[[], Awaitable[None]]] = [
            self.sell,
            self.sell,
            self.sell_many,
            self.sell_twins,
            self.repeat,
            self.refund,
            self.break_register,
            self.repair_register,
            self.break_operator,
            self.repair_operator,
            self.report,
            self.sync,
            self.reprint,
            self.restart,
            self.rest,
        ]

    async def live(self) -> None:
        for _ in range(STEPS):
            step = self.rng.choice(self.steps)
            self.done.append(step.__name__)
            await step()

    def key(self) -> str:
        self.keys += 1
        return f"key-{self.keys}"

    async def post(self, body: dict[str, object], *, key: str) -> None:
        answer = await self.running.post(body, key=key)
        assert answer.status_code in (200, 409, 503), answer.text

    async def sell(self) -> None:
        await self.post(sale(till=self.rng.choice(TILLS), kop=self.rng.choice((100, 200))), key=self.key())

    async def sell_many(self) -> None:
        bodies = [sale(till=self.rng.choice(TILLS), kop=100) for _ in range(6)]
        await asyncio.gather(*(self.post(body, key=self.key()) for body in bodies))

    async def sell_twins(self) -> None:
        body, key = sale(till=self.rng.choice(TILLS)), self.key()
        await asyncio.gather(*(self.post(body, key=key) for _ in range(3)))

    async def repeat(self) -> None:
        """A till that lost its answer asks once more with the same key."""
        if self.running.answers:
            key = self.rng.choice(list(self.running.answers))
            row = await self.running.client.get("/v1/kkt/receipt", params={"idempotency_key": key})
            assert row.status_code == 200
            assert row.json()["id"] == self.running.answers[key]["receipt_id"]

    async def refund(self) -> None:
        if self.running.answers:
            sold = self.rng.choice(list(self.running.answers.values()))
            body = sale(till="A", kop=100, type="refund", original_receipt_id=sold["receipt_id"])
            await self.post(body, key=self.key())

    async def break_register(self) -> None:
        self.running.faults(self.rng.choice(TILLS)).set(self.rng.choice(REGISTER_FAULTS))

    async def repair_register(self) -> None:
        self.running.faults(self.rng.choice(TILLS)).clear()

    async def break_operator(self) -> None:
        fault = self.rng.choice(OPERATOR_FAULTS)
        await self.running.ofd.set_faults(
            OfdFault(mode=fault.mode, delay_s=fault.delay_s, count=fault.count)  # counts are used up: a copy
        )

    async def repair_operator(self) -> None:
        await self.running.ofd.set_faults()

    async def report(self) -> None:
        body = {"pos_id": self.rng.choice(TILLS)}
        answer = await self.running.call("POST", "/v1/kkt/z_report", body, **{"Idempotency-Key": self.key()})
        assert answer.status_code in (200, 409, 503), answer.text

    async def sync(self) -> None:
        answer = await self.running.call("POST", f"/v1/kkt/buffer/sync?force={self.rng.choice((0, 1))}")
        assert answer.status_code in (200, 409), answer.text

    async def reprint(self) -> None:
        failed = await self.running.get("/v1/kkt/receipts", print_state="print_failed")
        for row in failed["items"]:
            answer = await self.running.call("POST", f"/v1/kkt/receipt/{row['id']}/reprint")
            assert answer.status_code in (200, 409)

    async def restart(self) -> None:
        await self.running.restart()  # registers' faults live in the process: they are gone

    async def rest(self) -> None:
        await asyncio.sleep(self.rng.uniform(0, 0.1))

    async def repair_everything(self) -> None:
        for till in TILLS:
            self.running.faults(till).clear()
        await self.running.ofd.set_faults()
        await self.running.call("POST", "/v1/kkt/circuit_breaker/reset")
        await self.reprint()


def watch_moves(conn: Connection) -> None:
    """Have the database itself write down every change of a receipt's states."""
    conn.exec_driver_sql("CREATE TABLE moves (side TEXT, was TEXT, is_now TEXT)")
    for side in ("print_state", "status"):
        conn.exec_driver_sql(
            f"CREATE TRIGGER watch_{side} AFTER UPDATE OF {side} ON receipts "
            f"WHEN OLD.{side} <> NEW.{side} "
            f"BEGIN INSERT INTO moves VALUES ('{side}', OLD.{side}, NEW.{side}); END"
        )


def check_moves(conn: Connection) -> None:
    """No receipt ever made a move that the tables do not have."""
    seen = {tuple(row) for row in conn.exec_driver_sql("SELECT DISTINCT side, was, is_now FROM moves")}
    allowed = {("print_state", str(old), str(new)) for old, new in PRINT_MOVES}
    allowed |= {("status", str(old), str(new)) for old, new in DELIVERY_MOVES}
    assert seen <= allowed
    assert seen


@pytest.mark.parametrize("transport", [Transport.RELAY, Transport.HTTP])
@pytest.mark.parametrize("seed", range(DAYS))
async def test_after_any_day_all_books_tell_one_story(
    tmp_path: Path, seed: int, transport: Transport
) -> None:
    async with product(
        tmp_path,
        registers=virtual_registers(*TILLS),
        ofd_transport=transport,
        ofd_timeout_s=0.5,
        breaker_open_s=0.1,
        response_budget_s=0.1,
    ) as running:
        day = Day(running, random.Random(f"{seed} {transport}"))
        await running.services.database.write(watch_moves)
        try:
            await day.live()
            await day.repair_everything()
            await running.delivered(within_s=40)
            await running.check_books(in_order=transport is not Transport.HTTP)
            await running.read(check_moves)
        except BaseException:
            print("\n".join(day.done))  # shown with the failure
            raise
        assert running.answers

"""A wall clock that was wrong leaves times in the rows that never come: nothing may wait for them."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection
from tests.support.product import ShiftedClock, product, virtual_registers

from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.tables import receipts
from kkt_adapter.kernel.ids import random_id

A_DAY = timedelta(days=1)


async def test_a_due_time_written_by_a_clock_that_was_ahead_does_not_hold_the_receipt(tmp_path: Path):
    clock = ShiftedClock()
    async with product(
        tmp_path, registers=virtual_registers("POS-001", ofd_transport="http"), clock=clock
    ) as shop:
        clock.ahead = A_DAY
        await shop.break_operator("code", code=422)
        (sold,) = await shop.sell()
        await shop.state_of(sold["receipt_id"], status="pending", print_state="printed")

        async def refused_once() -> bool:
            row = await shop.receipt(sold["receipt_id"])
            return bool(row["retry_count"])

        await shop.until(refused_once)
        await shop.repair_operator()
        clock.ahead = timedelta()

        await shop.delivered()


async def test_a_claim_taken_by_a_clock_that_was_ahead_is_freed(tmp_path: Path):
    """Its process may be on another machine, where nobody can prove that it has ended."""
    clock = ShiftedClock()
    async with product(
        tmp_path, registers=virtual_registers("POS-001", ofd_transport="http"), clock=clock
    ) as shop:
        await shop.break_operator("down")
        (sold,) = await shop.sell()
        await shop.state_of(sold["receipt_id"], status="pending", print_state="printed")

        def claim(conn: Connection) -> bool:
            changed = conn.execute(
                receipts.update()
                .where(receipts.c.id == sold["receipt_id"], receipts.c.status == "pending")
                .values(status="syncing", owner=random_id(), claim=7, lease_until=clock.now() + A_DAY)
            )
            if changed.rowcount:  # not while the service itself is trying to deliver it
                counters.bump(conn, pending=-1, syncing=1)
            return bool(changed.rowcount)

        await shop.until(lambda: shop.services.database.write(claim))
        await shop.repair_operator()

        await shop.delivered()
        await shop.check_books()

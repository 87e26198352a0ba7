"""A receipt whose attempt is on disk is the next document of its register, whatever else comes up."""

import asyncio
from pathlib import Path

from sqlalchemy import select
from tests.support.product import TILL, Product, product, sale

from kkt_adapter.fiscal.store.tables import OPEN_ROWS, attempts


async def open_attempts(shop: Product) -> int:
    rows = await shop.read(lambda c: c.execute(select(attempts.c.id).where(OPEN_ROWS)).all())
    return len(rows)


async def test_refused_receipts_come_due_while_others_print(tmp_path: Path):
    """Found by the fault lab: a retry overtook a receipt that had begun, and that one was forgotten until the
    next start, where nobody could prove its absence."""
    async with product(tmp_path, response_budget_s=0.1) as shop:
        await shop.sell()
        shop.break_register(refuse=2, latency_s=0.05)
        posting = [asyncio.create_task(shop.post(sale(kop=100 + n), key=f"r{n}")) for n in range(60)]
        await asyncio.gather(*posting)
        await shop.delivered()

        assert await open_attempts(shop) == 0
        await shop.check_books()


async def test_a_report_waits_for_the_receipt_that_has_begun(tmp_path: Path):
    async with product(tmp_path, response_budget_s=0.1) as shop:
        await shop.sell()
        shop.break_register(latency_s=0.05)
        for n in range(8):
            sales = [asyncio.create_task(shop.post(sale(kop=100 + n), key=f"s{n}-{m}")) for m in range(3)]
            await asyncio.sleep(0.01)
            await shop.client.post("/v1/kkt/z_report", json={"pos_id": TILL})
            await asyncio.gather(*sales)
        await shop.delivered()

        rows = await shop.read(
            lambda c: c.execute(
                select(attempts.c.baseline_fd, attempts.c.outcome)
                .where(attempts.c.what != "send")
                .order_by(attempts.c.id)
            ).all()
        )
        done = [row.baseline_fd for row in rows if row.outcome == "done"]
        assert len(set(done)) == len(done), "two documents from one position"
        await shop.check_books()

"""A receipt whose outcome only a person can tell: documents of another program look just like it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import select
from tests.support.api import Json
from tests.support.product import TILL, Product, product, virtual_registers
from tests.support.receipts import a_sale
from tests.support.registers.foreign import foreign_document

from kkt_adapter.fiscal.store.tables import attempts

KOP = a_sale().total_kop  # of the documents that another program makes


@asynccontextmanager
async def a_shop(folder: Path) -> AsyncIterator[Product]:
    async with product(
        folder, registers=virtual_registers(TILL, receipt_key="off"), response_budget_s=0.15
    ) as shop:
        yield shop


async def in_doubt(shop: Product, *, foreign: int = 2, kop: int = KOP) -> str:
    """A receipt whose command was lost while another program made documents of the same sum: its id."""
    (before,) = await shop.sell(1)
    await shop.state_of(before["receipt_id"], print_state="printed")
    shop.break_register(hang=True)
    posting = asyncio.create_task(shop.sell(1, kop=kop))
    await shop.until(partial(attempt_open, shop))
    for _ in range(foreign):
        await foreign_document(shop)
    shop.break_register(timeout_before=1)
    (answer,) = await posting
    await shop.state_of(answer["receipt_id"], print_state="print_unknown")
    await shop.until(partial(asked, shop))
    return str(answer["receipt_id"])


async def attempt_open(shop: Product) -> bool:
    query = select(attempts.c.id).where(attempts.c.ended_at.is_(None))
    return bool(await shop.read(lambda c: c.execute(query).all()))


async def asked(shop: Product) -> Json | None:
    """The open question as the status shows it."""
    register = (await shop.get("/v1/kkt/status", pos_id=TILL))["registers"][0]
    question: Json | None = register["question"]
    return question

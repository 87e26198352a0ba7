"""Copies of a database, put back while the FNs of its registers have gone on."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.support.api import Json
from tests.support.product import Product

from kkt_adapter.runtime.db.backup import back_up, restore

KEYLESS: Json = {"additional_attribute": "order 7", "user_attribute": {"name": "table", "value": "4"}}


def copy(shop: Product) -> Path:
    return back_up(shop.settings.data_dir / "buffer.db", shop.folder / "copies", now=datetime.now(UTC))


@asynccontextmanager
async def restored(shop: Product, backup: Path):
    async with shop.stopped():
        restore(backup, shop.settings.data_dir / "buffer.db", now=datetime.now(UTC))
        yield


async def paper_out(shop: Product, body: Json, key: str) -> None:
    """A receipt that is accepted and waits."""
    shop.break_register(paper_out=True)
    answer = (await shop.post(body, key=key)).json()
    assert answer["status"] == "buffered"


async def the_answer(shop: Product, body: Json, key: str) -> Json | None:
    answer: Json = (await shop.post(body, key=key)).json()
    return answer if answer["status"] == "printed" else None

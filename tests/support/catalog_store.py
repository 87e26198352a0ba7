"""A catalogue whose source is a list in memory, and a shelf of products for it."""

import gzip
import json
from datetime import timedelta
from typing import Any

from tests.support.catalog import MemorySource, Shop, TestClock, made, utc

from kkt_adapter.api.schemas.shown.products import export_text
from kkt_adapter.catalog.model import Product
from kkt_adapter.catalog.reads.catalogue import ProductQuery

START = utc("2026-01-01T00:00")


class Store(Shop):
    """A shop whose source is a list in memory and whose clock steps a minute with every run."""

    source: MemorySource
    wall: TestClock

    async def offer(self, *items: Product) -> None:
        """The source has exactly these, and a run has seen them."""
        self.source.items = list(items)
        assert self.wall.wall is not None
        self.wall.wall += timedelta(minutes=1)
        run = await self.run(force_sweep=True, full=True)
        assert run.status == "succeeded", run

    async def ids(self, **query: Any) -> list[str]:
        return [item.id for item in (await self.reads.search(ProductQuery(**query))).items]

    async def copy(self) -> dict[str, str]:
        """A fresh export, as a till would keep it: line by id."""
        return self.kept((await self.exported())[1:])

    async def exported(self, **options: Any) -> list[str]:
        export = await self.reads.export(export_text(options.get("fields", ())), **options)
        body = b"".join([chunk async for chunk in export.chunks])
        return (gzip.decompress(body) if export.compressed else body).decode().splitlines()

    @staticmethod
    def kept(lines: list[str]) -> dict[str, str]:
        return {json.loads(line)["id"]: line for line in lines}


def game(number: int, name: str, **more: Any) -> Product:
    return made(number, name=name, **more)


ACTION, STRATEGY = [{"id": 1, "name": "Action"}], [{"id": 2, "name": "Стратегии"}]
SHELF = (
    game(1, "Pokémon Silent Forest", platform="Steam", region="GLOBAL", minPrice="5.00", categories=ACTION),
    game(2, "Ведьмин ЛЕС", platform="steam", region="RU/CIS", publisher="1С-СофтКлаб", minPrice=None),
    game(3, "Königreich: Last Crown", platform="GOG", minPrice="7.50", categories=STRATEGY),
    game(4, "silent hill", qty=0, minPrice="5.00", categories=ACTION),
    game(5, "Crown of the Silent", platform="GOG", region="GLOBAL", minPrice="0.99", availableToBuy=False),
)  # fmt: skip


def key(number: int) -> str:
    return made(number).id

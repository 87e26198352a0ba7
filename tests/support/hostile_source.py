"""A source that moves its list while it is read, lies, dies, names products twice and caps what it says."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tests.support.catalog import MemorySource, made

from kkt_adapter.catalog.model import PriceWindow, Product, ProductPage
from kkt_adapter.kernel.errors import PageBeyondCeiling, SourceMalformed, SourceThrottled, SourceUnavailable

PAGE_SIZE = 5


@dataclass(slots=True, kw_only=True)
class Mischief:
    """What one run meets. Numbers of requests count from the beginning of the run."""

    moves: dict[int, Callable[[], None]] = field(default_factory=dict)  # before that request
    dies_from: int = 0  # every request from this one on fails, until ``dies_to``
    dies_to: int = 0
    odd_at: frozenset[int] = frozenset()  # single failures of several kinds
    short_at: frozenset[int] = frozenset()  # answers without their last entry
    refuse_once: frozenset[int] = frozenset()  # pages refused the first time
    most_total: int | None = None  # a cap on what is said, not on what is served
    more_total: int = 0  # said on top of the truth
    twice: int = 0  # so many products stand a second time at the end
    echo: bool = False  # a page past the end is the last page again
    refuse_past: bool = False  # a page past the end is refused
    blind: bool = False  # asked for one product, answers with the list


class HostileSource(MemorySource):
    def __init__(self, products: int, dice: random.Random) -> None:
        super().__init__([made(number) for number in range(products)], page_size=PAGE_SIZE)
        self.dice = dice
        self.next = products
        self.mischief = Mischief()
        self.asked = 0
        self.refused: set[int] = set()

    # the list

    def come(self, count: int = 1) -> None:
        for _ in range(count):
            self.items.append(made(self.next))
            self.next += 1
        if self.dice.random() < 0.3:  # a list without order
            self.items.insert(0, self.items.pop())

    def leave(self, count: int = 1) -> None:
        for _ in range(min(count, len(self.items) - 1)):
            self.items.pop(self.dice.randrange(len(self.items)))

    def change(self, count: int) -> None:
        for place in self.dice.sample(range(len(self.items)), min(count, len(self.items))):
            item = self.items[place]
            number = int(item.id) - int(made(0).id)
            changes = {"minPrice": str(self.dice.randrange(1, 60)), "qty": self.dice.randrange(3)}
            self.items[place] = made(number, **changes)

    def begin(self, mischief: Mischief, ceiling: int) -> None:
        """Another run is about to begin."""
        self.mischief, self.ceiling, self.asked = mischief, ceiling, 0
        self.refused.clear()

    # the answers

    async def page(self, number: int, *, window: PriceWindow | None = None) -> ProductPage:
        self._meet()
        wicked = self.mischief
        if number in wicked.refuse_once and number not in self.refused:
            self.refused.add(number)
            raise PageBeyondCeiling("by mistake")
        page = await super().page(number, window=window)
        last = -(-page.total // PAGE_SIZE)
        if number > last >= 1 and wicked.refuse_past:
            raise PageBeyondCeiling("past the end")
        if number > last >= 1 and wicked.echo:
            page = replace(await super().page(last, window=window), number=number)
        said = page.total + wicked.more_total
        said = said if wicked.most_total is None else min(said, wicked.most_total)
        if self.asked in wicked.short_at and page.products:
            page = replace(page, products=page.products[:-1], ids=page.ids[:-1])
        return replace(page, total=said)

    def listed(self) -> list[Product]:
        return self.items + self.items[: self.mischief.twice]

    async def product(self, product_id: str) -> ProductPage:
        self._meet()
        return await (super().page(1) if self.mischief.blind else super().product(product_id))

    def _meet(self) -> None:
        self.asked += 1
        move = self.mischief.moves.get(self.asked)
        if move is not None:
            move()
        if self.mischief.dies_from <= self.asked < self.mischief.dies_to:
            raise SourceUnavailable("away", error_code="connection")
        if self.asked in self.mischief.odd_at:
            raise self.dice.choice(
                (
                    SourceMalformed("odd", error_code="http_403"),
                    SourceUnavailable("busy", error_code="http_500"),
                    SourceThrottled("slow down", retry_after_s=0.01),
                )
            )

    def truth(self) -> dict[str, Product]:
        return {item.id: item for item in self.items}

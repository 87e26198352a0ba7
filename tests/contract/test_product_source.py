"""What every `ProductSource` promises, over each implementation."""

import json
from collections.abc import AsyncIterator

import pytest
from tests.support.catalog import MemorySource, made, settings_for, stand_in, unhurried

from kkt_adapter.catalog.g2a.wire import product
from kkt_adapter.catalog.model import PriceWindow
from kkt_adapter.catalog.run_log.redaction import Redactor
from kkt_adapter.catalog.source import ProductSource
from kkt_adapter.catalog.working import g2a_source
from kkt_adapter.emulators.g2a import Item
from kkt_adapter.emulators.g2a.catalogue import document
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.kernel.errors import PageBeyondCeiling

TOTAL = 45
PAGE = 20
CEILING = 10


@pytest.fixture(params=["memory", "g2a-pair", "g2a-bearer"])
async def source(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ProductSource]:
    """45 products, numbered from 0, priced (number + 1) euro, 20 a page, no page above 10."""
    if request.param == "memory":
        yield MemorySource([made(number) for number in range(TOTAL)], page_size=PAGE, ceiling=CEILING)
        return
    async with stand_in(0, ceiling=CEILING) as emulator:
        items = [Item(number, (number + 1) * 100, number) for number in range(TOTAL)]
        emulator.catalogue.replace_all(items)
        settings = settings_for(
            emulator, tmp_path_factory.mktemp("source"), auth=request.param.removeprefix("g2a-")
        )
        made_source = g2a_source(
            settings, clock=SystemClock(), redactor=Redactor(), pacer=unhurried(SystemClock())
        )
        try:
            yield made_source
        finally:
            await made_source.close()


async def test_pages_hold_the_list_in_order_without_gap_or_overlap(source: ProductSource) -> None:
    pages = [await source.page(number) for number in (1, 2, 3)]
    assert [page.entries for page in pages] == [20, 20, 5]
    assert {page.total for page in pages} == {TOTAL}
    ids = [product_id for page in pages for product_id in page.ids]
    assert ids == sorted(set(ids))
    assert len(ids) == TOTAL
    assert [page.ids for page in pages] == [tuple(item.id for item in page.products) for page in pages]


async def test_a_page_past_the_end_has_no_entries(source: ProductSource) -> None:
    page = await source.page(4)
    assert page.entries == 0
    assert page.total == TOTAL


async def test_a_price_window_narrows_list_and_total(source: ProductSource) -> None:
    page = await source.page(1, window=PriceWindow(low=1_000, high=1_200))
    assert page.total == 3
    assert [item.min_price for item in page.products] == [1_000, 1_100, 1_200]
    assert page.scope == "1000-1200"


async def test_open_windows_reach_to_the_ends(source: ProductSource) -> None:
    assert (await source.page(1, window=PriceWindow(high=200))).total == 2
    assert (await source.page(1, window=PriceWindow(low=4_400))).total == 2


async def test_one_product_can_be_asked_for(source: ProductSource) -> None:
    wanted = (await source.page(1)).ids[3]
    assert (await source.product(wanted)).ids == (wanted,)
    gone = await source.product("99999999999999")
    assert gone.entries == 0


async def test_a_page_above_the_ceiling_is_refused(source: ProductSource) -> None:
    assert (await source.page(CEILING)).entries == 0
    with pytest.raises(PageBeyondCeiling):
        await source.page(CEILING + 1)


async def test_closing_twice_is_fine(source: ProductSource) -> None:
    await source.page(1)
    await source.close()
    await source.close()


def test_the_stand_in_speaks_json_that_the_parser_likes() -> None:
    found = product(json.loads(document(Item(5, 499, 3)), parse_float=str))
    assert (found.min_price, found.qty) == (499, 3)

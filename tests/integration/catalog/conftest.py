"""A node of the catalogue with its HTTP interface, and a catalogue whose source is a list in memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.catalog import MemorySource, TestClock, opened, settings_for
from tests.support.catalog_api import CatalogApi, open_catalog_api
from tests.support.catalog_store import START, Store


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[CatalogApi]:
    async with open_catalog_api(tmp_path) as opened:
        yield opened


@pytest.fixture
async def resting(tmp_path: Path) -> AsyncIterator[CatalogApi]:
    """A node whose service does not run: what is queued stays queued."""
    async with open_catalog_api(tmp_path, running=False) as opened:
        yield opened


@pytest.fixture
async def store(database_url: str, tmp_path: Path) -> AsyncIterator[Store]:
    source, clock = MemorySource([], page_size=5), TestClock(wall=START)
    async with opened(database_url) as db:
        shop = Store(db, settings_for(None, tmp_path), tmp_path, clock=clock, source=source)
        shop.source, shop.wall = source, clock
        async with shop:
            yield shop

"""The product with one virtual register."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.product import Product, product


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Product]:
    async with product(tmp_path) as one:
        yield one

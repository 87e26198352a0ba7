"""The product that delivers over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.delivery import HTTP
from tests.support.product import Product, product


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Product]:
    async with product(tmp_path, **HTTP) as one:
        yield one

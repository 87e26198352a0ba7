"""The product with two registers, which answers a sale soon."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.product import TILL, Product, product, virtual_registers
from tests.support.registers.trouble import QUICK


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Product]:
    async with product(tmp_path, registers=virtual_registers(TILL, "OTHER"), **QUICK) as one:
        yield one

"""One running product for a module of tests that only ask its interface."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.support.accounts import cheap_hasher
from tests.support.api import Edge, edge_of
from tests.support.product import product, virtual_registers

from kkt_adapter.runtime.auth.settings import AuthSettings

TILLS = ("POS-001", "POS-002", "POS-003")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Edge]:
    """For tests of the same loop: ``pytestmark = pytest.mark.asyncio(loop_scope="module")``."""
    async with product(
        tmp_path_factory.mktemp("edge"),
        registers=virtual_registers(TILLS[0], pos_ids=TILLS),
        sign_in=AuthSettings.model_validate({"secret": "4f1c0f0e9a7b4d6e8c2a5b3d7e9f1a2c"}),
        response_budget_s=30.0,  # a slow machine is no reason for "buffered"
    ) as running:
        running.services.auth.passwords._hasher = cheap_hasher()

        async def ready() -> bool:
            return running.lane(TILLS[0]).holds() and (await running.call("GET", "/ready")).is_success

        await running.until(ready)
        yield await edge_of(running)

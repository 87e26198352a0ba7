"""Every register driver behind a bench: what the suite in this folder promises holds for each of them.

A further driver joins with one more entry in ``BENCHES``: a device (or its emulator) behind a ``KktBench``.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest
from tests.support.registers.kkt import KktBench, atol_bench, shtrih_bench, virtual_bench

from kkt_adapter.emulators.atol import JAR

BENCHES: dict[str, Callable[[Path], AbstractAsyncContextManager[KktBench]]] = {
    "virtual": virtual_bench,
    "shtrih-1-tcp": shtrih_bench,
    "shtrih-2-tcp": partial(shtrih_bench, protocol=2),
    "shtrih-1-serial": partial(shtrih_bench, serial=True),
    "atol-wr": atol_bench,
    "atol-jar": partial(atol_bench, flavour=JAR),
}


@pytest.fixture(params=BENCHES)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[KktBench]:
    async with BENCHES[request.param](tmp_path) as bench:
        yield bench

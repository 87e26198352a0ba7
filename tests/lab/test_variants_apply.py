"""Every broken variant still finds what it takes out of the product: a name that moved is found at once."""

from multiprocessing import get_context

import pytest
from tests.lab.variants import VARIANTS


def build(name: str) -> None:
    VARIANTS[name].build()


@pytest.mark.timeout(120)
def test_every_variant_finds_what_it_takes_out() -> None:
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.lab.variants"])
    with context.Pool(2, maxtasksperchild=1) as pool:  # a process each: nothing puts back what was taken out
        pool.map(build, VARIANTS, chunksize=1)

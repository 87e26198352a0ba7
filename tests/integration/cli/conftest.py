"""A stand-in for the running service."""

from collections.abc import Iterator

import pytest
from tests.support.cli import StandIn, stand_in


@pytest.fixture
def service() -> Iterator[StandIn]:
    with stand_in() as made:
        yield made

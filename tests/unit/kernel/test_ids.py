"""Identifiers that sort by time, and ones that do not sort at all."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.kernel.ids import random_id, uuid7

times = st.integers(0, 2**48 - 1)


@given(times)
def test_uuid7_is_one_by_the_standard_and_carries_its_time(unix_ms: int) -> None:
    made = uuid.UUID(uuid7(unix_ms))

    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made.int >> 80 == unix_ms
    assert str(made) == str(uuid.UUID(int=made.int))


@given(times, times)
def test_later_ids_sort_later(first: int, second: int) -> None:
    if first != second:
        assert (uuid7(first) < uuid7(second)) == (first < second)


def test_ids_of_one_moment_differ() -> None:
    assert len({uuid7(1_700_000_000_000) for _ in range(1_000)}) == 1_000
    assert len({random_id() for _ in range(1_000)}) == 1_000

"""When the daily job is due."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.catalog import utc

from kkt_adapter.catalog.schedule.slots import DAY, due, last_slot, next_slot

GRACE_S = 21_600


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2025-09-17T01:59:59", "2025-09-17T02:00"),
        ("2025-09-17T02:00:00", "2025-09-18T02:00"),
        ("2025-09-17T02:00:01", "2025-09-18T02:00"),
        ("2025-12-31T23:00:00", "2026-01-01T02:00"),
        ("2024-02-28T03:00:00", "2024-02-29T02:00"),
    ],
)
def test_the_next_slot_is_later_than_now(after: str, expected: str) -> None:
    assert next_slot(2, 0, after=utc(after)) == utc(expected)


@given(
    st.datetimes(utc("2020-01-01").replace(tzinfo=None), utc("2040-01-01").replace(tzinfo=None)),
    st.integers(0, 23),
    st.integers(0, 59),
)
def test_now_lies_between_two_slots_a_day_apart(moment: datetime, hour: int, minute: int) -> None:
    now = utc(moment.isoformat())
    last, coming = last_slot(hour, minute, until=now), next_slot(hour, minute, after=now)
    assert last <= now < coming
    assert coming - last == DAY


@pytest.mark.parametrize(
    ("now", "since", "run", "missed"),
    [
        ("2025-09-17T01:59", "2025-09-16T02:00", None, 0),
        ("2025-09-17T02:00", "2025-09-16T02:00", "2025-09-17T02:00", 0),
        ("2025-09-17T02:10", "2025-09-16T02:00", "2025-09-17T02:00", 0),  # down from 01:50 to 02:10
        ("2025-09-17T02:10", "2025-09-17T02:00", None, 0),  # it ran already
        ("2025-09-17T02:10", "2025-09-17T02:05", None, 0),  # the schedule began later
        ("2025-09-17T08:00", "2025-09-16T02:00", "2025-09-17T02:00", 0),  # exactly the grace
        ("2025-09-17T08:01", "2025-09-16T02:00", None, 1),
        ("2025-09-27T02:30", "2025-09-17T02:00", "2025-09-27T02:00", 9),  # ten days away: one run
        ("2025-09-27T20:00", "2025-09-17T02:00", None, 10),
        ("2026-09-17T20:00", "2025-09-17T02:00", None, 31),  # a year: only the newest are recorded
        ("2025-09-17T02:10", "2025-09-18T02:00", None, 0),  # the wall clock jumped back
    ],
)
def test_what_is_due(now: str, since: str, run: str | None, missed: int) -> None:
    found = due(2, 0, now=utc(now), since=utc(since), grace_s=GRACE_S)
    assert found.run == (None if run is None else utc(run))
    assert len(found.missed) == missed
    assert list(found.missed) == sorted(found.missed)
    assert all(slot.hour == 2 and slot > utc(since) for slot in found.missed)


def test_missed_slots_are_the_days_before() -> None:
    found = due(2, 0, now=utc("2025-09-20T20:00"), since=utc("2025-09-18T02:00"), grace_s=GRACE_S)
    assert found.missed == (utc("2025-09-19T02:00"), utc("2025-09-20T02:00"))
    assert found.missed[1] - found.missed[0] == timedelta(days=1)

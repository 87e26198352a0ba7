"""Legal clocks: what is left of shift, delivery, FN and clock accuracy, and when each limit is reached."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.fiscal.monitoring.legal_clocks import ClockName, DeviceFacts, LegalClock, Rates, legal_clocks
from kkt_adapter.kernel.clock_drift import drift_of_unknown_zone_s, drift_s

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)  # 12:00 on the register's wall
NOON = datetime(2026, 3, 14, 12, 0)  # noqa: DTZ001 - a register's wall clock
FACTS = DeviceFacts(
    shift_opened_at=NOON - timedelta(hours=4),
    first_unsent_at=NOON - timedelta(days=2),
    fn_valid_until=date(2026, 4, 1),
    documents_left=1000,
    zone=MOSCOW,
    drift_s=0.0,
)


def clock(
    name: ClockName, *, rates: Rates | None = None, operator: float | None = 0.0, **facts: object
) -> LegalClock:
    found = legal_clocks(
        replace(FACTS, **facts),  # type: ignore[arg-type]
        now=NOW,
        rates=rates or Rates(),
        operator_drift_s=operator,
    )
    assert [one.name for one in found] == list(ClockName)
    return next(one for one in found if one.name is name)


def test_a_shift_ends_24_hours_after_its_opening() -> None:
    found = clock(ClockName.SHIFT_END)
    assert (found.value, found.left) == (4 * 3600, 20 * 3600)
    assert found.reached_at == NOW + timedelta(hours=20)


def test_a_closed_shift_has_no_clock() -> None:
    found = clock(ClockName.SHIFT_END, shift_opened_at=None)
    assert (found.value, found.left, found.reached_at) == (None, None, None)


def test_a_shift_over_its_end_has_less_than_nothing_left() -> None:
    found = clock(ClockName.SHIFT_END, shift_opened_at=NOON - timedelta(hours=25))
    assert found.left == -3600
    assert found.reached_at == NOW - timedelta(hours=1)


def test_an_undelivered_document_blocks_the_fn_after_30_days() -> None:
    found = clock(ClockName.UNDELIVERED)
    assert found.value == 2 * 86_400
    assert found.reached_at == NOW + timedelta(days=28)
    assert clock(ClockName.UNDELIVERED, first_unsent_at=None).reached_at is None


def test_ages_are_reckoned_on_the_registers_own_clock() -> None:
    """Its clock is 10 minutes fast: the shift it says it opened at 08:00 is 4 h 10 min old for it."""
    found = clock(ClockName.SHIFT_END, drift_s=600.0)
    assert found.value == 4 * 3600 + 600
    assert found.reached_at == NOW + timedelta(hours=20) - timedelta(minutes=10)


def test_documents_are_extrapolated_by_the_measured_rate() -> None:
    found = clock(ClockName.FN_DOCUMENTS, rates=Rates(documents_per_day=100.0))
    assert (found.value, found.per_day) == (1000, 100.0)
    assert found.reached_at == NOW + timedelta(days=10)


@pytest.mark.parametrize("rate", [None, 0.0])
def test_without_a_rate_nobody_knows_when_documents_end(rate: float | None) -> None:
    assert clock(ClockName.FN_DOCUMENTS, rates=Rates(documents_per_day=rate)).reached_at is None


def test_a_tiny_rate_is_no_overflow() -> None:
    found = clock(ClockName.FN_DOCUMENTS, rates=Rates(documents_per_day=1e-9))
    assert found.reached_at is not None
    assert found.reached_at > NOW + timedelta(days=36_000)


def test_an_fn_works_through_its_last_day() -> None:
    found = clock(ClockName.FN_EXPIRY)
    assert found.left == 18
    assert found.reached_at == datetime(2026, 4, 1, 21, 0, tzinfo=UTC)  # midnight in Moscow


@pytest.mark.parametrize(
    ("apart", "per_day", "left", "in_days"),
    [
        (1.0, 2.0, 4.0, 2.0),  # creeps away: 4 s are left at 2 s a day
        (1.0, -2.0, 4.0, 3.0),  # creeps to the other side: -5 is 6 s away
        (-4.0, -1.0, 1.0, 1.0),
        (1.0, None, 4.0, None),  # nobody knows yet
        (-7.0, None, -2.0, 0.0),  # reached already
    ],
)
def test_drift_reaches_its_limit_on_the_side_it_creeps_to(
    apart: float, per_day: float | None, left: float, in_days: float | None
) -> None:
    found = clock(ClockName.REGISTER_DRIFT, drift_s=apart, rates=Rates(register_drift_per_day_s=per_day))
    assert found.left == left
    assert found.reached_at == (None if in_days is None else NOW + timedelta(days=in_days))


def test_an_operator_that_never_told_the_time_has_no_drift() -> None:
    assert clock(ClockName.OPERATOR_DRIFT, operator=None).value is None


def test_drift_is_the_registers_clock_less_the_hosts() -> None:
    assert drift_s(NOON + timedelta(seconds=7), at=NOW, zone=MOSCOW) == 7
    assert drift_s(NOON - timedelta(seconds=7), at=NOW, zone=MOSCOW) == -7


@given(
    quarters=st.integers(min_value=-48, max_value=56),  # UTC-12 .. UTC+14
    apart=st.integers(min_value=-449, max_value=449),
)
def test_whole_quarters_of_an_hour_are_a_zone_and_the_rest_is_drift(quarters: int, apart: int) -> None:
    wall = NOW.replace(tzinfo=None) + timedelta(minutes=15 * quarters, seconds=apart)
    assert drift_of_unknown_zone_s(wall, at=NOW) == apart


def test_a_creep_is_not_told_of_beyond_a_season() -> None:
    soon = clock(ClockName.REGISTER_DRIFT, drift_s=0.0, rates=Rates(register_drift_per_day_s=0.06))
    never = clock(ClockName.REGISTER_DRIFT, drift_s=0.0, rates=Rates(register_drift_per_day_s=0.05))
    assert soon.reached_at is not None
    assert never.reached_at is None

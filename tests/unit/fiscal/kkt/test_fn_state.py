"""Where a virtual FN stands, and what follows from it."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from tests.support.receipts import a_sale

from kkt_adapter.fiscal.kkt.driver import ShiftState
from kkt_adapter.fiscal.kkt.virtual import state as rules
from kkt_adapter.fiscal.kkt.virtual.state import Blocked, FnLimits, FnState
from kkt_adapter.fiscal.kkt.virtual.totals import RegisterTotals

at = datetime.fromisoformat  # wall clock, no zone
NOW = at("2026-03-02T12:00:00")
LIMITS = FnLimits(capacity=1_000, valid_until=date(2027, 3, 2))


def a_state(**changes: object) -> FnState:
    """A shift was opened now by document 10; nothing waits for the operator."""
    state = FnState(
        fd_number=10,
        clock=NOW,
        shift_number=1,
        shift_open=True,
        shift_opened_at=NOW,
        shift_first_fd=10,
        receipts_in_shift=0,
        confirmed=10,
        first_unsent_at=None,
        shift_totals=RegisterTotals.zero(),
        fn_totals=RegisterTotals.zero(),
    )
    return replace(state, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wall", "written"),
    [
        ("2026-03-02T12:00:59", "2026-03-02T12:00:00"),  # whole minutes
        ("2026-03-02T12:01:00", "2026-03-02T12:01:00"),
        ("2026-03-02T11:30:00", "2026-03-02T12:00:00"),  # never behind the last document
        ("2025-03-02T12:00:00", "2026-03-02T12:00:00"),
    ],
)
def test_the_time_of_a_document(wall: str, written: str) -> None:
    assert rules.fiscal_time(a_state(), at(wall)) == at(written)


@pytest.mark.parametrize(
    ("open_", "after", "expected"),
    [
        (True, timedelta(0), ShiftState.OPEN),
        (True, timedelta(hours=23, minutes=59, seconds=59), ShiftState.OPEN),
        (True, timedelta(hours=24), ShiftState.EXPIRED),
        (True, timedelta(days=9), ShiftState.EXPIRED),
        (True, timedelta(hours=-3), ShiftState.OPEN),  # the clock was set back
        (False, timedelta(days=9), ShiftState.CLOSED),
    ],
)
def test_a_shift_lasts_24_hours(open_: bool, after: timedelta, expected: ShiftState) -> None:
    assert rules.shift_state(a_state(shift_open=open_), NOW + after) is expected


def test_a_shift_stays_expired_when_the_clock_is_set_back_behind_a_document() -> None:
    state = a_state(clock=NOW + timedelta(hours=24))

    assert rules.shift_state(state, NOW) is ShiftState.EXPIRED


@pytest.mark.parametrize(
    ("changes", "wall", "reason"),
    [
        ({}, NOW, None),
        ({"first_unsent_at": NOW - timedelta(days=29, hours=23)}, NOW, None),
        ({"first_unsent_at": NOW - timedelta(days=30)}, NOW, Blocked.FN_UNSENT_LIMIT),
        ({}, at("2027-03-02T23:59:00"), None),  # the last day
        ({}, at("2027-03-03T00:00:00"), Blocked.FN_EXPIRED),
        ({"fd_number": 998}, NOW, None),  # this receipt, and the closing of the shift
        ({"fd_number": 999}, NOW, Blocked.FN_FULL),  # room for the closing only
        ({"fd_number": 997, "shift_open": False}, NOW, None),  # opening, a receipt, closing
        ({"fd_number": 998, "shift_open": False}, NOW, Blocked.FN_FULL),
    ],
)
def test_when_an_fn_makes_no_more_receipts(
    changes: dict[str, object], wall: datetime, reason: Blocked | None
) -> None:
    assert rules.blocked(a_state(**changes), LIMITS, wall) is reason


def test_an_fn_never_counts_beyond_24_bits() -> None:
    limits = replace(LIMITS, capacity=2**32)
    state = a_state(fd_number=0xFFFFFF - 1)

    assert rules.documents_left(state, limits) == 1
    assert rules.blocked(state, limits, NOW) is Blocked.FN_FULL


@pytest.mark.parametrize(
    ("changes", "wall", "raised"),
    [
        ({}, NOW, set()),
        ({"first_unsent_at": NOW - timedelta(days=2)}, NOW, set()),
        ({"first_unsent_at": NOW - timedelta(days=2, minutes=1)}, NOW, {"operator_silent"}),
        ({"fd_number": 989}, NOW, set()),
        ({"fd_number": 990}, NOW, {"memory_full"}),
        ({}, at("2027-01-31T12:00:00"), set()),  # 30 days left
        ({}, at("2027-02-01T12:00:00"), {"keys_end_soon"}),
        ({}, at("2027-02-27T12:00:00"), {"keys_end_soon"}),  # 3 days left
        ({}, at("2027-02-28T12:00:00"), {"keys_end_soon", "replace_now"}),
    ],
)
def test_the_flags_of_shift_reports(changes: dict[str, object], wall: datetime, raised: set[str]) -> None:
    flags = rules.flags(a_state(**changes), LIMITS, wall)

    names = ("keys_end_soon", "replace_now", "memory_full", "operator_silent")
    assert {name for name in names if getattr(flags, name)} == raised


def test_a_document_that_waits_is_the_first_unsent_one() -> None:
    state = rules.with_document(a_state(), NOW, waits=True)

    assert (state.fd_number, state.unsent, state.first_unsent_number, state.first_unsent_at) == (
        11,
        1,
        11,
        NOW,
    )


def test_a_document_for_nobody_does_not_wait() -> None:
    state = rules.with_document(a_state(), NOW, waits=False)

    assert (state.fd_number, state.unsent, state.first_unsent_number) == (11, 0, None)


def test_behind_a_document_that_waits_every_document_waits() -> None:
    state = rules.with_document(a_state(), NOW, waits=True)
    state = rules.with_document(state, NOW + timedelta(minutes=1), waits=False)

    assert (state.unsent, state.first_unsent_number, state.first_unsent_at) == (2, 11, NOW)


def test_a_receipt_counts_in_shift_and_fn() -> None:
    state = rules.with_receipt(a_state(), NOW, a_sale(), waits=True)

    assert (state.fd_number, state.receipts_in_shift) == (11, 1)
    assert (state.shift_totals.count(), state.fn_totals.count()) == (1, 1)


def test_a_new_shift_forgets_the_sums_of_the_last_one_but_the_fn_does_not() -> None:
    state = rules.with_receipt(a_state(), NOW, a_sale(), waits=True)
    closed = rules.with_closed_shift(rules.with_document(state, NOW, waits=True))
    opened = rules.with_open_shift(rules.with_document(closed, NOW + timedelta(hours=1), waits=True))

    assert closed.shift_totals == state.shift_totals
    assert (opened.shift_number, opened.receipts_in_shift, opened.shift_first_fd) == (2, 0, 13)
    assert opened.shift_opened_at == NOW + timedelta(hours=1)
    assert (opened.shift_totals.count(), opened.fn_totals.count()) == (0, 1)

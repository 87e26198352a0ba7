"""How soon somebody should look at a register, and what of 200 registers the overview shows."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from kkt_adapter.api.ui.pages.overview import FINE_SHOWN, wall_of
from kkt_adapter.fiscal.kkt.driver import KktState, KktStatus, ShiftState
from kkt_adapter.fiscal.status.register_cards import RegisterCard, Worry, worry_of
from kkt_adapter.kernel.ids import FnNumber

CLOCK = datetime(2026, 3, 14, 12, 0)  # noqa: DTZ001 - a register's wall clock
DAY_S = 86_400.0
FINE: dict[str, Any] = {
    "broken": False,
    "question": False,
    "shift_age_s": 3600.0,
    "fn_days_left": 400,
    "oldest_age_s": None,
}


def status(**changes: Any) -> KktStatus:
    values: dict[str, Any] = {
        "state": KktState.READY,
        "blocked": None,
        "fn_number": FnNumber("9999078902013267"),
        "fd_number": 7,
        "shift_state": ShiftState.OPEN,
        "shift_number": 1,
        "shift_opened_at": CLOCK,
        "receipts_in_shift": 5,
        "clock": CLOCK,
        "unsent_count": 0,
        "first_unsent_number": None,
        "first_unsent_at": None,
        "fn_valid_until": date(2027, 3, 1),
        "documents_left": 100_000,
    }
    return KktStatus(**values | changes)


@pytest.mark.parametrize(
    ("changes", "told", "worry"),
    [
        ({}, {}, Worry.FINE),
        ({"question": True, "broken": True}, {}, Worry.QUESTION),  # nothing goes on before the answer
        ({"broken": True}, {}, Worry.BAD),
        ({"oldest_age_s": 27 * DAY_S}, {}, Worry.BAD),  # the FN blocks itself after 30 days
        ({"fn_days_left": 3}, {}, Worry.BAD),
        ({}, {"blocked": "FN_FULL"}, Worry.BAD),
        ({}, {"state": KktState.PAPER_OUT}, Worry.BAD),
        ({}, {"documents_left": 99}, Worry.BAD),
        ({"shift_age_s": 23.5 * 3600}, {}, Worry.WARN),
        ({}, {"shift_state": ShiftState.EXPIRED}, Worry.WARN),
        ({"fn_days_left": 30}, {}, Worry.WARN),
        ({"oldest_age_s": 3601.0}, {}, Worry.WARN),
        ({"oldest_age_s": 3599.0}, {"state": KktState.BUSY}, Worry.FINE),
    ],
)
def test_the_worst_of_what_is_known_counts(
    changes: dict[str, Any], told: dict[str, Any], worry: Worry
) -> None:
    assert worry_of(status(**told), **FINE | changes) is worry


def test_a_register_that_was_never_reached_is_not_called_broken() -> None:
    assert worry_of(None, **FINE) is Worry.UNKNOWN


def card(name: str, worry: Worry) -> RegisterCard:
    return RegisterCard(
        register_id=name,
        tills=(f"till-{name}",),
        kind="virtual",
        transport="relay",
        zone=UTC,
        status=None,
        told_at=None,
        trouble=None,
        has_question=False,
        shift_age_s=None,
        fn_days_left=None,
        undelivered=0,
        oldest_at=None,
        oldest_age_s=None,
        last=None,
        print_s=None,
        worry=worry,
    )


def test_of_200_registers_every_troubled_one_is_shown_and_the_rest_is_named() -> None:
    worries = [Worry.BAD] * 3 + [Worry.WARN] * 20 + [Worry.FINE] * 177
    cards = [card(f"K{i:03d}", worry) for i, worry in enumerate(worries)]
    wall = wall_of(cards, chosen="", asked="")
    assert [one.worry for one in wall.cards] == worries[: 23 + FINE_SHOWN]
    assert len(wall.cards) + len(wall.names) == 200
    assert wall.counts == {"bad": 3, "question": 0, "warn": 20, "fine": 177, "unknown": 0}
    assert [one.register_id for one in wall_of(cards, chosen="bad", asked="").cards] == [
        "K000",
        "K001",
        "K002",
    ]
    found = wall_of(cards, chosen="", asked=" TILL-k19 ")
    assert [one.register_id for one in found.cards] == [f"K19{i}" for i in range(10)]
    assert wall_of(cards, chosen="warn", asked="K199").cards == []

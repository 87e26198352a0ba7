"""The tables of allowed moves, and the page that draws them."""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from kkt_adapter.fiscal.lifecycle import (
    DELIVERY_MOVES,
    PRINT_MOVES,
    UNDELIVERED,
    UNPRINTED,
    PrintState,
    Status,
    delivery_move,
    sources,
)
from kkt_adapter.kernel.errors import IllegalTransition

FISCAL = Path(__file__).parents[3] / "src" / "kkt_adapter" / "fiscal"
PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "states.md").read_text(encoding="utf-8")
SECTIONS: dict[str, tuple[str, Mapping[Any, str]]] = {
    "print": ("## Device side", PRINT_MOVES),
    "delivery": ("## Delivery side", DELIVERY_MOVES),
}


def section(title: str) -> str:
    """The text from this heading to the next one."""
    return PAGE.split(title, 1)[1].split("\n## ", 1)[0]


@pytest.mark.parametrize("side", SECTIONS)
def test_the_page_lists_every_move_with_its_reason_and_no_other(side: str) -> None:
    title, moves = SECTIONS[side]
    listed = re.findall(r"^\| (\w+) \| (\w+) \| (.+) \|$", section(title), re.MULTILINE)
    listed = [row for row in listed if row[0] != "from"]
    assert listed == [(str(old), str(new), why) for (old, new), why in moves.items()]


@pytest.mark.parametrize("side", SECTIONS)
def test_the_drawing_has_every_move_and_no_other(side: str) -> None:
    title, moves = SECTIONS[side]
    drawn = re.findall(r"^    (\w+) --> (\w+)$", section(title), re.MULTILINE)
    assert drawn == [(str(old), str(new)) for old, new in moves]


@pytest.mark.parametrize(("states", "moves"), [(PrintState, PRINT_MOVES), (Status, DELIVERY_MOVES)])
def test_every_state_can_be_reached_and_only_the_last_ones_are_never_left(
    states: type[StrEnum], moves: dict[tuple[StrEnum, StrEnum], str]
) -> None:
    left = {old for old, _ in moves}
    reached = {new for _, new in moves}
    assert set(states) - left == {states("printed" if states is PrintState else "synced")}
    assert set(states) - reached <= {states("new" if states is PrintState else "pending")}


def test_nothing_leads_out_of_printed_or_synced() -> None:
    """A fiscal document cannot be unmade, a confirmation cannot be taken back."""
    assert not [move for move in PRINT_MOVES if move[0] is PrintState.PRINTED]
    assert not [move for move in DELIVERY_MOVES if move[0] is Status.SYNCED]


def test_sources_are_the_where_of_an_update() -> None:
    assert sources(PRINT_MOVES, PrintState.PRINTED) == (PrintState.PRINTING, PrintState.PRINT_UNKNOWN)
    assert sources(PRINT_MOVES, PrintState.PRINTING) == (PrintState.NEW, PrintState.PRINT_FAILED)
    assert set(sources(DELIVERY_MOVES, Status.SYNCED)) == {Status.SYNCING, Status.PENDING, Status.FAILED}


def test_states_that_count_as_waiting_are_those_that_can_still_become_done() -> None:
    assert set(UNDELIVERED) == {Status.PENDING, Status.SYNCING}
    assert set(UNPRINTED) == {PrintState.NEW, PrintState.PRINTING, PrintState.PRINT_UNKNOWN}


@pytest.mark.parametrize("old", list(Status))
@pytest.mark.parametrize("new", list(Status))
def test_a_statement_of_delivery_is_built_only_for_a_move_of_the_table(old: Status, new: Status) -> None:
    if (old, new) in DELIVERY_MOVES:
        assert delivery_move(old, new) == new.value
    else:
        with pytest.raises(IllegalTransition):
            delivery_move(old, new)


def test_no_statement_names_a_state_of_a_receipt_by_hand() -> None:
    """Each names it by its enum, and a move by the table."""
    states = "|".join([*PrintState, *Status])
    by_hand = re.compile(rf'\b(print_state|status)\s*={{1,2}}\s*"({states})"')
    found = [
        f"{path.relative_to(FISCAL)}: {match[0]}"
        for path in sorted(FISCAL.rglob("*.py"))
        for match in by_hand.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []

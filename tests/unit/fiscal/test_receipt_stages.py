"""The one word for where a receipt is, and the order of its story."""

from itertools import product

import pytest

from kkt_adapter.fiscal.lifecycle import PrintState, Status
from kkt_adapter.fiscal.queries.receipt_filter import Stage, stage_of


@pytest.mark.parametrize(
    ("print_state", "status", "stage"),
    [
        (PrintState.NEW, Status.PENDING, Stage.PRINTING),
        (PrintState.PRINTING, Status.PENDING, Stage.PRINTING),
        (PrintState.PRINT_UNKNOWN, Status.PENDING, Stage.QUESTION),
        (PrintState.PRINT_FAILED, Status.PENDING, Stage.PRINT_FAILED),
        (PrintState.PRINTED, Status.PENDING, Stage.WAITING),
        (PrintState.PRINTED, Status.SYNCING, Stage.WAITING),
        (PrintState.PRINTED, Status.SYNCED, Stage.CONFIRMED),
        (PrintState.PRINTED, Status.FAILED, Stage.DEAD),
    ],
)
def test_a_receipt_is_at_one_stage(print_state: PrintState, status: Status, stage: Stage) -> None:
    assert stage_of(print_state, status) is stage


def test_every_pair_of_states_has_a_stage() -> None:
    assert {stage_of(one, other) for one, other in product(PrintState, Status)} == set(Stage)

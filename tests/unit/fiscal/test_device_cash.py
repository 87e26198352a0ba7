"""What the register's counters say about a cash movement whose answer is not known."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kkt_adapter.fiscal.lifecycle import DeviceCash
from kkt_adapter.fiscal.shifts.device_cash import CashOrder, Counted, Happened, NotYet, Unclear, judge

BEFORE = Counted(fn_number="9999000000000001", shift_number=7, put_in=3, taken_out=5)


@pytest.mark.parametrize(
    ("amount_kop", "changes", "outcome"),
    [
        (100, {}, NotYet),
        (-100, {}, NotYet),
        (100, {"put_in": 4}, Happened),
        (-100, {"taken_out": 6}, Happened),
        (100, {"taken_out": 6}, Unclear),  # somebody else took cash out
        (-100, {"put_in": 4}, Unclear),
        (100, {"put_in": 5}, Unclear),
        (100, {"put_in": 4, "taken_out": 6}, Unclear),
        (100, {"put_in": 0, "taken_out": 0}, Unclear),  # reset to zero
        (100, {"put_in": 4, "fn_number": "9999000000000002"}, Unclear),
        (100, {"put_in": 4, "shift_number": 8}, Happened),
        (100, {"put_in": 4, "shift_number": 8, "by_shift": True}, Unclear),
    ],
)
def test_one_command_moves_one_counter_by_one(
    amount_kop: int, changes: dict[str, object], outcome: type
) -> None:
    order = CashOrder(
        id=1, amount_kop=amount_kop, state=DeviceCash.SENT, before=BEFORE, sent_by="me", at=datetime.now(UTC)
    )
    assert isinstance(judge(order, replace(BEFORE, **changes)), outcome)  # type: ignore[arg-type]

"""Percentiles of what receipts cost at a register."""

from collections.abc import Sequence

import pytest

from kkt_adapter.fiscal.kkt.command_times import CommandMeter, CommandTime
from kkt_adapter.fiscal.printing.device_times import RECEIPTS_KEPT, DeviceTimes, Spread, spread_of


@pytest.mark.parametrize(
    ("durations", "expected"),
    [
        ([7], (7, 7, 7, 7)),
        ([30, 10, 20], (20, 30, 30, 30)),
        (range(1, 101), (50, 95, 99, 100)),
        (range(1, 21), (10, 19, 20, 20)),
        ([0] * 99 + [500], (0, 0, 0, 500)),
    ],
)
def test_percentiles_are_the_nearest_rank(
    durations: Sequence[int], expected: tuple[int, int, int, int]
) -> None:
    p50, p95, p99, longest = expected
    assert spread_of(durations) == Spread(
        count=len(durations), p50_ms=p50, p95_ms=p95, p99_ms=p99, max_ms=longest
    )


def test_a_receipt_counts_as_the_sum_of_its_commands() -> None:
    times = DeviceTimes()
    assert times.shown() is None
    times.add([CommandTime("8D", 30), CommandTime("FF46", 50), CommandTime("FF46", 70)])
    times.add([])  # nothing was sent
    shown = times.shown()
    assert shown is not None
    assert (shown.receipt.count, shown.receipt.max_ms) == (1, 150)
    assert [(name, spread.count, spread.max_ms) for name, spread in shown.commands] == [
        ("FF46", 2, 70),
        ("8D", 1, 30),
    ]


def test_old_receipts_are_left_behind() -> None:
    times = DeviceTimes()
    times.add([CommandTime("FF45", 9_000)])
    for _ in range(RECEIPTS_KEPT):
        times.add([CommandTime("FF45", 100)])
    shown = times.shown()
    assert shown is not None
    assert (shown.receipt.count, shown.receipt.max_ms) == (RECEIPTS_KEPT, 100)


def test_only_what_is_sent_for_a_document_is_timed() -> None:
    now = [0.0]
    meter = CommandMeter(lambda: now[0])
    with meter.document():
        with meter.command("8D"):
            now[0] += 0.0304
        with pytest.raises(TimeoutError), meter.command("FF45"):
            now[0] += 2
            raise TimeoutError
    with meter.command("10"):
        now[0] += 5
    assert meter.times == (CommandTime("8D", 30), CommandTime("FF45", 2000))
    with meter.document():
        pass
    assert not meter.times

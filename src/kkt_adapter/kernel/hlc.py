"""Hybrid logical clock: a stamp that is always greater than every earlier one.

``local_time`` is Unix seconds; when the wall clock stands still or runs back, the counter grows instead.
The last stamp is stored in the same commit as the receipt that took it, so a restart goes on from there.
"""

from typing import NamedTuple


class HybridTimestamp(NamedTuple):
    """Ordered by (local_time, logical_counter). ``server_time`` only compares against other systems."""

    local_time: int
    logical_counter: int

    def text(self) -> str:
        """Sortable as text: zero-padded time and counter."""
        return f"{self.local_time:012d}-{self.logical_counter:010d}"


ZERO = HybridTimestamp(0, 0)


def tick(last: HybridTimestamp, now_s: int) -> HybridTimestamp:
    """The next stamp after ``last`` when the wall clock shows ``now_s`` Unix seconds."""
    if now_s > last.local_time:
        return HybridTimestamp(now_s, 0)
    return HybridTimestamp(last.local_time, last.logical_counter + 1)


def observe(last: HybridTimestamp, remote: HybridTimestamp, now_s: int) -> HybridTimestamp:
    """The next stamp after receiving ``remote``: greater than both, never behind the wall clock."""
    newest = max(last, remote)
    return tick(newest, now_s)

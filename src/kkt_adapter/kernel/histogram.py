"""Durations counted into buckets: one addition per observation, quantiles on request.

Not thread-safe: one histogram belongs to one event loop.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HistogramSnapshot:
    """``counts[i]`` observations were at most ``bounds[i]`` (and above the bound before); the last count is
    for those above every bound. Not cumulative."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float  # sum of the values

    @property
    def count(self) -> int:
        return sum(self.counts)

    def since(self, earlier: "HistogramSnapshot") -> "HistogramSnapshot":
        """What was observed after ``earlier``, a snapshot of the same histogram."""
        counts = tuple(now - then for now, then in zip(self.counts, earlier.counts, strict=True))
        return HistogramSnapshot(self.bounds, counts, self.total - earlier.total)

    def quantile(self, share: float) -> float | None:
        """The value that ``share`` (0..1) of the observations do not exceed, linear within a bucket, as
        Prometheus reckons it. The largest bound when it is above all of them; None without observations."""
        wanted = share * self.count
        if not wanted:
            return None
        seen, low = 0, 0.0
        for bound, count in zip(self.bounds, self.counts, strict=False):
            if count and seen + count >= wanted:
                return low + (bound - low) * (wanted - seen) / count
            seen, low = seen + count, bound
        return self.bounds[-1]


class Histogram:
    """Counts since the process started."""

    __slots__ = ("_bounds", "_counts", "_total")

    def __init__(self, bounds: Sequence[float]) -> None:
        """``bounds`` rise; seconds, usually."""
        if list(bounds) != sorted(set(bounds)) or not bounds:
            raise ValueError("bounds must rise")
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._total = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def snapshot(self) -> HistogramSnapshot:
        return HistogramSnapshot(self._bounds, tuple(self._counts), self._total)

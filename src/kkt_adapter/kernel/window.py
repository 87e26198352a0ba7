"""What a growing number was a while ago: samples over a sliding span, bounded by their distance."""

from collections import deque
from typing import Generic, TypeVar

Sample = TypeVar("Sample")


class Window(Generic[Sample]):
    """Keeps about ``span_s / step_s`` samples. Times are monotonic seconds of the caller."""

    def __init__(self, *, span_s: float, step_s: float) -> None:
        self._span_s = span_s
        self._step_s = step_s
        self._samples: deque[tuple[float, Sample]] = deque()

    def __len__(self) -> int:
        return len(self._samples)

    def add(self, now: float, sample: Sample) -> None:
        """Remember ``sample`` unless the last one is younger than a step; forget what the span has left."""
        if not self._samples or now - self._samples[-1][0] >= self._step_s:
            self._samples.append((now, sample))
        # The youngest of those older than the span stays: it is what the span began with.
        while len(self._samples) > 1 and now - self._samples[1][0] >= self._span_s:
            self._samples.popleft()

    def begin(self) -> tuple[float, Sample] | None:
        """When the span began and what the sample was then; the first one while the span is not full yet."""
        return self._samples[0] if self._samples else None

"""How often one caller may ask: a token bucket for each."""

from collections import OrderedDict

from kkt_adapter.kernel.clock import Clock

CALLERS_KEPT = 4096  # the one not heard of for longest is forgotten first, which gives it a full bucket again


class RateLimit:
    """``per_s`` requests a second for each caller, as many at once; 0 means no limit."""

    def __init__(self, clock: Clock, *, per_s: int, callers_kept: int = CALLERS_KEPT) -> None:
        self._clock = clock
        self._per_s = per_s
        self._callers_kept = callers_kept
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens left, as of when

    def wait_s(self, caller: str) -> float:
        """0.0: go on, one token is taken. Above: the seconds until the next token."""
        if self._per_s <= 0:
            return 0.0
        now = self._clock.monotonic()
        left, since = self._buckets.pop(caller, (float(self._per_s), now))
        left = min(float(self._per_s), left + (now - since) * self._per_s)
        allowed = left >= 1.0
        self._buckets[caller] = (left - 1.0 if allowed else left, now)
        if len(self._buckets) > self._callers_kept:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1.0 - left) / self._per_s

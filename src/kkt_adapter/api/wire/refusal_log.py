"""One log line a minute for all refused connections: a flood of them must not become a flood of lines."""

from collections import Counter

from kkt_adapter.api.wire.connections import Refusal
from kkt_adapter.runtime.connection_counts import ConnectionCounts
from kkt_adapter.runtime.log import get_logger

EVERY_S = 60.0
_USUAL = Refusal.IDLE.value  # a kept connection that nobody needs any more ends like this

log = get_logger("api")


class RefusalLog:
    """The first refusal is logged at once, those after it together at the end of the minute."""

    def __init__(self, counts: ConnectionCounts) -> None:
        self._counts = counts
        self._told: Counter[str] = Counter()
        self._next_at = float("-inf")

    def look(self, now: float) -> None:
        """``now``: the event loop's time, in seconds."""
        if now < self._next_at:
            return
        new = self._counts.refused - self._told
        del new[_USUAL]
        if not new:
            return
        self._told = Counter(self._counts.refused)
        self._next_at = now + EVERY_S
        log.warning(
            "connections_refused",
            refused=new.total(),
            reasons=dict(sorted(new.items())),
            last_address=self._counts.refused_address,
            open=self._counts.open,
        )

"""What can go wrong on a line, one exchange (request and answer) at a time."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class LinkMode(StrEnum):
    """The effect, and whether the other end gets the request."""

    CUT = "cut"  # reset when the request begins; the other end gets nothing
    CUT_ANSWER = "cut_answer"  # reset when the answer begins; the other end got the request
    HALF_ANSWER = "half_answer"  # half of the answer, then the end of the stream
    DUPLICATE_ANSWER = "duplicate_answer"  # the answer comes twice, one copy right behind the other
    DELAY = "delay"  # the answer comes ``delay_s`` late
    DUPLICATE = "duplicate"  # the other end gets the request twice; the second answer comes back
    LATE = "late"  # the request arrives ``delay_s`` late, whether or not anybody still waits for its answer
    STALE = "stale"  # the previous exchange's answer comes instead; the other end gets nothing


@dataclass(slots=True, kw_only=True)
class RelayFault:
    """One fault for the next ``count`` exchanges."""

    mode: LinkMode
    delay_s: float = 0.0  # real seconds; modes ``delay`` and ``late``
    count: int = 1


class LinkPlan:
    """The faults that wait for connections, in the order of adding; ``hits`` counts those that happened."""

    def __init__(self) -> None:
        self._faults: list[RelayFault] = []
        self.hits: dict[LinkMode, int] = {}

    def add(self, *faults: RelayFault) -> None:
        self._faults.extend(faults)

    def set(self, faults: Iterable[RelayFault] = ()) -> None:
        """Replace what waits; without any, the line is good."""
        self._faults = list(faults)

    @property
    def waiting(self) -> int:
        """Exchanges that will still be hit."""
        return sum(fault.count for fault in self._faults)

    def take(self) -> RelayFault | None:
        """The fault of an exchange that begins now."""
        if not self._faults:
            return None
        fault = self._faults[0]
        fault.count -= 1
        if fault.count <= 0:
            self._faults.pop(0)
        self.hits[fault.mode] = self.hits.get(fault.mode, 0) + 1
        return fault

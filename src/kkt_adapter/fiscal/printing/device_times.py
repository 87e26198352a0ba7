"""How long registers take, over their newest receipts: percentiles of a whole receipt and of each command."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kkt_adapter.fiscal.kkt.command_times import CommandTime

RECEIPTS_KEPT = 200  # per register: enough for a 99th percentile, new enough to show what changed today
COMMANDS_KEPT = 1_000  # per register and command
PERCENTILES = (50, 95, 99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Of some durations, in milliseconds."""

    count: int
    p50_ms: int
    p95_ms: int
    p99_ms: int
    max_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTimesShown:
    """``receipt``: the commands of a receipt together. ``commands`` by name, the costliest first."""

    receipt: Spread
    commands: tuple[tuple[str, Spread], ...]


class DeviceTimes:
    """One register's newest receipts. Not thread-safe: event loop only."""

    def __init__(self) -> None:
        self._receipts: deque[int] = deque(maxlen=RECEIPTS_KEPT)
        self._commands: dict[str, deque[int]] = {}

    def add(self, times: Iterable[CommandTime]) -> None:
        """The commands of one receipt; none: it is left out."""
        took_ms = 0
        for time in (found := tuple(times)):
            took_ms += time.took_ms
            self._commands.setdefault(time.name, deque(maxlen=COMMANDS_KEPT)).append(time.took_ms)
        if found:
            self._receipts.append(took_ms)

    def shown(self) -> DeviceTimesShown | None:
        """None before the first receipt."""
        if not self._receipts:
            return None
        costliest = sorted(self._commands.items(), key=lambda command: (-sum(command[1]), command[0]))
        return DeviceTimesShown(
            receipt=spread_of(self._receipts),
            commands=tuple((name, spread_of(times)) for name, times in costliest),
        )


def spread_of(durations_ms: Iterable[int]) -> Spread:
    """Raises ValueError: there are none."""
    ordered = sorted(durations_ms)
    if not ordered:
        raise ValueError("no durations")
    p50, p95, p99 = (_percentile(ordered, share) for share in PERCENTILES)
    return Spread(count=len(ordered), p50_ms=p50, p95_ms=p95, p99_ms=p99, max_ms=ordered[-1])


def _percentile(ordered: Sequence[int], share: int) -> int:
    """The nearest rank: the smallest value that ``share`` percent of all do not exceed."""
    return ordered[-(-len(ordered) * share // 100) - 1]

"""N misses in a row mean down, M hits in a row mean up; a single result flips nothing."""

from dataclasses import dataclass, replace
from enum import StrEnum


class Presence(StrEnum):
    UNKNOWN = "unknown"
    ONLINE = "online"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hysteresis:
    """A value: ``hit()`` and ``miss()`` return the next one."""

    hits_for_up: int = 2
    misses_for_down: int = 3
    state: Presence = Presence.UNKNOWN
    hits: int = 0
    misses: int = 0

    def hit(self) -> "Hysteresis":
        hits = self.hits + 1
        state = Presence.ONLINE if hits >= self.hits_for_up else self.state
        return replace(self, hits=hits, misses=0, state=state)

    def miss(self) -> "Hysteresis":
        misses = self.misses + 1
        state = Presence.OFFLINE if misses >= self.misses_for_down else self.state
        return replace(self, misses=misses, hits=0, state=state)

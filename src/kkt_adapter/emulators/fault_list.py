"""The faults of an emulator that are in force."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar


@dataclass(slots=True, kw_only=True)
class CountedFault:
    """What every fault has."""

    count: int | None = 1  # how many more it hits; None: until it is lifted
    skip: int = 0  # how many it lets pass first


FaultT = TypeVar("FaultT", bound=CountedFault)


class FaultList(Generic[FaultT]):
    """Setting them replaces what was there; each emulator's plan adds how they are used up."""

    def __init__(self) -> None:
        self._faults: list[FaultT] = []

    @property
    def faults(self) -> tuple[FaultT, ...]:
        return tuple(self._faults)

    def set(self, faults: Iterable[FaultT]) -> None:
        self._faults = list(faults)

    def take(self, matches: Callable[[FaultT], bool]) -> FaultT | None:
        """The first fault in force that matches and lets nothing more pass; uses it up."""
        for fault in self._faults:
            if fault.count == 0 or not matches(fault):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.count is not None:
                fault.count -= 1
            return fault
        return None

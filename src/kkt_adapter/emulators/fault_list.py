"""The faults of an emulator that are in force."""

from collections.abc import Iterable
from typing import Generic, TypeVar

FaultT = TypeVar("FaultT")


class FaultList(Generic[FaultT]):
    """Setting them replaces what was there; each emulator's plan adds how they are used up."""

    def __init__(self) -> None:
        self._faults: list[FaultT] = []

    @property
    def faults(self) -> tuple[FaultT, ...]:
        return tuple(self._faults)

    def set(self, faults: Iterable[FaultT]) -> None:
        self._faults = list(faults)
